"""Read a registry into the views that are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2

from grpcmock.drift.views import (
    Cardinality,
    Enum,
    Field,
    File,
    Message,
    Method,
    Presence,
    Ranges,
    Schema,
    Service,
    Value,
)
from grpcmock.errors import Location
from grpcmock.schema import shipped
from grpcmock.schema.annotations import AnnotationReader

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcmock.schema import Registry

_Path = tuple[int, ...]

_TYPES: dict[int, str] = {
    number: name.removeprefix("TYPE_").lower() for name, number in descriptor_pb2.FieldDescriptorProto.Type.items()
}
_FILE_OPTIONS = (
    *("java_package", "java_outer_classname", "java_multiple_files", "go_package", "csharp_namespace"),
    *("objc_class_prefix", "swift_prefix", "php_class_prefix", "php_namespace", "php_metadata_namespace"),
    *("ruby_package", "optimize_for", "cc_enable_arenas", "cc_generic_services", "java_generic_services"),
    *("py_generic_services", "java_string_check_utf8"),
)
_JSON_ALLOW = 1
_UTF8_VERIFY = 2
_IDEMPOTENCY = {0: "", 1: "NO_SIDE_EFFECTS", 2: "IDEMPOTENT"}


def read(
    registry: Registry, label: str, places: Mapping[str, str] | None = None, *, rules: AnnotationReader | None = None
) -> Schema:
    """Read a registry. *label* is what to call it; *places* tells where files stand, by the names they are imported by.

    Without *places* there are no lines either. *rules* reads the options of fields; by default those that the registry
    itself declares are known.
    """
    reader = _Reader(registry, places, rules or AnnotationReader(registry))
    for file in registry.files.file:
        reader.file(file)
    return Schema(
        label=label,
        files=reader.files,
        services=reader.services,
        messages=reader.messages,
        enums=reader.enums,
        extensions=reader.extensions,
    )


@dataclass(slots=True)
class _Scope:
    """The file that is being read."""

    name: str
    is_shipped: bool
    locate: Callable[[_Path], Location]


class _Reader:
    def __init__(self, registry: Registry, places: Mapping[str, str] | None, rules: AnnotationReader) -> None:
        self._pool = registry.pool
        self._places = places
        self._rules = rules
        self.files: dict[str, File] = {}
        self.services: dict[str, Service] = {}
        self.messages: dict[str, Message] = {}
        self.enums: dict[str, Enum] = {}
        self.extensions: dict[tuple[str, int], Field] = {}

    def file(self, proto: FileDescriptorProto) -> None:
        scope = _Scope(proto.name, shipped.is_shipped(proto.name), self._locator(proto))
        if not scope.is_shipped:
            self.files[proto.name] = File(
                name=proto.name,
                package=proto.package,
                syntax=_syntax(proto),
                options=_options(proto.options),
                location=scope.locate(()),
            )
        prefix = f"{proto.package}." if proto.package else ""
        for index, message in enumerate(proto.message_type):
            self._message(message, prefix, (4, index), scope)
        for index, enum in enumerate(proto.enum_type):
            self._enum(enum, prefix, (5, index), scope)
        for index, service in enumerate(proto.service):
            self._service(service, prefix, (6, index), scope)
        for index, extension in enumerate(proto.extension):
            self._extension(prefix + extension.name, (7, index), scope)

    def _locator(self, proto: FileDescriptorProto) -> Callable[[_Path], Location]:
        """Give a function from the path of a descriptor to its place, as far as the file knows it."""
        if self._places is None:
            return lambda _: Location(proto.name)
        spans = {tuple(location.path): location.span for location in proto.source_code_info.location}
        name = self._places.get(proto.name, proto.name)

        def locate(path: _Path) -> Location:
            span = spans.get(path)
            return Location(name, span[0] + 1, span[1] + 1) if span and path else Location(name)

        return locate

    def _message(self, proto: Any, prefix: str, path: _Path, scope: _Scope) -> None:
        name = prefix + proto.name
        descriptor = self._pool.FindMessageTypeByName(name)
        fields = tuple(
            self._field(descriptor.fields_by_number[one.number], (*path, 2, index), scope)
            for index, one in enumerate(proto.field)
        )
        oneofs: dict[str, tuple[str, ...]] = {}
        for one in fields:
            if one.oneof is not None:
                oneofs[one.oneof] = (*oneofs.get(one.oneof, ()), one.name)
        self.messages[name] = Message(
            full_name=name,
            fields=fields,
            oneofs=oneofs,
            reserved_numbers=_ranges(proto.reserved_range, 1),
            reserved_names=frozenset(proto.reserved_name),
            extension_ranges=_ranges(proto.extension_range, 1),
            strict_json=_feature(descriptor, "json_format", _JSON_ALLOW) == _JSON_ALLOW,
            message_set=proto.options.message_set_wire_format,
            is_map_entry=proto.options.map_entry,
            demands=frozenset(self._demands(descriptor)),
            deprecated=proto.options.deprecated,
            is_shipped=scope.is_shipped,
            file=scope.name,
            location=scope.locate(path),
        )
        for index, nested in enumerate(proto.nested_type):
            self._message(nested, f"{name}.", (*path, 3, index), scope)
        for index, enum in enumerate(proto.enum_type):
            self._enum(enum, f"{name}.", (*path, 4, index), scope)
        for index, extension in enumerate(proto.extension):
            self._extension(f"{name}.{extension.name}", (*path, 6, index), scope)

    def _demands(self, descriptor: Descriptor) -> Iterator[str]:
        options = self._rules.message(descriptor)
        yield from (f"cel {expression}" for expression in options.cel.values())
        for names, required in options.oneofs:
            yield f"at most one of {', '.join(names)}"
            if required:
                yield f"one of {', '.join(names)}"
        yield from (f"oneof {oneof.name}" for oneof in descriptor.oneofs if self._rules.oneof_required(oneof))

    def _extension(self, name: str, path: _Path, scope: _Scope) -> None:
        field = self._field(self._pool.FindExtensionByName(name), path, scope)
        # Extensions of options concern those who read the protos, nobody who exchanges messages.
        if not field.extendee.startswith("google.protobuf."):
            self.extensions[field.extendee, field.number] = field

    def _field(self, descriptor: FieldDescriptor, path: _Path, scope: _Scope) -> Field:
        type_ = _TYPES[descriptor.type]
        options: Any = descriptor.GetOptions()
        of = descriptor.message_type or descriptor.enum_type
        entry = descriptor.message_type
        is_map = entry is not None and descriptor.is_repeated and entry.GetOptions().map_entry
        cardinality: Cardinality = "map" if is_map else "repeated" if descriptor.is_repeated else "singular"
        oneof, extendee = descriptor.containing_oneof, descriptor.containing_type
        synthetic = oneof is not None and len(oneof.fields) == 1 and oneof.name == f"_{descriptor.name}"
        return Field(
            name=descriptor.name,
            full_name=descriptor.full_name,
            number=descriptor.number,
            type=type_,
            of=of.full_name if of is not None else "",
            json_name=f"[{descriptor.full_name}]" if descriptor.is_extension else descriptor.json_name,
            cardinality=cardinality,
            presence=_presence(descriptor),
            packed=bool(descriptor.is_packed),
            oneof=oneof.name if oneof is not None and not synthetic else None,
            default=_default(descriptor),
            checks_utf8=type_ == "string" and _feature(descriptor, "utf8_validation", _UTF8_VERIFY) == _UTF8_VERIFY,
            jstype=options.JSType.Name(options.jstype) if options.HasField("jstype") else "",
            deprecated=options.deprecated,
            options=self._rules.field(descriptor),
            extendee=extendee.full_name if descriptor.is_extension and extendee is not None else "",
            file=scope.name,
            location=scope.locate(path),
        )

    def _enum(self, proto: Any, prefix: str, path: _Path, scope: _Scope) -> None:
        name = prefix + proto.name
        descriptor = self._pool.FindEnumTypeByName(name)
        values = tuple(
            Value(
                name=value.name,
                number=value.number,
                deprecated=value.options.deprecated,
                location=scope.locate((*path, 2, index)),
            )
            for index, value in enumerate(proto.value)
        )
        self.enums[name] = Enum(
            full_name=name,
            values=values,
            closed=descriptor.is_closed,
            reserved_numbers=_ranges(proto.reserved_range, 0),
            reserved_names=frozenset(proto.reserved_name),
            strict_json=_feature(descriptor, "json_format", _JSON_ALLOW) == _JSON_ALLOW,
            deprecated=proto.options.deprecated,
            is_shipped=scope.is_shipped,
            file=scope.name,
            location=scope.locate(path),
        )

    def _service(self, proto: Any, prefix: str, path: _Path, scope: _Scope) -> None:
        name = prefix + proto.name
        methods = tuple(
            Method(
                name=method.name,
                full_name=f"{name}/{method.name}",
                client_streams=method.client_streaming,
                server_streams=method.server_streaming,
                request=method.input_type.removeprefix("."),
                response=method.output_type.removeprefix("."),
                idempotency=_IDEMPOTENCY.get(method.options.idempotency_level, ""),
                http=_http(method.options),
                deprecated=method.options.deprecated,
                file=scope.name,
                location=scope.locate((*path, 2, index)),
            )
            for index, method in enumerate(proto.method)
        )
        if not scope.is_shipped:
            self.services[name] = Service(
                full_name=name,
                methods=methods,
                deprecated=proto.options.deprecated,
                file=scope.name,
                location=scope.locate(path),
            )


def _syntax(proto: FileDescriptorProto) -> str:
    if proto.syntax != "editions":
        return proto.syntax or "proto2"
    return f"edition {descriptor_pb2.Edition.Name(proto.edition).removeprefix('EDITION_')}"


def _options(options: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _FILE_OPTIONS:
        field = options.DESCRIPTOR.fields_by_name[name]
        value = getattr(options, name)
        if value != field.default_value:
            found[name] = field.enum_type.values_by_number[value].name if field.enum_type else str(value)
    return found


def _presence(descriptor: FieldDescriptor) -> Presence:
    if descriptor.is_repeated:
        return ""
    if descriptor.is_required:
        return "required"
    return "explicit" if descriptor.has_presence else "implicit"


def _default(descriptor: FieldDescriptor) -> str:
    if not descriptor.has_default_value:
        return ""
    if descriptor.enum_type is not None:
        return descriptor.enum_type.values_by_number[descriptor.default_value].name
    return repr(descriptor.default_value)


def _feature(descriptor: Any, name: str, otherwise: int) -> int:
    """Give a feature of the editions, resolved through file, message and field; older syntaxes are editions, too."""
    # Not a public name; the implementation in pure Python lacks it.
    resolve = getattr(descriptor, "_GetFeatures", None)
    return int(getattr(resolve(), name)) if resolve is not None else otherwise


def _http(options: Any) -> bytes:
    if not options.ByteSize():
        return b""
    from google.api import annotations_pb2

    read = descriptor_pb2.MethodOptions.FromString(options.SerializeToString())
    if not read.HasExtension(annotations_pb2.http):
        return b""
    return bytes(read.Extensions[annotations_pb2.http].SerializeToString(deterministic=True))


def _ranges(ranges: Iterable[Any], exclusive: int) -> Ranges:
    """Give ranges with both ends included; those of enums are written so already."""
    found: Sequence[tuple[int, int]] = [(one.start, one.end - exclusive) for one in ranges]
    return tuple(sorted(found))
