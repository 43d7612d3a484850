"""The last pass of shrinking, on the message itself: drop fields, items and entries, and make the values plain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.generation.message_classes import clear

if TYPE_CHECKING:
    from google.protobuf.message import Message

_ROUNDS = 20

Fails = Callable[["Message"], bool]


def minimize(message: Message, fails: Fails) -> Message:
    """Give a message, no larger, that still fails, and of which no field can be dropped and no value made plainer.

    Deterministic. *fails* is asked about changed copies; it may begin to say no at any time.
    """
    current = thinned(message, fails)
    for _ in range(_ROUNDS):
        smaller = _pass(current, fails)
        if smaller is current:
            return current
        current = smaller
    return current


def thinned(message: Message, fails: Fails) -> Message:
    """Give a message that still fails, and of which nothing can be dropped. Its values stay as they are."""
    return drop(_shallower(_halved(message, fails), fails), fails)


def _halved(message: Message, fails: Fails, above: Path = ()) -> Message:
    """Drop the fields of the message at a path, all at once, then by the half, by quarters, and so on, and then those
    of the messages in it: most have nothing to do with a failure."""
    current = message
    size = len(_inside(current, above).ListFields())
    while size:
        position = 0
        while position < len(fields := _inside(current, above).ListFields()):
            candidate = _copy(current)
            for field, _ in fields[position : position + size]:
                clear(_inside(candidate, above), field)
            if fails(candidate):
                current = candidate
            else:
                position += size
        size //= 2
    for field, _ in _inside(current, above).ListFields():
        if field.message_type is not None and not field.is_repeated:
            current = _halved(current, fails, (*above, (field, None)))
    return current


def _shallower(message: Message, fails: Fails) -> Message:
    """Take levels out of messages that hold others of their own type: half of them, then a quarter, and so on."""
    current = message
    for path in list(_paths(message)):
        field = path[-1][0]
        if field.message_type is None or (len(path) > 1 and path[-2][0].message_type is field.message_type):
            continue
        levels = _levels(current, path)
        step = len(levels) // 2
        while step:
            levels = _levels(current, path)
            if len(levels) <= step:
                step //= 2
                continue
            candidate = _copy(current)
            _inside(candidate, path).CopyFrom(levels[step])
            if fails(candidate):
                current = candidate
            else:
                step //= 2
    return current


def _levels(message: Message, path: Path) -> list[Message]:
    """Give a message at a path, the one of its own type in it, the one in that, and so on."""
    try:
        value = _inside(message, path)
    except (KeyError, IndexError):
        return []
    found: list[Message] = []
    while hasattr(value, "ListFields"):
        found.append(value)
        inside = (inner for field, inner in value.ListFields() if field.message_type is value.DESCRIPTOR)
        value = next(inside, None)
        if value is not None and not hasattr(value, "ListFields"):
            value = value[0]
    return found


def drop(message: Message, holds: Fails) -> Message:
    """Give what is left of a message when all is dropped that can be dropped while *holds* says yes."""
    return _pass(message, holds, values=False)


def _pass(message: Message, fails: Fails, *, values: bool = True) -> Message:
    """Try every change once, keeping each that still fails."""
    current = message
    for path in list(_paths(message)):
        for change in _changes(current, path, values=values):
            candidate = _copy(current)
            try:
                change(candidate)
            except (KeyError, IndexError, ValueError):
                continue
            if candidate != current and fails(candidate):
                current = candidate
                break
    return current


def _copy(message: Message) -> Message:
    copied = type(message)()
    copied.CopyFrom(message)
    return copied


Path = tuple[tuple[FieldDescriptor, Any], ...]
"""Fields, each with the index or key below it, or None."""

_Change = Callable[[Any], None]


def _paths(message: Message, above: Path = ()) -> Iterator[Path]:
    """Yield the paths to all that is set: what stands outside before what is in it, the last items first."""
    for field, value in message.ListFields():
        yield (*above, (field, None))
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            for key in sorted(value, key=repr):
                yield (*above, (field, key))
                if inner.fields_by_name["value"].message_type is not None:
                    yield from _paths(value[key], (*above, (field, key)))
        elif field.is_repeated:
            for index in range(len(value) - 1, -1, -1):
                yield (*above, (field, index))
                if inner is not None:
                    yield from _paths(value[index], (*above, (field, index)))
        elif inner is not None:
            yield from _paths(value, (*above, (field, None)))


def _changes(message: Message, path: Path, *, values: bool) -> Iterator[_Change]:
    """Yield what can be done to a place, the boldest first."""
    above, (field, key) = path[:-1], path[-1]
    try:
        value = _value(_inside(message, above), field)
    except (KeyError, IndexError):
        return
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    if key is not None:
        yield lambda root: _drop(_value(_inside(root, above), field), key, is_map=is_map)
        if not values:
            return
        if field.message_type is None or (is_map and field.message_type.fields_by_name["value"].message_type is None):
            try:
                old = value[key]
            except (KeyError, IndexError):
                return
            kind = field.message_type.fields_by_name["value"] if is_map and field.message_type is not None else field
            for new in _plainer(kind, old):
                yield lambda root, new=new: _put(_value(_inside(root, above), field), key, new)  # type: ignore[misc]
        return
    yield lambda root: clear(_inside(root, above), field)
    if is_map or not values:
        return
    if field.is_repeated:
        for keep in (len(value) // 2, 1) if len(value) > 2 else ():
            yield lambda root, keep=keep: _cut(_value(_inside(root, above), field), keep)  # type: ignore[misc]
    elif field.message_type is not None:
        yield lambda root: _value(_inside(root, above), field).Clear()
    else:
        for new in _plainer(field, value):
            yield lambda root, new=new: _set(_inside(root, above), field, new)  # type: ignore[misc]


def _inside(message: Any, path: Path) -> Any:
    for field, key in path:
        message = _value(message, field)
        if key is not None:
            if isinstance(key, int) and not hasattr(message, "keys") and key >= len(message):
                raise IndexError(key)
            if hasattr(message, "keys") and key not in message:
                raise KeyError(key)
            message = message[key]
    return message


def _value(message: Any, field: FieldDescriptor) -> Any:
    return message.Extensions[field] if field.is_extension else getattr(message, field.name)


def _set(message: Any, field: FieldDescriptor, value: Any) -> None:
    if field.is_extension:
        message.Extensions[field] = value
    else:
        setattr(message, field.name, value)


def _drop(values: Any, key: Any, *, is_map: bool) -> None:
    if is_map and key not in values:
        raise KeyError(key)
    del values[key]


def _put(values: Any, key: Any, value: Any) -> None:
    values[key] = value


def _cut(values: Any, keep: int) -> None:
    del values[keep:]


def _plainer(field: FieldDescriptor, value: Any) -> Iterator[Any]:
    """Yield values plainer than *value*, the plainest first."""
    if isinstance(value, bool):
        if value:
            yield False
    elif field.enum_type is not None:
        numbers = [declared.number for declared in field.enum_type.values]
        yield from numbers[: numbers.index(value) if value in numbers else len(numbers)]
    elif isinstance(value, int):
        half, nearer = (value // 2, value - 1) if value > 0 else (-(-value // 2), value + 1)
        yield from (n for n in dict.fromkeys((0, 1, -1, 2, -value, half, nearer)) if _simpler(n, value, field))
    elif isinstance(value, float):
        plain = (0.0, 1.0, -1.0, float(int(value)) if abs(value) < 1e15 else 0.0)  # noqa: RUF100
        yield from (number for number in plain if number != value and abs(number) <= abs(value))
    elif isinstance(value, str):
        yield from _shorter(value, "", "a")
    else:
        yield from _shorter(value, b"", b"a")


def _simpler(number: int, value: int, field: FieldDescriptor) -> bool:
    if number < 0 and field.cpp_type in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64):
        return False
    return (abs(number), number < 0) < (abs(value), value < 0)


def _shorter(value: Any, empty: Any, plain: Any) -> Iterator[Any]:
    """Yield parts of a string or of bytes, and plain ones as long as it is."""
    size = len(value)
    if size == 0:
        return
    yield empty
    if size > 1 or value != plain:
        yield plain
    for length in dict.fromkeys((size // 2, size - size // 4, size - 1)):
        if 0 < length < size:
            yield value[:length]
            yield value[-length:]
    if value != plain * size:
        yield plain * size
    if size <= 16:
        for position in range(size):
            yield value[:position] + value[position + 1 :]
