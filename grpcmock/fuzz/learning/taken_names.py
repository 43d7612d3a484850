"""Refusals that say of a new name that it is taken: which field it stands in, and the request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.field_paths import Fields, named_in
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call, Case
    from grpcmock.fuzz.model.results import CaseResult, Reply
    from grpcmock.schema import Method


_OF_THIS = re.compile(r"\b([a-z]+) (?:of|with|by|under) (?:this|that|the same|the given) ([a-z]+)\b")
"""``A book of this id`` is one of this ``book_id``, or ``id``."""


class TakenName(NamedTuple):
    """A request that was refused since there is something of its name."""

    way: Fields
    calls: tuple[Call, ...]
    """Those that it needs, and the one with the request."""


def taken_name(reply: Reply) -> Fields | None:
    """Return the one text of a request that a refusal says is taken; None if it says nothing of the kind.

    Where several fields are named, what there is may be a pair of them, and other names make no difference.
    """
    method, told = reply.call.method, with_meant_status(reply)
    if method is None or reply.call.raw is not None or len(reply.call.messages) != 1:
        return None
    if told.code != Code.ALREADY_EXISTS or told.termination is not Termination.SERVER:
        return None
    named = named_in(_OF_THIS.sub(r"\1 \2", told.message), method.input)
    if len(named) != 1 or any(field.is_repeated for field in named[0]):
        return None
    return named[0] if named[0][-1].type == FieldDescriptor.TYPE_STRING else None


class TakenNames:
    """Hears of such refusals."""

    def __init__(self) -> None:
        self._found: dict[str, TakenName] = {}

    def hear(self, case: Case, result: CaseResult) -> None:
        """Take what was seen of a case."""
        if not result.replies or case.method.path in self._found or len(case.calls) != len(result.replies):
            return
        if result.last.call.method is case.method and (way := taken_name(result.last)) is not None:
            self._found[case.method.path] = TakenName(way, case.calls)

    def of(self, method: Method) -> TakenName | None:
        """Return a request of a method that was refused for its name; None if there was none."""
        return self._found.get(method.path)
