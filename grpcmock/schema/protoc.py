"""protoc as a process of its own: it may take its time, fail and crash without harm to the one that asks."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from google.protobuf import descriptor_pb2

from grpcmock.schema import headers, protoc_child, shipped

if TYPE_CHECKING:
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
    """A directory in which each file of a layout stands below one import root, by its name."""

    def __init__(self, layout: Layout, described: Sequence[descriptor_pb2.FileDescriptorProto]) -> None:
        self._layout = layout
        self._described = described
        self._folder = tempfile.TemporaryDirectory(prefix="grpcmock-")
        self._path = Path(self._folder.name)

    def __enter__(self) -> Self:
        try:
            self._furnish()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def _furnish(self) -> None:
        described = descriptor_pb2.FileDescriptorSet(file=self._described)
        (self._path / _GIVEN).write_bytes(described.SerializeToString())
        made: set[Path] = {self._path}
        for name, path in self._layout.files.items():
            place = self._place(name)
            if place.parent not in made:
                place.parent.mkdir(parents=True, exist_ok=True)
                made.add(place.parent)
            with contextlib.suppress(OSError):  # protoc says that it isn't there
                _supply(place, path, self._layout.copied.get(name))

    def _place(self, name: str) -> Path:
        return self._path / "root" / name

    def run(self, wanted: Sequence[str]) -> Outcome:
        """Compile the files *wanted*, and all that they import."""
        arguments = [
            "protoc",
            f"-I{self._path / 'root'}",
            f"-I{shipped.builtin_root()}",
            f"--descriptor_set_in={self._path / _GIVEN}",
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={self._path / _OUTPUT}",
            *(str(self._place(name)) for name in wanted),
        ]
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-I", "-S", str(protoc_child.__file__), str(shipped.builtin_root().parent.parent)],
            input=os.fsencode("\0".join(arguments)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        return Outcome(done.returncode, done.stderr.decode(errors="replace"))

    def output(self) -> list[descriptor_pb2.FileDescriptorProto]:
        """Return the descriptors that the last run made.

        They are parsed one by one: that of all at once would stop the process's other threads for as long.
        """
        return list(split((self._path / _OUTPUT).read_bytes()))

    def names(self) -> Mapping[str, str]:
        """Tell which name each path has by which protoc may speak of a file."""
        return {str(self._place(name)): name for name in self._layout.files}


def _supply(place: Path, path: Path, respelled: dict[str, str] | None) -> None:
    if respelled is not None:
        place.write_bytes(headers.rewritten(path, respelled))
        return
    try:
        place.symlink_to(os.path.abspath(path))  # noqa: PTH100 (links are not followed)
    except OSError:  # Windows asks for a right
        shutil.copyfile(path, place)


def split(data: bytes) -> Iterator[descriptor_pb2.FileDescriptorProto]:
    """Yield the files of a serialized ``FileDescriptorSet``, each parsed by itself.

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
