"""The well-known types whose JSON form is their own: Timestamp, Duration, FieldMask, wrappers, Struct and its parts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import Message

from grpcmock.schema import values
from grpcmock.schema.values import Mismatch, describe

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

M = TypeVar("M", bound=Message)

WRAPPERS = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
"""The full names of the wrappers, whose JSON form is that of the value inside."""


def may_be_text(descriptor: Descriptor) -> bool:
    """Return whether the JSON form of a type's messages may be a string, as those of StringValue and Timestamp are."""
    return descriptor.full_name in _FORMS and descriptor.full_name not in _NEVER_TEXT


def is_well_known(descriptor: Descriptor) -> bool:
    """Whether messages of this type have a JSON form of their own, which :func:`parse` and :func:`to_tree` know.

    ``Any`` isn't counted: what it holds depends on the message types at hand, so the codec sees to it. ``Empty`` isn't
    either: its JSON form is that of any message without fields.
    """
    return descriptor.full_name in _FORMS


def parse(message_class: type[M], value: Any) -> M:
    """Make a message of a well-known type from its plain ProtoJSON form. Raises :class:`Mismatch`."""
    message = message_class()
    fill(message, value)
    return message


def fill(message: Message, value: Any) -> None:
    """Set an empty message of a well-known type from its plain ProtoJSON form. Raises :class:`Mismatch`."""
    descriptor: Any = message.DESCRIPTOR
    name = descriptor.full_name
    if form := _FORMS.get(name):
        message.SetInParent()
        form[0](message, value)
    elif not (name == "google.protobuf.Empty" and isinstance(value, Mapping) and not value):
        raise Mismatch(f"expected {values.type_name(descriptor)}, not {describe(value)}.")


def to_tree(message: Message) -> Any:
    """Give the plain ProtoJSON form of a message of a well-known type.

    What ProtoJSON can't say is shown as the fields hold it, so this never fails.
    """
    return _FORMS[message.DESCRIPTOR.full_name][1](message)


# --- Timestamp and Duration -------------------------------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
_LONGEST_DURATION = 315_576_000_000
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)
_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)


def _fill_timestamp(message: Any, value: Any) -> None:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Mismatch("expected a Timestamp, not a datetime without a time zone.")
        value = value.isoformat()
    found = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise Mismatch(
            f"expected a Timestamp (RFC 3339 with a zone, such as '2030-01-31T12:00:00Z'), not {describe(value)}."
        )
    *parts, fraction, _, sign, zone_hours, zone_minutes = found.groups()
    try:
        # timedelta arithmetic is exact here; timestamp() would go through a float
        local = datetime(*map(int, parts)).replace(tzinfo=UTC)  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError as error:
        raise Mismatch(f"expected a Timestamp, not {describe(value)}: {error}.") from None
    seconds: int = (local - _EPOCH) // timedelta(seconds=1)
    if sign:
        if int(zone_hours) > 23 or int(zone_minutes) > 59:
            raise Mismatch(f"expected a Timestamp, not {describe(value)}: there is no such time zone.")
        offset = int(zone_hours) * 3600 + int(zone_minutes) * 60
        seconds += offset if sign == "-" else -offset
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        raise Mismatch(f"expected a Timestamp from year 1 to year 9999 (UTC), not {describe(value)}.")
    message.seconds, message.nanos = seconds, _nanos(fraction)


def _show_timestamp(message: Any) -> Any:
    seconds, nanos = message.seconds, message.nanos
    if not (_FIRST_SECOND <= seconds <= _LAST_SECOND and 0 <= nanos < 10**9):
        return _raw(message)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%m-%dT%H:%M:%S}".join((f"{moment.year:04}-", f"{_fraction(nanos)}Z"))


def _fill_duration(message: Any, value: Any) -> None:
    if isinstance(value, timedelta):
        micros: int = value // timedelta(microseconds=1)
        sign = "-" if micros < 0 else ""
        value = f"{sign}{abs(micros) // 10**6}.{abs(micros) % 10**6:06}s"
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise Mismatch(f"expected a Duration (seconds, such as '1.5s'), not {describe(value)}.")
    minus, whole, fraction = found.groups()
    seconds, nanos = int(whole), _nanos(fraction)
    if seconds > _LONGEST_DURATION or (seconds == _LONGEST_DURATION and nanos):
        raise Mismatch(f"expected a Duration of at most 10,000 years ({_LONGEST_DURATION}s), not {describe(value)}.")
    message.seconds, message.nanos = (-seconds, -nanos) if minus else (seconds, nanos)


def _show_duration(message: Any) -> Any:
    seconds, nanos = message.seconds, message.nanos
    if abs(seconds) > _LONGEST_DURATION or abs(nanos) >= 10**9 or (seconds and nanos and (seconds < 0) != (nanos < 0)):
        return _raw(message)
    minus = "-" if seconds < 0 or nanos < 0 else ""
    return f"{minus}{abs(seconds)}{_fraction(abs(nanos))}s"


def _nanos(fraction: str | None) -> int:
    return int(fraction.ljust(9, "0")) if fraction else 0


def _fraction(nanos: int) -> str:
    """Write nanoseconds as ProtoJSON does: with no, three, six or nine digits."""
    if not nanos:
        return ""
    digits = f"{nanos:09}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return "." + digits


def _raw(message: Any) -> dict[str, Any]:
    return {"seconds": str(message.seconds), "nanos": message.nanos}


# --- FieldMask --------------------------------------------------------------------------------------------------------

