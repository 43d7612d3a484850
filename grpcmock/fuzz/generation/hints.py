"""Values that are worth trying, by the name of a field: from stubs, from earlier answers, from what a server told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.message import Message

MOST = 12
"""So many values are kept for each field: the first ones, so that recorded choices go on to mean the same."""

_LONGEST = 4_096
_SORTS = {
    FieldDescriptor.CPPTYPE_STRING: "text",
    FieldDescriptor.CPPTYPE_INT32: "number",
    FieldDescriptor.CPPTYPE_INT64: "number",
    FieldDescriptor.CPPTYPE_UINT32: "number",
    FieldDescriptor.CPPTYPE_UINT64: "number",
    FieldDescriptor.CPPTYPE_DOUBLE: "real",
    FieldDescriptor.CPPTYPE_FLOAT: "real",
}
_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


class Hints:
    """A dictionary of values that only grows. What generators make of it depends on the order of what it learned.

    A value learned as ``id`` of a ``User`` is tried where a field is called ``id``, ``user_id`` or ``user``. One
    learned under the full name of a field, ``user.GetUserRequest.id``, is tried there alone.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], list[Any]] = {}
        self._subscribers: dict[tuple[str, str], list[tuple[FieldDescriptor, list[Any]]]] = {}

    def learn(self, name: str, value: Any) -> bool:
        """Take a string, number or bytes under a field's name or full name. Says whether it was new and kept."""
        sort = _sort(value)
        if not sort or value in ("", b"") or (isinstance(value, (str, bytes)) and len(value) > _LONGEST):
            return False
        key = (name if "." in name else snake_case(name), sort)
        known = self._known.setdefault(key, [])
        if value in known or len(known) >= MOST:
            return False
        known.append(value)
        for field, values in self._subscribers.get(key, ()):
            _offer(field, values, value)
        return True

    def learn_message(self, message: Message) -> None:
        """Learn the values of all fields of a message, and of those inside it."""
        pending = [message]
        while pending:
            current = pending.pop()
            stem = snake_case(current.DESCRIPTOR.name)
            for field, value in current.ListFields():
                if field.type == FieldDescriptor.TYPE_BYTES and field.is_repeated:
                    continue
                if field.message_type is not None:
                    if not field.is_repeated:
                        pending.append(value)
                    elif not field.message_type.GetOptions().map_entry:
                        pending.extend(list(value)[:MOST])
                    continue
                if field.cpp_type in (FieldDescriptor.CPPTYPE_ENUM, FieldDescriptor.CPPTYPE_BOOL):
                    continue
                for one in list(value)[:MOST] if field.is_repeated else (value,):
                    self._learn_field(stem, field.name, one)

    def _learn_field(self, stem: str, name: str, value: Any) -> None:
        label = snake_case(name)
        self.learn(label, value)
        for termination in ("_response", "_request", "_result", "_reply"):
            stem = stem.removesuffix(termination)
        if label in ("id", "name", "uid", "key", "code"):
            self.learn(f"{stem}_{label}", value)
        if label in ("id", "name"):
            self.learn(stem, value)

    def of(self, field: FieldDescriptor) -> list[Any]:
        """Give the values for a field: a list that grows with what is learned later."""
        sort = "bytes" if field.type == FieldDescriptor.TYPE_BYTES else _SORTS.get(field.cpp_type, "")
        values: list[Any] = []
        if not sort:
            return values
        for name in dict.fromkeys((field.full_name, snake_case(field.name), _singular(snake_case(field.name)))):
            key = (name, sort)
            for value in self._known.get(key, ()):
                _offer(field, values, value)
            self._subscribers.setdefault(key, []).append((field, values))
        return values


def _offer(field: FieldDescriptor, values: list[Any], value: Any) -> None:
    low, high = _RANGES.get(field.cpp_type, (0, 0))
    if len(values) < MOST and value not in values and (low == high or low <= value <= high):
        values.append(value)


def _sort(value: Any) -> str:
    if isinstance(value, bool):
        return ""
    for kind, sort in ((str, "text"), (int, "number"), (float, "real"), (bytes, "bytes")):
        if isinstance(value, kind):
            return sort
    return ""


def _singular(label: str) -> str:
    return label.removesuffix("s")
