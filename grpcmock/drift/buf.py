"""A second opinion: what ``buf breaking`` says of the same two versions, where buf is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2

from grpcmock.drift.differences import Breaks, Difference
from grpcmock.errors import ConfigError, Location
from grpcmock.schema import shipped

if TYPE_CHECKING:
    from grpcmock.schema import Registry

_FOUND = 100
"""The exit code of ``buf breaking`` when it has found something."""

_SECONDS = 120
_ALL = ("FILE", "PACKAGE", "WIRE_JSON", "WIRE")
_LIVE = ("PACKAGE", "WIRE_JSON", "WIRE")
"""Categories for a server, which may name its files as it likes."""

_EVEN_IF_COMPATIBLE = frozenset(
    {("idempotency-changed", "RPC_SAME_IDEMPOTENCY_LEVEL"), ("syntax-changed", "FILE_SAME_SYNTAX")}
)
"""Rules of ours and of buf that are about one thing, which we may call compatible."""

_OF_THE_WHOLE = frozenset(
    {
        ("oneof-renamed", "ONEOF_NO_DELETE"),
        ("oneof-renamed", "FIELD_SAME_ONEOF"),
        ("reserved-removed", "RESERVED_MESSAGE_NO_DELETE"),
        ("reserved-removed", "RESERVED_ENUM_NO_DELETE"),
        ("extension-range-removed", "EXTENSION_MESSAGE_NO_DELETE"),
    }
)
"""What we tell once of a message or an enum, and buf of each part."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """One thing that buf has found."""

    rule: str
    message: str
    path: str
    line: int
    column: int
    breaks: frozenset[Breaks]

    @property
    def subject(self) -> str:
        """What it is about: a number or a name, by its place in the message."""
        quoted: list[str] = re.findall(r'"([^"]*)"', self.message)
        if self.rule == "MESSAGE_SAME_REQUIRED_FIELDS":
            return quoted[1]
        first = quoted[0].strip("[]") if quoted else ""
        return first if self.rule.endswith("_NO_DELETE") else first.rpartition(".")[2]

    @property
    def container(self) -> str:
        """The simple name of the message, enum or service in which that is; empty if it is in none."""
        before = "^Message " if self.rule == "MESSAGE_SAME_REQUIRED_FIELDS" else r"\bon (?:message|enum|service) "
        found = re.search(before + r'"([^"]*)"', self.message)
        return found[1].rpartition(".")[2] if found else ""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What buf said."""

    version: str
    differences: tuple[Difference, ...]
    """Ours, each with the rules of buf that say the same; and those that buf alone has found."""

    agreed: int
    """How many of buf's findings say what ours do."""

    added: int

    def __str__(self) -> str:
        return f"buf {self.version} was asked, too: it found {self.agreed} of the same, and {self.added} more."


def find() -> str | None:
    """Give the path of buf, if it is installed: anywhere, or beside this Python by ``pip install buf-bin``."""
    return shutil.which("buf") or shutil.which("buf", path=str(Path(sys.executable).parent))


def ask(
    executable: str, old: Registry, new: Registry, differences: Sequence[Difference], *, services: Sequence[str] = ()
) -> Opinion:
    """Let buf compare the same versions. With *services*, only what these need.

    Raises :class:`ConfigError` if buf fails.
    """
    version = _run([executable, "--version"]).stdout.strip()
    categories = _categories(executable)
    with tempfile.TemporaryDirectory(prefix="grpcmock-") as folder:
        images = [
            _image(executable, registry, Path(folder, f"{name}.binpb"), services)
            for name, registry in (("old", old), ("new", new))
        ]
        use = list(_LIVE if services else _ALL)
        done = _run(
            [
                *(executable, "breaking", str(images[1]), "--against", str(images[0]), "--error-format", "json"),
                *("--config", json.dumps({"version": "v2", "breaking": {"use": use}})),
            ],
            also=_FOUND,
        )
    findings = list(_findings(done.stdout, categories, live=bool(services)))
    return _merged(version, list(differences), findings)


