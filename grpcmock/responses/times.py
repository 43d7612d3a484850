"""Time arithmetic in templates: instants and spans, exact to the nanosecond, whatever they come from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from grpcmock.errors import RenderError

if TYPE_CHECKING:
    from google.protobuf.message import Message

_SECOND = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
_LONGEST = 315_576_000_000


class Quantity(NamedTuple):
    """An instant, counted from 1970, or a span."""

    nanoseconds: int
    is_span: bool

    def __add__(self, other: Any) -> Quantity:
        """Return the instant that lies a span later, or the sum of two spans."""
        if not (self.is_span or other.is_span):
            raise RenderError("two times can't be added; a time and a duration can.")
        return Quantity(self.nanoseconds + other.nanoseconds, self.is_span and other.is_span)

    def __sub__(self, other: Quantity) -> Quantity:
        """Return the instant that lies a span earlier, or the span between two instants, or of two spans."""
        if self.is_span and not other.is_span:
            raise RenderError("a time can't be taken from a duration; a duration can be taken from a time.")
        return Quantity(self.nanoseconds - other.nanoseconds, self.is_span or not other.is_span)

    def message(self) -> Message:
        """Return it as a Timestamp or a Duration. Raises :class:`RenderError` if it lies beyond what these can hold."""
        if self.is_span:
            sign = -1 if self.nanoseconds < 0 else 1
            seconds, nanos = divmod(abs(self.nanoseconds), _SECOND)
            if seconds > _LONGEST:
                raise RenderError("a duration is longer than 10,000 years.")
            return Duration(seconds=sign * seconds, nanos=sign * nanos)
        seconds, nanos = divmod(self.nanoseconds, _SECOND)
        if not _FIRST <= seconds <= _LAST:
            raise RenderError("a time lies outside of the years 1 to 9999.")
        return Timestamp(seconds=seconds, nanos=nanos)


def quantity(value: Any) -> Quantity | None:
    """Return what a value of Python, or a Timestamp or Duration, stands for; None if it is something else."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return Quantity((aware - _EPOCH) // timedelta(microseconds=1) * 1000, is_span=False)
    if isinstance(value, timedelta):
        return Quantity(value // timedelta(microseconds=1) * 1000, is_span=True)
    name = value.DESCRIPTOR.full_name if hasattr(value, "DESCRIPTOR") else ""
    if name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
        return Quantity(value.seconds * _SECOND + value.nanos, name.endswith("Duration"))
    return None
