"""Refusals that a response with OK tells in its own terms: rows that were rejected, problems, ``accepted: false``.

That is how many things at once are answered, where some of them can't be done. A response is a refusal as a whole where
nothing that it says was done: ``{"rejected": 1, "problems": [...]}`` is one, and isn't any more with ``"created": 1``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from grpcmock.fuzz.model.failure_words import (
    FAILED,
    OF_REQUEST,
    OWN,
    TOTALS,
    WORDS,
    as_constant,
    has_word,
    names_error,
    names_failure,
)
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.schema.naming import snake_case, words_of
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.descriptor import Descriptor

    from grpcmock.schema import Method

_OF_CALL = re.compile(r"(request|trace|correlation|span|call|client_request)_id|dry_run|validate_only")
_OUTCOME = re.compile(r"((is|was)_)?(accepted|ok|success|successful|succeeded|applied)")
_STATUS = re.compile(r"(.*_)?(status|result|outcome|state|disposition|verdict|decision|code)")
_TEXTS = ("message", "error_message", "text", "description", "reason", "detail", "details", "error")
_FIELDS = ("field", "path", "parameter", "property")
_NEUTRAL = ("google.protobuf.Timestamp", "google.protobuf.Duration")
_RPC_STATUS = "google.rpc.Status"
_SHORTEST = 3
_ASKING = re.compile(
    r"(get|list|search|find|lookup|count|query|read|fetch|describe|show|check|validate|verify|preview|estimate|watch|stream"
    r"|subscribe|is|has|stat|export|download|view|browse|scan)(_|$)"
)
_NUMBERS = frozenset(
    {
        *(FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT32),
        *(FieldDescriptor.CPPTYPE_UINT64, FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT),
    }
)


class ToldRefusal(NamedTuple):
    """What a response tells of a refusal, as a status would."""

    code: int
    message: str


class _Failure(NamedTuple):
    """A field that tells of a failure, in a message that may say why."""

    message: Message
    field: FieldDescriptor
    value: Any


def refusal_in(answer: Message, method: Method) -> ToldRefusal | None:
    """Return what a response tells of a refusal if it tells of nothing that was done; None if it does.

    What only asks is told what there is, of things that have failed as of others: that is no refusal.
    """
    if _only_asks(method) or not may_tell(method):
        return None
    failures = _reader_of(method).whole(answer)
    return _as_status(failures) if failures else None


def tells_refusal(answer: Message, method: Method) -> bool:
    """Whether a response tells that something was refused, if not all."""
    if not may_tell(method):
        return False
    reader = _reader_of(method)
    if reader.failures(answer) or reader.whole(answer):
        return True
    if _only_asks(method):
        return False  # things that have failed in some way are shown like others
    lists = (_items(*pair) for pair in answer.ListFields() if pair[0].message_type is not None and pair[0].is_repeated)
    inner = (message for message in messages_in(answer) if message is not answer)
    return any(map(reader.failures, inner)) or any(reader.of_item(item) for items in lists for item in items)


def tells_done(answer: Message, method: Method) -> bool:
    """Whether a response to a stream of one row says that it was done, which nothing else that it says takes back."""
    if not method.kind.client_streams or any(field.is_repeated and field.message_type for field in method.input.fields):
        return False
    return any(_counts_done(*pair) for pair in answer.ListFields())


def may_tell(method: Method) -> bool:
    """Whether the responses of a method may tell of refusals at all."""
    return _may_tell(method.output)


def text_in(message: Message, names: Iterable[str] | None = None) -> str:
    """Return the text in the first field that is called like one of these; without names, which field was wrong, and
    why."""
    if names is None:
        return " ".join(filter(None, (text_in(message, _FIELDS), text_in(message, _TEXTS))))
    fields = message.DESCRIPTOR.fields_by_name
    for name in names:
        if name in fields and fields[name].type == fields[name].TYPE_STRING and not fields[name].is_repeated:
            return str(getattr(message, name))
    return ""


class _Reader:
    """Reads the responses of a method: what they have in common with its requests is given back, and tells nothing."""

    def __init__(self, method: Method) -> None:
        self._own = _types_in(method.input)
        self._given = {field.name for one in self._own for field in one.fields}
        self._named = tuple(_stem(word) for word in snake_case(method.name).split("_") if len(word) >= _SHORTEST)

    def whole(self, message: Message) -> list[_Failure]:
        """Return the failures that are all that a message tells of; none if it tells of something that was done."""
        if message.DESCRIPTOR in self._own:
            return []
        found = self.failures(message)
        told = {failure.field.name for failure in found}
        for field, value in message.ListFields():
            if field.name in told or _says_nothing(field, value):
                continue
            if field.message_type is None:
                return []
            parts = [self.of_item(one) for one in _items(field, value)] if field.is_repeated else [self.whole(value)]
            if not parts or not all(parts):
                return []
            found += [failure for part in parts for failure in part]
        return found or self._denials(message)

    def of_item(self, item: Message) -> list[_Failure]:
        """Return the failures that one of many answers tells of; what else it says may be what was asked for."""
        return self.failures(item) or self._denials(item)

    def failures(self, message: Message) -> list[_Failure]:
        """Return what tells of failures by itself."""
        if message.DESCRIPTOR in self._own:
            return []
        return [_Failure(message, *pair) for pair in message.ListFields() if self._is_failure(*pair)]

    def _denials(self, message: Message) -> list[_Failure]:
        """Return what says that the whole was not done: ``accepted`` that is false, which proto3 doesn't send."""
        if message.DESCRIPTOR in self._own:
            return []
        all_fields: Iterable[Any] = message.DESCRIPTOR.fields
        fields = [field for field in all_fields if _is_outcome(field) and field.name not in self._given]
        return [_Failure(message, field, False) for field in fields if not getattr(message, field.name)]

    def _is_failure(self, field: FieldDescriptor, value: Any) -> bool:
        kind = field.message_type
        if kind is not None and kind.full_name == _RPC_STATUS and not field.is_repeated:
            return bool(value.code)
        if field.name in self._given or self._is_asked_for(field.name):
            return False
        if field.enum_type is not None and not field.is_repeated:
            named = field.enum_type.values_by_number.get(value)
            return named is not None and _STATUS.fullmatch(field.name) is not None and names_error(named.name)
        if not names_failure(field.name) or (kind is not None and kind.full_name in _NEUTRAL):
            return False
        return field.is_repeated or field.cpp_type not in _NUMBERS or value > 0

    def _is_asked_for(self, name: str) -> bool:
        """Whether the method is there for what sounds like a failure: ``RejectOrders``, ``ReportProblem``."""
        words = snake_case(name).split("_")
        return any(FAILED.fullmatch(word) and word.startswith(self._named) for word in words)


