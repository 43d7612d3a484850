"""Messages of the well-known types, by their own rules: moments, durations, masks, JSON values, Any."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.generation import texts
from grpcmock.fuzz.generation.choices import Draw

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

Filler = Callable[[Any, Draw, int], None]
"""Fills a message out of draws, with at most so many messages inside each other."""

FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799
"""0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, as google/protobuf/timestamp.proto has it."""

LONGEST_SECONDS = 315_576_000_000
"""10,000 years, as google/protobuf/duration.proto has it."""

LAST_NANO = 999_999_999
_NANOS = (0, 1, 1_000, 1_000_000, 500_000_000, 999_000_000, LAST_NANO)
_MOMENTS = (
    *(0, 1_700_000_000, 1_000_000_000, 1, -1, 1_709_164_800, 1_735_689_599, -2_208_988_800),
    *(2**31 - 1, 2**31, 2**32, FIRST_SECOND, LAST_SECOND),
)
_LENGTHS = (0, 1, 2, 10, 60, 3_600, 86_400, 31_536_000, 2**31, LONGEST_SECONDS)
_KEYS = ("a", "b", "name", "", "@type", "a.b", "$ref", "\x00", "\u00e9", "__proto__")
_NUMBERS = (0.0, 1.0, -1.0, 0.5, 2.0**53, 2.0**53 + 2, 1e308, 5e-324, -0.0)
_DEEPEST_JSON = 3
_MASK_TARGETS_DEEP = 2


def fill_timestamp(message: Any, draw: Draw, _: int) -> None:
    seconds = _MOMENTS[draw(len(_MOMENTS))] if draw(4) else 1_700_000_000 + draw(10**8)
    message.SetInParent()
    message.seconds = seconds
    message.nanos = _NANOS[draw(len(_NANOS))]


def fill_duration(message: Any, draw: Draw, _: int) -> None:
    seconds, nanos = _LENGTHS[draw(len(_LENGTHS))], _NANOS[draw(len(_NANOS))]
    sign = -1 if draw(4) == 3 else 1
    message.SetInParent()
    message.seconds = sign * seconds
    message.nanos = sign * nanos if seconds < LONGEST_SECONDS else 0


def mask_filler(paths: Sequence[str]) -> Filler:
    """Give a filler of masks over *paths*."""

    def fill(message: Any, draw: Draw, _: int) -> None:
        message.SetInParent()
        while paths and draw(3) and len(message.paths) < 6:
            message.paths.append(paths[draw(len(paths))])

    return fill


def mask_paths(field: FieldDescriptor) -> tuple[str, ...]:
    """Give the paths that a mask in *field* may name: those of the resource beside it (AIP-134), else its siblings."""
    around = field.containing_type
    if around is None:
        return ()
    siblings = [
        beside
        for beside in around.fields
        if beside.message_type is not None
        and not beside.is_repeated
        and not beside.message_type.full_name.startswith("google.protobuf.")
    ]
    named = field.name.removesuffix("_mask")
    target = next((beside for beside in siblings if beside.name == named), None)
    target = target or (siblings[0] if siblings else None)
    if target is not None and target.message_type is not None:
        return tuple(_paths(target.message_type, _MASK_TARGETS_DEEP))
    return tuple(beside.name for beside in around.fields if beside.number != field.number)


def _paths(descriptor: Descriptor, depth: int) -> Iterator[str]:
    for field in descriptor.fields:
        yield field.name
        inner = field.message_type
        if inner is not None and not field.is_repeated and depth > 1 and not _is_well_known(inner):
            yield from (f"{field.name}.{path}" for path in _paths(inner, depth - 1))


def _is_well_known(descriptor: Descriptor) -> bool:
    return descriptor.full_name.startswith("google.protobuf.")


def fill_struct(message: Any, draw: Draw, depth: int) -> None:
    _fill_struct(message, draw, min(depth, _DEEPEST_JSON))


def _fill_struct(message: Any, draw: Draw, depth: int) -> None:
    message.SetInParent()
    while draw(3) and len(message.fields) < 4:
        fill_value(message.fields[_KEYS[draw(len(_KEYS))]], draw, depth - 1)


def fill_value(message: Any, draw: Draw, depth: int) -> None:
    depth = min(depth, _DEEPEST_JSON)
    match draw(6 if depth > 0 else 4):
        case 0:
            message.null_value = 0
        case 1:
            message.bool_value = draw(2) == 1
        case 2:
            message.number_value = _NUMBERS[draw(len(_NUMBERS))]
        case 3:
            message.string_value = texts.plain(draw) if draw(2) else texts.unusual(draw)
        case 4:
            message.list_value.SetInParent()
            fill_list_value(message.list_value, draw, depth - 1)
        case _:
            _fill_struct(message.struct_value, draw, depth - 1)


def fill_list_value(message: Any, draw: Draw, depth: int) -> None:
    message.SetInParent()
    while draw(3) and len(message.values) < 4:
        fill_value(message.values.add(), draw, depth - 1)


def fill_empty(message: Any, _: Draw, __: int) -> None:
    message.SetInParent()


def any_filler(inner: Sequence[tuple[str, Callable[[Draw, int], bytes]]]) -> Filler:
    """Give a filler of ``Any``: of the *inner* types by name, of none, of an unknown one, of one with bad bytes."""
    size = len(inner)

    def fill(message: Any, draw: Draw, depth: int) -> None:
        message.SetInParent()
        which = draw(2 * size + 4)
        if which < 2 * size:
            name, make = inner[which // 2]
            message.type_url = f"type.googleapis.com/{name}"
            message.value = make(draw, depth - 1)
        elif which == 2 * size:
            return
        elif which == 2 * size + 1:
            message.type_url = "type.googleapis.com/nobody.Knows"
            message.value = b"\x08\x01"
        elif which == 2 * size + 2:
            message.type_url = f"type.googleapis.com/{inner[draw(size)][0]}" if inner else "a"
            message.value = b"\xff\xff"
        else:
            message.type_url = ("no-slash", "/", "type.googleapis.com/", "https://example.com/a.B")[draw(4)]

    return fill


FILLERS: Mapping[str, Filler] = {
    "google.protobuf.Timestamp": fill_timestamp,
    "google.protobuf.Duration": fill_duration,
    "google.protobuf.Struct": fill_struct,
    "google.protobuf.Value": fill_value,
    "google.protobuf.ListValue": fill_list_value,
    "google.protobuf.Empty": fill_empty,
}
"""The fillers that need to know nothing of where the message stands."""


def unusual_samples(full_name: str) -> Iterator[tuple[dict[str, Any], str, bool]]:
    """Yield fields of a well-known type at its edges, in words, and whether its own rules allow them."""
    if full_name == "google.protobuf.Timestamp":
        yield {}, "1970-01-01", True
        yield {"seconds": FIRST_SECOND}, "the first moment there is", True
        yield {"seconds": LAST_SECOND, "nanos": LAST_NANO}, "the last moment there is", True
        yield {"seconds": FIRST_SECOND - 1}, "before the first moment there is", False
        yield {"seconds": LAST_SECOND + 1}, "past the last moment there is", False
        yield {"seconds": 2**63 - 1}, "the greatest number of seconds", False
        yield {"nanos": -1}, "less than no nanoseconds", False
        yield {"nanos": LAST_NANO + 1}, "more nanoseconds than a second has", False
    elif full_name == "google.protobuf.Duration":
        yield {}, "no time at all", True
        yield {"seconds": LONGEST_SECONDS}, "the longest duration", True
        yield {"seconds": -LONGEST_SECONDS}, "the longest duration back", True
        yield {"nanos": -1}, "just less than nothing", True
        yield {"seconds": LONGEST_SECONDS + 1}, "past the longest duration", False
        yield {"seconds": 1, "nanos": -1}, "seconds and nanoseconds of different signs", False
        yield {"nanos": LAST_NANO + 1}, "more nanoseconds than a second has", False
    elif full_name == "google.protobuf.FieldMask":
        yield {"paths": ["*"]}, "a mask of everything", True
        yield {"paths": ["no_such_field"]}, "a mask that names no field of the target", False
        yield {"paths": [""]}, "a mask with an empty path", False
        yield {"paths": ["a..b"]}, "a mask with an empty step", False
    elif full_name == "google.protobuf.Any":
        yield {"type_url": "type.googleapis.com/nobody.Knows", "value": b"\x08\x01"}, "an Any of an unknown type", True
        yield (
            {"type_url": "type.googleapis.com/google.protobuf.StringValue", "value": b"\xff\xff"},
            "an Any whose bytes don't decode",
            False,
        )
        yield {"type_url": "no-slash"}, "an Any without a proper type", False
    elif full_name == "google.protobuf.Value":
        yield {"number_value": math.nan}, "a JSON value that is no number", False
        yield {"number_value": math.inf}, "a JSON value without end", False
        yield {"null_value": 0}, "a JSON null", True
    else:
        yield from ((fields, words, False) for fields, words in _COMMON_TYPES.get(full_name, ()))


_COMMON_TYPES: Mapping[str, Sequence[tuple[dict[str, Any], str]]] = {
    "google.type.Date": (
        ({"year": 2024, "month": 2, "day": 29}, "a leap day"),
        ({"year": 2023, "month": 2, "day": 29}, "the leap day of a year that has none"),
        ({"year": 2024, "month": 13, "day": 1}, "in a thirteenth month"),
        ({"year": 2024, "month": 4, "day": 31}, "the thirty-first of a month of thirty days"),
        ({"year": 1, "month": 1, "day": 1}, "the first day there is"),
        ({"year": 9999, "month": 12, "day": 31}, "the last day there is"),
        ({"year": 2024, "month": 5}, "a month"),
        ({"month": 5, "day": 1}, "a day of any year"),
        ({"year": 2024, "month": 12, "day": -1}, "a negative day"),
        ({"year": 10000, "month": 1, "day": 1}, "in a year of five digits"),
    ),
    "google.type.Money": (
        ({"nanos": -500_000_000}, "less than nothing, by less than one"),
        ({"nanos": 990_000_000}, "less than one"),
        ({"units": -1, "nanos": -750_000_000}, "negative, in units and parts"),
        ({"units": 1, "nanos": 10_000_000}, "one, and a hundredth"),
        ({"nanos": 1}, "the smallest part"),
        ({}, "nothing"),
        ({"units": 2**63 - 1, "nanos": LAST_NANO}, "the most there is"),
        ({"units": -(2**63)}, "the least there is"),
        ({"units": 1, "nanos": -1}, "units and parts of different signs"),
        ({"nanos": LAST_NANO + 1}, "more parts than make one"),
    ),
    "google.type.TimeOfDay": (
        ({"hours": 23, "minutes": 59, "seconds": 59, "nanos": LAST_NANO}, "the last moment of a day"),
        ({"hours": 24}, "the end of a day"),
        ({"hours": 23, "minutes": 59, "seconds": 60}, "in a leap second"),
        ({"hours": 25}, "in a twenty-fifth hour"),
        ({"hours": -1}, "a negative hour"),
        ({"minutes": 60}, "more minutes than an hour has"),
    ),
    "google.type.LatLng": (
        ({"latitude": 90.0, "longitude": 180.0}, "at the pole, where days begin"),
        ({"latitude": -90.0, "longitude": -180.0}, "at the other pole"),
        ({"latitude": math.nan, "longitude": math.nan}, "nowhere"),
        ({"latitude": 90.1}, "beyond the pole"),
        ({"longitude": 180.1}, "more than half around the world"),
    ),
    "google.type.Interval": (
        (
            {"start_time": {"seconds": 1_714_824_000}, "end_time": {"seconds": 1_714_564_800}},
            "an interval that ends before it begins",
        ),
        (
            {"start_time": {"seconds": 1_714_564_800}, "end_time": {"seconds": 1_714_564_800}},
            "an empty interval",
        ),
        ({"start_time": {"seconds": 1_714_564_800}}, "an interval without end"),
    ),
}
"""The edges of the common types of ``google.type``, as their own protos tell of them. A server may well take fewer."""
