"""Requests that people wrote down: those of stubs, as far as they say plainly what is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.errors import Problems, UnknownMethodError
from grpcmock.fuzz.model.cases import Case, Phase, call_of
from grpcmock.schema.building import build
from grpcmock.status import Code
from grpcmock.stubs import loader
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.schema import Method, Registry
    from grpcmock.stubs.model import Stub


@dataclass(frozen=True, slots=True)
class Examples:
    """What stubs tell a run."""

    cases: tuple[Case, ...] = ()
    errors: Mapping[str, frozenset[int]] | None = None
    """The codes that stubs answer with, by the full names of methods."""


def from_stubs(paths: Sequence[Path], registry: Registry) -> Examples:
    """Read stubs. What they ask by operators other than equality is left out of the requests.

    Raises :class:`StubError` with all that is wrong with them.
    """
    if not paths:
        return Examples()
    problems = Problems()
    stubs = loader.load(paths, problems)
    problems.raise_errors()
    cases: list[Case] = []
    errors: dict[str, set[int]] = {}
    for number, stub in enumerate(stubs):
        try:
            method = registry.method(stub.method)
        except UnknownMethodError as error:
            problems.error(str(error), stub.method_location)
            continue
        errors.setdefault(method.full_name, set()).update(_codes(stub))
        messages = _messages(stub, method, registry)
        if messages is not None:
            cases.append(
                Case(
                    id=f"examples/{method.full_name}/{number}",
                    phase=Phase.EXAMPLES,
                    method=method,
                    calls=(call_of(method, *messages),),
                    why=f"the request of the stub {stub}",
                )
            )
    problems.raise_errors()
    return Examples(tuple(cases), {name: frozenset(codes) for name, codes in errors.items()})


def _codes(stub: Stub) -> Iterator[int]:
    for answer in stub.answers:
        code = answer.error.value.get("code") if answer.error is not None else None
        if code is not None:
            try:
                yield Code.parse(code.value)
            except ValueError:
                continue


def _messages(stub: Stub, method: Method, registry: Registry) -> list[bytes] | None:
    """Give the messages that a stub waits for; None if it doesn't say them plainly."""
    if stub.requests is not None:
        listed = stub.requests.value
        nodes = [_plain(node) for node in listed] if isinstance(listed, list) else []
    else:
        nodes = [_plain(stub.request if stub.request is not None else Node.of({}))]
    if not nodes or not all(isinstance(node.value, dict) for node in nodes):
        return None
    messages = []
    for node in nodes:
        wrong = Problems()
        message = build(node, method.request_class, registry, wrong, partial=True)
        if wrong.errors:
            return None
        messages.append(message.SerializePartialToString(deterministic=True))
    return messages


def _plain(node: Node) -> Node:
    """Give a pattern without its operators: what equals something does, the rest is left out."""
    kept = _kept(node)
    return Node.of({} if kept is _NOTHING else kept)


_NOTHING: Any = object()


def _kept(node: Node) -> Any:
    value = node.value
    if isinstance(value, dict):
        if any(str(key).startswith("$") for key in value):
            return _kept(value["$eq"]) if "$eq" in value else _NOTHING
        inner = {key: kept for key, item in value.items() if (kept := _kept(item)) is not _NOTHING}
        return inner if inner or not value else _NOTHING
    if isinstance(value, list):
        return [kept for item in value if (kept := _kept(item)) is not _NOTHING]
    if isinstance(value, str) and "{{" in value:
        return _NOTHING
    return value
