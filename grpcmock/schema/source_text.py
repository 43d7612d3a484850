"""Descriptors as the source of a proto: services, methods, messages and enums as their authors wrote them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2, text_format

from grpcmock.errors import GrpcmockError, SchemaError, did_you_mean

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import (
        DescriptorProto,
        EnumDescriptorProto,
        FieldDescriptorProto,
        FileDescriptorProto,
        MethodDescriptorProto,
        ServiceDescriptorProto,
    )

    from grpcmock.schema.registry import Registry

_Path = tuple[int, ...]

_INDENT = "  "
_MAX_FIELD = (1 << 29) - 1
_TYPES = {
    number: name.removeprefix("TYPE_").lower() for name, number in descriptor_pb2.FieldDescriptorProto.Type.items()
}
_LABELS = {1: "optional ", 2: "required ", 3: "repeated "}


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something that has a name in a proto."""

    full_name: str
    kind: str
    """``service``, ``method``, ``message`` or ``enum``."""

    file: FileDescriptorProto
    path: _Path
    """Where its descriptor stands in that of the file."""

    proto: Any


def symbols(registry: Registry) -> dict[str, Symbol]:
    """List everything that can be described, by full name; methods as ``package.Service.Method``."""
    return {name: symbol for file in registry.files.file for name, symbol in symbols_of(file).items()}


def symbols_of(file: FileDescriptorProto) -> dict[str, Symbol]:
    """List what can be described of one file; see :func:`symbols`."""
    return {symbol.full_name: symbol for symbol in _symbols(file)}


def _symbols(file: FileDescriptorProto) -> Iterator[Symbol]:
    prefix = f"{file.package}." if file.package else ""

    def messages(protos: Iterable[DescriptorProto], path: _Path, prefix: str) -> Iterator[Symbol]:
        for index, proto in enumerate(protos):
            if proto.options.map_entry:
                continue
            here, name = (*path, index), prefix + proto.name
            yield Symbol(name, "message", file, here, proto)
            yield from messages(proto.nested_type, (*here, 3), f"{name}.")
            yield from enums(proto.enum_type, (*here, 4), f"{name}.")

    def enums(protos: Iterable[EnumDescriptorProto], path: _Path, prefix: str) -> Iterator[Symbol]:
        for index, proto in enumerate(protos):
            yield Symbol(prefix + proto.name, "enum", file, (*path, index), proto)

    yield from messages(file.message_type, (4,), prefix)
    yield from enums(file.enum_type, (5,), prefix)
    for index, service in enumerate(file.service):
        yield Symbol(prefix + service.name, "service", file, (6, index), service)
        for number, method in enumerate(service.method):
            yield Symbol(f"{prefix}{service.name}.{method.name}", "method", file, (6, index, 2, number), method)


def find(known: Mapping[str, Symbol], name: str) -> Symbol:
    """Find what a user named among symbols; leading parts may be left out at a dot, as long as one thing alone fits.

    Raises :class:`SchemaError`, which names the nearest symbol, or those that fit.
    """
    written = name.strip("/.").replace("/", ".")
    if exact := known.get(written):
        return exact
    fitting = [symbol for full_name, symbol in known.items() if full_name.endswith(f".{written}")]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(sorted(symbol.full_name for symbol in fitting))
        raise SchemaError(f"{name!r} fits more than one symbol: {names}. Write more of the package.")
    by_short = {key.rpartition(".")[2]: key for key in known}
    hint = did_you_mean(written, known) or did_you_mean(written, by_short)
    services = [key for key, symbol in known.items() if symbol.kind == "service"]
    hint = hint or did_you_mean(written, services, known="The services")
    raise SchemaError(f"There is no service, method, message or enum {name!r}. {hint}".rstrip())


def source_text(registry: Registry, symbol: Symbol) -> str:
    """Give the source of a symbol, with its comments where the descriptors have them. It ends without a newline."""
    writer = _Writer(registry, symbol.file)
    match symbol.kind:
        case "service":
            lines = writer.service(symbol.proto, symbol.path)
        case "method":
            lines = writer.method(symbol.proto, symbol.path)
        case "enum":
            lines = writer.enum(symbol.proto, symbol.path)
        case _:
            lines = writer.message(symbol.proto, symbol.path)
    return "\n".join(lines)


