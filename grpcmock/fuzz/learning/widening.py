"""More of what a server takes of one method: other values of each field, tried in a request that it has taken."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from grpcmock.fuzz.expectations.field_paths import Fields, path_of, reachable, values_at
from grpcmock.fuzz.expectations.number_types import NUMBERS
from grpcmock.fuzz.expectations.side_effects import JUST_CHECKS
from grpcmock.fuzz.learning import demands
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, set_at
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination

if TYPE_CHECKING:
    from grpcmock.fuzz.learning.candidates import Candidates
    from grpcmock.fuzz.model.results import Reply

_EACH = 2
_EACH_NUMBER = 3
_MOST = 24
_MOST_TOLD = 3
"""So many numbers, or texts, are tried of those that a refusal speaks of."""

_DEEPEST = 2


class Widening:
    """Tries one other value after the other.

    What one method takes in a field of a message that stands in its request, others are taken to take there as well.
    Where a number is refused in words that say how large it may be, the ends of that are tried, too; where a text is,
    what they ask for.
    """

    def __init__(
        self, accepted: AcceptedRequest, candidates: Candidates, taken: dict[FieldDescriptor, dict[Any, bool]]
    ) -> None:
        """*taken* are the values that were tried in such fields, whatever the method; it grows."""
        self.accepted = accepted
        self._taken = taken
        self._candidates = candidates
        self._told: set[Fields] = set()
        """The ways to numbers and texts of which a refusal has spoken."""
        keys = {tuple(step for step in path if isinstance(step, str)) for path in (*accepted.references, *accepted.own)}
        changes = []
        for way in reachable(accepted.method.input):
            if len(way) > _DEEPEST or path_of(way) in keys or way[-1].name in JUST_CHECKS:
                continue
            message = accepted.message_with(way)
            there = list(values_at(message, way))
            if not there and not (way[-1].is_repeated and _has_room(message, way)):
                continue
            if way[-1].message_type is not None and not way[-1].is_repeated and there[0].ListFields():
                continue  # what is in it is tried by itself
            others = (value for value in candidates.of(way[-1]) if value not in there)
            count = _EACH_NUMBER if way[-1].cpp_type in NUMBERS else _EACH
            changes.append([(way, value) for value in islice(others, count)])
        self._changes: deque[tuple[Fields, Any]] = deque(
            change for number in range(_EACH_NUMBER) for some in changes for change in some[number : number + 1]
        )
        self._left = _MOST
        self._current: tuple[Fields, Any] | None = None

    def next(self) -> bytes | None:
        """Return the next request to try; None after the last."""
        while self._changes and self._left:
            self._current = way, value = self._changes.popleft()
            if (known := self._known(way).get(_plain(value))) is not None:
                if known:
                    self._keep(way, value)
                continue
            message = self.accepted.message_with(way)
            if set_at(message, way, value) is not None and message.IsInitialized():
                self._left -= 1
                self.accepted.make_other(message, f"widening {self._left}")
                return message.SerializePartialToString(deterministic=True)
        return None

    def hear(self, reply: Reply) -> None:
        """Take the server's answer."""
        assert self._current is not None
        way, value = self._current
        reply = with_meant_status(reply)
        is_taken = reply.is_ok or (reply.termination is Termination.ENOUGH and bool(reply.responses))
        self._known(way)[_plain(value)] = is_taken
        if is_taken:
            self._keep(way, value)
        elif way not in self._told:
            self._told.add(way)
            there = list(values_at(self.accepted.message_with(way), way))
            there += [item for items in there if way[-1].is_repeated for item in items]
            told = islice(self._asked_for(way[-1], reply.message), _MOST_TOLD)
            self._changes.extendleft((way, one) for one in told if one != value and one not in there)

    def _asked_for(self, field: FieldDescriptor, words: str) -> Iterator[Any]:
        """Yield values that a refusal asks for in its words."""
        if field.cpp_type in NUMBERS and not field.is_repeated:
            yield from self._candidates.of(field, words)
        elif field.type == FieldDescriptor.TYPE_STRING:
            yield from demands.texts(words)

    def _known(self, way: Fields) -> dict[Any, bool]:
        return self._taken.setdefault(way[-1], {}) if len(way) > 1 else {}

    def _keep(self, way: Fields, value: Any) -> None:
        values = {**self.accepted.values, way: (*self.accepted.values.get(way, ()), value)}
        self.accepted = replace(self.accepted, values=values)


def _plain(value: Any) -> Any:
    """Return a value as one that can be looked up."""
    if isinstance(value, Message):
        return value.SerializePartialToString(deterministic=True)
    return tuple(sorted(value.items())) if isinstance(value, dict) else value


def _has_room(message: Message, way: Fields) -> bool:
    """Whether the message is there in which the last field of a way stands."""
    return len(way) == 1 or (not way[0].is_repeated and message.HasField(way[0].name))
