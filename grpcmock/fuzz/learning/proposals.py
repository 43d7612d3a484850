"""What to do otherwise after a refusal: other values, names of other things, less, or more messages of a stream."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import reduce
from itertools import chain, combinations, islice, pairwise, zip_longest
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import Fields, is_set, named_in, path_of, reachable, resolve, values_at
from grpcmock.fuzz.expectations.naming import range_ends, singular
from grpcmock.fuzz.learning.accepted_requests import chosen_at, stem_of
from grpcmock.fuzz.learning.asked_moments import asked_spans
from grpcmock.fuzz.learning.moments import is_moment, later
from grpcmock.fuzz.learning.refusals import FALLS, STATE, objected, says_unwanted, stage
from grpcmock.fuzz.learning.remaking import moments_of, related, remade
from grpcmock.fuzz.learning.request_changes import Change, depth_of
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

_MOST_KEYS = 24

_NAMES = 3
"""So many fields are thought of that may name things at once."""

_TOGETHER = 3
"""So many values are tried in each of several fields at once."""

_LONGEST = 3
"""Messages of a stream."""

_APART = (timedelta(hours=1), timedelta(days=1), timedelta(days=-1))
"""By so much a moment is earlier or later than one that something tells of."""


@dataclass(frozen=True, slots=True)
class Proposals:
    """Knows the request that was refused, and proposes changes of it."""

    method: Method
    registry: Registry
    candidates: Candidates
    things: KnownThings
    base: tuple[Message, ...]
    """The messages of the request."""

    keys: Mapping[Path, KnownKey]
    """What the first of them names."""

    def of(self, reply: Reply) -> Iterator[Change]:
        """Yield what may be done otherwise after a refusal, the likeliest first."""
        words, named = self.objected(reply)
        ways = reachable(self.method.input)
        if reply.code == Code.NOT_FOUND:
            names = [*named, *(way for way in ways if way not in named)]
            spoken = set(re.findall("[a-z]+", reply.message.lower()))
            names.sort(key=lambda way: spoken.isdisjoint(_words_of(way)))
            told = [way for way, _ in self._named_things() if not spoken.isdisjoint(_words_of(way))]
            yield from self._left_out(told)
            yield from chain.from_iterable(islice(self.names(way, reply.message, anything=True), 4) for way in names)
            yield from self._left_out(way for way, _ in self._named_things() if way not in told)
            yield from self._related()
            yield from self._two_names(reply.message)
            yield from _in_turns([islice(self.values(way, reply.message), _ANY) for way in named])
            inner = [way for way in reversed(ways) if 1 < len(way) <= depth_of(self.base[0], way)]
            yield from self._left_out(inner)
            return  # what isn't there has to be made first, or needn't be named
        if reply.code == Code.ALREADY_EXISTS:
            named = named or tuple(way for way in ways if way[-1].message_type is None)
        if stage(reply) == STATE and reply.code not in FALLS:
            yield from self._remade(reply.message)
            yield from self._related()
        if not named or reply.code in FALLS:
            yield from self._emptied()
        if says_unwanted(reply):
            yield from self._left_out(named)
        if named:
            for at in range(len(self.base) - 1, 0, -1):
                yield from self._in_later(at, named, words, reply.message)
            yield from self._together(named, words, reply.message)
            by_name = (*words, *named_in(reply.message, self.method.input))
            yield from self._made_otherwise(named)
            yield from self._moments(named)
            yield from self._ancestors(ways)
            yield from self._left_out(way for way in named if way not in by_name)
            yield from self._left_out(_lists_around(named))
            yield from _in_turns([islice(self.values(way, words.get(way, reply.message)), _EACH) for way in named])
            yield from self._oneofs(named)
        if stage(reply) == STATE:
            yield from self._made_otherwise(ways)
        yield from self._spans(ways, reply.message)
        yield Change(())
        yield from self._agreeing()
        others = [way for way in ways if way not in named and len(way) <= depth_of(self.base[0], way)]
        if not named:
            yield from self._left_out(reversed(others))
        if self.method.kind.client_streams and len(self.base) < _LONGEST:
            yield from self._further_messages()
        # What isn't there may be what is missed; then what is there may be what is wrong.
        others.sort(key=lambda way: (any(values_at(self.base[0], way)), len(way)))
        yield from _in_turns([islice(self.values(way, reply.message), _ANY) for way in others])
        contents = [way for way in others if way[-1].type == way[-1].TYPE_BYTES]
        yield from (replace(change, also=Change(())) for way in contents for change in islice(self.values(way, ""), 1))

    def _made_otherwise(self, ways: Collection[Fields]) -> Iterator[Change]:
        """Yield other things in the place of those that are named: what has no stock can't be sold, and what isn't paid
        can't be shipped."""
        for way, known in self._named_things():
            if way in ways:
                yield from (Change(way, key.value, key) for key in self.things.made_otherwise(known))

    def _remade(self, words: str) -> Iterator[Change]:
        """Yield what is named, made in other ways that the words of a refusal suggest."""
        for way, known in self._named_things():
            yield from (Change(way, key.value, key) for key in remade(known, words, self.candidates))

    def _named_things(self) -> Iterator[tuple[Fields, KnownKey]]:
        """Yield the fields that name things, with what they name."""
        for place, known in self.keys.items():
            way = resolve(self.method.input, ".".join(step for step in place if isinstance(step, str)))
            if way:
                yield way, known

    def _together(self, named: Sequence[Fields], words: Mapping[Fields, str], text: str) -> Iterator[Change]:
        """Yield values for all fields at once that a refusal names in a row, or has details of: one of them alone may
        make no difference."""
        some = [way for way in named if way[-1].message_type is None][:_NAMES]
        names = "|".join(re.escape(way[-1].name) for way in some)
        if len(some) < 2 or not (len(words) > 1 or re.search(rf"\b(?:{names})\W+(?:and|or)?\W*(?:{names})\b", text)):
            return
        columns = [list(islice(self.values(way, words.get(way, text)), _TOGETHER)) for way in some]
        for row in zip(*columns, strict=False):
            yield _at_once(row)

    def _related(self) -> Iterator[Change]:
        """Yield all that one thing names, in the place of all of those fields: they may belong together."""
        for keys in islice(related(self.method, self.things), _TOGETHER):
            yield _at_once([Change(way, key.value, key) for way, key in keys.items()])

    def _spans(self, ways: Sequence[Fields], words: str) -> Iterator[Change]:
        """Yield ends of what goes from one day or time to another, as long as the *words* of a refusal ask for, and
        then both ends: one that fits may fit no beginning that is there."""
        by_name = {path_of(way): way for way in ways if is_set(self.base[0], way)}
        for path, way in by_name.items():
            for last, _ in range_ends(path[-1]):
                other = by_name.get((*path[:-1], last))
                if other is None or other[-1].cpp_type != way[-1].cpp_type:
                    continue
                begin = next(values_at(self.base[0], way), None)
                if is_moment(begin):
                    yield from (Change(other, later(begin, span)) for span in islice(asked_spans(words), _EACH))
                values = [one for one in islice(self.candidates.of(way[-1]), _EACH) if is_moment(one)]
                for begin, end in islice(pairwise(values), 2):
                    yield Change(way, begin, also=Change(other, end))

    def _moments(self, ways: Iterable[Fields]) -> Iterator[Change]:
        """Yield when that is which the request names, in the place of a day or a time."""
        for way in ways:
            for value in islice(values_at(self.base[0], way), 1):
                if is_moment(value):
                    found = list(islice(moments_of(self.keys.values(), way[-1], value, self.things), _ANY))
                    yield from (Change(way, key.value, key) for key in found)
                    yield from (Change(way, later(key.value, span)) for key in found for span in _APART)

    def _ancestors(self, ways: Iterable[Fields]) -> Iterator[Change]:
        """Yield the names above those that stand elsewhere in the request: of all that is listed, the parent."""
        base = self.base[0]
        for way in ways:
            value = next(values_at(base, way), None)
            if not isinstance(value, str) or "/" not in value:
                continue
            for other in reachable(self.method.input):
                held = chain.from_iterable(one if other[-1].is_repeated else [one] for one in values_at(base, other))
                for name in held if other[-1].type == other[-1].TYPE_STRING else ():
                    above = "/".join(name.split("/")[: value.count("/") + 1])
                    if above not in (name, value) and above.count("/") == value.count("/"):
                        yield Change(way, above)

    def _agreeing(self) -> Iterator[Change]:
        """Yield what things say of when they are, and in which unit, in fields that say it of the request."""
        for way in reachable(self.method.input):
            if len(way) == 1 and way[-1].message_type is None and is_set(self.base[0], way):
                yield from (Change(way, value) for value in islice(self.things.agreeing(way[-1]), 2))

    def _left_out(self, ways: Iterable[Fields]) -> Iterator[Change]:
        yield from (Change(way) for way in ways if is_set(self.base[0], way) and not _is_only(way))

    def _emptied(self) -> Iterator[Change]:
        """Yield messages with nothing in them, of those that have something: that there is one may be enough."""
        for field, value in self.base[0].ListFields():
            if field.message_type is not None and not field.is_repeated and value.ByteSize():
                yield Change((field,), type(value)())

    def _two_names(self, words: str) -> Iterator[Change]:
        """Yield names of two things at once: where neither is there, naming one makes no difference."""
        told = [(way, list(islice(self.names(way, words), 4))) for way in reachable(self.method.input)]
        for (_, ours), (_, theirs) in combinations([(way, keys) for way, keys in told if keys][:_NAMES], 2):
            for mine in ours[:_NAMES]:
                other = next((one for one in theirs if one.value != mine.value), theirs[0])
                yield replace(mine, also=other)

    def _in_later(self, at: int, named: tuple[Fields, ...], words: dict[Fields, str], text: str) -> Iterator[Change]:
        """Yield changes of what is named in a message behind the first one."""
        there = [way for way in named if len(way) <= depth_of(self.base[at], way)]
        for change in _in_turns([islice(self.values(way, words.get(way, text)), _ANY) for way in there]):
            yield Change(change.fields, change.value, at=at)

    def _further_messages(self) -> Iterator[Change]:
        """Yield messages to add to a stream: of each arm of its oneofs, or such as the first one."""
        arms = [arm for oneof in self.method.input.oneofs for arm in oneof.fields if len(oneof.fields) > 1]
        fields = sorted(self.method.input.fields, key=lambda field: not is_set(self.base[0], (field,)))
        for field in arms or fields[:1]:
            for change in islice(self.values((field,), ""), 2):
                yield Change(change.fields, change.value, at=len(self.base))

    def objected(self, reply: Reply) -> tuple[dict[Fields, str], tuple[Fields, ...]]:
        """Give the fields that a refusal names, the innermost first, and its words of each."""
        return objected(reply, self.method, self.registry, self.base[0])

    def names(self, way: Fields, words: str, *, anything: bool = False) -> Iterator[Change]:
        """Yield what a field may name of all that there is."""
        if way[-1].message_type is None and way[-1].enum_type is None and way[-1].cpp_type != way[-1].CPPTYPE_BOOL:
            found: Iterable[KnownKey] = islice(
                self.things.keys_for(self.method, way, words, anything=anything), _MOST_KEYS
            )
            # What is of a thing that is named already goes with it: an article that is in that very order.
            makers = [known.made_by for known in self.keys.values() if known.made_by is not None]
            if makers:
                found = sorted(found, key=lambda key: all(key.made_by is not maker for maker in makers))
            for key in found:
                yield Change(way, key.value, key)
                if key.made_by is not None:
                    given = chosen_at(key.made_by.message, key.value)
                    if given is not None and given not in (*key.made_by.own, *key.made_by.references):
                        yield Change(way, key.value)  # such as a currency: a value that names nothing

    def values(self, way: Fields, words: str) -> Iterator[Change]:
        """Yield what a field may hold: names of what there is, and then values, by the *words* of a refusal first."""
        yield from islice(self.names(way, words), 3)
        for value in self.candidates.of(way[-1], words):
            yield Change(way, value)

    def _oneofs(self, named: tuple[Fields, ...]) -> Iterator[Change]:
        """Yield the arms of oneofs that are named, each with something in it."""
        for way in named:
            oneof = way[-1].containing_oneof
            for arm in oneof.fields if oneof is not None else ():
                yield from islice(self.values((*way[:-1], arm), ""), 2)


def _words_of(way: Fields) -> list[str]:
    """Return the words for what a field names."""
    return stem_of(singular(snake_case(way[-1].name))).split("_")


def _is_only(way: Fields) -> bool:
    """Whether a field is an arm of a oneof: leaving it out is another request."""
    oneof = way[-1].containing_oneof
    return oneof is not None and len(oneof.fields) > 1


def _lists_around(ways: Iterable[Fields]) -> Iterator[Fields]:
    """Yield the lists that fields stand in, the innermost first: what is wrong with an item needn't be there at all."""
    for way in ways:
        yield from (way[:end] for end in range(len(way) - 1, 1, -1) if way[end - 1].is_repeated)


def _at_once(changes: Sequence[Change]) -> Change:
    return reduce(lambda rest, change: replace(change, also=rest), reversed(changes))


def _in_turns(sources: list[Iterator[Change]]) -> Iterator[Change]:
    """Yield the first of each, then the second of each."""
    nothing: Any = object()
    for found in zip_longest(*sources, fillvalue=nothing):
        yield from (change for change in found if change is not nothing)
