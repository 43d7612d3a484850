"""Programs on what a call changes: looks at what others show, before and after it, whether it is taken or refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.learning.accepted_requests import varied
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram, spoiled
from grpcmock.fuzz.resources.amounts import move_of
from grpcmock.fuzz.resources.laws.effects import UNDOING
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

MOST_LOOKS = 4
_REFUSALS = 6
_AMOUNTS = (2, 3)
_MISSING = 900_000_001
_ALL_OR_NONE = re.compile(
    r"\ball\b[^.;]{0,80}\bor\b[^.;]{0,24}\b(?:none|nothing|not at all)\b|\batomic(?:ally)?\b"
    r"|\ball[- ]or[- ](?:none|nothing)\b",
    re.IGNORECASE,
)
_IN_PART = re.compile(
    r"\b(?:not|non|n't|isn't|no)[ -](?:\w+ )?(?:atomic\w*|all[- ]or)|\bbest[- ]effort|\bpartial", re.IGNORECASE
)


def with_looks(method: Method, plan: Plan) -> tuple[AcceptedRequest, list[tuple[AcceptedRequest, int]]] | None:
    """Return the request of a method that changes what it names, with the looks at that; None for any other method."""
    own = plan.acceptance.first.get(method.path)
    if own is None or only_reads(method) or method.kind is not MethodKind.UNARY or plan.acceptance.takes_away(method):
        return None
    looks = list(islice(looks_at(own, plan), MOST_LOOKS))
    return (own, looks) if looks else None


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that changes what it names."""
    if (found := with_looks(method, plan)) is None:
        return
    own, looks = found
    if move_of(method) is not None:
        yield _moving(own, looks, plan)
    yield _refused(own, looks, plan)
    for need in _lists_of_keys(own) if does_all_or_none(method, plan) else ():
        yield _with_one_that_is_missing(own, need, looks, plan)
    undoing = next((one for one in plan.acceptance.first.values() if _undoes(one, own)), None)
    if undoing is not None:
        yield _taken_back(own, undoing, looks, plan)


def _moving(own: AcceptedRequest, looks: list[tuple[AcceptedRequest, int]], plan: Plan) -> Case:
    program = MethodProgram(own.method, plan, "effects")
    program.add(own)
    for amount in _AMOUNTS:
        look(program, looks)
        program.add(replace(own, data=bytes_of(_with_amount(own, amount)), full=b"", values={}), anew=amount)
    look(program, looks)
    return program.case("what leaves one arrives at the other")


def _refused(own: AcceptedRequest, looks: list[tuple[AcceptedRequest, int]], plan: Plan) -> Case:
    program = MethodProgram(own.method, plan, "no-effects")
    program.add(own)
    look(program, looks)
    for message in islice(spoiled(own), _REFUSALS):
        look(program, looks)
        program.add(replace(own, data=bytes_of(message), full=b"", values={}))
        look(program, looks)
    look(program, looks)
    return program.case("what is shown before and after calls that are likely refused")


def does_all_or_none(method: Method, plan: Plan) -> bool:
    """Whether the comment of a method says that it does all that it is asked for, or nothing."""
    comment = " ".join(method_comments(plan.registry).get(method.full_name, "").split())
    return _ALL_OR_NONE.search(comment) is not None and _IN_PART.search(comment) is None


def _lists_of_keys(own: AcceptedRequest) -> Iterator[Need]:
    """Yield what a request needs and names in a list of keys."""
    for need in own.needs:
        one = own.method.input.fields_by_name.get(str(need.target[0]))
        if len(need.target) == 1 and one is not None and one.is_repeated and one.message_type is None:
            yield need


def _with_one_that_is_missing(
    own: AcceptedRequest, need: Need, looks: list[tuple[AcceptedRequest, int]], plan: Plan
) -> Case:
    """Name a thing that is there, and behind it one that isn't: the first is left as it was."""
    name = str(need.target[0])
    program = MethodProgram(own.method, plan, f"{name}-of-nothing")
    maker = need.made_by
    program.add(replace(maker, data=maker.plain or maker.data, full=b"", values={}))
    needs = tuple(replace(one, target=(name, 0)) if one is need else one for one in own.needs)
    look(program, looks)
    for message in _otherwise(own):
        keys = getattr(message, name)
        if not keys:
            continue
        del keys[1:]
        keys.append(missing_like(keys[0], f"{plan.seed} {own.method.full_name}"))
        look(program, looks)
        program.add(replace(own, data=bytes_of(message), full=b"", values={}, needs=needs))
        look(program, looks)
        look(program, looks)
    return program.case("several at once, of which the last isn't there: then nothing is done")


def _otherwise(own: AcceptedRequest) -> Iterator[Any]:
    """Yield a request as it is, with the last values that the server has taken, and with other texts in its lists: what
    is asked for may be so already."""
    yield own.message
    yield replace(own, full=b"").with_values(lambda bound: bound - 1)
    message: Any = own.message
    references = {path[0] for path in own.references} | {need.target[0] for need in own.needs}
    for one, values in message.ListFields():
        if one.is_repeated and one.type == one.TYPE_STRING and one.name not in references:
            values[:] = [varied(value, "otherwise") for value in values]
    if message != own.message:
        yield message


def missing_like(key: Any, salt: str) -> Any:
    """Return a key like another one that nothing has."""
    if not isinstance(key, str):
        return _MISSING
    above, slash, last = key.rpartition("/")
    return f"{above}{slash}{varied(last, salt)}"


def _taken_back(
    own: AcceptedRequest, undoing: AcceptedRequest, looks: list[tuple[AcceptedRequest, int]], plan: Plan
) -> Case:
    program = MethodProgram(own.method, plan, f"before-{undoing.method.name}")
    program.add(own)
    look(program, looks)
    program.add(own, anew=1)
    look(program, looks)
    for _ in range(2):
        program.add(undoing, latest=True)
        look(program, looks)
    return program.case("what is taken back is as it was, and can't be taken back twice")


def _undoes(one: AcceptedRequest, own: AcceptedRequest) -> bool:
    return UNDOING.match(one.method.name) is not None and {need.made_by.method for need in one.needs} == {own.method}


def looks_at(own: AcceptedRequest, plan: Plan) -> Iterator[tuple[AcceptedRequest, int]]:
    """Yield requests that show one of the things which another names, and which of these it is."""
    made = Counter(maker_itself(need).made_by.method.path for need in own.needs)
    for reader in plan.acceptance.first.values():
        if not only_reads(reader.method) or reader.method.kind is not MethodKind.UNARY or len(reader.needs) != 1:
            continue
        for number in range(made[maker_itself(reader.needs[0]).made_by.method.path]):
            yield reader, number


def maker_itself(need: Need) -> Need:
    """Return what makes a thing, where what a request needs is something that was done to it and repeats its key: the
    student of an enrollment is there before that."""
    inner = next((one for one in need.made_by.needs if one.target == need.source), None)
    return need if inner is None else maker_itself(inner)


def look(program: MethodProgram, looks: list[tuple[AcceptedRequest, int]]) -> None:
    for reader, number in looks:
        program.add(reader, skip=number)


def _with_amount(own: AcceptedRequest, amount: int) -> Message:
    message: Any = own.message
    move = move_of(own.method)
    assert move is not None
    path = (move.amount.name,) if move.amount.message_type is None else (move.amount.name, "units")
    put(message, path, amount)
    found: Message = message
    return found
