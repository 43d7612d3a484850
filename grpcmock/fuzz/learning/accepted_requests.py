"""Requests that a server takes, with what has to be made before them so that it does."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import path_of, reachable, values_at
from grpcmock.fuzz.learning.moments import MOST_DAYS, is_moment, move
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import Binding, Call, call_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.field_paths import Fields
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.schema import Method


@dataclass(frozen=True, slots=True)
class Need:
    """Something that has to be there, and where a request names it."""

    made_by: AcceptedRequest
    source: Path
    """Where the first response of the call that makes it has its key."""
    target: Path
    own_id: Path | None = None
    """Where the client chooses the key; None if the server makes it."""


@dataclass(frozen=True, slots=True, eq=False)
class AcceptedRequest:
    """A request that was answered OK."""

    method: Method
    data: bytes
    needs: tuple[Need, ...] = ()
    references: frozenset[Path] = frozenset()
    """The places of what names something else, be it optional."""
    own_id: Path | None = None
    """Where what it makes differs from all others: the key that the client chooses, or what there may be once only."""
    also_own: tuple[Path, ...] = ()
    """What has to differ at the same time: a term has a name of its own, and days of its own."""
    one_each: bool = False
    """Whether there may be one only below the very things that it needs: a customer has one subscription to a plan."""
    full: bytes = b""
    """The same request with all fields that it may have besides, as far as the server takes them; empty if none."""
    optional: tuple[Need, ...] = ()
    """What only the request with all that it may have names."""
    plain: bytes = b""
    """Of a request with all that it may have the one without; empty if it is none."""
    values: Mapping[Fields, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    """More values of single fields that it may have: with each of them the server took it, without more than it must
    have, or, where it has no room for the field then, with all that it may have."""
    later: tuple[bytes, ...] = ()
    """What follows it in its stream: messages of another kind than the first, such as the parts of what that announces.
    """

    @property
    def message(self) -> Message:
        return self.method.request_class.FromString(self.data)

    @property
    def fullest(self) -> Message:
        """The request with all that it may have."""
        return self.method.request_class.FromString(self.full or self.data)

    def message_with(self, way: Fields) -> Message:
        """Return the request that has room for a field: as it is, or only with all that it may have."""
        return self.fullest if self._may_lack(way) else self.message

    def _may_lack(self, way: Fields) -> bool:
        """Whether only the request with all that it may have has the message in which a field stands."""
        return bool(self.full) and not any(True for _ in values_at(self.message, way))

    def filled(self) -> AcceptedRequest:
        """Return the request with all that it may have, as one of its own."""
        if not self.full:
            return self
        return replace(
            self, data=self.full, full=b"", plain=self.data, needs=(*self.needs, *self.optional), optional=()
        )

    def naming(self, *messages: Message) -> AcceptedRequest:
        """Return the request with the needs of those *messages*: what is optional is needed where they name it."""
        named = tuple(need for need in self.optional if any(self._has(message, need) for message in messages))
        return replace(self, needs=(*self.needs, *named), optional=()) if named else self

    def _has(self, message: Message, need: Need) -> bool:
        """Whether a message names a thing as this request does with all that it may have."""
        is_named = is_there(message, need.target)
        return is_named and bool(value_at(message, need.target) == value_at(self.fullest, need.target))

    def needing(self, other: AcceptedRequest) -> AcceptedRequest:
        """Return the request with another one as all that it may have: what only that names is optional."""
        optional = {need.target: need for need in (*self.optional, *other.needs)}
        for need in self.needs:
            optional.pop(need.target, None)
        return replace(
            self,
            full=other.data,
            later=other.later,
            optional=tuple(optional.values()),
            references=self.references | other.references,
        )

    def without(self, need: Need) -> AcceptedRequest:
        """Return the request with a value like any other in the place of one of its needs."""
        needs, optional = (tuple(one for one in some if one is not need) for some in (self.needs, self.optional))
        return replace(self, needs=needs, optional=optional, references=self.references - {need.target})

    def saying(self, path: str) -> AcceptedRequest:
        """Return the request for messages that say something of their own at a path such as ``entries[].student_id``:
        what is needed there isn't made."""
        place = path.replace("[]", "")
        needs, optional = (
            tuple(one for one in some if _names_of(one.target) != place) for some in (self.needs, self.optional)
        )
        return replace(self, needs=needs, optional=optional)

    def with_values(self, choose: Callable[[int], int]) -> Message:
        """Return the request with other values that the server takes: *choose* gives a number below a bound, 0 for the
        value that is there."""
        is_full = bool(self.full and choose(2))
        message = self.fullest if is_full else self.message
        for way, values in self.values.items():
            if (chosen := choose(len(values) + 1)) and (is_full or not self._may_lack(way)):
                set_at(message, way, values[chosen - 1])
        return message

    def later_in_stream(self, choose: Callable[[int], int]) -> Message:
        """Return a message to follow the request in a stream. Often the first one names what all of them are about, so
        by chance that is left out."""
        message = self.with_values(choose)
        if choose(2):
            for path in self.references:
                message.ClearField(str(path[0]))
        return message

    def naming_the_same(self, message: Message) -> Message:
        """Return a copy of another request of the method, in which stands what this one names."""
        made = type(message)()
        made.CopyFrom(message)
        own = self.message
        for path in (*self.references, *self.own):
            with suppress(LookupError, TypeError, ValueError):
                if is_there(own, path):
                    put(made, path, value_at(own, path))
                elif is_there(made, path):
                    value_at(made, path[:-1]).ClearField(path[-1])
        return made

    def calls(self, *requests: bytes, salt: str = "", choose: Callable[[int], int] | None = None) -> tuple[Call, ...]:
        """Return the calls that make what is needed, each under a key of its own, and those with the *requests*.

        Where *choose* is there, it picks among the values that the server takes in what is needed, too.
        """
        calls: list[Call] = []
        salt = f"{self.method.full_name} {salt}"
        messages = [self.method.request_class.FromString(data) for data in requests]
        bindings = made_before(self.naming(*messages), calls, salt, choose=choose)
        own = []
        for number, (data, message) in enumerate(zip(requests, messages, strict=True)):
            if number and self.one_each:
                bindings = made_before(self.naming(*messages), calls, f"{salt} {number}", choose=choose)
            needed = {need.target for need in self.naming(message).needs}
            call = call_of(self.method, self.distinct(data, f"{salt} {number}"), *self.later)
            own.append(replace(call, bindings=tuple(one for one in bindings if one.target in needed)))
        return (*calls, *own)

    def distinct(self, data: bytes, salt: str) -> bytes:
        """Return a request that makes another thing than this one, if it would make the same."""
        if self.own_id is None:
            return data
        message = self.method.request_class.FromString(data)
        fullest = self.fullest
        if any(is_there(message, path) and value_at(message, path) != value_at(fullest, path) for path in self.own):
            return data
        self.make_other(message, salt)
        return message.SerializePartialToString(deterministic=True)

    @property
    def own(self) -> tuple[Path, ...]:
        """All places where what it makes differs from all others."""
        return (self.own_id, *self.also_own) if self.own_id is not None else ()

    def make_other(self, message: Message, salt: str) -> None:
        """Let one of these requests make another thing, as far as it says what has to differ."""
        for path in self.own:
            if is_there(message, path):
                make_other(message, path, salt)


