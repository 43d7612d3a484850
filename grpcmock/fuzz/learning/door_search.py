"""The search for a request that a server takes, of one method: from the least one on, changed by what it refuses.

A refusal that names a field is answered by another value there, one that names none by trying field after field. What
makes the server object to something else has helped, and stays; what makes no difference is taken back, and what can be
left out without a difference stays out. Of a stream, messages are added and changed behind the first one. Where nothing
helps any more, the search goes back to an earlier request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import is_set, reachable, values_at
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need, chosen_at
from grpcmock.fuzz.learning.more_parts import MOST_LOST, more_parts
from grpcmock.fuzz.learning.proposals import Proposals
from grpcmock.fuzz.learning.refusals import FALLS, STATE, stage
from grpcmock.fuzz.learning.request_changes import Change, changed_by
from grpcmock.fuzz.model.meant_status import with_meant_refusal, with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import shape
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.field_paths import Fields
    from grpcmock.fuzz.learning.candidates import Candidates
    from grpcmock.fuzz.learning.known_things import KnownKey, KnownThings
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_Tried = tuple[tuple[bytes, ...], frozenset[tuple["Path", bytes]]]

_NO_END = frozenset({Termination.DEADLINE, Termination.OVERDUE, Termination.ENOUGH})
_HOPELESS = frozenset({Code.UNIMPLEMENTED, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED})

_WITHIN = 3
"""So many things are looked into by what one field may name."""


@dataclass(slots=True)
class _State:
    """A request that got further than those before it, and what wasn't tried on it yet."""

    messages: tuple[Message, ...]
    keys: dict[Path, KnownKey]
    reply: Reply
    changes: deque[Change]


