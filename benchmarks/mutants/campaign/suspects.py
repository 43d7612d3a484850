"""What is tried: a service with one bug, from one of three sources, and how it is started."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.load import ROOT
from benchmarks.mutants.generated import listing
from benchmarks.mutants.seeded import MUTANTS
from benchmarks.mutants.services.building import command, missing_tool
from benchmarks.mutants.services.definition import SERVICES, Definition
from benchmarks.mutants.services.sources import CLEAN, mutated

DIRECTORY = "directory"
"""The service that has the seeded bugs; it isn't among the others."""

CREDENTIALS = ("-H", "authorization: Bearer ada-token", "--second-identity", "authorization: Bearer bob-token")

NEVER_OF_HANDLERS = frozenset({"G115", "G117", "G118", "G119", "G120", "G121", "G144", "G145"})
"""Checks of what stands before the handlers of a service, where no operator changes anything."""


class Source(StrEnum):
    """Where a bug comes from."""

    GENERATED = "generated"
    """An operator made it."""

    BLIND = "blind"
    """Somebody wrote it who had read the service and not the fuzzer."""

    SEEDED = "seeded"
    """It was written together with the fuzzer."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A service with a bug."""

    service: str
    source: Source
    bug: str
    kind: str
    """How hard it is to see, or which operator made it, or which check has to notice it."""

    codes: frozenset[str] | None
    """The checks that fit what is wrong; None for all of those that are about handlers."""

    about: str
    effect: str = ""
    """The worst that a caller sees of a generated bug."""

    credentials: tuple[str, ...] = ()
    """What ``grpcmock fuzz`` and ``replay`` are told where callers have to say who they are."""

    arguments: tuple[str, ...] = ()
    """What ``grpcmock fuzz`` alone is told besides the target."""

    warned: bool = False
    """Whether a warning is all that its check gives."""

    @property
    def key(self) -> str:
        return f"{self.service}/{self.source}/{self.bug}"

    def fits(self, code: str) -> bool:
        """Whether a failure of this check tells of the bug."""
        return code not in NEVER_OF_HANDLERS if self.codes is None else code in self.codes


def starting(service: str, bug: str, target: str) -> list[str]:
    """The command that starts a service at this address; *bug* is ``clean`` or has its source before its name."""
    if service != DIRECTORY:
        return [sys.executable, "-m", "benchmarks.mutants.services", service, "--bug", bug, "--listen", target]
    name = bug.removeprefix(f"{Source.SEEDED}/")
    words = [sys.executable, "-m", "benchmarks.mutants.server", "--mutant", name, "--listen", target]
    if name in MUTANTS and MUTANTS[name].credentials:
        words.append("--credentials")
    return words


def protos(service: str) -> str:
    """The folder with the protos of a service."""
    return str(ROOT / "benchmarks" / "mutants" / ("protos" if service == DIRECTORY else f"services/{service}/protos"))


def prepare(service: str, bug: str) -> None:
    """Build what takes longer than a server may take to start. Raises BuildError."""
    definition = SERVICES.get(service)
    if definition is not None and not definition.in_python:
        source = mutated(definition, bug)
        assert isinstance(source, str)
        command(definition, source, "127.0.0.1:0")


def _generated(definition: Definition) -> list[Suspect]:
    return [
        Suspect(definition.name, Source.GENERATED, bug.name, bug.operator, None, bug.told, bug.effect)
        for bug in listing.read(definition).values()
    ]


def _blind(definition: Definition) -> list[Suspect]:
    return [
        Suspect(definition.name, Source.BLIND, bug.name, bug.level, frozenset(bug.codes), bug.about)
        for bug in definition.blind().values()
    ]


def _seeded() -> list[Suspect]:
    return [
        Suspect(
            service=DIRECTORY,
            source=Source.SEEDED,
            bug=one.name,
            kind=one.code,
            codes=frozenset(one.codes),
            about=one.about,
            credentials=CREDENTIALS if one.credentials else (),
            arguments=tuple(str(ROOT / word) if (ROOT / word).exists() else word for word in one.arguments),
            warned=one.warned,
        )
        for one in MUTANTS.values()
    ]


def chosen_services(names: Collection[str] = (), *, kept_out: bool = False) -> list[str]:
    """The services that are tried; those that are kept out only where it is asked for. Raises LookupError."""
    known = [*SERVICES, DIRECTORY]
    for name in names:
        if name not in known:
            raise LookupError(f"There is no service {name!r}: {', '.join(known)} are.")
        if name in SERVICES and SERVICES[name].kept_out and not kept_out:
            raise LookupError(f"{name} is kept out, so that nobody fits a fuzzer to it; --kept-out measures it.")
    wanted = [name for name in known if not names or name in names]
    return [name for name in wanted if name == DIRECTORY or kept_out or not SERVICES[name].kept_out]


def untried(services: Sequence[str]) -> dict[str, str]:
    """Of these services those that can't be started here, with the tool that lacks."""
    tools = {name: missing_tool(SERVICES[name]) for name in services if name in SERVICES}
    return {name: tool for name, tool in tools.items() if tool is not None}


def suspects(
    services: Sequence[str], sources: Collection[Source], sample: int | None = None, draw: int = 1
) -> list[Suspect]:
    """All that is to be tried; *sample* takes so many of each service and source, the same ones for each *draw*."""
    found: list[Suspect] = []
    for name in services:
        of_service: list[list[Suspect]] = []
        if name == DIRECTORY:
            of_service.append(_seeded())
        else:
            of_service += [_generated(SERVICES[name]), _blind(SERVICES[name])]
        for group in of_service:
            wanted = [one for one in group if one.source in sources]
            wanted.sort(key=lambda one: _lot(one, draw))
            found += wanted[:sample]
    return found


def _lot(suspect: Suspect, draw: int) -> bytes:
    """Where a suspect stands among the others in a draw."""
    salt = f" {draw}" if draw != 1 else ""
    return hashlib.sha256(f"{suspect.key}{salt}".encode()).digest()


__all__ = [
    "CLEAN",
    "DIRECTORY",
    "Source",
    "Suspect",
    "chosen_services",
    "prepare",
    "protos",
    "starting",
    "suspects",
    "untried",
]
