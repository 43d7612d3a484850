"""A failure that was kept is made again on a server, and checked by the check that found it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.client.target import Target
from grpcmock.errors import ConfigError
from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.checks.rendering import case_lines
from grpcmock.fuzz.expectations.naming import verb_and_noun
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.cases import Measure
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.replay import case_file as case_files
from grpcmock.fuzz.replay.case_file import Seen
from grpcmock.fuzz.run.session import Settings, prepared
from grpcmock.fuzz.shrinking.fresh_ids import with_other_ids
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.client.target import Tls
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.replay.case_file import CaseFile
    from grpcmock.schema import Method, Registry
    from grpcmock.status import Metadata


TURNED_AWAY = frozenset(
    {Code.UNAUTHENTICATED, Code.PERMISSION_DENIED, Code.UNIMPLEMENTED, Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED}
)
"""Statuses with which a call doesn't get to what it was made for."""

MISSING = frozenset({Code.NOT_FOUND, Code.ALREADY_EXISTS, Code.FAILED_PRECONDITION})
"""Statuses of calls that find other things on the server than they need."""


def makes_room(method: Method, case_file: CaseFile) -> bool:
    """Whether a call only sees to it that nothing is left of the last time."""
    told = verb_and_noun(method.name)
    return told is not None and told[0] is Role.DELETE and method is not case_file.case.method


class Answer(Enum):
    """What a replay tells."""

    FAILED = "failed"
    PASSED = "passed"
    NOT_SEEN = "not seen"
    """Nothing is wrong, but the calls didn't come to where something was: data may be missing, or credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of a failure that was made again."""

    case_file: CaseFile
    result: CaseResult
    registry: Registry

    findings: tuple[Finding, ...]
    """What its check has to say now: empty if the server has been fixed, or it can't be seen."""

    blind: str = ""
    """What its check looks at and can't be seen here; empty if all can."""

    @property
    def answer(self) -> Answer:
        """Whether it fails, passes, or what it shows couldn't be seen."""
        if self.findings:
            return Answer.FAILED
        return Answer.NOT_SEEN if self.unlike else Answer.PASSED

    @property
    def unlike(self) -> str:
        """Say what is so different from then that nothing follows where its check is content; empty if nothing is."""
        if self.blind:
            return self.blind
        replies = self.result.replies[: len(self.case_file.case.calls)]
        methods = [reply.call.method for reply in replies if reply.call.method is not None]
        only_looks, has_own_data = all(map(only_reads, methods)), False
        for before, reply in zip(self.case_file.seen, replies, strict=False):
            if reply.call.method is None or reply.call.raw is not None:
                continue
            name, now = reply.call.method.name, Seen.of(reply)
            if reply.termination is Termination.LOST:
                return f"{name} lost its connection"
            if now.code in TURNED_AWAY and now.code != before.code:
                return f"{name} is answered with {reply.name} now"
            if before.code == Code.OK and now.code in MISSING and not makes_room(reply.call.method, self.case_file):
                if has_own_data and (reply is replies[-1] or reply.call.method is self.case_file.case.method):
                    continue  # it is what should have been refused
                return f"{name} is answered with {reply.name} now, and was with OK then"
            if before.code == now.code:
                has_own_data |= now.code != Code.OK or not only_reads(reply.call.method)
            if only_looks and before.items and not now.items and now.code == Code.OK:
                return f"{name} shows nothing now, and then {before.items} {'item' if before.items == 1 else 'items'}"
            if now.has_more and not before.has_more:
                return f"{name} has more than one page now"
        if self.case_file.needs_data:
            return "it rests on data that the server held then, and that its calls don't make"
        return ""

    @property
    def found_its_own(self) -> bool:
        """Whether nothing could be seen, since what it makes was there, as on the server that has shown it first."""
        replies = zip(self.result.replies, self.case_file.seen, strict=False)
        is_there = any(now.code == Code.ALREADY_EXISTS != before.code for now, before in replies)
        return is_there and self.answer is Answer.NOT_SEEN

    @property
    def same(self) -> bool:
        """Whether it fails in the way that was kept, and not just in another."""
        return any(finding.key == self.case_file.key for finding in self.findings)

    def lines(self) -> list[str]:
        """Tell what was sent and what came, and what is wrong with it."""
        lines = [f"{self.case_file.id}  {self.case_file.case.method}", f"  why       {self.case_file.case.why}"]
        for finding in self.findings:
            lines += [f"  expected  {finding.expected}", f"  actual    {finding.actual}"]
        if self.answer is Answer.PASSED:
            lines.append(f"  passed    {self.case_file.expected}")
        elif self.answer is Answer.NOT_SEEN:
            lines.append(f"  not seen  {self.unlike}")
        return lines + [f"  {line}" for line in case_lines(self.case_file.case, self.result, self.registry)]


