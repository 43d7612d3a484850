"""A text looked for in calls: most blocks of calls tell all at once that it is in none of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import DecodeError as ProtobufDecodeError

from grpcmock.engine.given_answers import CompactCall
from grpcmock.schema.codec import DecodeError, decode, to_text
from grpcmock.servers.admin.proto_json_words import ProtoJsonWords

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from google.protobuf.message import Message

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.schema import Method
    from grpcmock.status import Metadata

    Kept = CallRecord | CompactCall

_T = TypeVar("_T")

_TEXT_LIMIT = 1 << 20
"""Characters of a message that are searched."""

_BETWEEN = re.compile(r'["{}\[\],:]')
"""What stands between the values of ProtoJSON."""

_UNLIKE_BYTES = re.compile(r"[\\…]")
"""What ProtoJSON writes otherwise than the bytes have it: escapes, and where a text was cut."""


class TextSearch:
    """Tells which calls hold a text, whatever its case: in the method, the messages as ProtoJSON, the metadata, the
    status message, or the name of the stub. That one begins amid an escape of JSON isn't looked for.
    """

    def __init__(self, text: str) -> None:
        self._text = sought = text.casefold()
        # Most calls have their names and metadata in common with others, and many their messages.
        self._stands_in: Callable[[str], bool] = lru_cache(4_096)(lambda text: sought in text.casefold())
        self._is_in_message: Callable[[Any, bytes], bool] = lru_cache(4_096)(self._reads_in_message)
        self._pieces = _pieces(sought)
        self._tellings: dict[int, _Telling] = {}
        """By the identity of a message class."""

    def may_be_among(self, calls: Iterable[Kept]) -> bool:
        """Whether one of some calls may hold it. A no is certain, and comes at a fraction of the price of asking each
        of them: what they say is put together, as it was sent, and looked through at once.
        """
        words: set[str] = set()
        said: dict[int, tuple[type[Message], list[bytes]]] = {}
        _gather(calls, words, said)
        tellings = [self._telling(message_class) for message_class, _ in said.values()]
        pieces = self._pieces.intersection(*(telling.pieces for telling in tellings))
        if not pieces:
            return True
        texts = ["\n".join(words)]
        # A number that comes before a string ends with a byte of ASCII, so that no string loses its beginning.
        texts += [b"\n".join(data).decode("utf-8", "ignore") for _, data in said.values()]
        for (message_class, data), telling in zip(said.values(), tellings, strict=True):
            if telling.are_fields_needed:
                texts += _in_text_format(message_class, data)
        everything = "\n".join(texts).casefold()
        return all(piece in everything for piece in pieces)

    def _telling(self, message_class: type[Message]) -> _Telling:
        if (told := self._tellings.get(id(message_class))) is None:
            told = self._tellings[id(message_class)] = _Telling(message_class, self._pieces)
        return told

    def in_words(self, call: Kept) -> bool:
        """Whether it stands in what is a call's own: all but what was said in it."""
        if self._stands_in(call.path) or (call.stub is not None and self._stands_in(call.stub.name)):
            return True
        return self._is_in(call.metadata)

    def in_what_was_said(self, call: CallRecord) -> bool:
        """Whether it stands in the messages of a call, or in how it ended."""
        if self._stands_in(call.message) or self._is_in(call.trailers):
            return True
        if (method := call.method) is None:
            return False
        return any(
            self._is_in_message(method.request_class if direction == "request" else method.response_class, data)
            for direction, data, _ in call.frames
        )

    def _is_in(self, metadata: Metadata) -> bool:
        return any(
            self._stands_in(key) or (isinstance(value, str) and self._stands_in(value)) for key, value in metadata
        )

    def _reads_in_message(self, message_class: type[Message], data: bytes) -> bool:
        return any(self._text in to_text(one, _TEXT_LIMIT).casefold() for one in _decoded(message_class, (data,)))


class _Telling:
    """What can be told of the text without writing the messages of a type as ProtoJSON."""

    def __init__(self, message_class: type[Message], pieces: frozenset[str]) -> None:
        self.message_class = message_class
        """Held, so that nothing else gets its identity."""
        descriptor: Any = message_class.DESCRIPTOR
        words = ProtoJsonWords.of(descriptor)
        self.pieces = frozenset(piece for piece in pieces if not words.may_write_otherwise(piece))
        """The pieces that stand in the bytes or in the text format if in ProtoJSON."""
        self.are_fields_needed = any(words.may_not_be_in_bytes(piece) for piece in self.pieces)
        """Whether the text format is needed for that."""


def _pieces(text: str) -> frozenset[str]:
    """Return parts of a text that stand each within one value, or one name of a field, wherever it stands."""
    if _UNLIKE_BYTES.search(text):
        return frozenset()
    return frozenset(filter(None, map(str.strip, _BETWEEN.split(text))))


def _gather(calls: Iterable[Kept], words: set[str], said: dict[int, tuple[type[Message], list[bytes]]]) -> None:
    """Add what calls hold to *words*, and their messages by the identities of their classes to *said*."""
    compact: list[CompactCall] = []
    metadata: dict[int, Metadata] = {}
    methods: dict[int, tuple[list[bytes], list[bytes]]] = {}

    def both(method: Method) -> tuple[list[bytes], list[bytes]]:
        if (found := methods.get(id(method))) is None:
            classes = method.request_class, method.response_class
            requests, responses = (said.setdefault(id(one), (one, []))[1] for one in classes)
            found = methods[id(method)] = requests, responses
            words.add(method.path)
        return found

    for call in calls:
        if isinstance(call, CompactCall):
            compact.append(call)
            continue
        words.update((call.path, call.message, call.stub.name if call.stub is not None else ""))
        metadata.update(_each([call.metadata, call.trailers]))
        if call.method is not None:
            requests, responses = both(call.method)
            for direction, data, _ in call.frames:
                (requests if direction == "request" else responses).append(data)
    _gather_compact(compact, words, metadata, both)
    for pairs in metadata.values():
        for key, value in pairs:
            words.update((key, value) if isinstance(value, str) else (key,))


def _gather_compact(
    calls: list[CompactCall],
    words: set[str],
    metadata: dict[int, Metadata],
    both: Callable[[Method], tuple[list[bytes], list[bytes]]],
) -> None:
    """Do so for calls that have much in common: there may be very many."""
    metadata.update(_each([call.metadata for call in calls]))
    stubs: dict[int, CompiledStub | None] = {}
    last = None
    for method, stub, request, answer, *_ in _each([call.given for call in calls]).values():
        if method is not last:
            (requests, responses), last = both(method), method
        requests.append(request)
        responses += answer.messages
        stubs[id(stub)] = stub
        if answer.message:
            words.add(answer.message)
        if answer.trailers:
            metadata[id(answer.trailers)] = answer.trailers
    words.update(stub.name for stub in stubs.values() if stub is not None)


def _each(things: list[_T]) -> dict[int, _T]:
    """Give each of some things once, by its identity."""
    return dict(zip(map(id, things), things, strict=True))


def _in_text_format(message_class: type[Message], data: Iterable[bytes]) -> list[str]:
    try:
        return list(map(str, map(message_class.FromString, data)))
    except (ProtobufDecodeError, RuntimeError, RecursionError):
        return list(map(str, _decoded(message_class, data)))


def _decoded(message_class: type[Message], data: Iterable[bytes]) -> Iterable[Message]:
    """Decode those that can be."""
    for one in data:
        try:
            yield decode(message_class, one)
        except DecodeError:
            continue