def made_before(
    request: AcceptedRequest,
    calls: list[Call],
    salt: str,
    *,
    without: Collection[Path | None] = (),
    choose: Callable[[int], int] | None = None,
    sources: dict[tuple[bytes, int], set[Path]] | None = None,
) -> tuple[Binding, ...]:
    """Add the calls that make what a request needs, but for the places *without*. Returns where it says what came of
    them. See :meth:`AcceptedRequest.calls` for *choose*.

    *sources* is what is taken so far of each call that was made: of one thing one request, and those that make what it
    needs, may say several things, but each once. So a lesson is on a day of the very term that its course is in.
    """
    bindings = []
    sources = {} if sources is None else sources
    for need in request.needs:
        if need.target in without:
            continue
        made = need.made_by
        maker = made.method.path.encode() + made.data
        shared = next((at for at in sources if at[0] == maker and need.source not in sources[at]), None)
        if shared is not None:
            sources[shared].add(need.source)
            bindings.append(Binding(shared[1], need.source, need.target))
            continue
        content = made.message if choose is None or choose(3) else made.with_values(choose)
        if need.own_id is not None and need.own_id not in made.own:
            made = replace(made, own_id=need.own_id, also_own=())
        made.make_other(content, f"{salt} {len(calls)}")
        inner = made_before(made.naming(content), calls, salt, choose=choose, sources=sources)
        data = content.SerializePartialToString(deterministic=True)
        calls.append(replace(call_of(made.method, data, *made.later), bindings=inner))
        bindings.append(Binding(len(calls) - 1, need.source, need.target))
        sources[maker, len(calls) - 1] = {need.source}
    return tuple(bindings)


