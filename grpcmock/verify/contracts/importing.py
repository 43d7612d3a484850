"""From contracts to the stubs of a mock server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.errors import Location
from grpcmock.stubs.model import Verify

if TYPE_CHECKING:
    from grpcmock.errors import Problems
    from grpcmock.stubs.model import Stub
    from grpcmock.tree import Node
    from grpcmock.verify.planning.interactions import Source


def stubs_of(sources: Iterable[Source], problems: Problems) -> list[Stub]:
    """Return the stubs of all contracts, each name once.

    An answer can't hold a pattern: where a Pact expects less of a field than the answer says, ``verify`` is told to
    ignore it, and *problems* gets a warning.
    """
    found: list[Stub] = []
    taken: set[str] = set()
    for source in sources:
        for stub in source.stubs:
            ignored = list(dict.fromkeys(_loosened(source, stub)))
            if ignored:
                problems.warn(
                    f"the rules on {', '.join(ignored)} of {stub.name!r} are no part of the stub, and verify ignores "
                    "these fields there.",
                    Location(source.file),
                    hint=f"With --contract {source.file}, a server is verified with the rules themselves.",
                    rule="pact",
                )
                stub = replace(stub, verify=Verify(ignore=tuple(ignored)))
            if stub.name in taken and source.consumer:
                stub = replace(stub, name=f"{source.consumer}: {stub.name}")
            name, number = stub.name, 1
            while stub.name in taken:
                number += 1
                stub = replace(stub, name=f"{name} ({number})")
            taken.add(stub.name)
            found.append(stub)
    return found


def _loosened(source: Source, stub: Stub) -> Iterator[str]:
    expected = source.expectations.get(stub.name)
    for pattern in expected.responses if expected is not None else ():
        yield from loosened(pattern)


def loosened(pattern: Node) -> Iterator[str]:
    """Yield the paths at which a pattern says anything but a plain value."""
    yield from _operators(pattern.plain(), "")


def _operators(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        if value and all(str(key).startswith("$") for key in value):
            yield path
            return
        for key, child in value.items():
            yield from _operators(child, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for child in value:
            yield from _operators(child, path)
