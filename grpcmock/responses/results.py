"""What a whole expression gave, as a tree of ProtoJSON may hold it: plain values, bytes and messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from jinja2.runtime import StrictUndefined, Undefined

from grpcmock.errors import RenderError
from grpcmock.responses.functions import rfc3339
from grpcmock.responses.views import EnumName, MessageView


def unwrap(value: Any) -> Any:
    """Turn what a whole expression gave into what a tree may hold: plain values, ``bytes`` and messages.

    Raises ``RenderError`` for what can't stand in a message.
    """
    if value is None or isinstance(value, (bool, bytes)):
        return value
    if isinstance(value, Undefined):
        if isinstance(value, StrictUndefined):
            str(value)  # raises, with the reason
        return None
    if isinstance(value, EnumName):
        return str(value) if value.declared else value.number
    for types, convert in _CONVERSIONS:
        if isinstance(value, types):
            return convert(value)
    raise RenderError(f"a {type(value).__name__} can't stand in a message.")


def _seconds(span: timedelta) -> str:
    micros = span // timedelta(microseconds=1)
    whole, rest = divmod(abs(micros), 10**6)
    return f"{'-' if micros < 0 else ''}{whole}{f'.{rest:06d}' if rest else ''}s"


_CONVERSIONS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (str, str),
    ((int, float), lambda value: value),
    (MessageView, MessageView.__message__),
    (Mapping, lambda value: {_key(key): unwrap(item) for key, item in value.items()}),
    ((list, tuple), lambda value: [unwrap(item) for item in value]),
    ((set, frozenset), lambda value: sorted((unwrap(item) for item in value), key=repr)),
    (datetime, rfc3339),
    (date, date.isoformat),
    (time, time.isoformat),
    (timedelta, _seconds),
    (UUID, str),
    (Decimal, lambda value: int(value) if value == value.to_integral_value() else float(value)),
)


def _key(key: Any) -> Any:
    return str(key) if isinstance(key, str) else key
