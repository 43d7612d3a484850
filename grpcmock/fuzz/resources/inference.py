"""Resources told from the protos: by names of methods, annotations (AIP-121 to 135), and types that are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.naming import service_noun, singular
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.resources.distinct import one_for_each_role, with_names_of_their_own
from grpcmock.fuzz.resources.fields import at, is_key, same_type
from grpcmock.fuzz.resources.locations import RESOURCE_KEYS, shown_in, shown_type
from grpcmock.fuzz.resources.method_names import makes_by_type, told_by_name, with_irregular_plurals
from grpcmock.fuzz.resources.operations import operation_of, written_operation
from grpcmock.fuzz.resources.ownership import ownership
from grpcmock.fuzz.resources.resource import Resource, Resources
from grpcmock.schema.annotations import AnnotationReader
from grpcmock.schema.method import MethodKind
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.fuzz.expectations.links import Link, Links
    from grpcmock.schema import Method, Registry

_REFERENCES = tuple(f"_{key}" for key in RESOURCE_KEYS)
"""How the names of fields end that say which other thing is meant."""

_KEYED = frozenset({Role.GET, Role.DELETE, Role.LOOKUP, Role.BATCH_GET})
"""Roles whose requests say little more than which one is meant."""

_KINDS = {
    Role.CREATE: (MethodKind.UNARY,),
    Role.IMPORT: (MethodKind.UNARY, MethodKind.CLIENT_STREAMING),
    Role.GET: (MethodKind.UNARY,),
    Role.BATCH_GET: (MethodKind.UNARY,),
    Role.LOOKUP: (MethodKind.BIDI_STREAMING,),
    Role.LIST: (MethodKind.UNARY, MethodKind.SERVER_STREAMING),
    Role.EXPORT: (MethodKind.SERVER_STREAMING,),
    Role.UPDATE: (MethodKind.UNARY,),
    Role.DELETE: (MethodKind.UNARY,),
    Role.UNDELETE: (MethodKind.UNARY,),
    Role.EXPUNGE: (MethodKind.UNARY,),
    Role.MOVE: (MethodKind.UNARY,),
    Role.WATCH: (MethodKind.SERVER_STREAMING,),
}
"""The kinds of RPC that a role is believed of."""


@lru_cache(32)
def resources_of(registry: Registry, links: Links | None = None) -> Resources:
    """Tell the resources of a registry. What makes no sense as one is left out; what *links* say wins."""
    inference = _Inference(registry)
    resources = inference.resources()
    return inference.linked(resources, links) if links is not None and links.all else resources


class _Inference:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._options = AnnotationReader(registry)

    def resources(self) -> Resources:
        groups: dict[tuple[str, str], list[tuple[Role, Method]]] = {}
        for method in sorted(self._registry.methods.values(), key=str):
            if (told := told_by_name(method)) is not None:
                role, noun = told
                groups.setdefault((method.service, noun), []).append((role, method))
        for method in self._registry.methods.values():
            group = groups.get((method.service, method.name))
            if group is not None and Role.CREATE not in dict(group):
                group.append((Role.CREATE, method))  # ``Transfer`` makes what ``GetTransfer`` reads
            noun = makes_by_type(method)
            group = groups.get((method.service, noun))
            if group is not None and Role.CREATE not in dict(group):
                group.append((Role.CREATE, method))
        found = [
            resource
            for (service, noun), methods in with_irregular_plurals(groups).items()
            if (resource := self._resource(service, noun, methods)) is not None
        ]
        return Resources(all=tuple(self._with_parents(with_names_of_their_own(found))))

    def linked(self, resources: Resources, links: Links) -> Resources:
        """Put what was written in the place of what was told from names."""
        written = {link.source for link in links.all} | {link.target for link in links.all}
        made = [
            self._linked_resource(source, [link for link in links.all if link.source is source], resources)
            for source in dict.fromkeys(link.source for link in links.all)
        ]
        kept = [
            replace(resource, operations=tuple(one for one in resource.operations if one.method not in written))
            for resource in resources.all
            if resource.name not in {linked.name for linked in made if linked is not None}
        ]
        everything = [*(linked for linked in made if linked is not None), *(one for one in kept if one.operations)]
        return Resources(all=tuple(everything))

    def _linked_resource(self, source: Method, links: Sequence[Link], resources: Resources) -> Resource | None:
        told = told_by_name(source)
        noun = told[1] if told is not None else service_noun(source.service)
        known = resources.by_path.get(source.path)
        descriptor, key = self._linked_type(source, links)
        if descriptor is None:
            return None
        inferred = known[0] if known is not None and known[0].descriptor is descriptor else None
        bare = inferred or Resource(
            name=noun,
            descriptor=descriptor,
            key=key,
            **ownership(self._options, descriptor, key, field_comments(self._registry)),
        )
        bare = replace(bare, key=key)
        making = Role.IMPORT if source.kind.client_streams else Role.CREATE
        operations = [written_operation(self._options, making, source, bare, response=links[0].response)]
        operations += [
            written_operation(self._options, link.role, link.target, bare, key=link.request, shows=link.shows)
            for link in links
        ]
        taken = {operation.role for operation in operations}
        operations += [one for one in bare.operations if one.role not in taken] if inferred is not None else []
        return replace(bare, operations=tuple(operations))

    def _linked_type(self, source: Method, links: Sequence[Link]) -> tuple[Descriptor | None, str]:
        """Find the type of what is made, and the field of it that is its key: in what reading it shows, or else in the
        response that tells of its making."""
        way, last = links[0].response[:-1], str(links[0].response[-1])
        inner = at(source.output, way)
        for link in sorted(links, key=lambda link: link.role is not Role.GET):
            if link.role in (Role.DELETE, Role.UNDELETE):
                continue
            shows = link.shows
            shown = at(link.target.output, shows) if shows is not None else None
            if shown is None and shows is None:
                found, _ = shown_in(link.target.output, inner) if inner is not None else (None, False)
                shown = inner if found is not None else link.target.output
            for name in (last, *(str(step) for step in link.request[-1:]), *RESOURCE_KEYS):
                if shown is not None and name in shown.fields_by_name and is_key(shown.fields_by_name[name]):
                    return shown, name
        return inner, last

    # One resource ---------------------------------------------------------------------------------------

    def _resource(self, service: str, noun: str, methods: Sequence[tuple[Role, Method]]) -> Resource | None:
        descriptor = self._type(service, noun, methods)
        if descriptor is None:
            return None
        annotation = self._options.resource(descriptor)
        key = self._key(descriptor, noun, annotation, methods)
        if not key:
            return None
        bare = Resource(
            name=noun,
            descriptor=descriptor,
            key=key,
            type=annotation.type if annotation is not None else "",
            patterns=tuple(annotation.pattern) if annotation is not None else (),
            **ownership(self._options, descriptor, key, field_comments(self._registry)),
        )
        operations = [
            operation
            for role, method in methods
            if method.kind in _KINDS[role]
            and (operation := operation_of(self._options, role, method, bare)) is not None
        ]
        kept = one_for_each_role(operations)
        if not kept or not any(operation.role is not Role.LIST for operation in kept):
            return None
        return replace(bare, operations=tuple(kept))

    def _type(self, service: str, noun: str, methods: Sequence[tuple[Role, Method]]) -> Descriptor | None:
        """Find the type of a resource's messages: that of its name, or else what a method gives."""
        package = self._registry.services[service].file.package
        full_name = f"{package}.{noun}" if package else noun
        for _, method in methods:
            for descriptor in _around(method):
                if descriptor.full_name == full_name or (
                    descriptor.name == noun and self._options.resource(descriptor) is not None
                ):
                    return descriptor
        by_role = dict(reversed(methods))
        for role in (Role.GET, Role.LOOKUP, Role.CREATE, Role.UPDATE, Role.LIST, Role.EXPORT):
            if role in by_role and (found := shown_type(by_role[role], noun, role)) is not None:
                return found
        return None

    def _key(
        self, descriptor: Descriptor, noun: str, annotation: object, methods: Sequence[tuple[Role, Method]]
    ) -> str:
        """Find the field by which one resource is told from another; empty if there is none."""
        fields = descriptor.fields_by_name
        if annotation is not None:
            name: str = getattr(annotation, "name_field", "") or "name"
            return name if name in fields else ""
        for field in descriptor.fields:
            if "IDENTIFIER" in self._options.field(field).behaviors:
                return str(field.name)
        stem = snake_case(noun)
        requests = [method.input for role, method in methods if role in _KEYED]
        asked = [field for request in requests for field in request.fields]
        counts = Counter(field.name for field in asked)
        for field in asked:
            label = singular(str(field.name))
            for name in dict.fromkeys((label, label.removeprefix(f"{stem}_"), f"{stem}_{label}")):
                if name in fields and same_type(fields[name], field) and is_key(fields[name]):
                    likely = name in (*RESOURCE_KEYS, *(f"{stem}_{key}" for key in RESOURCE_KEYS))
                    always = counts[field.name] == len(requests) > 1 and not name.endswith(_REFERENCES)
                    if likely or always or len(counts) == 1:
                        return name
        for name in _named_as_noun(descriptor, asked, stem):
            return name
        for name in (*(f"{stem}_{key}" for key in RESOURCE_KEYS), "id", "name"):
            if name in fields and is_key(fields[name]) and not asked:
                return name
        return ""

    # Resources together ---------------------------------------------------------------------------------

    def _with_parents(self, found: Sequence[Resource]) -> Iterator[Resource]:
        for resource in found:
            yield self._with_parent(resource, found)

    def _with_parent(self, resource: Resource, others: Sequence[Resource]) -> Resource:
        if resource.patterns:
            above = "/".join(resource.patterns[0].split("/")[:-2])
            for other in others:
                if above and above in other.patterns:
                    return replace(resource, parent=other.name)
            return resource
        for other in others:
            if other is resource or other.name == resource.name:
                continue
            label = f"{snake_case(other.name)}_id"
            own = resource.operation(Role.CREATE)
            field = own.method.input.fields_by_name.get(label) if own is not None else None
            if field is None or not same_type(field, other.descriptor.fields_by_name[other.key]):
                continue
            operations = tuple(
                replace(operation, parent=(label,), filters=operation.filters - {label})
                if label in operation.method.input.fields_by_name and operation.key != (label,)
                else operation
                for operation in resource.operations
            )
            return replace(resource, parent=other.name, operations=operations)
        return resource


def _named_as_noun(descriptor: Descriptor, asked: Sequence[FieldDescriptor], stem: str) -> Iterator[str]:
    """Yield what may be the key of a thing for which requests have a field of its name: ``topic`` for its name."""
    for field in asked:
        for name in RESOURCE_KEYS if snake_case(field.name) == stem else ():
            own = descriptor.fields_by_name.get(name)
            if own is not None and same_type(own, field) and is_key(own):
                yield name


def _around(method: Method) -> Iterator[Descriptor]:
    for descriptor in (method.output, method.input):
        yield descriptor
        yield from (field.message_type for field in descriptor.fields if field.message_type is not None)