@lru_cache(1024)
def _reader_of(method: Method) -> _Reader:
    return _Reader(method)


def _stem(word: str) -> str:
    """Return how the other forms of a verb begin, too: ``den`` of ``deny``."""
    return word[: max(_SHORTEST, min(len(word) - 1, _SHORTEST + 1))]


def _says_nothing(field: FieldDescriptor, value: Any) -> bool:
    """Whether a field that is set says nothing of whether anything was done."""
    kind: Any = field.message_type
    if kind is not None:
        return kind.full_name in (*_NEUTRAL, _RPC_STATUS)
    if field.is_repeated:
        return False
    if field.cpp_type == field.CPPTYPE_BOOL:
        return not value or not _is_outcome(field)
    if field.enum_type is not None:
        return not value or not _STATUS.fullmatch(field.name)
    if field.cpp_type in _NUMBERS:
        return value <= 0 or (has_word(TOTALS, field.name) and not _counts_done(field, value))
    return not value or field.name in (*_TEXTS, *_FIELDS) or _OF_CALL.fullmatch(field.name) is not None


def _counts_done(field: FieldDescriptor, value: Any) -> bool:
    """Whether a number says that something was done: ``created``, ``rows_imported``."""
    if field.is_repeated or field.cpp_type not in _NUMBERS or value <= 0 or names_failure(field.name):
        return False
    return any(word.endswith("ed") and not TOTALS.fullmatch(word) for word in snake_case(field.name).split("_"))


def _is_outcome(field: FieldDescriptor) -> bool:
    is_bool = field.cpp_type == field.CPPTYPE_BOOL and not field.is_repeated
    return is_bool and _OUTCOME.fullmatch(snake_case(field.name)) is not None


def _items(field: FieldDescriptor, value: Any) -> list[Message]:
    kind: Any = field.message_type
    is_map = kind.GetOptions().map_entry
    return [one for one in (value.values() if is_map else value) if isinstance(one, Message)]


def _as_status(failures: list[_Failure]) -> ToldRefusal:
    """Return the first failure that says why as a status, or else the first of all."""
    told = [(_said_in(failure), failure) for failure in failures]
    words, failure = next((one for one in told if one[0]), told[0])
    if isinstance(failure.value, Message) and failure.value.DESCRIPTOR.full_name == _RPC_STATUS:
        code: int = failure.value.code  # type: ignore[attr-defined]
        return ToldRefusal(code if 0 < code <= Code.UNAUTHENTICATED else Code.FAILED_PRECONDITION, words)
    name = _constant_of(failure)
    by_name = next((code for word, code in WORDS if word in name), None)
    by_words = next((code for pattern, code in (*OWN, OF_REQUEST) if pattern.search(words)), None)
    return ToldRefusal(by_words or by_name or Code.FAILED_PRECONDITION, words or failure.field.name)


def _constant_of(failure: _Failure) -> str:
    if failure.field.enum_type is not None and not failure.field.is_repeated:
        return as_constant(failure.field.enum_type.values_by_number[failure.value].name)
    return as_constant(failure.field.name)


def _said_in(failure: _Failure) -> str:
    """Return why something was refused, as far as it is told."""
    field, value = failure.field, failure.value
    if field.message_type is not None:
        items = _items(field, value) if field.is_repeated else [value]
        return next(filter(None, map(text_in, items)), "")
    if field.type == field.TYPE_STRING and not field.is_repeated:
        return str(value)
    if field.type == field.TYPE_STRING and not words_of(field.name) & {"id", "ids", "names", "keys"}:
        return str(value[0])
    return text_in(failure.message)


@lru_cache(1024)
def _only_asks(method: Method) -> bool:
    options = method.descriptor.GetOptions()
    return options.idempotency_level == options.NO_SIDE_EFFECTS or bool(_ASKING.match(snake_case(method.name)))


@lru_cache(1024)
def _may_tell(descriptor: Descriptor) -> bool:
    """Whether messages of a type may tell of refusals at all."""
    return any(
        names_failure(field.name) or _is_outcome(field) or one.full_name == _RPC_STATUS or _has_failures(field)
        for one in _types_in(descriptor)
        for field in one.fields
    )


def _has_failures(field: FieldDescriptor) -> bool:
    values = field.enum_type.values if field.enum_type is not None else ()
    return any(names_error(value.name) for value in values) and _STATUS.fullmatch(field.name) is not None


@lru_cache(1024)
def _types_in(descriptor: Descriptor) -> frozenset[Descriptor]:
    """Return a type, and those of all messages that may be inside it."""
    found, left = {descriptor}, [descriptor]
    while left:
        for field in left.pop().fields:
            if field.message_type is not None and field.message_type not in found:
                found.add(field.message_type)
                left.append(field.message_type)
    return frozenset(found)
