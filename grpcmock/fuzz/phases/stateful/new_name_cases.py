"""Names that nobody can have, for a method that has made nothing yet and says of names that they are taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_paths import path_of
from grpcmock.fuzz.learning.accepted_requests import is_there, varied
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import NEW_NAMES, Case, Expect, Phase, call_of

if TYPE_CHECKING:
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_NAMES = 4


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the case of a method that was never answered OK to a request with a name.

    The names are others in each run: those of an earlier one may be kept, though what it made is deleted.
    """
    found, accepted = plan.taken_names.of(method), plan.acceptance.first.get(method.path)
    if found is None:
        return
    *before, last = found.calls
    path = path_of(found.way)
    if accepted is not None and is_there(accepted.fullest, path):
        return
    if any(binding.target == path for binding in last.bindings):
        return  # it names what was made before
    calls, own = [], token_hex(8)
    for number in range(_NAMES):
        message = method.request_class.FromString(last.messages[0])
        with suppress(LookupError, AttributeError):
            put(message, path, varied(value_at(message, path), f"{own} {number}"))
            calls.append(replace(last, actions=call_of(method, message.SerializePartialToString()).actions))
    yield Case(
        id=f"stateful/{method.full_name}/new-names",
        phase=Phase.STATEFUL,
        method=method,
        calls=(*before, *calls),
        setup=len(before),
        why=f"{'.'.join(path)} that nobody has, {len(calls)} times",
        expect=Expect.ANY,
        path=".".join(path),
        rule=NEW_NAMES,
        targets=frozenset({"duplicate_create"}),
        shrinks_as_one=True,
    )