class _Writer:
    """Writes the parts of one file."""

    def __init__(self, registry: Registry, file: FileDescriptorProto) -> None:
        self._registry = registry
        self._file = file
        self._locations = {tuple(location.path): location for location in file.source_code_info.location}

    def service(self, proto: ServiceDescriptorProto, path: _Path) -> list[str]:
        body = self._option_lines(proto.options)
        for index, method in enumerate(proto.method):
            if body and (self._comments((*path, 2, index)) or index == 0):
                body.append("")
            body += self.method(method, (*path, 2, index))
        return self._block(f"service {proto.name}", body, path)

    def method(self, proto: MethodDescriptorProto, path: _Path) -> list[str]:
        sends = "stream " if proto.client_streaming else ""
        gives = "stream " if proto.server_streaming else ""
        head = (
            f"rpc {proto.name}({sends}{self._name(proto.input_type)}) returns ({gives}{self._name(proto.output_type)})"
        )
        options = self._option_lines(proto.options)
        if options:
            return self._block(head, options, path)
        return self._commented([f"{head};"], path)

    def message(self, proto: DescriptorProto, path: _Path, head: str = "") -> list[str]:
        body = self._option_lines(proto.options)
        body += self._fields(proto, path)
        for index, nested in enumerate(proto.nested_type):
            if not nested.options.map_entry:
                body += ["", *self.message(nested, (*path, 3, index))]
        for index, enum in enumerate(proto.enum_type):
            body += ["", *self.enum(enum, (*path, 4, index))]
        body += self._reserved(proto.reserved_range, proto.reserved_name, inclusive=False)
        if proto.extension_range:
            ranges = [_range(one.start, one.end - 1, _MAX_FIELD) for one in proto.extension_range]
            body.append(f"extensions {', '.join(ranges)};")
        for index, field in enumerate(proto.extension):
            inner = self._field(field, (*path, 6, index), None)
            body += [f"extend {self._name(field.extendee)} {{", *_indented(inner), "}"]
        return self._block(head or f"message {proto.name}", body[1:] if body[:1] == [""] else body, path)

    def enum(self, proto: EnumDescriptorProto, path: _Path) -> list[str]:
        body = self._option_lines(proto.options)
        for index, value in enumerate(proto.value):
            options = self._bracketed(self._options(value.options))
            body += self._commented([f"{value.name} = {value.number}{options};"], (*path, 2, index))
        body += self._reserved(proto.reserved_range, proto.reserved_name, inclusive=True)
        return self._block(f"enum {proto.name}", body, path)

    def _fields(self, proto: DescriptorProto, path: _Path) -> list[str]:
        lines: list[str] = []
        oneofs_done = set()
        for index, field in enumerate(proto.field):
            if not field.HasField("oneof_index") or field.proto3_optional:
                lines += self._field(field, (*path, 2, index), proto)
            elif field.oneof_index not in oneofs_done:
                oneofs_done.add(field.oneof_index)
                oneof = proto.oneof_decl[field.oneof_index]
                body = self._option_lines(oneof.options)
                for number, member in enumerate(proto.field):
                    if member.HasField("oneof_index") and member.oneof_index == field.oneof_index:
                        body += self._field(member, (*path, 2, number), proto)
                lines += self._block(f"oneof {oneof.name}", body, (*path, 8, field.oneof_index))
        return lines

    def _field(self, field: FieldDescriptorProto, path: _Path, message: DescriptorProto | None) -> list[str]:
        options = self._options(field.options)
        if field.HasField("default_value"):
            options.insert(0, f"default = {_default(field)}")
        if field.json_name and field.json_name != _camel(field.name) and not field.extendee:
            options.append(f'json_name = "{field.json_name}"')
        entry = _map_entry(field, message)
        if entry is not None:
            key, value = (self._type(one) for one in entry.field)
            written = f"map<{key}, {value}>"
        else:
            written = self._label(field) + self._type(field)
        line = f"{written} {field.name} = {field.number}{self._bracketed(options)};"
        return self._commented([line], path)

    def _label(self, field: FieldDescriptorProto) -> str:
        if field.label == field.LABEL_REPEATED:
            return "repeated "
        if field.HasField("oneof_index") and not field.proto3_optional:
            return ""
        if self._file.syntax == "editions":
            return ""
        if self._file.syntax == "proto3":
            return "optional " if field.proto3_optional else ""
        return _LABELS[field.label]

    def _type(self, field: FieldDescriptorProto) -> str:
        return self._name(field.type_name) if field.type_name else _TYPES[field.type]

    def _name(self, type_name: str) -> str:
        """Give the name of a type as it would be written in this file."""
        name = type_name.removeprefix(".")
        package = self._file.package
        return name.removeprefix(f"{package}.") if package else name

    def _reserved(self, ranges: Iterable[Any], names: Iterable[str], *, inclusive: bool) -> list[str]:
        shift, most = (0, (1 << 31) - 1) if inclusive else (1, _MAX_FIELD)
        numbers = [_range(one.start, one.end - shift, most) for one in ranges]
        quoted = [name if self._file.syntax == "editions" else f'"{name}"' for name in names]
        return [f"reserved {', '.join(items)};" for items in (numbers, quoted) if items]

    def _option_lines(self, options: Any) -> list[str]:
        return [f"option {option};" for option in self._options(options)]

    def _options(self, options: Any) -> list[str]:
        """Give the options that are set, custom ones included, as ``name = value``."""
        if not options.ByteSize():
            return []
        with contextlib.suppress(GrpcmockError):  # the registry's own class knows the custom options
            options = self._registry.message(options.DESCRIPTOR.full_name).FromString(options.SerializeToString())
        found = []
        for field, value in options.ListFields():
            if field.name == "map_entry":
                continue
            name = f"({field.full_name})" if field.is_extension else field.name
            found += [f"{name} = {_value(field, one)}" for one in (value if field.is_repeated else [value])]
        return found

    @staticmethod
    def _bracketed(options: list[str]) -> str:
        return f" [{', '.join(options)}]" if options else ""

    def _block(self, head: str, body: list[str], path: _Path) -> list[str]:
        lines = [f"{head} {{", *_indented(body), "}"] if body else [f"{head} {{}}"]
        return self._commented(lines, path)

    def _commented(self, lines: list[str], path: _Path) -> list[str]:
        lines = [*self._comments(path), *lines]
        location = self._locations.get(path)
        trailing = location.trailing_comments.strip() if location is not None else ""
        if trailing and "\n" not in trailing:
            lines[-1] += f"  // {trailing}"
        return lines

    def _comments(self, path: _Path) -> list[str]:
        location = self._locations.get(path)
        if location is None:
            return []
        comments = location.leading_comments
        if "\n" in location.trailing_comments.strip():
            comments += location.trailing_comments
        if not comments.strip():
            return []
        return [f"// {line.removeprefix(' ')}".rstrip() for line in comments.rstrip("\n ").split("\n")]