class DoorSearch:
    """Looks for a request of one method that is answered OK."""

    def __init__(
        self,
        method: Method,
        start: Sequence[Message],
        registry: Registry,
        candidates: Candidates,
        things: KnownThings,
        *,
        keys: Mapping[Path, KnownKey] | None = None,
        keeps: Mapping[Fields, Any] | None = None,
    ) -> None:
        """*start* are the messages to begin with: one, but for a stream of which more is known; the first names what
        *keys* tell, and *keeps* these values whatever is changed."""
        self.method = method
        self.accepted: AcceptedRequest | None = None
        self.endless: AcceptedRequest | None = None
        """The one that was not refused, as others were, and not answered while it was waited for."""
        self.is_over = False
        self.waits = False
        """Whether it may go on once more is known of what the server has."""
        self._registry = registry
        self._candidates = candidates
        self._things = things
        self._start = tuple(start)
        self._keys = dict(keys or {})
        self._keeps = dict(keeps or {})
        self._current: tuple[tuple[Message, ...], dict[Path, KnownKey], Change] | None = None
        self._seen: set[str] = set()
        self._tried: set[_Tried] = set()
        self._states: list[_State] = []
        """The last one is where the search is."""
        self._known = 0
        """How many things were known when it was last thought of what to try."""
        self._lost = 0
        """How many requests have brought the server down."""

    def next(self) -> bytes | None:
        """Return the first message of the next request to try; None if there is none now."""
        if not self._states:
            return self._noted(self._start, self._keys, Change(()))
        if self.waits:
            if self._things.count == self._known:
                return None
            for state in self._states:
                # Of two things that are refused for how they are, either may be the one that is right.
                if state is self._states[-1] or stage(state.reply) == STATE:
                    state.changes = deque(self._about(state).of(state.reply))
            self._tried.clear()  # what wasn't there may be there now
            self.waits, self._known = False, self._things.count
        for number in range(len(self._states) - 1, -1, -1):
            state = self._states[number]
            while state.changes:
                change = state.changes.popleft()
                made = changed_by(state.messages, change, self._candidates.comments)
                if made is None:
                    continue
                messages, changed = made
                keys = {place: known for place, known in state.keys.items() if place not in changed}
                keys |= {place: key for place, key in changed.items() if key is not None}
                if _tried(messages, keys) in self._tried or not all(one.IsInitialized() for one in messages):
                    continue
                if any(next(values_at(messages[0], way), None) != value for way, value in self._keeps.items()):
                    continue
                del self._states[number + 1 :]
                return self._noted(messages, keys, change)
            if stage(self._last) and not self.method.kind.client_streams:
                break  # it may be there later, or there may be enough
        self.waits = True
        return self.next() if self._things.count != self._known else None

    def _noted(self, messages: tuple[Message, ...], keys: dict[Path, KnownKey], change: Change) -> bytes:
        self._current = messages, keys, change
        self._tried.add(_tried(messages, keys))
        return messages[0].SerializePartialToString(deterministic=True)

    def _about(self, state: _State | None = None) -> Proposals:
        """Give what proposes changes of a request; of the one where the search is, if none is named."""
        state = state or (self._states[-1] if self._states else None)
        messages, keys = (state.messages, state.keys) if state is not None else (self._start, self._keys)
        return Proposals(self.method, self._registry, self._candidates, self._things, messages, keys)

    @property
    def _last(self) -> Reply:
        return self._states[-1].reply

    @property
    def current(self) -> AcceptedRequest:
        """The request that was given last, with what it needs and what follows it."""
        assert self._current is not None
        messages, keys, _ = self._current
        return self._made(messages, keys)

    def hear(self, reply: Reply) -> None:
        """Take the server's answer to the request that was given last."""
        assert self._current is not None
        messages, keys, change = self._current
        reply = with_meant_refusal(with_meant_status(reply))
        if reply.is_ok or (reply.termination is Termination.ENOUGH and reply.responses):
            self.accepted = self._made(messages, keys)
            self.is_over = True
            return
        if reply.termination is Termination.LOST and self._lost < MOST_LOST:
            self._lost += 1
            if not self._states:
                others = more_parts(messages[0], lambda way: islice(self._about().values(way, ""), 1))
                self._states.append(_State(messages, keys, reply, deque(others)))
            return  # it may have gone down for what isn't there
        if reply.termination is not Termination.SERVER or reply.code in _HOPELESS:
            if reply.termination in _NO_END and self._states:
                self.endless = self._made(messages, keys)
            self.is_over = True
            return
        found = shape(reply)
        if not self._states or (found not in self._seen and self._gets_further(change, reply)):
            self._states.append(_State(messages, keys, reply, deque()))
            self._seen.add(found)
            self._states[-1].changes.extend(self._about().of(reply))
            self._known = self._things.count
        elif change.fields and change.value is None and found == shape(self._last):
            self._states[-1].messages = messages  # what makes no difference may make one later

    def _gets_further(self, change: Change, reply: Reply) -> bool:
        """Whether a request is refused for something that comes after what the one before was refused for."""
        if self._last.termination is Termination.LOST:
            return True
        before, now = self._about().objected(self._last)[1], self._about().objected(reply)[1]
        is_about_it = change.fields and any(way[: len(change.fields)] == change.fields for way in now)
        if is_about_it and stage(reply) < stage(self._last):
            return False  # what was well written isn't even that any more
        if change.fields in before:
            return True
        if change.key is not None and self._last.code == Code.NOT_FOUND and change.fields not in now:
            return True
        if reply.code in FALLS and self._last.code not in FALLS:
            return False  # it fell over what was changed, and never came to what it minds
        # A thing in the right state may let the server look at what it had no reason to look at before.
        is_other_thing = change.key is not None and stage(self._last) == STATE and reply.code != Code.NOT_FOUND
        return change.fields not in now and (is_other_thing or stage(reply) >= stage(self._last))

    def _made(self, messages: tuple[Message, ...], keys: dict[Path, KnownKey]) -> AcceptedRequest:
        needs = [
            Need(key.made_by, key.source, target, chosen_at(key.made_by.message, key.value))
            for target, key in keys.items()
            if key.made_by is not None
        ]
        first, *later = (one.SerializePartialToString(deterministic=True) for one in messages)
        return AcceptedRequest(self.method, first, tuple(needs), references=frozenset(keys), later=tuple(later))

    def names_field(self, reply: Reply) -> bool:
        """Whether a refusal names a field of the request."""
        return bool(self._about().objected(reply)[1])

    def within(self) -> Iterator[AcceptedRequest]:
        """Yield the request that was answered OK once more, by turns within each thing that there is by now: a list of
        what belongs to one project, say."""
        assert self.accepted is not None
        messages = (self.accepted.message,)
        for way in reachable(self.method.input):
            if len(way) > 1 or way[-1].is_repeated or is_set(messages[0], way) or self.accepted.later:
                continue
            for change in islice(self._about().names(way, ""), _WITHIN):
                made = changed_by(messages, change, self._candidates.comments)
                keys = {place: key for place, key in made[1].items() if key is not None} if made is not None else {}
                if made is not None and _tried(made[0], keys) not in self._tried:
                    self._tried.add(_tried(made[0], keys))
                    yield self._made(made[0], keys)


def _tried(messages: Sequence[Message], keys: Mapping[Path, KnownKey]) -> _Tried:
    """Return what tells requests apart: their bytes, and how that is made which they name."""
    data = tuple(message.SerializePartialToString(deterministic=True) for message in messages)
    return data, frozenset((place, key.made_by.data) for place, key in keys.items() if key.made_by is not None)
