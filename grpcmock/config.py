"""Configuration files: ``grpcmock.toml``, or ``[tool.grpcmock]`` in ``pyproject.toml``, with the places of their keys.

Keys at the top are shared by all commands; a table per command holds that command's own, which go first::

    protos = ["protos"]
    stubs = ["stubs"]

    [serve]
    listen = ["127.0.0.1:50051", "unix:/tmp/grpcmock.sock"]
    auto = true

Keys are the names of the options without their dashes; ``import-path`` may be written ``import_path``. Relative paths
are relative to the file. What the keys may be is known to whoever reads it: see :meth:`Config.check`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grpcmock.errors import ConfigError, Location, Problem, did_you_mean

FILE_NAME = "grpcmock.toml"

SHARED = frozenset({"protos", "stubs", "import-path", "exclude-path"})
"""The keys that may stand at the top of a file, for every command that has such an option."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value in a configuration file."""

    key: str
    """The name of the option, with dashes: ``import-path``."""

    value: Any
    location: Location


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration file says."""

    file: Path | None = None
    """None where there is no file."""

    shared: Mapping[str, Setting] = field(default_factory=dict)
    commands: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)
    tables: Mapping[str, Location] = field(default_factory=dict)
    """Where the table of each command begins."""

    def settings(self, command: str, options: Collection[str]) -> list[Setting]:
        """Give what holds for a command with these options: its own settings, and the shared ones that it has."""
        shared = {key: setting for key, setting in self.shared.items() if key in options}
        return [*{**shared, **self.commands.get(command, {})}.values()]

    def check(self, commands: Mapping[str, Collection[str]]) -> None:
        """Check all keys against the options of each command.

        Raises :class:`ConfigError` with every key that doesn't exist, each with its place and the nearest name.
        """
        if unknown := [str(problem) for problem in self._unknown(commands)]:
            raise ConfigError("\n".join(unknown))

    def _unknown(self, commands: Mapping[str, Collection[str]]) -> Iterator[Problem]:
        for key, setting in self.shared.items():
            if key not in SHARED:
                owners = sorted(name for name, options in commands.items() if key in options)
                hint = (
                    f"It belongs into the table [{owners[0]}]." if owners else did_you_mean(key, {*SHARED, *commands})
                )
                yield Problem(f"there is no key {key!r} here.", setting.location, hint=hint)
        for name, settings in self.commands.items():
            if name not in commands:
                hint = did_you_mean(name, {*commands, *SHARED}, known="The commands")
                yield Problem(f"there is no command {name!r}.", self.tables[name], hint=hint)
                continue
            for key, setting in settings.items():
                if key not in commands[name]:
                    hint = did_you_mean(key, commands[name], known="Its keys")
                    yield Problem(f"[{name}] has no key {key!r}.", setting.location, hint=hint)


def find(start: Path) -> Path | None:
    """Find the configuration file for a directory: there, or in the nearest directory above that has one.

    A ``pyproject.toml`` counts if it has a table ``[tool.grpcmock]``; ``grpcmock.toml`` beside it goes first.
    """
    for folder in (start, *start.parents):
        if (file := folder / FILE_NAME).is_file():
            return file
        file = folder / "pyproject.toml"
        # Reading the text is cheap; it is parsed only if the name stands in it at all.
        if file.is_file() and "tool.grpcmock" in _text(file) and _table(file) is not None:
            return file
    return None


def read(file: Path) -> Config:
    """Read a configuration file. Raises :class:`ConfigError`, with the place, if it can't be read or isn't TOML."""
    table = _table(file)
    if table is None:
        raise ConfigError(f"{file} has no table [tool.grpcmock].")
    prefix = ("tool", "grpcmock") if file.name == "pyproject.toml" else ()
    places = _places(_text(file))

    def place(*path: str) -> Location:
        return Location(_shown(file), places.get((*prefix, *path), 0))

    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    shared = _settings({(key,): value for key, value in table.items() if key not in inner}, place)
    commands = {
        name: _settings({(name, key): value for key, value in settings.items()}, place)
        for name, settings in inner.items()
    }
    tables = {name: place(name) for name in inner}
    return Config(file, shared, commands, tables)


def _settings(table: Mapping[tuple[str, ...], Any], place: Callable[..., Location]) -> dict[str, Setting]:
    settings: dict[str, Setting] = {}
    for path, value in table.items():
        key = path[-1].replace("_", "-")
        if key in settings:
            raise ConfigError(f"{place(*path)}: {path[-1]!r} is set twice, also as {settings[key].key!r}.")
        settings[key] = Setting(key, value, place(*path))
    return settings


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"There is no configuration file {file}.") from None
    except OSError as error:
        raise ConfigError(f"The configuration file {file} can't be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The configuration file {file} isn't UTF-8 text.") from None


def _table(file: Path) -> dict[str, Any] | None:
    import tomllib

    try:
        document = tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error), re.DOTALL)
        if not found:
            raise ConfigError(f"{_shown(file)}: not valid TOML: {error}.") from None
        where = Location(_shown(file), int(found[2]), int(found[3]))
        raise ConfigError(f"{where}: not valid TOML: {found[1]}.") from None
    except RecursionError:
        raise ConfigError(f"{_shown(file)}: nested too deeply.") from None
    if file.name != "pyproject.toml":
        return document
    tools = document.get("tool")
    table = tools.get("grpcmock") if isinstance(tools, dict) else None
    return table if isinstance(table, dict) else None


def _shown(file: Path) -> str:
    """Give the path as short as it can be clicked on."""
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)


_HEADER = re.compile(r"\s*\[\s*([^\[\]#]+?)\s*\]")
_KEY = re.compile(r"""\s*([A-Za-z0-9_."'\s-]+?)\s*=""")


def _places(text: str) -> dict[tuple[str, ...], int]:
    """Give the lines of tables and keys, which ``tomllib`` doesn't tell.

    Only the usual forms are understood; what is missed is shown without a line.
    """
    places: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), 1):
        if found := _HEADER.match(line):
            table = _parts(found[1])
            path = table
        elif found := _KEY.match(line):
            path = (*table, *_parts(found[1]))
        else:
            continue
        for length in range(1, len(path) + 1):
            places.setdefault(path[:length], number)
    return places


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
