"""The registry: every service, method and message that the protos describe, in a descriptor pool of its own."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from grpcmock.errors import SchemaError, UnknownMethodError, did_you_mean, nearest
from grpcmock.schema import merging
from grpcmock.schema.method import Method, MethodKind

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
    from google.protobuf.message import Message

    from grpcmock.schema.nearby import Nearby

_KINDS = {
    (False, False): MethodKind.UNARY,
    (False, True): MethodKind.SERVER_STREAMING,
    (True, False): MethodKind.CLIENT_STREAMING,
    (True, True): MethodKind.BIDI_STREAMING,
}


class Registry:
    """What the protos say. Built once, never changed; two registries share nothing.

    Raises :class:`SchemaError` if the files lack an import or contradict each other.
    """

    def __init__(
        self,
        files: descriptor_pb2.FileDescriptorSet,
        *,
        base: Registry | None = None,
        nearby: Nearby | None = None,
    ) -> None:
        """Read *files*; with *base*, they are added to those of another, whose pool is then shared.

        Types that aren't there are looked for *nearby*, for hints alone.
        """
        __tracebackhide__ = True  # in a test it is the caller's line that is wrong
        known: frozenset[str] = frozenset()
        if base is not None:
            known = frozenset(file.name for file in base.files.file)
            files = merging.as_set([*base.files.file, *files.file])
        self.nearby: Nearby | None = nearby if base is None else base.nearby
        self.files: descriptor_pb2.FileDescriptorSet = files
        """Every file, each after those that it imports."""

        self.pool: descriptor_pool.DescriptorPool = descriptor_pool.DescriptorPool() if base is None else base.pool
        for file in _in_order(files):
            if file.name in known or (base is not None and _has(self.pool, file)):
                continue
            try:
                self.pool.AddSerializedFile(file.SerializeToString())
            except TypeError as error:
                others = [other for other in files.file if other.name != file.name]
                if clash := merging.clash(file, others):
                    raise SchemaError(merging.twice(clash[0], file.name, clash[1])) from None
                raise SchemaError(f"The descriptors of {file.name} can't be used: {error}") from None
        self.services: Mapping[str, ServiceDescriptor] = {
            service.full_name: service
            for file in files.file
            if file.name not in known
            for service in self.pool.FindFileByName(file.name).services_by_name.values()
        }
        """Every service by its full name."""

        self.methods: Mapping[str, Method] = {
            method.path: method for service in self.services.values() for method in map(self._method, service.methods)
        }
        """Every method by its HTTP/2 path, ``/package.Service/Method``."""

        if base is not None:
            self.services = {**base.services, **self.services}
            self.methods = {**base.methods, **self.methods}

    def including(self, other: Registry) -> Registry:
        """Return a registry of the files of both. What this one has given goes on to hold: the two share a pool.

        Of two files that merely have one name, that of *other* gets another one. Raises :class:`SchemaError` if the
        files contradict each other.
        """
        __tracebackhide__ = True
        present = {file.name: file for file in self.files.file}
        new = merging.added(present, other.files.file, "other", lambda one, two: _declared(one) == _declared(two))
        return Registry(merging.as_set(new), base=self) if new else self

    def _method(self, descriptor: MethodDescriptor) -> Method:
        return Method(
            service=descriptor.containing_service.full_name,
            name=descriptor.name,
            kind=_KINDS[descriptor.client_streaming, descriptor.server_streaming],
            request_class=message_factory.GetMessageClass(descriptor.input_type),
            response_class=message_factory.GetMessageClass(descriptor.output_type),
            descriptor=descriptor,
        )

    def method(self, name: str) -> Method:
        """Find a method by the name that a user wrote.

        ``package.Service/Method``, ``package.Service.Method`` and ``/package.Service/Method`` are taken; leading parts
        of the package may be left out at a dot, and the service, too, as long as one method alone fits. gRPC's own
        services, which a server has besides, leave a bare name to the others.

        Raises :class:`UnknownMethodError`, which names the nearest method, or those that fit.
        """
        __tracebackhide__ = True  # in a test it is the caller's line that is wrong
        written = name.removeprefix("/")
        service, _, method = written.rpartition("/") if "/" in written else written.rpartition(".")
        if exact := self.methods.get(f"/{service}/{method}"):
            return exact
        is_bare = written == method == name
        fitting = [found for found in self.methods.values() if found.name == method and is_bare] or [
            found
            for full_name in self.services
            if service and full_name.endswith("." + service) and (found := self.methods.get(f"/{full_name}/{method}"))
        ]
        if is_bare and len(fitting) > 1:
            fitting = [found for found in fitting if not found.service.startswith("grpc.")] or fitting
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            names = ", ".join(sorted(map(str, fitting)))
            more = "Write the service, too." if is_bare else "Write more of the package."
            raise UnknownMethodError(f"{name!r} fits more than one method: {names}. {more}")
        by_name = {found.name: str(found) for found in self.methods.values()} if is_bare else {}
        if alike := nearest(written, by_name):
            raise UnknownMethodError(f"There is no method {name!r}. Did you mean {by_name[alike]!r}?")
        hint = did_you_mean(written, map(str, self.methods.values()), known="The methods")
        raise UnknownMethodError(f"There is no method {name!r}. {hint}".rstrip())

    def message(self, full_name: str) -> type[Message]:
        """Give the class of a message type. Raises :class:`SchemaError`, which names the nearest type."""
        if found := find_message(self.pool, full_name):
            return found
        found_near = _nearest_type(full_name, self.message_names())
        hint = f"Did you mean {found_near!r}?" if found_near else ""
        raise SchemaError(f"There is no message type {full_name!r}. {hint}".rstrip())

    def message_names(self) -> list[str]:
        """List the full names of all message types, map entries left out."""

        names: list[str] = []
        pending = [
            (file.package, message) for file in reversed(self.files.file) for message in reversed(file.message_type)
        ]
        while pending:
            scope, message = pending.pop()
            if message.options.map_entry:
                continue
            name = f"{scope}.{message.name}" if scope else message.name
            names.append(name)
            pending.extend((name, nested) for nested in reversed(message.nested_type))
        return names


def _has(pool: descriptor_pool.DescriptorPool, file: descriptor_pb2.FileDescriptorProto) -> bool:
    """Whether a file is in a pool already: a well-known one that was looked up, or by another that shares the pool."""
    try:
        present = pool.FindFileByName(file.name)
    except KeyError:
        return False
    return _declared(descriptor_pb2.FileDescriptorProto.FromString(present.serialized_pb)) == _declared(file)


def _declared(file: descriptor_pb2.FileDescriptorProto) -> tuple[object, ...]:
    """Tell files of one name apart; those of one source may differ in what compilers add to them."""
    services = [
        (
            service.name,
            [(method.name, _last(method.input_type), _last(method.output_type)) for method in service.method],
        )
        for service in file.service
    ]
    return file.package, [_shape(message) for message in file.message_type], services


def _shape(message: descriptor_pb2.DescriptorProto) -> tuple[object, ...]:
    fields = [(field.name, field.number, _last(field.type_name)) for field in message.field]
    return message.name, fields, [_shape(nested) for nested in message.nested_type]


def _last(type_name: str) -> str:
    """Return the end of a type's name: its beginning may be left out."""
    return type_name.rpartition(".")[2]


