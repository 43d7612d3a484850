"""What calls have made on a server: by which one a thing came to be there that another call names or is shown."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from grpcmock.client.actions import Send
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.model.readable import first_answer, first_request

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Call, Path
    from grpcmock.fuzz.model.results import Reply

_REMEMBERED = 2_000
"""Of changes that nobody has asked for, those before the last so many are forgotten."""

_MOST = 20_000
"""So many things are known."""

_IDENTITY = re.compile(r"(name|id|uid|uuid|key|number|slug|sku|isbn|email)|.*_(id|uid|uuid|key|name)")
"""The names of fields by which one thing is told from another."""

_NEXT = re.compile(r"next_.*|.*_?cursor|continuation_token|has_more")

_DEEPEST = 4
_LONGEST = 4
"""So many things may stand on each other: a note below a user below a team."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A value that tells a thing from others, and where it stands."""

    path: Path
    value: str | int


def identities(message: Message, path: Path = ()) -> Iterator[Identity]:
    """Yield the values in a message that tell things from others."""
    for field, value in message.ListFields():
        here = (*path, field.name)
        if field.message_type is not None:
            if field.message_type.GetOptions().map_entry or len(path) >= _DEEPEST:
                continue
            for index, one in enumerate(value) if field.is_repeated else ((None, value),):
                yield from identities(one, here if index is None else (*here, index))
        elif _tells_apart(field, value):
            yield Identity(here, value)


def _tells_apart(field: FieldDescriptor, value: object) -> bool:
    if field.is_repeated or field.enum_type is not None or isinstance(value, bool):
        return False
    return isinstance(value, str | int) and _IDENTITY.fullmatch(field.name) is not None


class Changes:
    """Keeps the calls that went well and may have changed something, in their order."""

    def __init__(self) -> None:
        self._replies: deque[Reply] = deque(maxlen=_REMEMBERED)
        """Those that weren't looked at yet: nobody may ever ask."""
        self._makers: dict[str | int, Reply] = {}

    def note(self, reply: Reply) -> None:
        """Take up a call that went well and doesn't only read."""
        self._replies.append(reply)

    def maker_of(self, value: str | int) -> Reply | None:
        """Return the first call whose answer had a value that tells things apart; None if there was none."""
        while self._replies:
            reply = self._replies.popleft()
            for told in told_by(reply) if len(self._makers) < _MOST else ():
                self._makers.setdefault(told.value, reply)
        return self._makers.get(value)

    def makers_of(self, value: str | int, *, with_theirs: bool = True) -> list[Reply] | None:
        """Return the calls by which a thing came to be there; *with_theirs*, those first that made what it stands on.
        None if that isn't known."""
        chain: list[Reply] = []
        wanted = [value]
        while wanted:
            maker = self.maker_of(wanted.pop())
            if maker is None or len(chain) > _LONGEST:
                return None
            if maker in chain:
                continue
            chain.insert(0, maker)
            if not with_theirs:
                continue
            own = {one.value for one in told_by(maker)}
            wanted += [one.value for one in asked_by(maker.call) if one.value not in own and self.maker_of(one.value)]
        return chain


def told_by(reply: Reply) -> list[Identity]:
    """Return what tells things apart in the first answer to a call."""
    answer = first_answer(reply)
    return list(identities(answer)) if answer is not None else []


def has_next_page(reply: Reply) -> bool:
    """Whether the first answer to a call says that there is more."""
    return any(_NEXT.fullmatch(field.name) for field, _ in _fields(reply))


def clear_next_page(answer: Message) -> None:
    """Take out of an answer what says that there is more."""
    for field, _ in answer.ListFields():
        if _NEXT.fullmatch(field.name):
            answer.ClearField(field.name)


def items_in(reply: Reply) -> int:
    """Return how many messages the lists in the first answer to a call hold."""
    lists = [value for field, value in _fields(reply) if field.is_repeated and field.message_type is not None]
    return sum(map(len, lists))


def _fields(reply: Reply) -> list[tuple[FieldDescriptor, Any]]:
    answer = first_answer(reply)
    return list(answer.ListFields()) if answer is not None else []


def asked_by(call: Call) -> list[Identity]:
    """Return what tells things apart in the first request of a call."""
    request = first_request(call)
    return list(identities(request)) if request is not None else []


def taking(call: Call, earlier: list[Reply], place: int = 0) -> Call:
    """Return a call that takes from the answers to *earlier* ones what they tell and it asks for; the first of those
    is at this *place* of its case."""
    found: dict[str | int, tuple[int, Path]] = {}
    for index, reply in enumerate(earlier, place):
        for told in told_by(reply):
            found.setdefault(told.value, (index, told.path))
    bindings = [
        Binding(*found[asked.value], asked.path)
        for asked in asked_by(call)
        if asked.value in found and not any(binding.target == asked.path for binding in call.bindings)
    ]
    return replace(call, bindings=(*call.bindings, *bindings))


def renamed(reply: Reply) -> Call:
    """Return the call that made a thing, so that it makes another one where the client chose the name."""
    call = reply.call
    told = {str(one.value).rpartition("/")[2] for one in told_by(reply)}
    message = first_request(call)
    if message is None:
        return call  # a server may take what is no message
    for one in asked_by(call):
        text = str(one.value)
        if isinstance(one.value, str) and text and text.rpartition("/")[2] in told:
            put(message, one.path, text[:-1] + _next(text[-1]))
    data = message.SerializePartialToString(deterministic=True)
    actions: list[Any] = list(call.actions)
    first = next(index for index, action in enumerate(actions) if isinstance(action, Send))
    actions[first] = Send(data)
    return replace(call, actions=tuple(actions), deadline=None)


def _next(character: str) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    if character.isdigit():
        return str((int(character) + 1) % 10)
    return letters[(letters.find(character.lower()) + 1) % len(letters)]
