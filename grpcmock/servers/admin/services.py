"""What is served: services with their comments, the messages they take and give, and examples of requests."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from grpcmock.errors import RenderError, did_you_mean
from grpcmock.schema import MethodKind
from grpcmock.schema.codec import to_text
from grpcmock.schema.comments import comments_of
from grpcmock.schema.source_text import source_text, symbols
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code
from grpcmock.synthesis import generate

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor, ServiceDescriptor

    from grpcmock.schema import Method
    from grpcmock.servers.admin.behaviors import Behaviors, Steered

_KINDS = {
    MethodKind.UNARY: "unary",
    MethodKind.SERVER_STREAMING: "server_streaming",
    MethodKind.CLIENT_STREAMING: "client_streaming",
    MethodKind.BIDI_STREAMING: "bidi_streaming",
}

_EXAMPLE_FIELDS = 150
_EXAMPLE_LIMIT = 20_000
"""Fields, and characters of ProtoJSON, of an example, which people are to read."""


def behaviors(steered: Steered) -> Behaviors:
    """Give what describes services."""
    services = _Services(steered)
    return {"ListServices": services.list_services, "GetService": services.get}


class _Services:
    def __init__(self, steered: Steered) -> None:
        self._engine = steered.engine

    def list_services(self, _: Any, response: Any) -> None:
        calls, misses = self._counted()
        for name in sorted(self._engine.registry.services):
            self._describe(response.services.add(), name, calls, misses)

    def get(self, request: Any, response: Any) -> None:
        services = self._engine.registry.services
        if request.name not in services:
            hint = did_you_mean(request.name, services, known="The services")
            raise RefusedError(Code.NOT_FOUND, f"There is no service {request.name!r}. {hint}".rstrip())
        described = self._describe(response, request.name, *self._counted())
        for told, method in zip(response.methods, described, strict=True):
            told.example = self._example(method)
        registry = self._engine.registry
        known, comments = symbols(registry), comments_of(registry)
        for name in _types_of(described):
            text = source_text(registry, known[name]) if name in known else ""
            response.types.add(name=name, comment=comments.get(name, ""), text=text)

    def _counted(self) -> tuple[Counter[str], Counter[str]]:
        """Return how many calls of each path there are in the journal, and how many of these are misses."""
        calls = self._engine.journal.unread()
        return Counter(call.path for call in calls), Counter(call.path for call in calls if call.miss is not None)

    def _describe(self, told: Any, name: str, calls: Counter[str], misses: Counter[str]) -> list[Method]:
        registry = self._engine.registry
        comments = comments_of(registry)
        methods = [method for method in registry.methods.values() if method.service == name]
        told.name, told.comment = name, comments.get(name, "")
        for method in methods:
            service: ServiceDescriptor = method.descriptor.containing_service
            told.file = service.file.name
            told.methods.add(
                name=method.name,
                comment=comments.get(f"{name}.{method.name}", ""),
                kind=_KINDS[method.kind],
                request_type=method.input.full_name,
                response_type=method.output.full_name,
                stubs=len(self._engine.store.tables[method.path]),
                calls=calls[method.path],
                misses=misses[method.path],
            )
        return methods

    def _example(self, method: Method) -> str:
        registry, seed = self._engine.registry, self._engine.options.seed
        try:
            made = generate(method.request_class, registry, seed, as_request=True, most_fields=_EXAMPLE_FIELDS)
        except RenderError:  # rules that contradict each other: nothing would be an example
            return "{}"
        return to_text(made, _EXAMPLE_LIMIT)


def _types_of(methods: list[Method]) -> list[str]:
    """Return the names of all messages and enums that methods need, in the order in which one comes upon them."""
    found: dict[str, None] = {}
    waiting: list[Descriptor | EnumDescriptor] = []
    for method in methods:
        waiting += [method.input, method.output]
    for descriptor in waiting:
        is_map = getattr(descriptor, "GetOptions", None) is not None and _is_entry(descriptor)
        if descriptor.full_name in found:
            continue
        if not is_map:
            found[descriptor.full_name] = None
        for field in getattr(descriptor, "fields", ()):
            needed = field.message_type or field.enum_type
            if needed is not None:
                waiting.append(needed)
    return list(found)


def _is_entry(descriptor: Any) -> bool:
    return bool(getattr(descriptor.GetOptions(), "map_entry", False))
