"""The search for a request that a server takes, of one method: from the least one on, changed by what it refuses.

A refusal that names a field is answered by another value there, one that names none by trying field after field. What
makes the server object to something else has helped, and stays; what makes no difference is taken back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING, Any

from grpcmock.client.details import decode_details
from grpcmock.fuzz.expectations.field_paths import Fields, named_in, reachable, resolve, values_at
from grpcmock.fuzz.expectations.violations import violations_in
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need, chosen_at, set_at
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import shape
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.candidates import Candidates
    from grpcmock.fuzz.learning.known_things import KnownKey, KnownThings
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_EACH = 14
"""So many values are tried in a field that was named; …"""

_ANY = 3
"""… and so many in each where none was."""

_HOPELESS = frozenset({Code.UNIMPLEMENTED, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED})

_Change = tuple[Fields, Any, "KnownKey | None"]


class DoorSearch:
    """Looks for a request of one method that is answered OK."""

    def __init__(
        self, method: Method, start: Message, registry: Registry, candidates: Candidates, things: KnownThings
    ) -> None:
        self.method = method
        self.accepted: AcceptedRequest | None = None
        self.is_over = False
        self.waits = False
        """Whether it may go on once more is known of what the server has."""
        self._registry = registry
        self._candidates = candidates
        self._things = things
        self._base = start
        self._base_keys: dict[Path, KnownKey] = {}
        self._current: tuple[Message, dict[Path, KnownKey]] | None = None
        self._changed: Fields = ()
        self._names_known = False
        """Whether the last change names something that the server has shown."""
        self._seen: set[str] = set()
        self._tried: set[bytes] = set()
        self._changes: deque[_Change] = deque()
        self._last: Reply | None = None
        self._known = 0

    def next(self) -> bytes | None:
        """Return the next request to try; None if there is none now."""
        if self._last is None:
            self._current = (self._base, {})
            return self._noted(self._base)
        if self.waits:
            if self._things.count == self._known:
                return None
            self._changes = deque(self._proposals(self._last))
            self._tried.clear()  # what wasn't there may be there now
            self.waits = False
        while self._changes:
            fields, value, key = self._changes.popleft()
            message = type(self._base)()
            message.CopyFrom(self._base)
            path = set_at(message, fields, value)
            if path is None:
                continue
            data = message.SerializePartialToString(deterministic=True)
            if data in self._tried or not message.IsInitialized():
                continue
            keys = {place: known for place, known in self._base_keys.items() if place != path}
            self._changed, self._names_known = fields, key is not None
            self._current = (message, keys | ({path: key} if key is not None else {}))
            return self._noted(message)
        self.waits, self._known = True, self._things.count
        return None

    def _noted(self, message: Message) -> bytes:
        data = message.SerializePartialToString(deterministic=True)
        self._tried.add(data)
        return data

    @property
    def current(self) -> AcceptedRequest:
        """The request that was given last, with what it needs."""
        assert self._current is not None
        return self._made(*self._current)

    def hear(self, reply: Reply) -> None:
        """Take the server's answer to the request that was given last."""
        assert self._current is not None
        message, keys = self._current
        reply = with_meant_status(reply)
        if reply.is_ok or (reply.termination is Termination.ENOUGH and reply.responses):
            self.accepted = self._made(message, keys)
            self.is_over = True
            return
        if reply.termination is not Termination.SERVER or reply.code in _HOPELESS:
            self.is_over = True
            return
        found = shape(reply)
        if self._last is None or (found not in self._seen and self._gets_further(reply)):
            self._base, self._base_keys, self._last = message, keys, reply
            self._seen.add(found)
            self._changes = deque(self._proposals(reply))

    def _gets_further(self, reply: Reply) -> bool:
        """Whether a request is refused for something that comes after what the one before was refused for."""
        assert self._last is not None
        before, now = self._objected(self._last)[1], self._objected(reply)[1]
        if self._changed in before or (self._names_known and self._last.code == Code.NOT_FOUND):
            return True
        return self._changed not in now and _stage(reply) >= _stage(self._last)

    def _made(self, message: Message, keys: dict[Path, KnownKey]) -> AcceptedRequest:
        needs = [
            Need(key.made_by, key.source, target, chosen_at(key.made_by.message, key.value))
            for target, key in keys.items()
            if key.made_by is not None
        ]
        data = message.SerializePartialToString(deterministic=True)
        return AcceptedRequest(self.method, data, tuple(needs), frozenset(keys))

    # What to change -------------------------------------------------------------------------------------

    def _proposals(self, reply: Reply) -> Iterator[_Change]:
        words, named = self._objected(reply)
        ways = reachable(self.method.input)
        if reply.code == Code.NOT_FOUND:
            names = [*named, *(way for way in ways if way not in named)]
            yield from chain.from_iterable(islice(self._keys(way, reply.message, anything=True), 4) for way in names)
            yield from _in_turns([islice(self._values(way, reply.message), _ANY) for way in named])
            return  # what isn't there has to be made first
        if reply.code == Code.ALREADY_EXISTS:
            named = named or tuple(way for way in ways if way[-1].message_type is None)
        if named:
            yield from _in_turns([islice(self._values(way, words.get(way, reply.message)), _EACH) for way in named])
            yield from self._oneofs(named)
        others = [way for way in ways if way not in named and len(way) <= _depth(self._base, way)]
        # What isn't there may be what is missed; then what is there may be what is wrong.
        others.sort(key=lambda way: (any(values_at(self._base, way)), len(way)))
        yield from _in_turns([islice(self._values(way, reply.message), _ANY) for way in others])

    def _objected(self, reply: Reply) -> tuple[dict[Fields, str], tuple[Fields, ...]]:
        """Give the fields that a refusal names, the innermost first, and its words of each."""
        words: dict[Fields, str] = {}
        rich = decode_details(reply.trailers, self._registry) if reply.trailers else None
        for detail in rich.details if rich is not None else ():
            for path, description in violations_in(detail.message):
                if fields := resolve(self.method.input, path):
                    words[fields] = f"{words.get(fields, '')} {description}"
        if words:
            return words, tuple(words)
        named = named_in(reply.message, self.method.input)
        there = [way for way in named if len(way) <= _depth(self._base, way)] or list(named)
        return {}, tuple(sorted(there, key=lambda way: (-len(way), way[-1].message_type is not None)))

    def _keys(self, way: Fields, words: str, *, anything: bool = False) -> Iterator[_Change]:
        if way[-1].message_type is None and way[-1].enum_type is None and way[-1].cpp_type != way[-1].CPPTYPE_BOOL:
            for key in self._things.keys_for(self.method, way, words, anything=anything):
                yield way, key.value, key

    def _values(self, way: Fields, words: str) -> Iterator[_Change]:
        yield from islice(self._keys(way, words), 3)
        for value in self._candidates.of(way[-1], words):
            yield way, value, None

    def _oneofs(self, named: tuple[Fields, ...]) -> Iterator[_Change]:
        """Yield the arms of oneofs that are named, each with something in it."""
        for way in named:
            oneof = way[-1].containing_oneof
            for arm in oneof.fields if oneof is not None else ():
                yield from islice(self._values((*way[:-1], arm), ""), 2)


def _stage(reply: Reply) -> int:
    """Tell how far a request got: past what it says, past what it names, or to what can't be done now."""
    if reply.code in (Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE):
        return 0
    return 1 if reply.code in (Code.NOT_FOUND, Code.ALREADY_EXISTS) else 2


def _depth(message: Message, way: Fields) -> int:
    """Count the steps of a way that can be gone now: to fields of messages that are there, or could be in a list."""
    depth, current = 1, message
    for field in way[:-1]:
        if field.is_repeated:
            items = getattr(current, field.name)
            if not items or hasattr(items, "items"):
                return depth
            current = items[0]
        elif not current.HasField(field.name):
            return depth
        else:
            current = getattr(current, field.name)
        depth += 1
    return depth


def _in_turns(sources: list[Iterator[_Change]]) -> Iterator[_Change]:
    """Yield the first of each, then the second of each."""
    nothing: Any = object()
    for found in zip_longest(*sources, fillvalue=nothing):
        yield from (change for change in found if change is not nothing)
