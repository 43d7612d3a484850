"""Programs on what comments promise of keys: the same one twice, the same request again, and one that nothing has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.field_paths import Fields, is_set, path_of, reachable
from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.expectations.promises import must_name_something, promises_of, refuses_same
from grpcmock.fuzz.expectations.roles import MAKING
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, is_there, set_at, stem_of, varied
from grpcmock.fuzz.learning.moments import is_moment
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import NAMES_NOTHING
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.fuzz.resources.laws.absent import UNKNOWN_TEXT, unknown_number
from grpcmock.fuzz.resources.laws.aliases import place_of
from grpcmock.fuzz.resources.laws.shared_names import names_of_one
from grpcmock.schema.method import MethodKind
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST = 4


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method of whose keys something is promised."""
    own = plan.acceptance.first.get(method.path)
    if own is None or method.kind is not MethodKind.UNARY:
        return
    if not only_reads(method) and not plan.acceptance.takes_away(method):
        for promise in promises_of(method, plan.registry):
            if promise.ignores_case and promise.is_unique:
                yield from _in_capitals(own, promise.way, plan)
            if promise.refuses_other:
                yield from _another_under(own, promise.way, plan)
            if promise.within and promise.is_unique:
                yield from _elsewhere(own, promise.way, plan)
            yield from _same_twice(own, promise.way, plan, anew=not (promise.is_repeatable or promise.is_of_whole))
        yield from _named_alike(own, plan)
        if refuses_same(method_comments(plan.registry).get(method.full_name, "")):
            program = MethodProgram(method, plan, "refused-again")
            for _ in range(2):
                program.add(own.filled())
            yield program.case("the same request twice, of which there can be one only")
    for way in islice(_naming(own, plan), _MOST):
        yield _absent(own, way, plan)


def _in_capitals(own: AcceptedRequest, way: Fields, plan: Plan) -> Iterator[Case]:
    """Yield two calls whose values differ in their case alone."""
    path, made = path_of(way), _twice(own, way, plan)
    if made is None or not isinstance(made[1], str) or made[1].upper() == made[1]:
        return
    name = ".".join(path)
    for label, first, second in (("capitals", str.lower, str.upper), ("small", str.upper, str.lower)):
        value, program = varied(made[1], label), MethodProgram(own.method, plan, f"{label}-{name}")
        for number, written in enumerate((first(value), second(value))):
            message = made[0].message
            put(message, path, written)
            program.add(replace(made[0], data=message.SerializePartialToString(deterministic=True)), anew=number)
        yield program.case(f"one {name}, and the same in {label} letters")


def _another_under(own: AcceptedRequest, way: Fields, plan: Plan) -> Iterator[Case]:
    """Yield two calls with one value that ask for something else: for more, or by other words."""
    path, made = path_of(way), _twice(own, way, plan)
    if made is None:
        return
    message: Any = made[0].message
    for one, value in message.ListFields():
        if one.is_repeated or one.name == path[0] or (one.name,) in own.references:
            continue
        if one.cpp_type in WHOLE:
            setattr(message, one.name, value + 1)
        elif one.type == one.TYPE_STRING and not is_moment(value):
            setattr(message, one.name, varied(value, "otherwise"))
    if message == made[0].message:
        return
    program = MethodProgram(own.method, plan, f"another-under-{'.'.join(path)}")
    program.add(made[0])
    program.add(replace(made[0], data=message.SerializePartialToString(deterministic=True)))
    yield program.case(f"one {'.'.join(path)}, and another request with it")


def _elsewhere(own: AcceptedRequest, way: Fields, plan: Plan) -> Iterator[Case]:
    """Yield two calls with one value, below two parents."""
    path, made = path_of(way), _twice(own, way, plan)
    if made is None or not own.needs:
        return
    program = MethodProgram(own.method, plan, f"elsewhere-{'.'.join(path)}")
    program.add(made[0])
    program.add(made[0], skip=1)
    yield program.case(f"one {'.'.join(path)} below two parents")


def _named_alike(own: AcceptedRequest, plan: Plan) -> Iterator[Case]:
    """Yield two things of one name, which is asked for then."""
    known = resources_of(plan.registry, plan.expectations.links).by_path.get(own.method.path)
    if known is None or known[1].role not in MAKING:
        return
    for reader in plan.acceptance.first.values():
        method = reader.method
        for alias in names_of_one(method, known[0]) if place_of(method, known[0]) is not None else ():
            ways = [way for way in reachable(own.method.input) if way[-1].name == alias.name and len(way) <= 2]
            made = _twice(own, ways[0], plan) if ways and not any(one.is_repeated for one in ways[0]) else None
            if made is None:
                continue
            again, value = made
            program = MethodProgram(own.method, plan, f"named-alike-{alias.name}")
            for number in range(2):
                program.add(again, anew=number)
            asking = method.request_class()
            setattr(asking, alias.name, value)
            data = asking.SerializePartialToString(deterministic=True)
            program.add(AcceptedRequest(method, data))
            yield program.case(f"two things of the same {alias.name}, and the one that it finds")


