"""What Hypothesis calls when it is imported, so that ``st.from_type`` knows protobuf messages."""

from __future__ import annotations

import sys
from typing import Any

_MODULE = "google.protobuf.message"


def register() -> None:
    """Tell Hypothesis how messages are made. Costs nothing: neither protobuf nor grpcmock is imported before use.

    A strategy registered for a class goes to no class derived from it, so registering ``Message`` would not help.
    Hypothesis has a table of resolvers for whole libraries, asked only when the library was imported; it is no
    public one, and where it should be gone one day, ``st.register_type_strategy(UserResponse, messages)`` does the same
    for one class.
    """
    from hypothesis.strategies._internal import types

    table: dict[str, Any] | None = getattr(types, "_global_extra_lookup", None)
    if table is not None:
        table[_MODULE] = _resolve


def _resolve(thing: Any) -> Any:
    """Give the strategy of a message class; None for anything else, which is left to Hypothesis."""
    message: Any = getattr(sys.modules.get(_MODULE), "Message", None)
    if message is None or not isinstance(thing, type) or not issubclass(thing, message):
        return None
    if getattr(thing, "DESCRIPTOR", None) is None:
        return None
    from grpcmock.fuzz.generation.messages import messages

    return messages(thing)
