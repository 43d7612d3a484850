"""Values to try in a field: what its name and type suggest, from what an everyday program would send."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import TYPE_CHECKING, Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.learning import demands
from grpcmock.fuzz.learning.accepted_requests import OWN_KEY
from grpcmock.fuzz.learning.asked_moments import asked_days
from grpcmock.fuzz.learning.moments import TIMESTAMP
from grpcmock.schema.naming import snake_case
from grpcmock.synthesis.answers import generate

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Path
    from grpcmock.schema import Registry

_NAMED = (
    (r"birth|born|(^|_)dob($|_)", ("1990-05-01", "2000-02-29", "1990-05-01T12:00:00Z")),
    (r"(^|_)(date|day|from|until|since|start|end|begin|to|on|birthday|check_?in|check_?out|due|expires?)($|_)",
     ("2024-05-01", "2024-05-04", "2030-05-01", "2024-05-01T12:00:00Z", "12:30")),
    (r"(^|_)(time|at|timestamp|created|updated)($|_)",
     ("2024-05-01T12:00:00Z", "2024-05-04T12:00:00Z", "12:30", "2024-05-01")),
    (r"mail", ("ann@example.com",)),
    (r"(^|_)(url|uri|link|website|href|homepage|endpoint)($|_)", ("https://example.com/a",)),
    (r"phone|mobile|(^|_)tel", ("+49 30 1234567", "+49301234567", "5551234567")),
    (r"currency", ("EUR", "USD", "eur")),
    (r"country|region", ("DE", "DEU", "Germany")),
    (r"lang|locale", ("en", "en-US")),
    (r"(^|_)(zone|timezone|tz)($|_)", ("Europe/Berlin", "UTC")),
    (r"colou?r", ("#a0b1c2", "red")),
    (r"uuid|guid|request_id|(^|_)uid($|_)", ("3f2b8c1e-5d0b-4c3a-9a57-0d1e5c7ab001",)),
    (r"card", ("4111111111111111",)),
    (r"iban", ("DE89370400440532013000",)),
    (r"isbn", ("9783161484100", "978-3-16-148410-0")),
    (r"(^|_)ip|address$", ("192.0.2.1", "1 Main Street")),
    (r"version", ("1.2.3", "v1")),
    (r"zip|post(al)?_?code", ("10115", "SW1A 1AA")),
    (r"slug|handle|tag|label|kind|(^|_)id$|key$", ("abc", "abc-def", "a1b2c3", "ABC123")),
    (r"serial|sku|code|number|plate", ("ABC123", "AB123456", "ABC-1234", "123456", "A1")),
    (r"user|author|login|account", ("alice", "Alice")),
    (r"(^|_)(section|zone|block|row|gate|wing|grade|tier|class|seat)($|_)", ("A", "1", "A1")),
    (r"password|secret", ("Correct-Horse-7-Battery",)),
    (r"lat", ("52.5",)),
    (r"hash|digest|checksum", ("d41d8cd98f00b204e9800998ecf8427e",)),
)  # fmt: skip
_TEXTS = (
    *("abc", "Example text", "Alice Example", "abc-def", "a1b2c3", "ABC", "ABC123", "AB123456", "ABC-1234"),
    *(
        "2024-05-01",
        "2024-05-04",
        "2024-05-01T12:00:00Z",
        "ann@example.com",
        "https://example.com/a",
        "EUR",
        "DE",
        "en",
    ),
    *("+49 30 1234567", "12345678", "3f2b8c1e-5d0b-4c3a-9a57-0d1e5c7ab001", "#a0b1c2", "12:30", "1.2.3", "192.0.2.1"),
)
_NUMBERS = (1, 2, 10, 100, 5, 1000, 50, 2024, 1_714_564_800)
_BELOW_ZERO = (-2,)
_SIGNED = frozenset(
    (
        *(FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64),
        *(FieldDescriptor.TYPE_SFIXED32, FieldDescriptor.TYPE_SFIXED64),
    )
)
"""Types that are chosen where numbers below zero are usual."""

_NUMBERED = (
    (r"(^|_)nanos$", (500_000_000, -500_000_000)),
    (r"(^|_)exp[a-z]*_year$", (2034,)),
    (r"(^|_)year$", (2024, 2023)),
    (r"(^|_)month$", (2, 12)),
    (r"(^|_)day$", (29, 1)),
    (r"(^|_)hours?$", (12,)),
    (r"(^|_)(percent|percentage)$", (50,)),
    (r"(^|_)port$", (8080,)),
)
"""Numbers by the names of fields: half a unit and its opposite, a day that not every year has."""

_REALS = (1.0, 0.5, 10.0, 100.0)
_SECONDS = {
    "google.protobuf.Timestamp": (1_714_564_800, 1_714_824_000, 1_905_000_000),
    "google.protobuf.Duration": (60, 3_600),
}
_NATURALS = 2
_EACH_MAP = 3
_ALIKE = 2
"""So many texts are tried that were taken in other fields of the same name."""


class Candidates:
    """Gives values for the fields of a registry's messages."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.comments = field_comments(registry)
        """Of fields, by their full names."""
        self._taken: dict[str, dict[str, None]] = {}
        """The texts that the server has taken, by the names of fields: a project is written one way everywhere."""

    def learn(self, message: Message, besides: Collection[Path] = (), way: Path = ()) -> None:
        """Take the texts of a request that the server has taken, but for the keys of things: those at some places, and
        what is called like one."""
        for field, value in message.ListFields():
            path = (*way, field.name)
            if field.is_repeated or path in besides:
                continue
            if field.message_type is not None:
                self.learn(value, besides, path)
            elif field.type == FieldDescriptor.TYPE_STRING and not _is_key(field.name):
                self._taken.setdefault(field.name, {}).setdefault(value)

    def of(self, field: FieldDescriptor, words: str = "") -> Iterator[Any]:
        """Yield values for a field, of a list its first item; of a message field they are messages.

        Those come first that the *words* of an error ask for, and then those that its comment does.
        """
        comment = self.comments.get(field.full_name, "")
        said, words = [words, comment], f"{words} {comment}".strip()
        if field.enum_type is not None:
            yield from (value.number for value in field.enum_type.values if value.number)
            yield from (value.number for value in field.enum_type.values if not value.number)
        elif field.message_type is not None and field.message_type.GetOptions().map_entry:
            yield from self._maps(field.message_type)
        elif field.message_type is not None:
            yield from self._messages(field.message_type, words)
        elif field.type == FieldDescriptor.TYPE_STRING:
            for text in said:
                yield from demands.texts(text)
            yield from self._texts(field)
        elif field.type == FieldDescriptor.TYPE_BYTES:
            yield from (b"abc", b"a" * 16, b"a" * 32)
        elif field.type == FieldDescriptor.TYPE_BOOL:
            yield from (True, False)
        elif field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
            yield from (float(number) for number in demands.numbers(words))
            yield from _REALS
        else:
            yield from (int(number) for number in demands.numbers(words))
            name = snake_case(field.name)
            yield from (value for pattern, values in _NUMBERED if re.search(pattern, name) for value in values)
            yield from _BELOW_ZERO if field.type in _SIGNED else ()
            yield from _NUMBERS

    def _texts(self, field: FieldDescriptor) -> Iterator[str]:
        name = snake_case(field.name)
        yield from islice(self._taken.get(field.name, ()), _ALIKE)
        for pattern, values in _NAMED:
            if re.search(pattern, name):
                yield from values
        owner = field.containing_type
        for seed in range(_NATURALS if owner is not None else 0):
            assert owner is not None
            found = getattr(self.natural(owner, seed), field.name)
            found = found if isinstance(found, str) else next(iter(found), "")
            if found:
                yield found
        yield from _TEXTS

    def _messages(self, descriptor: Descriptor, words: str) -> Iterator[Any]:
        message_class = message_factory.GetMessageClass(descriptor)
        if descriptor.full_name in _SECONDS:
            if descriptor.full_name == TIMESTAMP:
                yield from (message_class(seconds=_noon(day)) for day in asked_days(words))
            yield from (message_class(seconds=seconds) for seconds in _SECONDS[descriptor.full_name])
        elif "value" in descriptor.fields_by_name and descriptor.full_name.startswith("google.protobuf."):
            yield from (message_class(value=value) for value in self.of(descriptor.fields_by_name["value"], words))
        else:
            if {"year", "month", "day"} == set(descriptor.fields_by_name):
                yield message_class(year=2024, month=2, day=29)
            first, *others = (self.natural(descriptor, seed) for seed in range(_NATURALS))
            yield first
            if (small := _small(first)) != first:
                yield small
            yield from others
            yield message_class()

    def _maps(self, entry: Descriptor) -> Iterator[dict[Any, Any]]:
        """Yield maps of one entry; none of messages."""
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        if value.message_type is None:
            pairs = zip(islice(self.of(key), _EACH_MAP), islice(self.of(value), _EACH_MAP), strict=False)
            yield from ({one: other} for one, other in pairs)

    def natural(self, descriptor: Descriptor, seed: int) -> Message:
        """Return a message with natural values."""
        moment = datetime(2024, 5, 1, tzinfo=UTC)
        return generate(
            message_factory.GetMessageClass(descriptor), self._registry, seed, as_request=True, now=lambda: moment
        )


def _is_key(name: str) -> bool:
    return OWN_KEY.fullmatch(name) is not None or name == "name" or name.endswith("_name")


def _noon(day: date) -> int:
    return int(datetime.combine(day, time(12), UTC).timestamp())


def _small(message: Any) -> Message:
    """Return a message whose whole numbers are all one, which hardly anything is too small or too large for."""
    found: Message = type(message)()
    found.CopyFrom(message)
    for field in message.DESCRIPTOR.fields:
        if not field.is_repeated and field.cpp_type in WHOLE and field.containing_oneof is None:
            setattr(found, field.name, 1)
    return found
