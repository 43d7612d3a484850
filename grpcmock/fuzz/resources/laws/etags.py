"""Etags (AIP-154): who changes or deletes a thing as it was before, and says so by its etag, is refused; who says how
it is now isn't; and each state has one of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.calls import may_change, step_of
from grpcmock.fuzz.resources.differences import differences
from grpcmock.fuzz.resources.fields import named
from grpcmock.fuzz.resources.known_resources import finding
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.known_resources import KnownResource
    from grpcmock.fuzz.resources.resource import Operation, Resource, Resources

ETAG = "etag"
_REFUSALS = frozenset({Code.ABORTED, Code.FAILED_PRECONDITION})

_READS = 3
"""So many reads in a row, each with another etag, say that it doesn't go by the state of a thing."""


def place_of(resource: Resource, operation: Operation) -> Path | None:
    """Return where a request says which state of a thing it means; None if it can't."""
    if named(operation.method.input, ETAG):
        return (ETAG,)
    if operation.given and named(resource.descriptor, ETAG):
        return (*operation.given, ETAG)
    return None


def is_stale(step: ResourceCall, known: KnownResource, documented: Collection[int]) -> bool:
    """Whether a request means a state that is past, for certain, and its server says that this matters: by annotations,
    by the codes in its comments, or by asking for the etag beside the thing."""
    place = place_of(step.resource, step.operation)
    etag = step.at(place)
    if not etag or place is None or known.message is None or not known.is_there:
        return False
    matters = step.resource.is_annotated or len(place) == 1 or not _REFUSALS.isdisjoint(documented)
    return matters and etag in known.past_etags and etag != etag_of(known.message)


def etag_of(message: Any) -> str:
    """Return the etag that a message shows; empty if it has none."""
    return str(getattr(message, ETAG)) if named(message.DESCRIPTOR, ETAG) else ""


_Key = tuple[str, Any]


@dataclass(slots=True)
class Etags:
    """Hears of the calls of a case, one after the other."""

    resources: Resources
    _last: dict[_Key, Message] = field(default_factory=dict)
    """Things as they were shown last."""

    _refused: dict[_Key, ResourceCall] = field(default_factory=dict)
    """Calls that were refused although they said how a thing was shown last, until it is looked at."""

    _reads: dict[_Key, list[Message]] = field(default_factory=dict)
    """What reads in a row have shown."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        step = step_of(reply, self.resources)
        if may_change(reply):
            self._reads.clear()
        if step is None or not step.resource.is_annotated:
            if may_change(reply):
                self._forget()
            return
        shown = next(iter(step.resources()), None)
        key = step.resource.name, step.at(step.operation.key)
        match step.operation.role:
            case Role.CREATE if step.is_ok and shown is not None:
                self._last[step.resource.name, getattr(shown, step.resource.key)] = shown
            case Role.UPDATE | Role.DELETE if step.is_refused and step.reply.code in _REFUSALS:
                self._was_refused(step, key)
            case Role.UPDATE if step.is_ok and shown is not None:
                yield from self._changed(step, key, shown)
            case Role.GET if step.is_ok and shown is not None and len(step.request.ListFields()) == 1:
                yield from self._read(step, key, shown)
            case _ if may_change(reply):
                self._forget()

    def _forget(self) -> None:
        self._last.clear()
        self._refused.clear()
        self._reads.clear()

    def _was_refused(self, step: ResourceCall, key: _Key) -> None:
        etag, last = step.at(place_of(step.resource, step.operation)), self._last.get(key)
        is_for_etag = step.reply.code == Code.ABORTED or ETAG in step.reply.message.lower()
        if etag and last is not None and etag == etag_of(last) and is_for_etag:
            self._refused[key] = step

    def _changed(self, step: ResourceCall, key: _Key, now: Message) -> Iterator[Finding]:
        before, self._last[key] = self._last.get(key), now
        self._refused.pop(key, None)
        etag = etag_of(now)
        if before is None or not etag or etag.startswith("W/") or etag != etag_of(before):
            return
        for path, was, is_now in differences(before, now, ignoring=step.resource.fixed | step.resource.hidden):
            expected = f"another etag: {path} was {was} and is {is_now} (AIP-154)"
            yield finding(step, "read_after_write", expected, f"{etag!r} as before", path=ETAG, key="same etag")
            return

    def _read(self, step: ResourceCall, key: _Key, now: Message) -> Iterator[Finding]:
        self._last[key] = now
        refused = self._refused.pop(key, None)
        if refused is not None and refused.at(place_of(refused.resource, refused.operation)) == etag_of(now):
            expected = f"OK: {etag_of(now)!r} is the etag before it and after it (AIP-154)"
            yield finding(refused, "read_after_write", expected, said(refused.reply), path=ETAG, key="etag refused")
        reads = self._reads.setdefault(key, [])
        reads.append(now)
        last = reads[-_READS:]
        if len({etag_of(one) for one in last}) == _READS and len({_without_etag(one) for one in last}) == 1:
            told = ", ".join(map(repr, map(etag_of, last)))
            expected = "one etag as long as nothing changes (AIP-154)"
            yield finding(
                step, "read_after_write", expected, f"another one at each read: {told}", path=ETAG, key="reads"
            )


def _without_etag(message: Message) -> bytes:
    bare = type(message)()
    bare.CopyFrom(message)
    bare.ClearField(ETAG)
    return bytes_of(bare)