async def replay(kept: Mapping[str, Any], settings: Settings, *, where: str = "the case") -> Replay:
    """Make the calls of a failure again, and let its check look at them.

    *kept* is what :func:`case_files.load` gives. Of the *settings*, only the way to the server and the terms matter;
    terms that they leave at their defaults are those of the run that found the failure.

    Where the server has what they make, as after the run that found the failure, they are made under other ids.

    Raises :class:`ConfigError` if *kept* is no failure, :class:`TargetError` if the server is out of reach, and
    :class:`SchemaError` if it can't say what it serves, or serves the method no more.
    """
    check = find_check(str(kept.get("check")))
    settings = replace(with_expectations(settings, kept), checks=(check.name,), exclude_checks=())
    async with prepared(settings) as run:
        case_file = case_files.read(kept, run.registry, where)
        blind = ""
        if Measure.OUTPUT in case_file.case.measures and not settings.server_command:
            blind = "what the server writes isn't seen, since it wasn't started here: start it with --server-cmd"

        async def made(case: Case) -> Replay:
            result = await run.observe(case)
            findings = tuple(finding for finding in run.evaluate(case, result) if not finding.is_warning)
            again = replace(case_file, case=case)
            return Replay(case_file=again, result=result, registry=run.registry, findings=findings, blind=blind)

        first = await made(case_file.case)
        other = with_other_ids(case_file.case, first.result) if first.found_its_own else None
        if other is None:
            return first
        second = await made(other)
        return first if second.answer is Answer.NOT_SEEN else second


_FILES = ("stubs", "links")
"""Settings that name files which some checks go by."""


def with_expectations(settings: Settings, kept: Mapping[str, Any]) -> Settings:
    """Put the terms under which a failure was found where the settings say nothing else.

    Raises :class:`ConfigError` if they aren't those of a failure.
    """
    expectations, usual = kept.get("expectations") or {}, Settings(target=settings.target)
    try:
        found = {
            name: expectations[name]
            for name in case_files.TERMS
            if name in expectations and getattr(settings, name) == getattr(usual, name)
        }
        if "allowed" in found:
            found["allowed"] = {pattern: frozenset(codes) for pattern, codes in found["allowed"].items()}
        reads = find_check(str(kept.get("check"))).reads
        for name in _FILES:
            files = tuple(map(Path, found.pop(name, ())))
            if name in reads:  # no other check looks at them, and they may have gone since
                found[name] = files
    except (TypeError, AttributeError) as error:
        raise ConfigError(f"The terms of the failure were changed: {error!r}.") from None
    return replace(settings, **found)


def replay_failure(
    kept: Mapping[str, Any],
    target: str,
    *,
    protos: Sequence[str | Path] = (),
    imports: Sequence[str | Path] = (),
    exclude: Sequence[str] = (),
    metadata: Metadata = (),
    second_identity: Metadata = (),
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
    settings = Settings(target=server, registry=registry, second_identity=second_identity)
    found = asyncio.run(replay(kept, settings))
    return found.lines() if found.findings else []
