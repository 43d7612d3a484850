"""A failure that was kept is made again on a server, and judged by the check that found it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.client.target import Target
from grpcmock.fuzz import casefile
from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.session import Settings, prepared
from grpcmock.fuzz.text import trial_lines

if TYPE_CHECKING:
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

    *kept* is what :func:`casefile.load` gives. Of the *settings*, only the way to the server and the terms matter.

    Raises :class:`ConfigError` if *kept* is no failure, :class:`TargetError` if the server is out of reach, and
    :class:`SchemaError` if it can't say what it serves, or serves the method no more.
    """
    check = find_check(str(kept.get("check")))
    async with prepared(replace(settings, checks=(check.code,), exclude_checks=())) as run:
        case = casefile.read(kept, run.registry, where)
        evidence = await run.observe(case.trial)
        findings = tuple(finding for finding in run.judge(case.trial, evidence) if not finding.advice)
        return Replay(case=case, evidence=evidence, registry=run.registry, findings=findings)


def replay_now(kept: Mapping[str, Any], target: str, *, protos: Sequence[str | Path] = ()) -> list[str]:
    """Make a failure again from a plain function, such as a test; give what is wrong in lines, none if all holds.

    *target* is ``HOST:PORT``, ``unix:PATH`` or a URL. Without *protos*, the server's reflection is asked. Raises what
    :func:`replay` does.
    """
    from grpcmock.schema import sources

    registry = sources.load(list(protos)) if protos else None
    found = asyncio.run(replay(kept, Settings(target=Target.parse(target), registry=registry)))
    return found.lines() if found.findings else []