def _map_entry(field: FieldDescriptorProto, message: DescriptorProto | None) -> DescriptorProto | None:
    if message is None or field.type != field.TYPE_MESSAGE or field.label != field.LABEL_REPEATED:
        return None
    name = field.type_name.rpartition(".")[2]
    return next((one for one in message.nested_type if one.name == name and one.options.map_entry), None)


def _default(field: FieldDescriptorProto) -> str:
    if field.type == field.TYPE_STRING:
        return _quoted(field.default_value)
    return f'"{field.default_value}"' if field.type == field.TYPE_BYTES else field.default_value


def _quoted(value: str | bytes) -> str:
    escaped: str = text_format.text_encoding.CEscape(value, as_utf8=True)  # type: ignore[attr-defined]
    return f'"{escaped}"'


def _value(field: Any, value: Any) -> str:
    if field.message_type is not None:
        return "{" + text_format.MessageToString(value, as_one_line=True, as_utf8=True).strip() + "}"
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known is not None else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, bytes)):
        return _quoted(value)
    return str(value)


def _range(first: int, last: int, most: int) -> str:
    if first == last:
        return str(first)
    return f"{first} to {'max' if last >= most else last}"


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def _indented(lines: Iterable[str]) -> list[str]:
    return [_INDENT + line if line else "" for line in lines]
