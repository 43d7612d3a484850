"""Scalar values: from ProtoJSON and Python to what a field of a given type holds, exactly or not at all."""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from grpcmock.errors import did_you_mean
from grpcmock.schema.words import SCALARS, describe, element_name, is_map, type_name
from grpcmock.tree import Attached

__all__ = [
    "Mismatch",
    "Reader",
    "describe",
    "element_name",
    "is_map",
    "octets",
    "reader",
    "round_float",
    "scalar",
    "shower",
    "shown",
    "shown_float",
    "string",
    "text",
    "type_name",
]

Reader = Callable[[Any], Any]
"""Turns a ProtoJSON value into what one field holds; raises :class:`Mismatch`."""


class Mismatch(ValueError):  # noqa: N818 - a finding rather than a failure
    """A value doesn't fit its field. The text says what was expected and what came."""

    def __init__(self, message: str, *, hint: str = "", path: tuple[str | int, ...] = ()) -> None:
        super().__init__(f"{message} {hint}".rstrip() if hint else message)
        self.message = message
        """The text without the hint."""

        self.hint = hint
        """The nearest valid name or the next step; may be empty."""

        self.path = path
        """Where inside the value, for values that have an inside: Struct, Value, ListValue."""


def scalar(field: FieldDescriptor, value: Any) -> Any:
    """Give the Python value that *field* holds for a ProtoJSON *value*; of a list or map, for one element.

    Integers come exact from numbers and strings, floats rounded to the field's own width, enums as numbers, bytes from
    base64 (standard or URL alphabet). Python's ``bytes`` are kept. Raises :class:`Mismatch`.
    """
    return reader(field)(value)


def reader(field: FieldDescriptor) -> Reader:
    """Give the function that reads the values of a scalar or enum field."""
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _enum_reader(field.enum_type)
    return _READERS[field.type]


def shown(field: FieldDescriptor, value: Any) -> Any:
    """Give the ProtoJSON form of what a scalar or enum field holds; of a list or map, of one element."""
    return shower(field)(value)


def shower(field: FieldDescriptor) -> Reader:
    """Give the function that makes the ProtoJSON form of a scalar or enum field's values; it never fails."""
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _enum_shower(field.enum_type)
    return _SHOWERS.get(field.type, _same)


def shown_float(value: float, *, narrow: bool = False, whole: bool = False) -> Any:
    """Give the ProtoJSON form of a float: the shortest digits that give it back, at its own width if it is *narrow*.

    With *whole*, a whole number is given as an ``int``, as Struct's numbers are shown.
    """
    if not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if whole and value.is_integer() and abs(value) < 2**53 and (value or math.copysign(1, value) > 0):
        return int(value)
    if narrow:
        for digits in (6, 7, 8):
            short = float(f"{value:.{digits}g}")
            # Beyond the largest float, even by less than it is rounded by, other readers of ProtoJSON take no number.
            if round_float(short) == value and abs(short) <= _LARGEST_FLOAT:
                return short
    return value


def text(value: Any) -> str:
    """Give a scalar's text, as a template puts it into a string field: ``true``, ``1.5``, the base64 of bytes."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def round_float(value: float) -> float:
    """Round to the width of a ``float`` field; too large a number becomes infinity, as it would on the wire."""
    try:
        return float(_FLOAT.unpack(_FLOAT.pack(value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


_FLOAT = struct.Struct("<f")
_LARGEST_FLOAT = float.fromhex("0x1.fffffep+127")
_WHOLE = re.compile(r"-?[0-9]{1,30}")
_DECIMAL = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,5})?")
_NAMED_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_FROM_URL_ALPHABET = str.maketrans("-_", "+/")
_INT32_MIN, _INT32_MAX = -(2**31), 2**31 - 1


def _integer(name: str, low: int, high: int) -> Reader:
    article = "an" if name[0] == "i" else "a"
    expected = f"expected {article} {name} (a whole number from {low} to {high}), not"

    def read(value: Any) -> int:
        if type(value) is int:
            if low <= value <= high:
                return value
        elif isinstance(value, str):
            number = _whole(value)
            if number is not None and low <= number <= high:
                return number
        elif isinstance(value, float):
            if value.is_integer() and low <= value <= high:
                return int(value)
        elif isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return int(value)
        raise Mismatch(f"{expected} {describe(value)}.")

    return read


def _whole(written: str) -> int | None:
    if _WHOLE.fullmatch(written):
        return int(written)
    # ProtoJSON lets a whole number be written as 1e5 or 1.0, too.
    if _DECIMAL.fullmatch(written):
        number = float(written)
        if number.is_integer() and abs(number) <= 2**53:
            return int(number)
    return None


def _double(value: Any) -> float:
    return _floating(value, "a double")


def _float(value: Any) -> float:
    number = _floating(value, "a float")
    try:
        return float(_FLOAT.unpack(_FLOAT.pack(number))[0])
    except OverflowError:
        raise Mismatch(f"expected a float (at most 3.4e38 in size), not {describe(value)}.") from None


def _floating(value: Any, name: str) -> float:
    if type(value) is float:
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise Mismatch(f"expected {name}, not a number too large for it.") from None
    if isinstance(value, str):
        if value in _NAMED_FLOATS:
            return _NAMED_FLOATS[value]
        if _DECIMAL.fullmatch(value) and math.isfinite(number := float(value)):
            return number
    raise Mismatch(f"expected {name} (a number, 'NaN', 'Infinity' or '-Infinity'), not {describe(value)}.")


def _bool(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise Mismatch(f"expected a bool (true or false), not {describe(value)}.")


def string(value: Any) -> str:
    """Read a string: the reader of all string fields."""
    if isinstance(value, str):
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise Mismatch(
                    f"expected a string of Unicode characters, not half a surrogate pair: {value!r}."
                ) from None
        return value
    if isinstance(value, Attached):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise Mismatch("expected a string, not bytes that are no UTF-8.") from None
    hint = "Write it in quotes." if isinstance(value, (bool, int, float)) else ""
    raise Mismatch(f"expected a string, not {describe(value)}.", hint=hint)


def _base64_hint(written: str) -> str:
    """Say how to write the bytes of a text that isn't base64."""
    if not 0 < len(written) <= _LONGEST_HINT or not written.isprintable():
        return "Write {$text: …} for the bytes of a text, {$file: …} for those of a file."
    data = base64.b64encode(written.encode()).decode()
    return f"In base64 that is {data!r}; in a stub, {{$text: {written!r}}} is the same."


