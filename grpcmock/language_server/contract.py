"""The protos of a workspace, and what they say of a place in a stub: schemas, symbols, problems."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from grpcmock.engine.compile import compile_stubs
from grpcmock.errors import CompileError, GrpcmockError, Problem, Problems, StubError, UnknownMethodError
from grpcmock.lint.rules import lint
from grpcmock.matching.operators import OPERATORS
from grpcmock.responses.faults import FAULTS
from grpcmock.schema import source_text
from grpcmock.schema.fields import table
from grpcmock.schema.locations import location_of
from grpcmock.stubs import json_schema, loader
from grpcmock.stubs.json_types import Types

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.errors import Location
    from grpcmock.language_server.outline import Path
    from grpcmock.schema import Method, Registry
    from grpcmock.stubs.model import Stub

Schema = dict[str, Any]

_MOST_BESIDE = 5_000
"""Stubs that are looked at again and again while somebody types in another file: a second of work."""

_MESSAGES = {
    "request": "input",
    "requests": "input",
    "expect": "input",
    "until": "input",
    "response": "output",
    "responses": "output",
    "send": "output",
}
"""Keys below which a message stands, and which of the method's."""


@dataclass(slots=True)
class Contract:
    """What protos say. Made anew when they change."""

    registry: Registry
    roots: Sequence[FilePath] = ()
    """Where the protos lie: files, directories."""
    _schemas: dict[str, Schema] = field(default_factory=dict)
    _types: Types = field(init=False)

    def __post_init__(self) -> None:
        self._types = Types(self.registry, OPERATORS.values())

    def method(self, written: str) -> Method | None:
        """Give the method that a name means; None if it means none."""
        try:
            return self.registry.method(written) if written else None
        except UnknownMethodError:
            return None

    def schemas(self, path: Path, written: str) -> list[Schema]:
        """Give what may stand at a path of a file, the method of whose stub is *written* so.

        Every alternative is a schema of its own, without references.
        """
        inside = _inside_stub(path)
        if inside is None:
            return []
        method = self.method(written)
        key = method.full_name if method is not None else ""
        if key not in self._schemas:
            self._schemas[key] = json_schema.for_stub(method, self.registry, self._types)
        found = list(self._alternatives(self._schemas[key]))
        for part in inside:
            found = [one for schema in found for step in _step(schema, part) for one in self._alternatives(step)]
        return found

    def _alternatives(self, schema: Schema) -> Iterator[Schema]:
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            target = self._types.defs.get(name) or json_schema.shared().get(name, {})
            # What stands beside a reference is said of this place: the comment of a field, not of its type.
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            for one in self._alternatives(target):
                yield {**one, **beside}
            return
        several = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        if "properties" in schema or not several:
            yield schema
        words = {key: schema[key] for key in ("description",) if key in schema}
        for one in several:
            if one.keys() != {"propertyNames"}:
                yield from self._alternatives({**one, **words})

    def comment(self, symbol: str) -> str:
        """Give what the protos say about a symbol; empty if they say nothing."""
        return self._types.comment(symbol)

    def source(self, symbol: str) -> str:
        """Give a symbol as the protos declare it, with its comments; of a field its line alone."""
        known = source_text.symbols(self.registry)
        if symbol in known:
            return source_text.source_text(self.registry, known[symbol])
        message, _, name = symbol.rpartition(".")
        if message not in known:
            return symbol
        lines = source_text.source_text(self.registry, known[message]).splitlines()
        declared = re.compile(rf"\b{re.escape(name)} = \d+\b")
        for number, line in enumerate(lines):
            if declared.search(line):
                begin = number
                while lines[begin - 1].lstrip().startswith("//"):
                    begin -= 1
                return textwrap.dedent("\n".join(lines[begin : number + 1]))
        return symbol

    def symbol(self, path: Path, written: str) -> str | None:
        """Give the full name of what a path names in the protos: a field, or the method; None if it names none."""
        method, inside = self.method(written), _inside_stub(path)
        if method is None or not inside:
            return None
        if inside == ("method",):
            return f"{method.service}.{method.name}"
        descriptor: Descriptor | None = None
        name = None
        for part in inside:
            if descriptor is None:
                if part in _MESSAGES:
                    descriptor = getattr(method, _MESSAGES[str(part)])
                continue
            if isinstance(part, int) or part.startswith("$"):
                continue
            found = table(descriptor).by_name.get(part)
            if found is None:
                continue  # the key of a map
            name = found.descriptor.full_name
            descriptor = found.descriptor.message_type or descriptor
        return name

    def location(self, symbol: str) -> Location | None:
        """Give where the protos declare a symbol, in a file that is there; None if it isn't."""
        found = location_of(self.registry, symbol)
        file = self._file(found.file) if found is not None else None
        return replace(found, file=str(file)) if found is not None and file is not None else None

    def _file(self, name: str) -> FilePath | None:
        """Give the file that others import by a name."""
        for root in self.roots:
            if root.is_file() and root.as_posix().endswith(name):
                return root
            if (root / name).is_file():
                return root / name
        # A directory may hold several roots of imports.
        below = (found for root in self.roots if root.is_dir() for found in root.rglob(FilePath(name).name))
        return next((found for found in below if found.as_posix().endswith(name)), None)

    def problems(self, text: str, file: str, others: Sequence[Stub] = ()) -> list[Problem]:
        """Give what is wrong in the text of one file, beside the stubs of *others*: they may hide its stubs."""
        problems = Problems()
        found: list[Problem] = []
        try:
            stubs = loader.load_text(text, file, problems, folder=FilePath(file).parent)
            beside = others if len(others) <= _MOST_BESIDE else ()
            compiled = compile_stubs([*stubs, *beside], self.registry, problems, faults=FAULTS)
            told = lint(compiled, self.registry)
            # Where not all stubs are looked at, nothing is known of those that ask for a state or hide another.
            found += told if len(beside) == len(others) else ()
        except (StubError, CompileError) as error:
            found += error.problems
        except GrpcmockError as error:
            found.append(Problem(str(error)))
        everything = dict.fromkeys([*problems, *found])
        return [one for one in everything if one.location is None or one.location.file in ("", file)]


def _inside_stub(path: Path) -> Path | None:
    """Give the part of a path that is inside of a stub; None if it is in none."""
    rest = path[1:]
    if rest[:1] == ("stubs",):
        rest = rest[1:]
    elif rest[:1] == ("defaults",):
        return rest[1:]
    return rest[1:] if rest and isinstance(rest[0], int) else None


def _step(schema: Schema, part: str | int) -> Sequence[Schema]:
    """Give what stands in a value one step down."""
    if isinstance(part, int):
        return [schema["items"]] if isinstance(schema.get("items"), dict) else []
    if (inner := schema.get("properties", {}).get(part)) is not None:
        return [inner]
    others = schema.get("additionalProperties")
    return [others] if isinstance(others, dict) else []
