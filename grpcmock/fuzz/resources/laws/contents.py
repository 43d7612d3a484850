"""What was sent to be kept comes back as it was, however large: uploads and downloads.

That one method gives what another one was sent is learned from the calls: once all of it came back under the key that
was told, the next, larger one must, too. And what was said of it in sending it is said of it in the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.fuzz.expectations.naming import capitalized
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.resources.contents import contents_of, owners
from grpcmock.fuzz.resources.laws.exchanges import exchange_in
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method


class _Sent(NamedTuple):
    """What was sent to be kept, and the answer."""

    by: Method
    content: bytes
    requests: list[Any]
    answer: Any


_DESCRIBES = re.compile(
    r"(file|object|blob|original)_?name|((file|total|content|blob|object)_)?(size|length)(_(in_)?bytes)?|sha_?\d+|md5|((sha\d*|md5)_)?(checksum|digest|hash)"
)
_PARTLY = re.compile(r"(Batch)?(Update|Patch|Modify|Edit|Change|Set|Append)(?=[A-Z]|$)")
"""Methods that are sent a part of what is kept, by their names."""

_ENOUGH = 3
"""So many of these must an answer have, all but one of them right."""


@dataclass(slots=True)
class Contents:
    """Hears of the calls of a case, one after the other."""

    _kept: dict[Any, _Sent] = field(default_factory=dict)
    """By the keys that were told of it."""

    _proven: set[tuple[str, str]] = field(default_factory=set)
    """The methods that were sent something, and that gave it back whole."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        exchange = exchange_in(reply)
        if exchange is None:
            return
        method, requests, answers = exchange
        is_ok = with_meant_status(reply).is_ok
        if not only_reads(method):
            # An update may name what it changes within a message, or only in its answer.
            for owner in (owner for message in (*requests, *answers) for owner in owners(message)):
                for key in _keys(owner):
                    self._kept.pop(key, None)
            is_whole = _PARTLY.match(capitalized(method.name)) is None
            if is_ok and is_whole and len(answers) == 1 and (sent := _joined(requests)):
                self._kept |= dict.fromkeys(_keys(answers[0]), _Sent(method, sent, requests, answers[0]))
        elif is_ok and len(requests) == 1 and len(requests[0].ListFields()) == 1:
            key = next(iter(_keys(requests[0])), None)
            if key in self._kept:
                yield from self._came_back(method, self._kept[key], _joined(answers))

    def _came_back(self, method: Method, kept: _Sent, got: bytes) -> Iterator[Finding]:
        by, sent = kept.by, kept.content
        if got == sent:
            self._proven.add((by.path, method.path))
            yield from _described(kept)
        elif (by.path, method.path) in self._proven:
            same = next((at for at, (one, other) in enumerate(zip(sent, got, strict=False)) if one != other), None)
            where = f"other ones from byte {same} on" if same is not None else "the first of them or more"
            yield Finding(
                check="read_after_write",
                expected=f"the {len(sent)} bytes that {by.name} was sent",
                actual=f"{len(got)} bytes, {where}",
                key="contents",
                method=method,
                may_lag=True,
            )


def _described(kept: _Sent) -> Iterator[Finding]:
    """What is said of a content in sending it, is said of it in the answer as well: its name, size and digest.

    Not all servers give all of it in their answers; one that gives most of it means to.
    """
    given = _description(kept.requests)
    told = {name: value for name, value in _description([kept.answer], empty=True).items() if name in given}
    wrong = {
        name: value for name, value in told.items() if value != given[name] and not _is_alike(name, value, given[name])
    }
    if len(wrong) == 1 and len(told) >= _ENOUGH:
        name, value = wrong.popitem()
        yield Finding(
            check="read_after_write",
            expected=f"{name} {given[name]!r}, which {kept.by.name} was given",
            actual=f"{name} {value!r}",
            path=name,
            key=f"described {name}",
            method=kept.by,
        )


def _description(messages: list[Any], *, empty: bool = False) -> dict[str, Any]:
    """Return the names, sizes and digests that messages tell by field; those of nothing only with *empty*."""
    found: dict[str, Any] = {}
    for owner in (owner for message in messages for owner in owners(message)):
        for one in owner.DESCRIPTOR.fields if empty else [one for one, _ in owner.ListFields()]:
            if one.is_repeated or one.message_type is not None or not _DESCRIBES.fullmatch(snake_case(one.name)):
                continue
            if isinstance(value := getattr(owner, one.name), int | str) and not isinstance(value, bool):
                found.setdefault(one.name, value)
    return found


def _is_alike(name: str, one: Any, other: Any) -> bool:
    """Whether a value may stand for another: a name of the server's own, or a digest in another form."""
    if not isinstance(one, str) or not one:
        return bool(one == other)
    return name.endswith("name") or len(one) != len(other) or one.casefold() == other.casefold()


def _keys(message: Message) -> list[Any]:
    """Return the texts in a message by which something can be named."""
    return [value for _, value in message.ListFields() if isinstance(value, str)]


def _joined(messages: list[Any]) -> bytes:
    return b"".join(content for message in messages for content in contents_of(message))
