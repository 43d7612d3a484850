"""What of each method was exercised, counted while a run goes: cheap enough to leave the run as fast as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from grpcmock.fuzz.coverage.type_coverage import TypeSeen
from grpcmock.fuzz.model.cases import Expect, Phase
from grpcmock.fuzz.model.events import CaseFinished, MethodStopped, Started
from grpcmock.fuzz.model.results import Termination
from grpcmock.schema.codec import try_decode
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call, Case
    from grpcmock.fuzz.model.events import Event
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

LEFT = "left by us"
"""How a call is told that we cancelled, or stopped reading, before the server gave it a status."""

_ENDED = frozenset({Termination.SERVER, Termination.RESET, Termination.LOST})

_AT_THE_DOOR = frozenset({Code.UNAUTHENTICATED, Code.PERMISSION_DENIED, Code.UNIMPLEMENTED})
"""Statuses with which a call is turned away before anybody has looked at its request."""

LENGTHS = ("0", "1", "2", "many")
"""The lengths of streams that are told apart."""

_THOROUGH = 96
"""So many requests of a method are looked at one by one; beyond, as long as there is news."""

_PATIENCE = 48
"""After so many requests without any news, only every so many-th is looked at:"""
_SAMPLE = 16

_SIDES = (":at", ":inside", ":outside")

_MOST_MESSAGES = 64
_LONGEST = 160
_LARGEST = 1 << 16
"""Bytes of the largest request that is looked into."""


@dataclass(slots=True)
class Rule:
    """One rule of the contract: whether requests were sent that keep it, and that break it."""

    path: str
    rule: str
    bound: str = ""
    """Its bound, such as ``gte=1``; then it counts as kept only where a request was at the bound or just inside."""

    inside: bool = False
    outside: bool = False


class MethodCoverage:
    """What was exercised of one method."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.cases = 0
        self.calls = 0
        self.seconds = 0.0
        """How long its calls took, those at once each for itself."""
        self.statuses: Counter[str] = Counter()
        """How often each status came, by name; :data:`LEFT` where we ended the call before the server did."""
        self.refusals: Counter[tuple[str, str]] = Counter()
        """Statuses other than OK, with their messages."""
        self.sent: set[str] = set()
        self.received: set[str] = set()
        """The lengths of streams, of :data:`LENGTHS`."""
        self.boundaries: set[str] = set()
        """The paths of fields for which a case of the boundary phase got in."""
        self.valid = 0
        """How many cases kept all rules."""
        self._rules: dict[tuple[str, str], dict[str, Rule]] = {}
        """By path and rule, then by bounds: a rule such as ``int32.gte_lte`` has two."""
        self._by_label: dict[str, Rule] = {}
        self._inside: set[str] = set()
        self.seen = TypeSeen(method.input)
        self.stopped = ""
        """Why it was left alone before the end; empty if it wasn't."""
        self._stayed_open = False
        self._looked = 0
        self._news = 0
        self._known = 0

    @property
    def is_ok(self) -> bool:
        """Whether it ever went well: answered OK, streamed what we stopped reading, or kept a stream open for us."""
        return (
            "OK" in self.statuses
            or self._stayed_open
            or (self.method.kind.server_streams and bool(self.received - {"0"}))
        )

    @property
    def why_never_ok(self) -> str:
        """The most frequent answer, of a method that never went well; empty for others."""
        if self.is_ok:
            return ""
        if not self.calls:
            return "it was never called"
        if not self.refusals:
            return "no call had an answer"
        code = self.usual_refusal
        count = sum(number for (name, _), number in self.refusals.items() if name == code)
        message = next(text for (name, text), _ in self.refusals.most_common() if name == code)
        told = f"{code}: {message}" if message else code
        return f"{told} ({count} of {self.calls} calls)"

    @property
    def usual_refusal(self) -> str | None:
        """The most frequent status other than OK; None if there is none."""
        codes: Counter[str] = Counter()
        for (code, _), count in self.refusals.items():
            codes[code] += count
        return codes.most_common(1)[0][0] if codes else None

    @property
    def rules(self) -> list[Rule]:
        """The rules for which there were cases."""
        for label in self._inside & self._by_label.keys():
            self._by_label[label].inside = True
        found = [rule for by_bound in self._rules.values() for rule in by_bound.values()]
        for rule in found:
            rule.inside |= not rule.bound and self.valid > 0
        return sorted(found, key=lambda rule: (rule.path, rule.rule, rule.bound))

    def take(self, case: Case, replies: tuple[Reply, ...]) -> None:
        """Take a case of this method into account."""
        self.cases += 1
        own = [reply for reply in replies if reply.call.method is self.method]
        if any(map(_got_in, own)):
            self.valid += case.expect is Expect.ACCEPTED
            if case.phase is Phase.BOUNDARY:
                self._note_boundary(case)
            elif case.rule and case.expect is Expect.REFUSED:
                self._rule(case.path, case.rule).outside = True
        for reply in own:
            self.take_reply(reply)

    def take_reply(self, reply: Reply) -> None:
        """Take one call into account."""
        self.calls += 1
        self.seconds += reply.seconds
        self._stayed_open |= reply.termination is Termination.ENOUGH
        ended = reply.termination in _ENDED
        self.statuses[reply.name if ended else LEFT] += 1
        if reply.code != Code.OK and ended:
            self._note_refusal(reply)
        if not _got_in(reply):
            return
        kind = self.method.kind
        if kind.client_streams:
            self.sent.add(_length(reply.sent))
        if kind.server_streams:
            self.received.add(_length(len(reply.responses)))
        if reply.call.raw is None:
            self._look(reply.call)

    def _note_refusal(self, reply: Reply) -> None:
        key = (reply.name, reply.message[:_LONGEST])
        if key in self.refusals or len(self.refusals) < _MOST_MESSAGES:
            self.refusals[key] += 1
        else:
            self.refusals[reply.name, "…"] += 1

    def _look(self, call: Call) -> None:
        """Look into the request, or not: once nothing new comes, a sample will do."""
        self._looked += 1
        idle = self._looked - self._news
        if self._looked > _THOROUGH and idle > _PATIENCE and self._looked % _SAMPLE:
            return
        for data in call.messages[:4]:
            request = try_decode(self.method.request_class, data) if len(data) <= _LARGEST else None
            if request is not None:
                self.seen.look(request)
        if self._looked > _THOROUGH and self._looked % _SAMPLE == 0:
            known = self.seen.known()
            if known != self._known:
                self._known, self._news = known, self._looked

    def _note_boundary(self, case: Case) -> None:
        if case.path:
            self.boundaries.add(case.path.replace("[]", ""))
        label = case.id.removeprefix(f"boundary/{self.method.full_name}/")
        side = next((name for name in _SIDES if label.endswith(name)), "")
        label = label.removesuffix(side)
        broken = case.rule if ", " not in case.rule else ""  # several at once say little of each
        if "~" not in label:
            if broken and case.expect is Expect.REFUSED:
                self._rule(case.path, broken).outside = True
            return
        if side in (":at", ":inside") or len(case.calls) > 1:
            self._inside.add(label)
        if broken:
            bound = label.rpartition("~")[2]
            rule = self._by_label[label] = self._rule(case.path, broken, bound if "=" in bound else "")
            rule.outside = True

    def _rule(self, path: str, rule: str, bound: str = "") -> Rule:
        """Give the rule with this bound; without one, any that there is."""
        by_bound = self._rules.setdefault((path, rule), {})
        if bound in by_bound or not by_bound or (bound and "" not in by_bound):
            return by_bound.setdefault(bound, Rule(path, rule, bound))
        if bound:  # it was broken before anything was known of its bound
            found = by_bound[bound] = by_bound.pop("")
            found.bound = bound
            return found
        return next(iter(by_bound.values()))

    @cached_property
    def lengths(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The lengths of streams that there are to exercise: sent, received."""
        kind = self.method.kind
        return (LENGTHS if kind.client_streams else ()), (LENGTHS if kind.server_streams else ())


class Coverage:
    """Listens to a run, and counts."""

    def __init__(self) -> None:
        self.methods: dict[Method, MethodCoverage] = {}

    def hear(self, event: Event) -> None:
        """Take an event into account."""
        if isinstance(event, CaseFinished):
            case = event.case
            found = self.methods.get(case.method)
            if found is None:
                found = self.methods[case.method] = MethodCoverage(case.method)
            found.take(case, event.result.replies)
            if len(case.calls) > 1:
                self._take_others(case.method, event.result.replies)
        elif isinstance(event, Started):
            for method in event.methods:
                self.methods.setdefault(method, MethodCoverage(method))
        elif isinstance(event, MethodStopped) and event.method in self.methods:
            self.methods[event.method].stopped = event.reason

    def _take_others(self, own: Method, replies: tuple[Reply, ...]) -> None:
        for reply in replies:
            method = reply.call.method
            if method is not None and method is not own and method in self.methods:
                self.methods[method].take_reply(reply)

    def never_ok(self) -> Iterator[MethodCoverage]:
        """Yield the methods that never went well."""
        return (method for method in self.methods.values() if not method.is_ok)


def _got_in(reply: Reply) -> bool:
    """Whether a call got as far as to something that looks at requests, as far as can be told."""
    if reply.termination in (Termination.SERVER, Termination.RESET):
        return reply.code not in _AT_THE_DOOR
    return bool(reply.responses)


def _length(count: int) -> str:
    return LENGTHS[min(count, 3)]
