"""Links that somebody wrote down: which value of one method's response is what another method's request asks for.

A file is a list of links, or a mapping whose ``links`` is one. What is written wins over what names suggest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.errors import Problems, UnknownMethodError, did_you_mean
from grpcmock.fuzz.expectations.naming import verb_and_noun
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.stubs import yaml
from grpcmock.stubs.files import read_bytes

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.model.cases import Path as MessagePath
    from grpcmock.schema import Method, Registry
    from grpcmock.tree import Node

_KEYS = ("from", "response", "to", "request", "as", "shows")
_NEEDED = ("from", "response", "to")
_ROLES = {
    role.value: role
    for role in (Role.GET, Role.BATCH_GET, Role.LIST, Role.EXPORT, Role.UPDATE, Role.DELETE, Role.UNDELETE, Role.LOOKUP)
}
_WITHOUT_KEY = (Role.LIST, Role.EXPORT)


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One link."""

    source: Method
    """The method that makes something."""

    response: MessagePath
    """Where its response has the key of what it made."""

    target: Method
    """The method that deals with what was made."""

    role: Role
    """What it does with it."""

    request: MessagePath
    """Where its request takes the key; empty for lists."""

    shows: MessagePath | None = None
    """Where its response shows what was made; None to find it by its type."""


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """All that was written."""

    all: tuple[Link, ...] = ()


def read(files: Iterable[Path], registry: Registry) -> Links:
    """Read files of links. Raises :class:`StubError` with all that is wrong in them, each with its place."""
    problems = Problems()
    found: list[Link] = []
    for file in files:
        data = read_bytes(file, problems)
        for document in yaml.parse(data, str(file), problems) if data is not None else ():
            found += _document(document, registry, problems)
    problems.raise_errors()
    return Links(tuple(found))


def _document(node: Node, registry: Registry, problems: Problems) -> list[Link]:
    if node.is_mapping and "links" in node.value:
        node = node.value["links"]
    if not node.is_list:
        problems.error(f"A list of links was expected, not {node.kind}.", node.location, rule="links")
        return []
    return [link for item in node.value if (link := _link(item, registry, problems)) is not None]


def _link(node: Node, registry: Registry, problems: Problems) -> Link | None:
    if not node.is_mapping:
        words = "A link is a mapping with from, response, to and request"
        problems.error(f"{words}, not {node.kind}.", node.location, rule="links")
        return None
    before = len(problems)
    for key in node.value:
        if key not in _KEYS:
            hint = did_you_mean(str(key), _KEYS, known="The keys")
            problems.error(f"A link has no key {key!r}.", node.key_location(key), hint=hint, rule="unknown-key")
    for key in _NEEDED:
        if key not in node.value:
            problems.error(f"The link says no {key!r}.", node.location, rule="links")
    for key, value in node.value.items():
        if key in _KEYS and not isinstance(value.value, str):
            problems.error(f"{key!r} is a string, not {value.kind}.", value.location, rule="wrong-type")
    if len(problems) > before:
        return None
    return _checked(node, registry, problems)


def _checked(node: Node, registry: Registry, problems: Problems) -> Link | None:
    before = len(problems)
    source = _method(node.value["from"], registry, problems)
    target = _method(node.value["to"], registry, problems)
    if source is None or target is None:
        return None
    role = _role(node, target, problems)
    response = _path(node.value["response"], source.output, problems)
    request: MessagePath = ()
    if "request" in node.value:
        request = _path(node.value["request"], target.input, problems)
    elif role not in _WITHOUT_KEY:
        problems.error(f"The link says no 'request': where {target.name} takes the key.", node.location, rule="links")
    shows = _path(node.value["shows"], target.output, problems) if "shows" in node.value else None
    return None if len(problems) > before else Link(source, response, target, role, request, shows)


def _method(node: Node, registry: Registry, problems: Problems) -> Method | None:
    try:
        return registry.method(node.value)
    except UnknownMethodError as error:
        problems.error(str(error), node.location, rule="unknown-method")
        return None


def _role(node: Node, target: Method, problems: Problems) -> Role:
    written = node.value.get("as")
    if written is None:
        told = verb_and_noun(target.name)
        return told[0] if told is not None and told[0] in _ROLES.values() else Role.GET
    role = _ROLES.get(written.value)
    if role is None:
        hint = did_you_mean(written.value, _ROLES, known="They can be")
        problems.error(f"A method can't be {written.value!r}.", written.location, hint=hint, rule="links")
    return role or Role.GET


def _path(node: Node, descriptor: Descriptor, problems: Problems) -> MessagePath:
    """Read a path such as ``user.name``; what stands in a list is named by the list's field."""
    current: Any = descriptor
    steps: Sequence[str] = str(node.value).split(".")
    for step in steps:
        fields = current.fields_by_name if current is not None else {}
        if step not in fields:
            where = current.full_name if current is not None else f"what comes before .{step}"
            hint = did_you_mean(step, fields, known="The fields")
            problems.error(f"{where} has no field {step!r}.", node.location, hint=hint, rule="unknown-field")
            return ()
        current = fields[step].message_type
    return tuple(steps)
