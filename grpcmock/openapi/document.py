"""The whole document: what is said of services, their paths, and the schemas of what these take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.errors import SchemaError
from grpcmock.openapi.operations import Operations
from grpcmock.openapi.schemas import Schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpcmock.schema import Method, Registry


@dataclass(frozen=True, slots=True)
class Described:
    """What the protos don't say of an API."""

    title: str = ""
    """The packages, if empty."""

    version: str = "0"
    servers: Sequence[str] = ()
    """The URLs under which it is served."""

    text_bodies: Mapping[str, str] = field(default_factory=dict)
    """By the path of a method: the field that a body is which is sent as YAML instead of JSON."""

    has_token: bool = False
    """Whether a token may be demanded of callers."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document, and what it can't say."""

    tree: dict[str, Any]
    """As JSON has it."""

    problems: tuple[str, ...]


def document(registry: Registry, described: Described | None = None) -> Document:
    """Return the OpenAPI 3.1 document of the services of a registry.

    Raises :class:`SchemaError` if it has no method.
    """
    described = described or Described()
    methods = list(registry.methods.values())
    if not methods:
        raise SchemaError("The protos declare no service, so there is nothing that OpenAPI could describe.")
    schemas = Schemas(registry)
    operations = Operations(schemas, described.text_bodies)
    for method in methods:
        operations.add(method)
    title = described.title or ", ".join(dict.fromkeys(_package(method) for method in methods))
    tree: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": title, "version": described.version}}
    if described.servers:
        tree["servers"] = [{"url": url} for url in described.servers]
    tree["tags"] = [{"name": name, **schemas.described(name)} for name in dict.fromkeys(m.service for m in methods)]
    tree["paths"] = operations.paths
    tree["components"] = {"schemas": schemas.components}
    if described.has_token:
        tree["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        tree["security"] = [{}, {"token": []}]
    return Document(tree, tuple(operations.problems))


def _package(method: Method) -> str:
    return method.service.rpartition(".")[0] or method.service
