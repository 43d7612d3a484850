"""A failure that was kept is made again on a server, and judged by the check that found it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.client.target import Target
from grpcmock.errors import ConfigError
from grpcmock.fuzz import casefile
from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.checks.resources import CHECKS as RESOURCE_CHECKS
from grpcmock.fuzz.session import Settings, prepared
from grpcmock.fuzz.text import trial_lines

if TYPE_CHECKING:
    from grpcmock.client.target import Metadata, Tls
    from grpcmock.fuzz.casefile import CaseFile
    from grpcmock.fuzz.evidence import Evidence
    from grpcmock.fuzz.failures import Finding
    from grpcmock.schema import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of a failure that was made again."""

    case: CaseFile
    evidence: Evidence
    registry: Registry

    findings: tuple[Finding, ...]
    """What its check has to say now: empty if the server has been mended."""

    @property
    def same(self) -> bool:
        """Whether it fails in the way that was kept, and not just in another."""
        return any(finding.key == self.case.key for finding in self.findings)

    def lines(self) -> list[str]:
        """Tell what was sent and what came, and what is wrong with it."""
        lines = [f"{self.case.id}  {self.case.trial.method}", f"  why       {self.case.trial.why}"]
        for finding in self.findings:
            lines += [f"  expected  {finding.expected}", f"  got       {finding.got}"]
        if not self.findings:
            lines.append(f"  holds     {self.case.expected}")
        return lines + [f"  {line}" for line in trial_lines(self.case.trial, self.evidence, self.registry)]


async def replay(kept: Mapping[str, Any], settings: Settings, *, where: str = "the case") -> Replay:
    """Make the calls of a failure again, and let its check judge them.

    *kept* is what :func:`casefile.load` gives. Of the *settings*, only the way to the server and the terms matter;
    terms that they leave at their defaults are those of the run that found the failure.

    Raises :class:`ConfigError` if *kept* is no failure, :class:`TargetError` if the server is out of reach, and
    :class:`SchemaError` if it can't say what it serves, or serves the method no more.
    """
    check = find_check(str(kept.get("check")))
    settings = replace(with_terms(settings, kept), checks=(check.code,), exclude_checks=())
    async with prepared(settings) as run:
        case = casefile.read(kept, run.registry, where)
        evidence = await run.observe(case.trial)
        findings = tuple(finding for finding in run.judge(case.trial, evidence) if not finding.advice)
        return Replay(case=case, evidence=evidence, registry=run.registry, findings=findings)


_FILES = {"stubs": frozenset({"G152"}), "links": frozenset(check.code for check in RESOURCE_CHECKS)}
"""Which checks look at what the files say that a run was given."""


def with_terms(settings: Settings, kept: Mapping[str, Any]) -> Settings:
    """Put the terms under which a failure was found where the settings say nothing else.

    Raises :class:`ConfigError` if they aren't those of a failure.
    """
    terms, usual = kept.get("terms") or {}, Settings(target=settings.target)
    try:
        found = {
            name: terms[name]
            for name in casefile.TERMS
            if name in terms and getattr(settings, name) == getattr(usual, name)
        }
        if "allowed" in found:
            found["allowed"] = {pattern: frozenset(codes) for pattern, codes in found["allowed"].items()}
        for name, codes in _FILES.items():
            files = tuple(map(Path, found.pop(name, ())))
            if kept.get("check") in codes:  # no other check looks at them, and they may have gone since
                found[name] = files
    except (TypeError, AttributeError) as error:
        raise ConfigError(f"The terms of the failure were changed: {error!r}.") from None
    return replace(settings, **found)


def replay_now(
    kept: Mapping[str, Any],
    target: str,
    *,
    protos: Sequence[str | Path] = (),
    imports: Sequence[str | Path] = (),
    exclude: Sequence[str] = (),
    metadata: Metadata = (),
    other_identity: Metadata = (),
    tls: Tls | None = None,
    authority: str | None = None,
) -> list[str]:
    """Make a failure again from a plain function, such as a test; give what is wrong in lines, none if all holds.

    *target* is ``HOST:PORT``, ``unix:PATH`` or a URL. Without *protos*, the server's reflection is asked. Raises what
    :func:`replay` does.
    """
    from grpcmock.schema import sources

    registry = sources.load(protos, imports=sources.Imports(imports, exclude)) if protos else None
    server = Target.parse(target, tls=tls, authority=authority, metadata=metadata)
    settings = Settings(target=server, registry=registry, other_identity=other_identity)
    found = asyncio.run(replay(kept, settings))
    return found.lines() if found.findings else []
