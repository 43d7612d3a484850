"""Files added to those that are served: what of them is new, and what contradicts what is declared already."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from grpcmock.errors import CompileError, Location, Problem, SchemaError
from grpcmock.schema import merging, shipped, source_text, sources
from grpcmock.schema.registry import Registry

if TYPE_CHECKING:
    from grpcmock.schema.source_text import Symbol

_TOP = ("message_type", "enum_type", "service", "extension")
"""The fields of a file that declare something."""

_MOST = 3
"""Contradictions that are told in full."""


class ContradictionError(SchemaError):
    """Files declare something otherwise than it is declared already."""


def compiled(files: Mapping[str, str], served: Registry) -> list[FileDescriptorProto]:
    """Compile the texts of ``.proto`` files, by the paths under which they import each other, and files *served*.

    Raises :class:`CompileError` with the places in these files of all that is wrong.
    """
    problems = [
        Problem(f"{name!r} is no path by which a proto is imported, such as users/v1/users.proto.", rule="proto-path")
        for name in files
        if not _is_importable(name)
    ]
    if problems:
        raise CompileError(problems)
    with tempfile.TemporaryDirectory(prefix="grpcmock-") as folder:
        root = Path(folder).resolve()
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        try:
            return sources.compiled_upon([root], served.files.file)
        except CompileError as error:
            raise CompileError([_placed(problem, root) for problem in error.problems]) from None


def _is_importable(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".proto" and not path.is_absolute() and ".." not in path.parts and str(path) == name


def _placed(problem: Problem, root: Path) -> Problem:
    """Say where a problem is by the name of its file alone."""
    where, prefix = problem.location, f"{root}/"
    if where is not None:
        where = Location(where.file.removeprefix(prefix), where.line, where.column)
    return replace(problem, location=where, message=problem.message.replace(prefix, ""))


def including(served: Registry, files: Sequence[FileDescriptorProto]) -> Registry:
    """Return a registry of what is *served*, and of what *files* declare besides; the two share a pool.

    Files of a name that is taken get another one, and what they declare as it is declared already is left out. Raises
    :class:`ContradictionError` if they declare something otherwise, :class:`SchemaError` if they can't be used.
    """
    new = _new(served, files)
    return Registry(merging.as_set(new), base=served) if new else served


def _new(served: Registry, files: Sequence[FileDescriptorProto]) -> list[FileDescriptorProto]:
    present = {file.name: file for file in served.files.file}
    owners = {symbol: file.name for file in present.values() for symbol in merging.symbols(file)}
    further = [file for file in files if not (shipped.is_shipped(file.name) and file.name in present)]
    _check(served, further, owners)
    rest: dict[str, FileDescriptorProto] = {}
    meant: dict[str, list[str]] = {}
    """What an import of each of the files means now."""
    for file in further:
        left = _without(file, owners)
        there = {owners[symbol] for symbol in merging.symbols(file) if symbol in owners}
        meant[file.name] = sorted(there)
        if left is not None:
            left.name = merging.free(file.name, "added", {*present, *rest})
            rest[left.name] = left
            meant[file.name].append(left.name)
            left.dependency.extend(name for name in sorted(there) if name not in left.dependency)
    for file in rest.values():
        imports = [one for name in file.dependency for one in meant.get(name, [name])]
        file.dependency[:] = [name for name in dict.fromkeys(imports) if name != file.name]
        file.ClearField("public_dependency")
        file.ClearField("weak_dependency")
    return list(rest.values())


def _without(file: FileDescriptorProto, owners: Mapping[str, str]) -> FileDescriptorProto | None:
    """Return a file without what is declared already; None if that is all of it."""
    prefix = f"{file.package}." if file.package else ""
    left = FileDescriptorProto()
    left.CopyFrom(file)
    if not any(symbol in owners for symbol in merging.symbols(file)):
        return left
    left.ClearField("source_code_info")  # its paths count what is no longer there
    for name in _TOP:
        declared = getattr(left, name)
        kept = [one for one in declared if f"{prefix}{one.name}" not in owners]
        del declared[:]
        declared.extend(kept)
    return left if any(getattr(left, name) for name in _TOP) else None


def _check(served: Registry, files: Sequence[FileDescriptorProto], owners: Mapping[str, str]) -> None:
    """Raise :class:`ContradictionError` with what differs, if anything does."""
    both = {symbol for file in files for symbol in merging.symbols(file) if symbol in owners}
    if not both:
        return
    there, here = _bare([file for file in served.files.file if file.name in set(owners.values())]), _bare(files)
    told: list[str] = []
    for name in sorted(both & {*there, *here}):
        if name not in there or name not in here or there[name].kind != here[name].kind:
            told.append(f"{name} is something else already, in {owners[name]}.")
            continue
        lines = [source_text.source_text(served, known[name]).splitlines() for known in (there, here)]
        if lines[0] != lines[1]:
            kind, file = here[name].kind, owners[name]
            told.append("\n".join((f"The {kind} {name} is declared otherwise already, in {file}:", *_changes(*lines))))
    if told:
        more = f"\n… and {len(told) - _MOST} more." if len(told) > _MOST else ""
        raise ContradictionError("\n".join(told[:_MOST]) + more)


def _changes(there: Sequence[str], here: Sequence[str]) -> list[str]:
    """Return the lines that differ: with - those that are served, with + those that were to be added."""
    return [
        f"  {line[0]} {line[1:].strip()}"
        for line in difflib.unified_diff(there, here, n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]


def _bare(files: Iterable[FileDescriptorProto]) -> dict[str, Symbol]:
    """Return what files declare, without their comments."""
    found: dict[str, Symbol] = {}
    for file in files:
        bare = FileDescriptorProto.FromString(merging.essence(file))
        found.update(source_text.symbols_of(bare))
    return found
