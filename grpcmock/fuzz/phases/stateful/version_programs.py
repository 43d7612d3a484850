"""Programs on versions: a change that names the one that a thing has, the one that it had, and one that it never had,
with a look at the thing after each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import path_of
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.expectations.versions import Expected, expected_of, things_in
from grpcmock.fuzz.learning.accepted_requests import varied
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
    from grpcmock.fuzz.model.cases import Case, Path
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_NEVER = 999_983


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that may say which version it is for: with all that its request may have, and with
    as little as it must."""
    expected, own = expected_of(method, plan.registry), plan.acceptance.first.get(method.path)
    if expected is None or own is None:
        return
    need = next((one for one in own.needs if _way(one.made_by.method.output, expected) is not None), None)
    if need is None:
        return
    for label, full in (("version", True), ("version-of-little", False)):
        if full or own.full:
            yield _program(own.filled() if full else replace(own, full=b""), need, expected, plan, label)


def _program(own: AcceptedRequest, need: Need, expected: Expected, plan: Plan, label: str) -> Case:
    program = MethodProgram(own.method, plan, label)
    made, looking = program.add(need.made_by), _reader(need, expected.thing, plan)
    latest = [made]

    def look() -> None:
        if looking is not None:
            latest.append(program.add(looking))

    def change(number: int, shown_by: int | None, value: int = 0) -> None:
        content = _another(own, number, expected)
        if value:
            _put(content, expected, value)
        data = content.SerializePartialToString(deterministic=True)
        more: tuple[Binding, ...] = ()
        if shown_by is not None:
            call = program.made(need.made_by.method) if shown_by == made else shown_by
            source = _way(_method(shown_by).output, expected)
            if call is not None and source is not None:
                more = (Binding(call, source, path_of(expected.asked)),)
        program.add(replace(own, data=data, full=b"", values={}), more=more)
        look()

    def _method(call: int) -> Method:
        return need.made_by.method if call == made or looking is None else looking.method

    look()
    change(0, latest[-1])
    change(0, None)
    change(1, None)
    change(2, made)
    change(3, latest[-1])
    if expected.shown.type != expected.shown.TYPE_STRING:
        change(4, None, _NEVER)
    return program.case("changes that name the version which is, was, and never was")


def _way(output: Descriptor, expected: Expected) -> Path | None:
    """Return where a response shows the version of a thing; None if it doesn't."""
    if output is expected.thing:
        return (expected.shown.name,)
    if expected.thing not in things_in(output):
        return None
    names = [one.name for one in output.fields if one.message_type is expected.thing and not one.is_repeated]
    return (names[0], expected.shown.name) if len(names) == 1 else None


def _reader(need: Need, thing: Descriptor, plan: Plan) -> AcceptedRequest | None:
    """Return a request that only looks at the thing."""
    for one in plan.acceptance.first.values():
        is_look = (
            only_reads(one.method) and one.method.kind is MethodKind.UNARY and thing in things_in(one.method.output)
        )
        if is_look and len(one.needs) == 1 and one.needs[0].made_by.method is need.made_by.method:
            return replace(one, full=b"", values={})
    return None


def _another(own: AcceptedRequest, number: int, expected: Expected) -> Any:
    """Return the request with other values at each number, so that it changes something, and no version."""
    choices: tuple[Callable[[int], int], ...] = (
        lambda _: 0,
        lambda bound: bound - 1,
        lambda bound: min(1, bound - 1),
    )
    message: Any = replace(own, full=b"").with_values(choices[number % len(choices)])
    named = {path[0] for path in own.references} | {need.target[0] for need in own.needs}
    for one, value in message.ListFields() if number else ():
        is_text = one.type == one.TYPE_STRING and not one.is_repeated and one.enum_type is None
        if is_text and one.name not in named and (not own.values or number > 1) and _is_free(value):
            setattr(message, one.name, varied(value, str(number)))
    _put(message, expected, None)
    return message


def _is_free(value: str) -> bool:
    """Whether a text may say anything, as far as it looks."""
    return value.replace(" ", "").isalpha()


def _put(message: Any, expected: Expected, value: Any) -> None:
    for step in expected.asked[:-1]:
        if not message.HasField(step.name):
            return
        message = getattr(message, step.name)
    message.ClearField(expected.asked[-1].name)
    if value is not None:
        setattr(message, expected.asked[-1].name, value)
