"""Kinds of values: how each is taken out of a message, read from a pattern, and shown.

Matchers see values in a form that can be compared and hashed:

- scalars and enums as Python holds them; NaN as one object, so that it equals itself
- wrappers as the scalar inside; Timestamp and Duration as whole nanoseconds; FieldMask as a set of paths
- Struct, Value and ListValue as plain JSON values; other messages as they are; lists and maps of these
- what isn't set as ABSENT
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

from grpcmock.matching.findings import ABSENT, shown_json
from grpcmock.matching.paths import Path, request_path, requests_path
from grpcmock.schema import codec, values
from grpcmock.stubs.operators import Family

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor


class Place(Enum):
    """Where a value stands, which decides what its being absent means."""

    FIELD = "a field that tracks presence"
    PLAIN = "a field that doesn't"
    ELEMENT = "an element of a list"
    ENTRY = "a value of a map"
    ROOT = "the whole message"

    @property
    def tracked(self) -> bool:
        """Whether there is a difference between absent and default here."""
        return self is not Place.PLAIN


class ValueType:
    """One kind of value."""

    __slots__ = ("_path", "family", "name", "normalize", "takes_null")

    set_words = "not empty"
    unset_words = "empty"

    def __init__(
        self,
        name: str,
        family: Family,
        *,
        normalize: Callable[[Any], Any] | None = None,
        takes_null: bool = False,
    ) -> None:
        self.name = name
        """In words: ``an int32``, ``a list of strings``."""

        self.family = family
        """Which operators there are for it: those of the family; of plain JSON, of several."""

        self.normalize = normalize
        """From a value as a message holds it to the form that matchers see; None if they are the same."""

        self.takes_null = takes_null
        """Whether null is a value of this kind, rather than the lack of one."""

        self._path: Path | None = None

    @property
    def path(self) -> Path:
        """The root of the paths into a request of this kind; of a stream, into all of its messages."""
        if self._path is None:
            self._path = self._make_path()
        return self._path

    def _make_path(self) -> Path:
        return request_path(self.normalize)

    def show(self, value: Any) -> str:
        """Write a value as one line of ProtoJSON."""
        return "absent" if value is ABSENT else shown_json(self.plain(value))

    def plain(self, value: Any) -> Any:
        """Give a value as plain ProtoJSON."""
        return value

    def is_default(self, value: Any) -> bool:
        """Whether a field without presence counts as unset with this value."""
        return not len(value)


class ScalarType(ValueType):
    """Values that are compared as a whole: scalars, enums, and the well-known types that are written as a scalar."""

    __slots__ = ("_plain", "default", "names", "read")

    set_words = "not the default"
    unset_words = "the default"

    def __init__(
        self,
        name: str,
        family: Family,
        read: Callable[[Any], Any],
        plain: Callable[[Any], Any],
        *,
        default: Any = None,
        normalize: Callable[[Any], Any] | None = None,
        takes_null: bool = False,
        names: tuple[str, ...] = (),
    ) -> None:
        super().__init__(name, family, normalize=normalize, takes_null=takes_null)
        self.names = names
        """Of an enum, the names of its values."""

        self.read = read
        """From ProtoJSON to the form that matchers see. Raises :class:`~grpcmock.schema.values.Mismatch`."""

        self._plain = plain
        self.default = default

    def plain(self, value: Any) -> Any:
        return self._plain(value)

    def is_default(self, value: Any) -> bool:
        return bool(value == self.default)


class ListType(ValueType):
    """Repeated fields, and all messages of a stream."""

    __slots__ = ("element",)

    def __init__(self, element: ValueType, name: str) -> None:
        normalize = element.normalize
        super().__init__(
            name,
            Family.LIST,
            normalize=None if normalize is None else lambda items: [normalize(item) for item in items],
        )
        self.element = element

    def _make_path(self) -> Path:
        return requests_path(self.normalize)

    def plain(self, value: Any) -> Any:
        return [self.element.plain(item) for item in value]


class MapType(ValueType):
    """Map fields."""

    __slots__ = ("key", "read_key", "value")

    def __init__(self, key: ScalarType, read_key: Callable[[Any], Any], value: ValueType, name: str) -> None:
        normalize = value.normalize
        super().__init__(
            name,
            Family.MAP,
            normalize=None
            if normalize is None
            else lambda items: {key: normalize(item) for key, item in items.items()},
        )
        self.key = key
        self.read_key = read_key
        self.value = value

    def plain(self, value: Any) -> Any:
        return {values.text(key): self.value.plain(item) for key, item in value.items()}


class AnyType(ValueType):
    """``google.protobuf.Any``: matched by its type and what it holds."""

    __slots__ = ()

    def __init__(self, descriptor: Descriptor) -> None:
        super().__init__(values.type_name(descriptor), Family.MESSAGE)

    def plain(self, value: Any) -> Any:
        return codec.to_tree(value)


class DynamicType(ValueType):
    """Plain JSON: what operators mean is decided by the value that comes."""

    __slots__ = ("type",)

    def __init__(
        self,
        name: str,
        family: Family,
        type_: type | None = None,
        normalize: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(name, family, normalize=normalize, takes_null=type_ is None)
        self.type = type_
        """The one type that there can be; None if any."""

    def is_default(self, value: Any) -> bool:  # noqa: ARG002
        return False
