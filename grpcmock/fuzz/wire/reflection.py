"""Whether the versions of a server's reflection service agree with each other and with the protos at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.errors import GrpcmockError
from grpcmock.fuzz.model.findings import Finding
from grpcmock.schema import reflection

if TYPE_CHECKING:
    import grpc.aio
    from google.protobuf.descriptor import Descriptor, EnumDescriptor

    from grpcmock.schema import Method, Registry
    from grpcmock.status import Metadata

LOCAL = "the protos"

_MOST = 20
"""Findings that are told; a server of another contract differs in everything."""

_OWN = ("grpc.reflection.", "grpc.health.", "grpc.channelz.")
"""Services that come with libraries, and are in nobody's protos."""


async def reflections(channel: grpc.aio.Channel, metadata: Metadata = ()) -> dict[str, Registry | str]:
    """Ask each version of the reflection service for all it knows; what one fails with takes its place, in words."""
    found: dict[str, Registry | str] = {}
    for version in reflection.VERSIONS:
        name = f"reflection {version.split('.')[2]}"
        try:
            found[name] = await reflection.fetch(channel, metadata=metadata, versions=(version,))
        except GrpcmockError as error:
            found[name] = str(error)
    return found


def disagreements(local: Registry | None, reflected: Mapping[str, Registry | str]) -> Iterator[Finding]:
    """Yield what the registries don't agree on, at most twenty findings.

    *local* is what the contract's own protos say; None if they came by reflection. The services of gRPC itself are left
    out. A version that a server doesn't offer is no disagreement; if it offers none, there is none.
    """
    registries = {name: each for name, each in reflected.items() if not isinstance(each, str)}
    pairs = [(LOCAL, local, name, each) for name, each in registries.items()] if local is not None else []
    if local is None and len(registries) > 1:
        (one, first), *others = registries.items()
        pairs = [(one, first, name, each) for name, each in others]
    told: set[str] = set()
    for left, ours, right, theirs in pairs:
        assert ours is not None
        for what, expected, actual in _differences(ours, theirs, all_services=local is None):
            if what not in told and len(told) < _MOST:
                told.add(what)
                says = "say" if left == LOCAL else "says"
                said = f"{what}: {expected}, as {left} {says}"
                actual = f"{actual}, as {right} says"
                yield Finding(
                    check="reflection_truth",
                    expected=said,
                    actual=actual,
                    path=what,
                    key=what,
                    server_wide=True,
                    causes=(f"{left} and {right}: {what.rpartition('.')[0] or what}",),
                )


_Difference = tuple[str, str, str]


def _differences(ours: Registry, theirs: Registry, *, all_services: bool) -> Iterator[_Difference]:
    """Yield what differs, what we say, and what they say. Protos may hold services that a server doesn't offer."""
    entered: set[str] = set()
    for path, method in ours.methods.items():
        if method.service.startswith(_OWN):
            continue
        other = theirs.methods.get(path)
        if method.service not in theirs.services:
            if all_services and method.service not in entered:
                entered.add(method.service)
                yield method.service, "a service", "nothing"
        elif other is None:
            yield method.full_name, "a method", "nothing"
        else:
            yield from _methods(method, other, entered)
    for path, method in theirs.methods.items():
        if path not in ours.methods and method.service in ours.services:
            yield method.full_name, "nothing", "a method"


def _methods(ours: Method, theirs: Method, entered: set[str]) -> Iterator[_Difference]:
    if ours.kind is not theirs.kind:
        yield ours.full_name, ours.kind.value, theirs.kind.value
    for role, mine, other in (("request", ours.input, theirs.input), ("response", ours.output, theirs.output)):
        if mine.full_name != other.full_name:
            yield f"{ours.full_name} ({role})", mine.full_name, other.full_name
        else:
            yield from _messages(mine, other, entered)


def _messages(ours: Descriptor, theirs: Descriptor, entered: set[str]) -> Iterator[_Difference]:
    pending = [(ours, theirs)]
    while pending:
        mine, other = pending.pop()
        if mine.full_name in entered:
            continue
        entered.add(mine.full_name)
        for number in sorted({*mine.fields_by_number, *other.fields_by_number}):
            left: Any = mine.fields_by_number.get(number)
            right: Any = other.fields_by_number.get(number)
            name = f"{mine.full_name}.{(left or right).name}"
            if _shown(left) != _shown(right):
                yield name, _shown(left), _shown(right)
            elif left is not None and right is not None:
                if left.message_type is not None:
                    pending.append((left.message_type, right.message_type))
                elif left.enum_type is not None and left.enum_type.full_name not in entered:
                    entered.add(left.enum_type.full_name)
                    yield from _enums(left.enum_type, right.enum_type)


def _enums(ours: EnumDescriptor, theirs: EnumDescriptor) -> Iterator[_Difference]:
    mine, other = ({value.name: value.number for value in enum.values} for enum in (ours, theirs))
    for name in sorted({*mine, *other}):
        if mine.get(name) != other.get(name):
            values = (f"the number {each[name]}" if name in each else "nothing" for each in (mine, other))
            yield (f"{ours.full_name}.{name}", *values)  # type: ignore[misc]


_TYPES = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}


def _shown(field: FieldDescriptor | None) -> str:
    """Tell what a field is: ``repeated string tags = 3``."""
    if field is None:
        return "nothing"
    kind = field.message_type or field.enum_type
    label = "repeated " if field.is_repeated else "required " if field.is_required else ""
    oneof = f" in oneof {field.containing_oneof.name}" if field.containing_oneof is not None else ""
    return f"{label}{kind.full_name if kind is not None else _TYPES[field.type]} {field.name} = {field.number}{oneof}"
