"""Put descriptors of several sources together: files of one name that differ are told apart by another name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from grpcmock.errors import SchemaError

Same = Callable[[FileDescriptorProto, FileDescriptorProto], bool]


def essence(file: FileDescriptorProto) -> bytes:
    """Return what a file says, without its comments."""
    bare = FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("source_code_info")
    return bare.SerializeToString(deterministic=True)


def alike(one: FileDescriptorProto, other: FileDescriptorProto) -> bool:
    """Whether two files say the same, comments aside."""
    return one is other or essence(one) == essence(other)


def added(
    present: Mapping[str, FileDescriptorProto],
    files: Iterable[FileDescriptorProto],
    label: str,
    same: Same = alike,
    *,
    source: str = "",
) -> list[FileDescriptorProto]:
    """Return what a further source adds to the files that are present.

    A file of a name that is taken by another one gets *label* put before its name, and those of its source that import
    it say so. Raises :class:`SchemaError` if the two declare something of one name: they can't be in one pool. Its text
    begins with *source*.
    """
    further = {file.name: file for file in files}
    renamed: dict[str, str] = {}
    new: dict[str, FileDescriptorProto] = {}
    for file in _after_imports(further):
        imports = [renamed.get(name, name) for name in file.dependency]
        if imports != list(file.dependency):
            file = _with_imports(file, imports)
        other = present.get(file.name)
        if other is None:
            new[file.name] = file
        elif not same(file, other):
            renamed[file.name] = name = free(file.name, label, {*present, *further, *new})
            file = _copy(file)
            file.name = name
            new[name] = file
    __tracebackhide__ = True  # in a test it is the caller's line that is wrong
    if renamed:
        owners = {symbol: other.name for other in present.values() for symbol in symbols(other)}
        for old, name in renamed.items():
            if clash := next((symbol for symbol in symbols(new[name]) if symbol in owners), None):
                raise SchemaError(f"{source}: {twice(clash, old, owners[clash])}".removeprefix(": "))
    return list(new.values())


def as_set(files: Iterable[FileDescriptorProto]) -> FileDescriptorSet:
    """Return files as a set. They are copied one by one: all at once would stop the process's other threads."""
    made = FileDescriptorSet()
    for file in files:
        made.file.append(file)
    return made


def twice(symbol: str, name: str, other: str) -> str:
    """Say that two files declare one name."""
    versions = "is there twice, and its two versions differ" if name == other else f"and {other} don't go together"
    return f"{name} {versions}: both define {symbol}. Load only one of them, or each with a server of its own."


def clash(file: FileDescriptorProto, others: Iterable[FileDescriptorProto]) -> tuple[str, str] | None:
    """Return a name that a file and one of *others* both declare, with the name of that file."""
    own = set(symbols(file))
    return next(((symbol, other.name) for other in others for symbol in symbols(other) if symbol in own), None)


def symbols(file: FileDescriptorProto) -> Iterator[str]:
    """Yield the full names of what a file declares at its top."""
    prefix = f"{file.package}." if file.package else ""
    for declared in (file.message_type, file.enum_type, file.service, file.extension):
        for one in declared:
            yield f"{prefix}{one.name}"
    for enum in file.enum_type:
        for value in enum.value:
            yield f"{prefix}{value.name}"


def _after_imports(files: Mapping[str, FileDescriptorProto]) -> list[FileDescriptorProto]:
    """Sort files so that each stands after those that it imports."""
    ordered: dict[str, FileDescriptorProto] = {}
    entered: set[str] = set()
    for first in files:
        pending = [first]
        while pending:
            name = pending[-1]
            if name in entered or name not in files:
                pending.pop()
                if name in files:
                    ordered.setdefault(name, files[name])
                continue
            entered.add(name)
            pending += [imported for imported in files[name].dependency if imported not in entered]
    return list(ordered.values())


def _with_imports(file: FileDescriptorProto, imports: list[str]) -> FileDescriptorProto:
    changed = _copy(file)
    changed.dependency[:] = imports
    return changed


def _copy(file: FileDescriptorProto) -> FileDescriptorProto:
    copy = FileDescriptorProto()
    copy.CopyFrom(file)
    return copy


def free(name: str, label: str, taken: Collection[str]) -> str:
    """Return *name*, if that isn't taken, or it with *label* before it."""
    if name not in taken:
        return name
    candidate, number = f"{label}/{name}", 2
    while candidate in taken:
        candidate, number = f"{label}{number}/{name}", number + 1
    return candidate