def _twice(own: AcceptedRequest, way: Fields, plan: Plan) -> tuple[AcceptedRequest, Any] | None:
    """Return the request with a value at the end of a way that was never used before, and that value."""
    path = path_of(way)
    if way[-1].message_type is not None:
        return _as_it_is(own, way)
    message = own.message_with(way) if is_set(own.message_with(way), way) else own.fullest
    if not is_there(message, path):
        value = next(iter(plan.acceptance.values_of(way[-1])), None)
        if value is None or set_at(message, way, value) is None:
            return None
    fresh = varied(value_at(message, path), f"{plan.seed} {own.method.full_name} promised")
    put(message, path, fresh)
    data = message.SerializePartialToString(deterministic=True)
    others = tuple(one for one in own.own if one != path)
    own_id = others[0] if others else None
    return replace(own, data=data, full=b"", values={}, own_id=own_id, also_own=others[1:]), fresh


def _as_it_is(own: AcceptedRequest, way: Fields) -> tuple[AcceptedRequest, Any] | None:
    """Return the request with the message that it has; None if it has none, or if the server was seen to tell things
    apart by what is in that: there may be one already."""
    if not is_set(own.message, way) or (own.own_id is not None and own.own_id[0] == way[0].name):
        return None
    return own, value_at(own.message, (way[-1].name,))


def _same_twice(own: AcceptedRequest, way: Fields, plan: Plan, *, anew: bool) -> Iterator[Case]:
    """Yield two calls with one value that was never used before; two that differ otherwise, where that may matter."""
    path, made = path_of(way), _twice(own, way, plan)
    if made is None:
        return
    program = MethodProgram(own.method, plan, f"promised-{'.'.join(path)}")
    for number in range(2):
        program.add(made[0], anew=number if anew else 0)
    yield program.case(f"the same {'.'.join(path)} twice")


def _naming(own: AcceptedRequest, plan: Plan) -> Iterator[Fields]:
    """Yield the fields of a request that name what must be there, as the comments of the field or its method say."""
    of_fields = field_comments(plan.registry)
    of_method = method_comments(plan.registry).get(own.method.full_name, "")
    for way in reachable(own.method.input):
        field = way[-1]
        if len(way) > 1 or field.is_repeated or field.message_type is not None or field.enum_type is not None:
            continue
        if field.cpp_type not in (field.CPPTYPE_STRING, field.CPPTYPE_INT64, field.CPPTYPE_UINT64, field.CPPTYPE_INT32):
            continue
        name = snake_case(field.name)
        needs = [need for need in own.needs if need.target == (field.name,)]
        nouns = {name, stem_of(name)}
        nouns.update(snake_case(need.made_by.method.output.name).rpartition("_")[2] for need in needs)
        of_own = of_fields.get(field.full_name, "")
        is_only = len(own.needs) == 1 and bool(needs)
        if must_name_something(of_own, frozenset(nouns)) or (
            is_only and must_name_something(of_method, frozenset(nouns))
        ):
            yield way


def _absent(own: AcceptedRequest, way: Fields, plan: Plan) -> Case:
    field, path = way[-1], (way[-1].name,)
    message: Any = own.message
    value = value_at(message, path)
    salt = f"{plan.seed} {own.method.full_name} absent"
    if field.type == field.TYPE_BYTES:
        value = varied(value if len(value) >= len(UNKNOWN_TEXT) else UNKNOWN_TEXT.encode("ascii"), salt)
    elif field.cpp_type == field.CPPTYPE_STRING:
        value = varied(value if len(value) >= len(UNKNOWN_TEXT) else UNKNOWN_TEXT, salt)
    else:
        value = unknown_number(field, plan.seed)
    put(message, path, value)
    needs = tuple(need for need in own.needs if need.target != path)
    naming = replace(own, data=message.SerializePartialToString(deterministic=True), full=b"", values={}, needs=needs)
    program = MethodProgram(own.method, plan, f"absent-{field.name}")
    program.add(replace(naming, own_id=None if own.own_id == path else own.own_id))
    case = program.case(f"a {field.name} that nothing has")
    return replace(case, rule=NAMES_NOTHING, path=field.name)