_UPPER = re.compile(r"[A-Z]")
_UNDERSCORED = re.compile(r"_([a-z])")


def _fill_field_mask(message: Any, value: Any) -> None:
    if not isinstance(value, str):
        raise Mismatch(f"expected a FieldMask (one string of paths, such as 'a,b.c'), not {describe(value)}.")
    values_read = [path.strip() for path in value.split(",")] if value.strip() else []
    for path in values_read:
        if not path or any(character.isspace() for character in path):
            raise Mismatch(f"expected a FieldMask (paths with commas between, such as 'a,b.c'), not {describe(value)}.")
        _checked_text(path)
        message.paths.append(_snake(path))


def _show_field_mask(message: Any) -> str:
    return ",".join(map(_camel, message.paths))


def _snake(path: str) -> str:
    """Turn a path written as JSON has it (``userName``) into the path of the fields; the latter is taken as it is."""
    return path if "_" in path else _UPPER.sub(lambda upper: "_" + upper[0].lower(), path)


def _camel(path: str) -> str:
    camel = _UNDERSCORED.sub(lambda letter: letter[1].upper(), path)
    # Not every path survives the way there and back; such a one is shown as it is.
    return camel if _snake(camel) == path else path


# --- Wrappers ---------------------------------------------------------------------------------------------------------


def _fill_wrapper(message: Any, value: Any) -> None:
    message.value = values.scalar(message.DESCRIPTOR.fields_by_name["value"], value)


def _show_wrapper(message: Any) -> Any:
    return values.shown(message.DESCRIPTOR.fields_by_name["value"], message.value)


# --- Struct, Value, ListValue -----------------------------------------------------------------------------------------

DEEPEST = 30
"""How deep a Value may be nested: each level is three messages on the wire, and protobuf decodes no more than 100."""


def _fill_struct(message: Any, value: Any) -> None:
    _fill_mapping(message, value, ())


def _fill_value(message: Any, value: Any) -> None:
    _set_value(message, value, ())


def _fill_list(message: Any, value: Any) -> None:
    _fill_items(message, value, ())


def _fill_mapping(struct: Any, value: Any, path: tuple[str | int, ...]) -> None:
    if not isinstance(value, Mapping):
        raise Mismatch(f"expected a Struct (any mapping), not {describe(value)}.", path=path)
    for key, item in value.items():
        if not isinstance(key, (str, bool, int, float)):
            raise Mismatch(f"expected keys that are strings, not {describe(key)}.", path=path)
        name = _checked_text(values.text(key), path)
        _set_value(struct.fields[name], item, (*path, key))  # type: ignore[arg-type]


def _fill_items(list_value: Any, value: Any, path: tuple[str | int, ...]) -> None:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise Mismatch(f"expected a ListValue (any list), not {describe(value)}.", path=path)
    for number, item in enumerate(value):
        _set_value(list_value.values.add(), item, (*path, number))


def _set_value(message: Any, value: Any, path: tuple[str | int, ...]) -> None:
    if len(path) > DEEPEST:
        raise Mismatch(f"expected a Value nested at most {DEEPEST} levels deep.", path=path)
    if value is None:
        message.null_value = 0
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, str):
        message.string_value = _checked_text(value, path)
    elif isinstance(value, (int, float)):
        message.number_value = _finite(value, path)
    elif isinstance(value, bytes):
        message.string_value = values.text(value)  # as ProtoJSON writes bytes
    elif isinstance(value, Mapping):
        message.struct_value.SetInParent()
        _fill_mapping(message.struct_value, value, path)
    elif isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        message.list_value.SetInParent()
        _fill_items(message.list_value, value, path)
    else:
        raise Mismatch(f"expected null, a bool, number, string, list or mapping, not {describe(value)}.", path=path)


def _finite(value: float, path: tuple[str | int, ...]) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Mismatch(f"expected a number that a Value can hold (a finite double), not {describe(value)}.", path=path)
    return number


def _checked_text(value: str, path: tuple[str | int, ...] = ()) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Mismatch(f"expected Unicode characters, not half a surrogate pair: {value!r}.", path=path) from None
    return value


def _show_struct(message: Any, depth: int = 0) -> Any:
    return {key: _show_value(value, depth + 1) for key, value in message.fields.items()}


def _show_list(message: Any, depth: int = 0) -> Any:
    return [_show_value(value, depth + 1) for value in message.values]


def _show_value(message: Any, depth: int = 0) -> Any:
    kind = message.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    if depth > 100:
        return "…"
    if kind == "struct_value":
        return _show_struct(message.struct_value, depth)
    if kind == "list_value":
        return _show_list(message.list_value, depth)
    value = getattr(message, kind)
    if kind == "number_value":
        return values.shown_float(value, whole=True)
    return value


_FORMS: dict[str, tuple[Callable[[Any, Any], None], Callable[[Any], Any]]] = {
    "google.protobuf.Timestamp": (_fill_timestamp, _show_timestamp),
    "google.protobuf.Duration": (_fill_duration, _show_duration),
    "google.protobuf.FieldMask": (_fill_field_mask, _show_field_mask),
    "google.protobuf.Struct": (_fill_struct, _show_struct),
    "google.protobuf.Value": (_fill_value, _show_value),
    "google.protobuf.ListValue": (_fill_list, _show_list),
    **dict.fromkeys(WRAPPERS, (_fill_wrapper, _show_wrapper)),
}

_NEVER_TEXT = frozenset(f"google.protobuf.{name}" for name in ("Struct", "ListValue", "BoolValue"))