def _nearest_type(full_name: str, names: list[str]) -> str | None:
    """Return the type that may have been meant: of this name in another package, or of a like name in this one."""
    package, _, name = full_name.rpartition(".")
    of_name = [one for one in names if one.rpartition(".")[2] == name]
    if of_name:
        return nearest(full_name, of_name) or of_name[0]
    return nearest(full_name, [one for one in names if one.rpartition(".")[0] == package])


_SHIPPED = {
    "google.protobuf.": (
        *("any", "api", "duration", "empty", "field_mask", "source_context", "struct", "timestamp", "type", "wrappers"),
    ),
    "google.rpc.": ("error_details", "status", "code"),
}
"""What every program may put into an ``Any``, whether its protos import it or not."""


def find_message(pool: descriptor_pool.DescriptorPool, full_name: str) -> type[Message] | None:
    """Give the class of a message type of this pool, or None.

    The well-known types and those of rich error details are always there: they are added to the pool when first named.
    """
    try:
        return message_factory.GetMessageClass(pool.FindMessageTypeByName(full_name))
    except KeyError:
        pass
    for prefix, files in _SHIPPED.items():
        if not full_name.startswith(prefix):
            continue
        for file in files:
            _add_shipped(pool, f"{prefix.replace('.', '/')}{file}.proto")
        try:
            return message_factory.GetMessageClass(pool.FindMessageTypeByName(full_name))
        except KeyError:
            return None
    return None


def _add_shipped(pool: descriptor_pool.DescriptorPool, name: str) -> None:
    try:
        pool.FindFileByName(name)
    except KeyError:
        module = importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
        for imported in module.DESCRIPTOR.dependencies:
            _add_shipped(pool, imported.name)
        # The user's protos may declare a type of this name in a file of another name.
        with contextlib.suppress(TypeError):
            pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)


def _in_order(files: descriptor_pb2.FileDescriptorSet) -> list[descriptor_pb2.FileDescriptorProto]:
    """Sort the files so that each stands after its imports; say which import is missing."""
    by_name = {file.name: file for file in files.file}
    ordered: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    pending = [(name, iter(by_name[name].dependency)) for name in reversed(by_name)]
    entered = set()
    while pending:
        name, imports = pending[-1]
        entered.add(name)
        for imported in imports:
            if imported in ordered:
                continue
            if imported not in by_name:
                raise SchemaError(
                    f"{name} imports {imported!r}, which is in none of the descriptors given. Make the set with "
                    "--include_imports, or add -I with the directory that holds the file."
                )
            if imported in entered:
                raise SchemaError(f"{name} imports {imported!r}, which imports it in turn.")
            pending.append((imported, iter(by_name[imported].dependency)))
            break
        else:
            pending.pop()
            ordered.setdefault(name, by_name[name])
    return list(ordered.values())
