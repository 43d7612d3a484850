"""Load a registry from what the user names: ``.proto`` files, directories of them, descriptor sets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError

from grpcmock.errors import CompileError, SchemaError
from grpcmock.schema import layout, shipped
from grpcmock.schema.layout import Given, Layout
from grpcmock.schema.registry import Registry

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

DESCRIPTOR_SETS = (".binpb", ".pb", ".protoset", ".desc", ".fds")
"""How the files of descriptor sets end, as ``protoc --descriptor_set_out`` and ``buf build`` write them."""


def load(paths: Sequence[str | Path], *, imports: Sequence[str | Path] = ()) -> Registry:
    """Load all that *paths* name: ``.proto`` files, directories (read recursively), and descriptor sets.

    A directory is the import root of the files below it. The import root of a file is found by its imports and its
    package; *imports* names roots beforehand. A directory without ``.proto`` files may hold descriptor sets instead.

    Raises :class:`SchemaError`, which names every path that can't be used, or :class:`CompileError`.
    """
    return Registry(read(paths, imports=imports))


def read(paths: Sequence[str | Path], *, imports: Sequence[str | Path] = ()) -> FileDescriptorSet:
    """Do as :func:`load` does, but give the descriptors. They hold the comments of the ``.proto`` files, too."""
    protos, sets = _survey(paths, imports)
    described: dict[str, FileDescriptorProto] = {}
    for path in sets:
        _merge(described, _read_set(path).file, str(path))
    arranged = layout.arrange(protos, [Path(root) for root in imports], described)
    if arranged.problems:
        raise CompileError(arranged.problems)
    compiled = _compile(arranged, described)
    _merge(described, compiled, "the .proto files")
    return descriptor_pb2.FileDescriptorSet(file=described.values())


def places(paths: Sequence[str | Path], *, imports: Sequence[str | Path] = ()) -> dict[str, Path]:
    """Tell where the ``.proto`` files of :func:`load` stand, by the names that others import them by. Never fails."""
    given = [file for path in map(Path, paths) for file in _protos_at(path)]
    return dict(layout.arrange(given, [Path(root) for root in imports]).files)


def watched(paths: Sequence[str | Path], *, imports: Sequence[str | Path] = ()) -> list[Path]:
    """List the directories and files on which the outcome of :func:`load` depends, for a hot reload to watch.

    Never fails: paths that don't exist (any more) are listed as they are.
    """
    found = dict.fromkeys(map(Path, paths))
    given = [file for path in found for file in _protos_at(path)]
    roots = [path for path in found if path.is_dir()]
    for path in layout.arrange(given, [Path(root) for root in imports]).files.values():
        where = layout.absolute(path)
        inside = any(where.is_relative_to(layout.absolute(root)) for root in roots)
        if not inside and not shipped.is_shipped_path(where):
            found.setdefault(path)
    return list(found)


def _survey(paths: Sequence[str | Path], imports: Sequence[str | Path]) -> tuple[list[Given], list[Path]]:
    """Sort the paths into ``.proto`` files and descriptor sets. Raises for all that are neither."""
    protos: list[Given] = []
    sets: list[Path] = []
    complaints = [f"{root}: there is no such directory to import from." for root in imports if not Path(root).is_dir()]
    for path in map(Path, paths):
        if path.is_dir():
            below = _protos_at(path)
            sets_below = [] if below else sorted(file for file in path.rglob("*") if _is_set(file))
            if not below and not sets_below:
                complaints.append(f"{path}: the directory holds no .proto file.")
            protos += below
            sets += sets_below
        elif not path.exists():
            complaints.append(f"{path}: there is no such file or directory.")
        elif not os.access(path, os.R_OK):
            complaints.append(f"{path}: the file can't be read (permission denied).")
        elif path.suffix == ".proto":
            protos += _protos_at(path)
        elif _is_set(path):
            sets.append(path)
        else:
            known = ", ".join(DESCRIPTOR_SETS)
            complaints.append(f"{path}: expected a .proto file, a directory, or a descriptor set ({known}).")
    if not paths:
        complaints.append("no .proto file, directory or descriptor set is named.")
    if complaints:
        raise SchemaError("\n".join(complaints))
    return protos, sets


def _protos_at(path: Path) -> list[Given]:
    where = layout.absolute(path)
    if path.is_dir():
        return [Given(file, where) for file in layout.proto_files(where)]
    return [Given(where)] if path.suffix == ".proto" and path.is_file() else []


def _is_set(path: Path) -> bool:
    return path.suffix in DESCRIPTOR_SETS and path.is_file()


def _read_set(path: Path) -> FileDescriptorSet:
    try:
        found = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
    except OSError as error:
        raise SchemaError(f"{path}: the file can't be read ({error.strerror}).") from None
    except DecodeError:
        raise SchemaError(f"{path}: this is not a descriptor set. {_HOW_TO_MAKE_ONE}") from None
    if not found.file:
        raise SchemaError(f"{path}: the descriptor set is empty. {_HOW_TO_MAKE_ONE}")
    if not all(file.name for file in found.file):
        raise SchemaError(f"{path}: this is not a descriptor set. {_HOW_TO_MAKE_ONE}")
    return found


_HOW_TO_MAKE_ONE = "Make one with protoc --include_imports --descriptor_set_out, or with buf build."


def shipped_files(names: Iterable[str]) -> list[FileDescriptorProto]:
    """Give the descriptors of files that come along (see :mod:`grpcmock.schema.shipped`), and of all they import."""
    return _compile(Layout(), {}, names)


def _compile(
    arranged: Layout, described: dict[str, FileDescriptorProto], needed: Iterable[str] = ()
) -> list[FileDescriptorProto]:
    """Compile what was given, and what comes along for the descriptor sets that lack it."""
    files, wanted = dict(arranged.files), list(arranged.wanted)
    supplied: dict[str, FileDescriptorProto] = {}
    known = {**described}
    pending = [*needed, *(name for file in described.values() for name in file.dependency)]
    while pending:
        name = pending.pop()
        if name in known or name in wanted:
            continue
        if path := shipped.find(name):
            wanted.append(name)
            for imported, found in layout.arrange([Given(path)], [path.parents[name.count("/")]]).files.items():
                files.setdefault(imported, found)
            files[name] = path
        elif file := shipped.described(name):
            known[name] = supplied[name] = file
            pending += file.dependency
    if not wanted:
        return list(supplied.values())
    from grpcmock.schema import compiler

    rules = shipped.RULES
    if rules not in known and rules not in files and _imports_rules(files.values()):
        file = shipped.described(rules)
        known |= {rules: file} if file else {}
    importable = descriptor_pb2.FileDescriptorSet(file=known.values())
    return [*supplied.values(), *compiler.compile_files(files, wanted, importable).file]


def _imports_rules(paths: Iterable[Path]) -> bool:
    # Only then: to get the descriptor takes longer than to compile most protos.
    return any(shipped.RULES.encode() in path.read_bytes() for path in paths if path.is_file())


def _merge(into: dict[str, FileDescriptorProto], files: Iterable[FileDescriptorProto], source: str) -> None:
    """Take up the files of one source; of a file that comes along, the newer version is kept."""
    for file in files:
        other = into.setdefault(file.name, file)
        if other is file or _essence(other) == _essence(file):
            continue
        if not shipped.is_shipped(file.name):
            raise SchemaError(
                f"{source}: {file.name} is there twice, and its two versions differ. "
                "Load only one of them, or each with a server of its own."
            )
        if len(_essence(file)) > len(_essence(other)):
            into[file.name] = file


def _essence(file: FileDescriptorProto) -> bytes:
    bare = descriptor_pb2.FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("source_code_info")
    return bare.SerializeToString(deterministic=True)
