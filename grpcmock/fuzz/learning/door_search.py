"""The search for a request that a server takes, of one method: from the least one on, changed by what it refuses.

A refusal that names a field is answered by another value there, one that names none by trying field after field. What
makes the server object to something else has helped, and stays; what makes no difference is taken back, and what can be
left out without a difference stays out. Of a stream, messages are added and changed behind the first one. Where nothing
helps any more, the search goes back to an earlier request.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, islice, pairwise, zip_longest
from typing import TYPE_CHECKING, Any

from grpcmock.client.details import decode_details
from grpcmock.fuzz.expectations.field_paths import Fields, is_set, named_in, reachable, resolve, values_at
from grpcmock.fuzz.expectations.violations import violations_in
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need, chosen_at, stem_of
from grpcmock.fuzz.learning.moments import SPANS, is_moment
from grpcmock.fuzz.learning.more_parts import MOST_LOST, more_parts
from grpcmock.fuzz.learning.request_changes import Change, changed_by
from grpcmock.fuzz.model.meant_status import with_meant_refusal, with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import shape
from grpcmock.schema.naming import snake_case
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

_Tried = tuple[tuple[bytes, ...], frozenset["Path"]]

_NO_END = frozenset({Termination.DEADLINE, Termination.OVERDUE, Termination.ENOUGH})
_FALLS = frozenset({Code.UNKNOWN, Code.INTERNAL})
_HOPELESS = frozenset({Code.UNIMPLEMENTED, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED})

_MOST_KEYS = 24

_NAMES = 3
"""So many fields are thought of that may name things at once."""

_LONGEST = 3
"""Messages of a stream."""

_WITHIN = 3
"""So many things are looked into by what one field may name."""

_STATE = 2
"""The stage of a request that is refused for how things are now."""

_TELLING = 4
"""Characters of a value that a refusal repeats hardly by accident."""


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
    ) -> None:
        """*start* are the messages to begin with: one, but for a stream of which more is known."""
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
        self._current: tuple[tuple[Message, ...], dict[Path, KnownKey], Change] | None = None
        self._seen: set[str] = set()
        self._tried: set[_Tried] = set()
        self._states: list[_State] = []
        """The last one is where the search is."""
        self._known = 0
        self._lost = 0
        """How many requests have brought the server down."""

    def next(self) -> bytes | None:
        """Return the first message of the next request to try; None if there is none now."""
        if not self._states:
            return self._noted(self._start, {}, Change(()))
        if self.waits:
            if self._things.count == self._known:
                return None
            state = self._states[-1]
            state.changes = deque(self._proposals(state.reply))
            self._tried.clear()  # what wasn't there may be there now
            self.waits = False
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
                del self._states[number + 1 :]
                return self._noted(messages, keys, change)
            if _stage(self._last) and not self.method.kind.client_streams:
                break  # it may be there later, or there may be enough
        self.waits, self._known = True, self._things.count
        return None

    def _noted(self, messages: tuple[Message, ...], keys: dict[Path, KnownKey], change: Change) -> bytes:
        self._current = messages, keys, change
        self._tried.add(_tried(messages, keys))
        return messages[0].SerializePartialToString(deterministic=True)

    @property
    def _base(self) -> tuple[Message, ...]:
        return self._states[-1].messages if self._states else self._start

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
                others = more_parts(messages[0], lambda way: islice(self._values(way, ""), 1))
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
            self._states[-1].changes.extend(self._proposals(reply))
        elif change.fields and change.value is None and found == shape(self._last):
            self._states[-1].messages = messages  # what makes no difference may make one later

    def _gets_further(self, change: Change, reply: Reply) -> bool:
        """Whether a request is refused for something that comes after what the one before was refused for."""
        if self._last.termination is Termination.LOST:
            return True
        before, now = self._objected(self._last)[1], self._objected(reply)[1]
        if change.fields in before or (change.key is not None and self._last.code == Code.NOT_FOUND):
            return True
        if reply.code in _FALLS and self._last.code not in _FALLS:
            return False  # it fell over what was changed, and never came to what it minds
        # A thing in the right state may let the server look at what it had no reason to look at before.
        is_other_thing = change.key is not None and _stage(self._last) == _STATE and reply.code != Code.NOT_FOUND
        return change.fields not in now and (is_other_thing or _stage(reply) >= _stage(self._last))

    def _made(self, messages: tuple[Message, ...], keys: dict[Path, KnownKey]) -> AcceptedRequest:
        needs = [
            Need(key.made_by, key.source, target, chosen_at(key.made_by.message, key.value))
            for target, key in keys.items()
            if key.made_by is not None
        ]
        first, *later = (one.SerializePartialToString(deterministic=True) for one in messages)
        return AcceptedRequest(self.method, first, tuple(needs), frozenset(keys), later=tuple(later))

    def names_field(self, reply: Reply) -> bool:
        """Whether a refusal names a field of the request."""
        return bool(self._objected(reply)[1])

    def within(self) -> Iterator[AcceptedRequest]:
        """Yield the request that was answered OK once more, by turns within each thing that there is by now: a list of
        what belongs to one project, say."""
        assert self.accepted is not None
        messages = (self.accepted.message,)
        for way in reachable(self.method.input):
            if len(way) > 1 or way[-1].is_repeated or is_set(messages[0], way) or self.accepted.later:
                continue
            for change in islice(self._keys(way, ""), _WITHIN):
                made = changed_by(messages, change, self._candidates.comments)
                keys = {place: key for place, key in made[1].items() if key is not None} if made is not None else {}
                if made is not None and _tried(made[0], keys) not in self._tried:
                    self._tried.add(_tried(made[0], keys))
                    yield self._made(made[0], keys)

    # What to change -------------------------------------------------------------------------------------

    def _proposals(self, reply: Reply) -> Iterator[Change]:
        words, named = self._objected(reply)
        ways = reachable(self.method.input)
        if reply.code == Code.NOT_FOUND:
            names = [*named, *(way for way in ways if way not in named)]
            spoken = set(re.findall("[a-z]+", reply.message.lower()))
            names.sort(key=lambda way: spoken.isdisjoint(stem_of(snake_case(way[-1].name)).split("_")))
            yield from chain.from_iterable(islice(self._keys(way, reply.message, anything=True), 4) for way in names)
            yield from self._two_names(reply.message)
            yield from _in_turns([islice(self._values(way, reply.message), _ANY) for way in named])
            inner = [way for way in reversed(ways) if 1 < len(way) <= _depth(self._base[0], way)]
            yield from self._left_out(inner)
            return  # what isn't there has to be made first, or needn't be named
        if reply.code == Code.ALREADY_EXISTS:
            named = named or tuple(way for way in ways if way[-1].message_type is None)
        if named:
            for at in range(len(self._base) - 1, 0, -1):
                yield from self._in_later(at, named, words, reply.message)
            by_name = (*words, *named_in(reply.message, self.method.input))
            yield from self._left_out(way for way in named if way not in by_name)
            yield from _in_turns([islice(self._values(way, words.get(way, reply.message)), _EACH) for way in named])
            yield from self._oneofs(named)
        if _stage(reply) == _STATE:
            yield from self._made_otherwise()
        yield from self._spans(ways)
        yield Change(())
        yield from self._agreeing()
        others = [way for way in ways if way not in named and len(way) <= _depth(self._base[0], way)]
        if not named:
            yield from self._left_out(reversed(others))
        if self.method.kind.client_streams and len(self._base) < _LONGEST:
            yield from self._further_messages()
        # What isn't there may be what is missed; then what is there may be what is wrong.
        others.sort(key=lambda way: (any(values_at(self._base[0], way)), len(way)))
        yield from _in_turns([islice(self._values(way, reply.message), _ANY) for way in others])
        contents = [way for way in others if way[-1].type == way[-1].TYPE_BYTES]
        yield from (replace(change, also=Change(())) for way in contents for change in islice(self._values(way, ""), 1))

    def _made_otherwise(self) -> Iterator[Change]:
        """Yield other things in the place of those that are named: what has no stock can't be sold, and what isn't paid
        can't be shipped."""
        for place, known in self._states[-1].keys.items():
            way = resolve(self.method.input, ".".join(str(step) for step in place if isinstance(step, str)))
            for key in self._things.made_otherwise(known) if way else ():
                yield Change(way, key.value, key)  # type: ignore[arg-type]

    def _spans(self, ways: Sequence[Fields]) -> Iterator[Change]:
        """Yield both ends of what goes from one day or time to another: an end that fits may fit no beginning that is
        there."""
        by_name = {tuple(step.name for step in way): way for way in ways if is_set(self._base[0], way)}
        for path, way in by_name.items():
            for low, high in SPANS:
                last = re.sub(rf"(?<![a-z]){low}(?![a-z])", high, path[-1])
                other = by_name.get((*path[:-1], last)) if last != path[-1] else None
                if other is None or other[-1].cpp_type != way[-1].cpp_type:
                    continue
                values = [one for one in islice(self._candidates.of(way[-1]), _EACH) if is_moment(one)]
                for begin, end in islice(pairwise(values), 2):
                    yield Change(way, begin, also=Change(other, end))

    def _agreeing(self) -> Iterator[Change]:
        """Yield what things say of when they are, and in which unit, in fields that say it of the request."""
        for way in reachable(self.method.input):
            if len(way) == 1 and way[-1].message_type is None and is_set(self._base[0], way):
                yield from (Change(way, value) for value in islice(self._things.agreeing(way[-1]), 2))

    def _left_out(self, ways: Iterable[Fields]) -> Iterator[Change]:
        yield from (Change(way) for way in ways if is_set(self._base[0], way) and not _is_only(way))

    def _two_names(self, words: str) -> Iterator[Change]:
        """Yield names of two things at once: where neither is there, naming one makes no difference."""
        told = [(way, list(islice(self._keys(way, words), 4))) for way in reachable(self.method.input)]
        for (_, ours), (_, theirs) in combinations([(way, keys) for way, keys in told if keys][:_NAMES], 2):
            for mine in ours[:_NAMES]:
                other = next((one for one in theirs if one.value != mine.value), theirs[0])
                yield replace(mine, also=other)

    def _in_later(self, at: int, named: tuple[Fields, ...], words: dict[Fields, str], text: str) -> Iterator[Change]:
        """Yield changes of what is named in a message behind the first one."""
        there = [way for way in named if len(way) <= _depth(self._base[at], way)]
        for change in _in_turns([islice(self._values(way, words.get(way, text)), _ANY) for way in there]):
            yield Change(change.fields, change.value, at=at)

    def _further_messages(self) -> Iterator[Change]:
        """Yield messages to add to a stream: of each arm of its oneofs, or such as the first one."""
        arms = [arm for oneof in self.method.input.oneofs for arm in oneof.fields if len(oneof.fields) > 1]
        fields = sorted(self.method.input.fields, key=lambda field: not is_set(self._base[0], (field,)))
        for field in arms or fields[:1]:
            for change in islice(self._values((field,), ""), 2):
                yield Change(change.fields, change.value, at=len(self._base))

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
        named = named_in(reply.message, self.method.input) or self._quoted(reply.message)
        there = [way for way in named if len(way) <= _depth(self._base[0], way)] or list(named)
        return {}, tuple(sorted(there, key=lambda way: (-len(way), way[-1].message_type is not None)))

    def _quoted(self, text: str) -> tuple[Fields, ...]:
        """Return the fields whose values a refusal repeats."""
        base, found = self._base[0], []
        for way in reachable(self.method.input):
            if way[-1].type == way[-1].TYPE_STRING and len(way) <= _depth(base, way):
                values = (
                    one for value in values_at(base, way) for one in ([value] if isinstance(value, str) else value)
                )
                if any(len(value) >= _TELLING and value in text for value in values):
                    found.append(way)
        return tuple(found)

    def _keys(self, way: Fields, words: str, *, anything: bool = False) -> Iterator[Change]:
        if way[-1].message_type is None and way[-1].enum_type is None and way[-1].cpp_type != way[-1].CPPTYPE_BOOL:
            # What is of a thing that is named already goes with it: an article that is in that very order.
            makers = [known.made_by for known in self._states[-1].keys.values()] if self._states else []
            found = list(islice(self._things.keys_for(self.method, way, words, anything=anything), _MOST_KEYS))
            found.sort(key=lambda key: not any(key.made_by is maker for maker in makers if maker is not None))
            for key in found:
                yield Change(way, key.value, key)
                if key.made_by is not None:
                    given = chosen_at(key.made_by.message, key.value)
                    if given is not None and given != key.made_by.own_id:
                        yield Change(way, key.value)  # such as a currency: a value that names nothing

    def _values(self, way: Fields, words: str) -> Iterator[Change]:
        yield from islice(self._keys(way, words), 3)
        for value in self._candidates.of(way[-1], words):
            yield Change(way, value)

    def _oneofs(self, named: tuple[Fields, ...]) -> Iterator[Change]:
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


def _is_only(way: Fields) -> bool:
    """Whether a field is an arm of a oneof: leaving it out is another request."""
    oneof = way[-1].containing_oneof
    return oneof is not None and len(oneof.fields) > 1


def _tried(messages: Sequence[Message], keys: Mapping[Path, KnownKey]) -> _Tried:
    """Return what tells requests apart: their bytes, and where they name what is made anew under another key."""
    data = tuple(message.SerializePartialToString(deterministic=True) for message in messages)
    anew = (place for place, key in keys.items() if key.made_by and chosen_at(key.made_by.message, key.value))
    return data, frozenset(anew)


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


def _in_turns(sources: list[Iterator[Change]]) -> Iterator[Change]:
    """Yield the first of each, then the second of each."""
    nothing: Any = object()
    for found in zip_longest(*sources, fillvalue=nothing):
        yield from (change for change in found if change is not nothing)