def make_other(message: Message, path: Path, salt: str) -> None:
    """Let a request make another thing: put another value at a path, or, where a day or a time stands there, move all
    of those in the request by as many days, so that what begins before it ends still does."""
    value = value_at(message, path)
    if not is_moment(value):
        put(message, path, varied(value, salt))
        return
    digest = blake2b(f"{path} {salt}".encode(), digest_size=8).digest()
    move(message, int.from_bytes(digest, "big") % MOST_DAYS + 1)


def with_other_keys(request: AcceptedRequest, salt: str) -> AcceptedRequest:
    """Return a request with other values where it may call things by names of its own: there may be one only below each
    parent."""
    message = request.message
    for way in reachable(request.method.input):
        path = path_of(way)
        is_text = way[-1].type == way[-1].TYPE_STRING and not any(field.is_repeated for field in way)
        if is_text and path not in request.references and OWN_KEY.fullmatch(path[-1]) and is_there(message, path):
            put(message, path, varied(value_at(message, path), salt))
    return replace(request, data=message.SerializePartialToString(deterministic=True), full=b"", values={})


_COLLECTIONS = re.compile(r"(?:[a-z][A-Za-z]*/[^/\s]+/)*[a-z][A-Za-z]*/(?=[^/\s]+$)")
"""All of a resource name but the last id, such as ``projects/p1/queues/``: with other words in it, it is none."""


def varied(value: Any, salt: str) -> Any:
    """Return another key of the same form: letters for letters, digits for digits, the first ones kept. Of a resource
    name the last id is another one."""
    digest = blake2b(f"{value} {salt}".encode(), digest_size=16).digest()
    if isinstance(value, int):
        least = 10 ** (min(max(len(str(abs(value))), 2), 9) - 1)
        return int.from_bytes(digest[:8], "big") % (9 * least) + least
    if isinstance(value, bytes) and value.isascii():
        return varied(value.decode("ascii"), salt).encode("ascii")
    if not isinstance(value, str):
        return value
    if (above := _COLLECTIONS.match(value)) is not None:
        return f"{above[0]}{varied(value[above.end() :], salt)}"
    made, changed = list(value), 0
    for position in range(len(made) - 1, -1, -1):
        octet, char = digest[changed % len(digest)], made[position]
        if char.isascii() and char.isalnum() and changed < 12:
            base, size = ("0", 10) if char.isdigit() else ("A" if char.isupper() else "a", 26)
            made[position] = chr(ord(base) + octet % size)
            changed += 1
    text = "".join(made)
    return text if changed >= 4 else f"{text}{''.join(chr(ord('a') + octet % 26) for octet in digest[:5])}"


def set_at(message: Message, way: Fields, value: Any) -> Path | None:
    """Put a value at the end of a way: into the first items of lists. Returns the place; None if it doesn't fit."""
    path: list[str | int] = []
    current: Any = message
    for field in way[:-1]:
        path.append(field.name)
        current = getattr(current, field.name)
        if field.is_repeated:
            if hasattr(current, "items"):
                return None
            if not current:
                current.add()
            current = current[0]
            path.append(0)
    last = way[-1]
    try:
        is_item = last.is_repeated and not isinstance(value, dict | list)
        put(current, (last.name,), [value] if is_item else value)
    except (TypeError, ValueError, AttributeError):
        return None
    return (*path, last.name)


def _names_of(path: Path) -> str:
    return ".".join(step for step in path if isinstance(step, str))


def is_there(message: Message, path: Path) -> bool:
    """Whether there is something but zero at a path."""
    try:
        return bool(value_at(message, path))
    except (LookupError, AttributeError):
        return False


def chosen_at(message: Message, key: Any) -> Path | None:
    """Return where a request says the key that came of it; None if it doesn't."""
    for path, value in _values(message):
        if value == key or (isinstance(key, str) and isinstance(value, str) and value and key.endswith(f"/{value}")):
            return path
    return None


def _values(message: Message, way: Path = (), depth: int = 3) -> Iterator[tuple[Path, Any]]:
    for one, value in message.ListFields():
        if one.is_repeated:
            continue
        if one.message_type is not None:
            if depth:
                yield from _values(value, (*way, one.name), depth - 1)
        elif not isinstance(value, bool) and one.enum_type is None:
            yield (*way, one.name), value


OWN_KEY = re.compile(r"(.*_)?(id|key|code|sku|slug|email|number|ref|reference|handle|tag|label|nickname|username)")
"""What a thing may be known by, by the name of the field."""

_SUFFIXES = re.compile(r"_(id|name|slug|number|code|key|uid|uuid|no|ref|serial|handle)$")


def stem_of(name: str) -> str:
    """Return what a field names something by: ``book`` for ``book_id``."""
    return _SUFFIXES.sub("", name)