def _run(command: Sequence[str], also: int = 0) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"buf can't be run: {error}. With --with builtin it isn't needed.") from None
    if done.returncode not in (0, also):
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise ConfigError(f"buf failed: {said}. With --with builtin it isn't needed.")
    return done


def _lines(text: str) -> list[dict[str, Any]]:
    """Read one JSON object from each line."""
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        raise ConfigError("buf said something that can't be read. With --with builtin it isn't needed.") from None


def _categories(executable: str) -> Mapping[str, frozenset[Breaks]]:
    """Tell whom each rule is about: by the least strict category that it is in."""
    found: dict[str, frozenset[Breaks]] = {}
    for rule in _lines(_run([executable, "config", "ls-breaking-rules", "--format", "json"]).stdout):
        of = set(rule["categories"])
        breaks = {Breaks.SOURCE} if of & {"FILE", "PACKAGE"} else set()
        breaks |= {Breaks.JSON} if "WIRE_JSON" in of else set()
        breaks |= {Breaks.WIRE} if "WIRE" in of else set()
        found[rule["id"]] = frozenset(breaks)
    return found


def _image(executable: str, registry: Registry, path: Path, services: Sequence[str]) -> Path:
    path.write_bytes(descriptor_pb2.FileDescriptorSet(file=registry.files.file).SerializeToString())
    if not services:
        return path
    pruned = path.with_name(f"pruned-{path.name}")
    types = [word for name in services for word in ("--type", name)]
    _run([executable, "build", str(path), *types, "-o", str(pruned)])
    return pruned


def _findings(text: str, categories: Mapping[str, frozenset[Breaks]], *, live: bool) -> Iterable[_Finding]:
    for found in _lines(text):
        rule, path = found["type"], found.get("path", "")
        if shipped.is_shipped(path) or (live and rule.startswith("FILE_")):
            continue
        breaks = categories.get(rule, frozenset(Breaks))
        yield _Finding(rule, found["message"], path, found.get("start_line", 0), found.get("start_column", 0), breaks)


def _merged(version: str, differences: list[Difference], findings: Sequence[_Finding]) -> Opinion:
    agreed = 0
    alone: list[Difference] = []
    for finding in findings:
        same = [number for number, one in enumerate(differences) if _says_the_same(one, finding)]
        agreed += bool(same)
        for number in same:
            rules = dict.fromkeys((*differences[number].buf, finding.rule))
            differences[number] = replace(differences[number], buf=tuple(rules))
        if not same:
            alone.append(_difference(finding))
    return Opinion(version, (*differences, *alone), agreed, len(alone))


def _says_the_same(one: Difference, finding: _Finding) -> bool:
    """Compare by the names and numbers in buf's message: it tells what it is about, and on what that stands."""
    if finding.path and finding.path not in one.names:
        return False
    if (one.rule, finding.rule) in _EVEN_IF_COMPATIBLE:
        return finding.rule.startswith("FILE_") or finding.subject in one.names
    if not one.is_breaking:
        return False
    if finding.rule.startswith(("FILE_", "PACKAGE_NO")):
        return one.element == finding.path or one.rule == "package-changed"
    if not finding.container:
        return bool(one.names & set(finding.subject.split(".")))
    if finding.container not in one.names:
        return False
    return finding.subject in one.names or (one.rule, finding.rule) in _OF_THE_WHOLE


def _difference(finding: _Finding) -> Difference:
    return Difference(
        rule=f"buf/{finding.rule}",
        element=finding.path or "all files",
        breaks=finding.breaks,
        message=finding.message,
        why="So says buf; its own documentation explains the rule.",
        hint=f"See the rule {finding.rule} of `buf breaking`.",
        new=Location(finding.path, finding.line, finding.column) if finding.path else None,
        buf=(finding.rule,),
    )
