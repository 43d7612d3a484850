"""Fresh ids for each try of a case: what an earlier try has made under an id of the client's is in nobody's way."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING

from grpcmock.client.actions import Action, Send
from grpcmock.fuzz.expectations.naming import verb_and_noun
from grpcmock.fuzz.expectations.roles import MAKING
from grpcmock.fuzz.learning.accepted_requests import varied
from grpcmock.fuzz.model.changes import asked_by, told_by
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call, Case, Path
    from grpcmock.fuzz.model.changes import Identity
    from grpcmock.fuzz.model.results import CaseResult, Reply

_KEY = re.compile(r"name|key|number|slug|(.*_)?(id|uid|uuid)")
"""Fields that hold ids, rather than names which say what a thing is called."""

_DISTINCT = 6
"""Texts of so many characters aren't the same by chance."""


class FreshIds:
    """Gives a case other ids of the same form, each time it is asked."""

    def __init__(self, case: Case, result: CaseResult, tries: Iterator[object], *, with_taken: bool = False) -> None:
        """Find the ids that the calls of a case have chosen, by what came of them; *with_taken*, those as well that
        were refused, for the server has them.

        *tries* says what sets one try apart from all others on this server: two of which it says the same have the
        same ids.
        """
        self._tries = tries
        self._places: set[tuple[str, Path]] = set()
        """Where they stand in requests, by the paths of methods."""
        found: dict[bytes, None] = {}
        for reply in result.replies[: len(case.calls)]:
            is_taken = with_taken and reply.code == Code.ALREADY_EXISTS
            if (reply.is_ok or is_taken) and _makes(reply.call):
                for asked in asked_by(reply.call):
                    own = _last(asked)
                    if _is_distinct(own) and _is_chosen(asked, reply):
                        found[own.encode()] = None
                        self._places.add((reply.call.path, asked.path))
        self._ids = tuple(found)

    def __bool__(self) -> bool:
        """Whether the case chooses any."""
        return bool(self._ids)

    def are_kept_by(self, case: Case) -> bool:
        """Whether a case chooses no other ids: one that was made shorter would be there from the last try."""
        return all(
            _last(asked).encode() in self._ids
            for call in case.calls
            for asked in asked_by(call)
            if (call.path, asked.path) in self._places
        )

    def given_to(self, case: Case) -> Case:
        """Return the case with ids that were in no try before; as it is, if it chooses none."""
        if not self._ids:
            return case
        salt = f"try {next(self._tries)}"
        others = [(own, varied(own, salt)) for own in self._ids]
        return replace(case, calls=tuple(_renamed(call, others) for call in case.calls), choices=())


def _is_chosen(asked: Identity, reply: Reply) -> bool:
    """Whether a value in a request that makes a thing is the id of it, by what came of that."""
    is_key = _KEY.fullmatch(str(asked.path[-1])) is not None
    if not reply.is_ok:
        return is_key  # something of that id is there, and isn't shown
    told = {str(one.value) for one in told_by(reply)}
    own = _last(asked)
    return own in set(map(_last_part, told)) and (is_key or any(one.endswith(f"/{own}") for one in told))


def with_other_ids(case: Case, result: CaseResult) -> Case | None:
    """Return a case from another run that makes under other ids what this server has already, as one that lives on has
    it from that run; None if nothing of the kind was in its way."""
    if all(reply.code != Code.ALREADY_EXISTS for reply in result.replies):
        return None
    fresh = FreshIds(case, result, repeat(secrets.token_hex(8)), with_taken=True)
    return fresh.given_to(case) if fresh else None


def _last(identity: Identity) -> str:
    return _last_part(str(identity.value))


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]


def _makes(call: Call) -> bool:
    told = verb_and_noun(call.method.name) if call.method is not None else None
    return told is not None and told[0] in MAKING


def _is_distinct(text: str) -> bool:
    return len(text) >= _DISTINCT and len(varied(text, "")) == len(text)


def _renamed(call: Call, others: list[tuple[bytes, bytes]]) -> Call:
    actions: list[Action] = []
    for action in call.actions:
        if isinstance(action, Send):
            data = action.data
            for own, other in others:
                data = data.replace(own, other)  # as long as the one before, so that it is a message still
            action = Send(data)
        actions.append(action)
    return replace(call, actions=tuple(actions))
