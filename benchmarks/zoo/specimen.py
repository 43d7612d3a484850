"""A specimen: the descriptors of one package, put where the commands can be pointed at them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from benchmarks.zoo.generated_code import descriptors
from benchmarks.zoo.packages import Package, Source
from grpcmock.schema import shipped

if TYPE_CHECKING:
    from benchmarks.zoo.environment import Environment

_AT_MOST = 120
"""Seconds that the import of classes may take."""


@dataclass(frozen=True, slots=True)
class Specimen:
    """What is shown of a package."""

    package: Package
    version: str
    protos: Path
    """A descriptor set, or a folder of ``.proto`` files."""

    files: int
    left_out: Sequence[str] = field(default=())
    """Files that can't be had whole, each with the import that no package here holds."""


class Collector:
    """Makes specimens of what an environment holds."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._all: Mapping[str, FileDescriptorProto] | None = None

    def collect(self, package: Package, folder: Path) -> Specimen:
        """Write the descriptors of a package into *folder*. Raises :class:`LookupError` where there are none."""
        found = self._environment.distribution(package.name)
        if found is None:
            raise LookupError(f"{package.name} isn't installed")
        folder.mkdir(parents=True, exist_ok=True)
        ways: dict[Source, Callable[[Package, Path], tuple[Path, int, Sequence[str]]]] = {
            Source.PROTOS: self._protos,
            Source.MODULES: self._modules,
            Source.CLASSES: self._classes,
        }
        protos, files, left_out = ways[package.source](package, folder)
        if not files:
            raise LookupError(f"{package.name} holds no descriptors as {package.source.value}")
        return Specimen(package, found.version, protos, files, left_out)

    def _protos(self, package: Package, folder: Path) -> tuple[Path, int, Sequence[str]]:
        copies = folder / "protos"
        files = list(self._environment.files(package.name, ".proto", package.under))
        for file in files:
            copy = copies / file.relative_to(self._environment.site_packages)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        return copies, len(files), ()

    def _modules(self, package: Package, folder: Path) -> tuple[Path, int, Sequence[str]]:
        own = descriptors(self._environment.files(package.name, "_pb2.py", package.under))
        whole, left_out = self._closed(own)
        return _write(folder, whole), len(own) - len(left_out), left_out

    def _classes(self, package: Package, folder: Path) -> tuple[Path, int, Sequence[str]]:
        program = Path(__file__).with_name("proto_plus.py")
        command = [str(self._environment.python), str(program), *package.modules]
        made = subprocess.run(command, capture_output=True, check=False, timeout=_AT_MOST)
        if made.returncode:
            raise LookupError(f"{package.name} can't be imported: {made.stderr.decode().strip().splitlines()[-1]}")
        files = {file.name: file for file in FileDescriptorSet.FromString(made.stdout).file}
        return _write(folder, files), len(files), ()

    def _closed(self, own: Mapping[str, FileDescriptorProto]) -> tuple[dict[str, FileDescriptorProto], list[str]]:
        """Add what is imported from other packages; leave out what imports a file that none holds.

        What comes along with grpcmock is left to it.
        """
        reasons: dict[str, str] = {}
        whole = dict(own)
        pending = list(own)
        while pending:
            name = pending.pop()
            for imported in whole[name].dependency:
                if imported in whole or shipped.is_shipped(imported):
                    continue
                if (file := self._elsewhere().get(imported)) is None:
                    reasons.setdefault(name, imported)
                    continue
                whole[imported] = file
                pending.append(imported)
        # What imports a file that is left out goes, too, and so on.
        changed = True
        while changed:
            changed = False
            for name, file in whole.items():
                if name not in reasons and (lacking := next((i for i in file.dependency if i in reasons), None)):
                    reasons[name] = reasons[lacking]
                    changed = True
        for name in reasons:
            del whole[name]
        return whole, [f"{name} (imports {why})" for name, why in sorted(reasons.items()) if name in own]

    def _elsewhere(self) -> Mapping[str, FileDescriptorProto]:
        if self._all is None:
            self._all = descriptors(self._environment.generated_modules())
        return self._all


def _write(folder: Path, files: Mapping[str, FileDescriptorProto]) -> Path:
    path = folder / "descriptors.binpb"
    path.write_bytes(FileDescriptorSet(file=files.values()).SerializeToString())
    return path
