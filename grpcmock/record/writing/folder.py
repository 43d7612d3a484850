"""The folder of recorded stubs: a file for each method, there whole or not at all."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError, Problems
from grpcmock.reports import files
from grpcmock.stubs import loader
from grpcmock.stubs.dump import to_yaml

if TYPE_CHECKING:
    from grpcmock.stubs.model import Stub

_SAMPLE = b"#" * 4096
HEADING = "# Recorded by grpcmock.\n"


class Folder:
    """Where stubs are written. What its files held before stays, but for requests that were made again."""

    def __init__(self, path: Path) -> None:
        """Read what is there. Raises :class:`StubError` with all that is wrong in it, :class:`ConfigError`."""
        self.path = path
        self.stubs: list[Stub] = []
        """Those that were there before."""
        if path.exists():
            if not path.is_dir():
                raise ConfigError(f"{path} is no directory: a recording has a file for each method. Name a directory.")
            problems = Problems()
            self.stubs = loader.load([path], problems)
            problems.raise_errors()

    def check(self) -> None:
        """Find out whether files can be written here, before anything is recorded. Raises :class:`ConfigError`."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.path, prefix=".recording-") as file:
                file.write(_SAMPLE)  # on a full disk, the file alone may still find a place
        except OSError as error:
            raise ConfigError(
                f"{self.path} can't be written to: {error.strerror or error}. Name another directory, or free this one."
            ) from None

    def file(self, method: str) -> Path:
        """Name the file of a method, ``package.Service/Method``."""
        return self.path / f"{method.replace('/', '.')}.yaml"

    def write(self, method: str, stubs: list[Stub]) -> Path:
        """Write the file of a method whole, with what it held before. Raises :class:`ConfigError`."""
        file = self.file(method)
        again = [_conditions_of(stub) for stub in stubs]
        before = [stub for stub in self.stubs if stub.location is not None and Path(stub.location.file) == file]
        kept = [stub for stub in before if _conditions_of(stub) not in again]
        # Names are unique over all files.
        taken = {stub.name for stub in self.stubs if stub not in before} | {stub.name for stub in kept}
        for stub in stubs:
            name, number = stub.name, 1
            while name in taken:
                number += 1
                name = f"{stub.method}, recorded {number}"
            taken.add(name)
            kept.append(replace(stub, name=name))
        files.write(file, HEADING + to_yaml(kept))
        return file


def _conditions_of(stub: Stub) -> tuple[object, ...]:
    return stub.request, stub.requests, stub.metadata
