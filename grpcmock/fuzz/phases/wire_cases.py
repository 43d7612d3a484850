"""What the cases of the wire phase are made of: one good message, calls, what must be refused, or answered alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.cases import Call, Case, Expect, Phase, call_of
from grpcmock.fuzz.phases.wire_targets import COMPARING, DEEP, FRAMING, OPTIONAL, TEXT, Target
from grpcmock.fuzz.wire import requests
from grpcmock.fuzz.wire.malformed import bad_texts, malformed, too_deep
from grpcmock.fuzz.wire.variants import Variant, shown
from grpcmock.schema.method import MethodKind
from grpcmock.synthesis import generate

if TYPE_CHECKING:
    from grpcmock.client.raw import RawRequest
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.fuzz.wire.framing import RawVariant
    from grpcmock.schema import Method

SHORT = 0.3
"""Seconds that are waited where a server may leave a broken call without an end."""

_PROMPT = 0.8
"""The same, for good calls that say all they have to say at once."""

_SECOND = frozenset(("varint-cut", "tag-zero", "group-stray", "length-past", "nested-101", "groups-101"))
"""What is also sent after a good message, where the method takes a stream."""


class WireCases:
    """Makes cases of one method out of one good message of its request type."""

    def __init__(self, method: Method, plan: Plan) -> None:
        self.method = method
        self.plan = plan
        self.good = good_message(method, plan)
        self._streams = method.kind.client_streams
        self._is_first = method is plan.methods[0]
        self._elsewhere: dict[tuple[Target, Method], Mapping[tuple[str, str], Variant]] = {}

    # Whole cases ---------------------------------------------------------------------------------

    def _case(
        self,
        name: str,
        why: str,
        calls: Iterable[Call],
        *,
        target: str = "",
        expect: Expect = Expect.ANY,
        rule: str = "",
        path: str = "",
        mostly_idle: bool = False,
    ) -> Case:
        return Case(
            id=f"wire/{self.method.service}.{self.method.name}/{name}",
            phase=Phase.WIRE,
            method=self.method,
            calls=tuple(calls),
            why=why,
            expect=expect,
            rule=rule,
            path=path,
            targets=frozenset({target}) if target else frozenset(),
            compares_calls=target in COMPARING,
            may_be_unimplemented=target in OPTIONAL,
            mostly_idle=mostly_idle,
        )

    def _call(self, *messages: bytes) -> Call:
        return call_of(self.method, *messages)

    def _raw(self, request: RawRequest, *, deadline: float | None = None) -> Call:
        return Call(path=self.method.path, method=self.method, actions=(), raw=request, deadline=deadline)

    def _refused(self, target: Target, variant: Variant, name: str) -> Iterator[Case]:
        """Try a message that must be refused: alone, and on a stream also after a good one."""
        rule, path = variant.rule, shown(variant.path)
        before = (self._call(), self._call(self.good)) if self._streams else ()
        calls = (*before, self._call(variant.data))
        label = f"{target.group}/{name}"
        case = self._case(label, variant.why, calls, target=target.check, expect=target.expect, rule=rule, path=path)
        if (both := self._beside_another(case, target, variant)) is None:
            yield case
        else:
            yield replace(case, sub_cases=(both,))
        if self._streams and variant.name.rpartition("/")[2] in _SECOND and not name.startswith("empty+"):
            calls = (self._call(self.good), self._call(self.good, self.good), self._call(self.good, variant.data))
            why = f"{variant.why}, after a good message"
            yield self._case(
                f"{label}+second", why, calls, target=target.check, expect=target.expect, rule=rule, path=path
            )

    def _beside_another(self, case: Case, target: Target, variant: Variant) -> Case | None:
        """Give the case once more, after another method got bytes of the same sort: what both take, a library takes.
        None if there is no other method, or no such bytes for it."""
        name = variant.name.rpartition("/")[2]
        for other in self._others():
            alike = self._spoiled(target, other).get((variant.rule, name))
            if alike is not None:
                good = call_of(other, good_message(other, self.plan))
                calls = (good, call_of(other, alike.data), *case.calls)
                why = f"{case.why}, as {other.full_name} gets it"
                return replace(case, id=f"{case.id}+elsewhere", calls=calls, why=why)
        return None

    def _others(self) -> list[Method]:
        """Give the other methods that take requests as this one does, the unary ones first."""
        methods, streams = self.plan.methods, self._streams
        place = methods.index(self.method)
        others = [other for other in (*methods[place + 1 :], *methods[:place]) if other.kind.client_streams == streams]
        others.reverse()
        return sorted(others, key=lambda method: method.kind is not MethodKind.UNARY)

    def _spoiled(self, target: Target, method: Method) -> Mapping[tuple[str, str], Variant]:
        """Give the messages of another method that must be refused, by their rules and the ends of their names."""
        found = self._elsewhere.get((target, method))
        if found is None:
            good = good_message(method, self.plan)
            sort = bad_texts(method.input, good, lambda _: True) if target is TEXT else malformed(method.input, good)
            sort = too_deep(method.input, good) if target is DEEP else sort
            found = {(variant.rule, variant.name.rpartition("/")[2]): variant for variant in sort}
            self._elsewhere[target, method] = found
        return found

    def _raw_refused(self, target: Target, variant: RawVariant) -> Case:
        before: tuple[Call, ...] = ()
        if self._streams:
            path = self.method.path
            # They are over, for all that we have to say: what hasn't come by then doesn't come.
            ended = (requests.good(path), requests.good(path, self.good))
            before = tuple(self._raw(request, deadline=_PROMPT) for request in ended)
        # A bomb takes its time where it goes off; all else is refused at once, or, with a broken frame, waited for.
        deadline = SHORT if variant.rule != "compression.bomb" else None
        mostly_idle = target is FRAMING
        calls = (*before, self._raw(variant.request, deadline=deadline))
        label = f"{target.group}/{variant.name}"
        return self._case(
            label,
            variant.why,
            calls,
            target=target.check,
            expect=target.expect,
            rule=variant.rule,
            mostly_idle=mostly_idle,
        )

    def _same(self, label: str, why: str, other: Call, canonical: Call, rule: str, path: str = "") -> Case:
        """Try a call that must be answered as another one is.

        The order tells what differs by itself: with the time, from call to call, or from one replica to the next.
        """
        calls = (other, canonical, canonical, other, other)
        return self._case(label, why, calls, target="tolerated_wire", expect=Expect.SAME, rule=rule, path=path)

    def _is_valid(self, data: bytes) -> bool:
        message = self.method.request_class.FromString(data)
        return not self.plan.generators.of(self.method.input).broken(message)


def good_message(method: Method, plan: Plan) -> bytes:
    """Give a message that the method likely takes: one that somebody wrote down, or that it has taken, else a generated
    one."""
    for case in plan.examples:
        for call in case.calls:
            if call.path == method.path and call.messages and case.expect is not Expect.UNDECODABLE:
                return call.messages[0]
    accepted = plan.acceptance.of(method)
    if accepted is not None and not accepted.needs:
        return accepted.data
    message = generate(method.request_class, plan.registry, plan.seed, as_request=True)
    return bytes(message.SerializePartialToString(deterministic=True))
