"""What isn't given again, as a comment says: the id or the number of a thing that was deleted.

Only what a comment says so of counts, and only below the same parent, for numbers may begin anew in each. A parent that
is deleted takes its numbers with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.given_once import given_once
from grpcmock.fuzz.resources.laws.child_counts import taken_away
from grpcmock.fuzz.resources.laws.whole_things import (
    Told,
    key_name,
    key_of,
    makes_things,
    may_take_away,
    parents_in,
    told_by,
    wholes,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Registry

_ONCE = re.compile(r"(request|idempotency|operation|transaction|dedup\w*)_(id|key|token)|client_token|idempotency")
"""Requests that name themselves may be answered again as they were."""

Scope = tuple[str, str, tuple[tuple[str, Any], ...]]


@dataclass(frozen=True, slots=True)
class _Made:
    """A thing that was made in this case, with what isn't given again."""

    key: Any
    values: tuple[tuple[str, Any], ...]
    scope: Scope
    request: Message
    answer: Message


@dataclass(slots=True)
class NeverAgain:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _made: dict[tuple[str, Any], _Made] = field(default_factory=dict)
    """What is there, by types and keys."""

    _gone: list[_Made] = field(default_factory=list)

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what is given again."""
        told = told_by(reply)
        if told is None or only_reads(told.method):
            return
        if not makes_things(told.method):
            if may_take_away(told.method):
                self._take_away(told)
            return
        for thing in wholes(told):
            names = given_once(thing.DESCRIPTOR, told.method, self.registry)
            key = key_of(thing)
            if not names or key is None:
                continue
            values = tuple((str(one.name), value) for one in names if (value := getattr(thing, one.name)))
            made = _Made(key, values, _scope(told, thing), told.request, told.answer)
            yield from self._compared(told, thing, made)
            self._made[thing.DESCRIPTOR.full_name, key] = made

    def _take_away(self, told: Told) -> None:
        """Hear of what is taken away: one thing that the request names, or nobody knows what."""
        kind = taken_away(told.method)
        if told.answer is None and kind:
            return
        given = [value for _, value in told.request.ListFields()]
        gone = [own for own in self._made if own[0] == kind and own[1] in given]
        if told.answer is None or len(gone) != 1:
            self._made.clear()
            self._gone.clear()
            return
        key = gone[0][1]
        self._gone = [one for one in self._gone if all(value != key for _, value in one.scope[2])]
        self._gone.append(self._made.pop(gone[0]))

    def _compared(self, told: Told, thing: Message, made: _Made) -> Iterator[Finding]:
        if any(_ONCE.fullmatch(one.name) for one, _ in told.request.ListFields()):
            return
        for one in self._gone:
            if one.scope != made.scope or (one.request == made.request and one.answer == made.answer):
                continue  # the same answer again, to the same request
            for name, value in made.values:
                if (name, value) in one.values:
                    yield Finding(
                        check="duplicate_create",
                        expected=f"a new {name}: {shown(value)} belonged to a deleted resource, and the comment says "
                        "it is never reused",
                        actual=f"{name} {shown(value)}, in {shown(thing)}",
                        path=name,
                        key=f"given again {name}",
                        method=told.method,
                    )
                    return


def _scope(told: Told, thing: Message) -> Scope:
    """Return below what a thing stands, as far as the request says so."""
    above = parents_in(told.request, {key_name(thing.DESCRIPTOR)})
    return str(thing.DESCRIPTOR.full_name), told.method.path, above
