"""The environment that holds the packages: one of its own, so that nothing of grpcmock's depends on them."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from benchmarks.zoo.packages import Package, Source

_AT_ONCE = 900
"""Seconds that an installation may take."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python with packages."""

    python: Path
    site_packages: Path

    @classmethod
    def current(cls) -> Environment:
        """Return that of this process."""
        return cls(Path(sys.executable), Path(sysconfig.get_paths()["purelib"]))

    @classmethod
    def made(cls, folder: Path) -> Environment:
        """Return the one in *folder*, which is made if it isn't there."""
        programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
        python = programs / ("python.exe" if sys.platform == "win32" else "python")
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=_AT_ONCE)
        asked = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
        told = subprocess.run([str(python), "-c", asked], check=True, timeout=60, capture_output=True, text=True)
        return cls(python, Path(told.stdout.strip()))

    def install(self, packages: Iterable[Package]) -> list[str]:
        """Install what isn't there yet; returns the names of those that can't be had.

        Generated modules are read and not imported, so what they depend on may stay away.
        """
        there = {_normal(one.name) for one in self._distributions()}
        missing: dict[str, list[str]] = {}
        for package in packages:
            wanted = [name for name in (package.name, *package.companions) if _normal(name) not in there]
            for name in wanted:
                missing[name] = [] if package.source is Source.CLASSES else ["--no-deps"]
        return [name for name, options in missing.items() if not self._pip(*options, name)]

    def _pip(self, *arguments: str) -> bool:
        command = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
        return subprocess.run(command, check=False, timeout=_AT_ONCE).returncode == 0

    def distribution(self, name: str) -> Distribution | None:
        """Return the installed package of this name, if there is one."""
        return next((one for one in self._distributions() if _normal(one.name) == _normal(name)), None)

    def files(self, name: str, suffix: str, under: str = "") -> Iterator[Path]:
        """Yield the files of a package whose names end with *suffix*, in order."""
        distribution = self.distribution(name)
        for file in sorted(distribution.files or [] if distribution is not None else []):
            if file.name.endswith(suffix) and file.as_posix().startswith(under):
                yield Path(str(file.locate()))

    def generated_modules(self) -> Iterator[Path]:
        """Yield every generated module of every package."""
        for distribution in self._distributions():
            yield from self.files(distribution.name, "_pb2.py")

    def _distributions(self) -> list[Distribution]:
        return list(distributions(path=[str(self.site_packages)]))


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
