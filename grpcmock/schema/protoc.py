"""protoc as a process of its own: it may take its time, fail and crash without harm to the one that asks."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from google.protobuf import descriptor_pb2

from grpcmock.errors import SchemaError
from grpcmock.schema import headers, layout, merging, protoc_child, shipped

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcmock.schema.layout import Layout

_OUTPUT = "out.binpb"
_GIVEN = "given.binpb"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of protoc ended."""

    code: int
    """0 if all went well; negative, as :mod:`subprocess` has it, if a signal ended it."""

    said: str
    """What it wrote to its standard error."""

    @property
    def aborted(self) -> bool:
        """Whether it ended by a crash, so that what it said names no place."""
        return self.code < 0 or self.code in _WINDOWS_CRASHES

    @property
    def signal(self) -> str:
        """The name of the signal that ended it."""
        with contextlib.suppress(ValueError):
            return signal.Signals(-self.code).name
        return f"code {self.code}"


_WINDOWS_CRASHES = (3, 0xC0000005, 0xC0000409)
"""What ``abort()``, an access violation and a failed check end a process with there."""


class Workspace:
    """Where protoc reads the files of a layout, each by its name, and writes their descriptors."""

    def __init__(self, arranged: Layout, described: Sequence[FileDescriptorProto]) -> None:
        self._files = arranged.files
        self._copied = arranged.copied
        self._described = described
        self._folder = tempfile.TemporaryDirectory(prefix="grpcmock-")
        self._path = Path(self._folder.name)
        self._copies = self._path / "copies"
        self._roots: list[str] = []
        self._places: dict[str, str] = {}
        """How to say on the command line which file is meant, where its name alone can't."""

    def __enter__(self) -> Self:
        try:
            self._furnish()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def _furnish(self) -> None:
        (self._path / _GIVEN).write_bytes(merging.as_set(self._described).SerializeToString())
        copies = self._copies
        copies.mkdir()
        whole = {name: layout.absolute(path) for name, path in self._files.items()}
        root = _most_common_root(whole)
        mapped: list[str] = []
        for name, path in whole.items():
            if name in self._copied or _is_odd(name, path):
                self._places[name] = str(copies / name)
                with contextlib.suppress(OSError):  # protoc says that it isn't there
                    _copy(path, copies / name, self._copied.get(name))
            elif root is None or path != root / name:
                # A mapping for the file alone: it goes by no other name, and hides whatever has its name elsewhere.
                mapped.append(f"{name}={path}")
        # protoc takes the first that fits.
        self._roots = [str(copies), *mapped, *([str(root)] if root else []), str(shipped.builtin_root())]

    def leave_out(self, options: Collection[str], names: Iterable[str]) -> None:
        """Let the files of these names do without some custom options, named as ``package.option``."""
        for name in names:
            self._places[name] = str(self._copies / name)
            with contextlib.suppress(OSError):
                _copy(layout.absolute(self._files[name]), self._copies / name, self._copied.get(name, {}), options)

    def run(self, wanted: Sequence[str]) -> Outcome:
        """Compile the files *wanted*, and all that they import."""
        arguments = [
            "protoc",
            *(f"-I{root}" for root in self._roots),
            f"--descriptor_set_in={self._path / _GIVEN}",
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={self._path / _OUTPUT}",
            *(self._places.get(name, name) for name in wanted),
        ]
        try:
            done = subprocess.run(  # noqa: S603
                [sys.executable, "-I", "-S", str(protoc_child.__file__), str(shipped.builtin_root().parent.parent)],
                input=os.fsencode("\0".join(arguments)),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd=self._path,  # where no file has the name of one that is meant
                check=False,
            )
        except OSError as error:
            raise SchemaError(f"protoc can't be started with {sys.executable!r}: {error.strerror}.") from None
        return Outcome(done.returncode, done.stderr.decode(errors="replace"))

    def output(self) -> list[FileDescriptorProto]:
        """Return the descriptors that the last run made."""
        return list(split((self._path / _OUTPUT).read_bytes()))

    def names(self) -> Mapping[str, str]:
        """Tell which file is meant by each path by which protoc may speak of it."""
        there = {str(layout.absolute(path)): name for name, path in self._files.items()}
        return there | {place: name for name, place in self._places.items()}


def _is_odd(name: str, path: Path) -> bool:
    """Whether a file's name and place can't be said on protoc's command line."""
    return name.startswith(("-", "@")) or "=" in name or os.pathsep in f"{name}{path}"


def _most_common_root(files: Mapping[str, Path]) -> Path | None:
    """Return the directory below which most files stand by their names: as a root, it saves as many mappings.

    protoc would go through all of these for each import.
    """
    counts: Counter[Path] = Counter()
    for name, path in files.items():
        root = path.parents[name.count("/")] if name.count("/") < len(path.parents) else None
        if root is not None and path == root / name and not _is_odd("=" if "=" in str(root) else "", root):
            counts[root] += 1
    return max(counts, key=counts.__getitem__, default=None)


def _copy(path: Path, place: Path, respelled: Mapping[str, str | None] | None, options: Collection[str] = ()) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if respelled is None:
        shutil.copyfile(path, place)
    else:
        place.write_bytes(headers.rewritten(path, respelled, options))


def split(data: bytes) -> Iterator[FileDescriptorProto]:
    """Yield the files of a serialized ``FileDescriptorSet``.

    Each is parsed by itself: to parse all at once would stop the process's other threads for as long.

    Raises :class:`google.protobuf.message.DecodeError`.
    """
    position = 0
    while position < len(data):
        end = _end_of_file(data, position)
        yield from descriptor_pb2.FileDescriptorSet.FromString(data[position:end]).file
        position = end


def _end_of_file(data: bytes, start: int) -> int:
    """Tell where a file ends whose field, number 1, begins at *start*; where anything else begins, all is the rest."""
    if data[start] != 1 << 3 | 2:
        return len(data)
    length = shift = 0
    for position in range(start + 1, min(start + 6, len(data))):
        length |= (data[position] & 0x7F) << shift
        shift += 7
        if data[position] < 0x80:
            return position + 1 + length
    return len(data)