_LONGEST_HINT = 60


def octets(value: Any) -> bytes:
    """Read bytes: the reader of all bytes fields."""
    if isinstance(value, str):
        stripped = value.rstrip("=").translate(_FROM_URL_ALPHABET)
        try:
            return binascii.a2b_base64(stripped + "=" * (-len(stripped) % 4), strict_mode=True)
        except ValueError:  # of binascii, or for characters beyond ASCII
            raise Mismatch(f"expected bytes in base64, not {describe(value)}.", hint=_base64_hint(value)) from None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise Mismatch(f"expected bytes in base64, not {describe(value)}.")


def _enum(full_name: str, closed: bool, numbers: dict[str, int], declared: frozenset[int], value: Any) -> int:
    if isinstance(value, str):
        number = numbers.get(value)
        if number is not None:
            return number
        raise Mismatch(
            f"expected a value of enum {full_name}, not {describe(value)}.",
            hint=did_you_mean(value, numbers, known="The values"),
        )
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if not _INT32_MIN <= value <= _INT32_MAX:
            raise Mismatch(f"expected a value of enum {full_name} (an int32), not {describe(value)}.")
        if closed and value not in declared:
            raise Mismatch(
                f"expected a declared value of the closed enum {full_name}, not {describe(value)}.",
                hint="The values are: " + ", ".join(f"{name} ({number})" for name, number in numbers.items()) + ".",
            )
        return int(value)
    raise Mismatch(
        f"expected a value of enum {full_name}, by name or number, not {describe(value)}.",
        hint=did_you_mean("", numbers, known="The values"),
    )


# Bounded, since each entry keeps the pool of its descriptor alive: a server that reloads makes many.
@lru_cache(maxsize=1024)
def _enum_reader(enum: EnumDescriptor) -> Reader:
    numbers = {value.name: value.number for value in enum.values}
    return partial(_enum, enum.full_name, enum.is_closed, numbers, frozenset(numbers.values()))


@lru_cache(maxsize=1024)
def _enum_shower(enum: EnumDescriptor) -> Reader:
    if enum.full_name == "google.protobuf.NullValue":
        return lambda _: None
    names = {value.number: value.name for value in reversed(enum.values)}  # of aliases, the first one
    return lambda number: names.get(number, number)


def _same(value: Any) -> Any:
    return value


def _integer_reader(type_: int) -> Reader:
    name = SCALARS[type_]
    bits = 64 if name.endswith("64") else 32
    unsigned = name[0] == "u" or name.startswith("fixed")
    return _integer(name, 0, 2**bits - 1) if unsigned else _integer(name, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


_READERS: dict[int, Reader] = {
    **{type_: _integer_reader(type_) for type_, name in SCALARS.items() if name[-2:] in ("32", "64")},
    FieldDescriptor.TYPE_DOUBLE: _double,
    FieldDescriptor.TYPE_FLOAT: _float,
    FieldDescriptor.TYPE_BOOL: _bool,
    FieldDescriptor.TYPE_STRING: string,
    FieldDescriptor.TYPE_BYTES: octets,
}

_SHOWERS: dict[int, Reader] = {
    **{type_: str for type_, name in SCALARS.items() if name.endswith("64")},
    FieldDescriptor.TYPE_DOUBLE: shown_float,
    FieldDescriptor.TYPE_FLOAT: partial(shown_float, narrow=True),
    FieldDescriptor.TYPE_BYTES: lambda value: binascii.b2a_base64(value, newline=False).decode(),
}
