"""Reads: what they show must be what was written, and must not change by being read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import MethodOptions

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.calls import found
from grpcmock.fuzz.resources.differences import is_set, shown
from grpcmock.fuzz.resources.evidence import is_listed, may_be_cut, means, missing_from_empty_list
from grpcmock.fuzz.resources.given_values import has_grown, losses
from grpcmock.fuzz.resources.known_resources import (
    KnownResource,
    differ,
    finding,
    is_another,
    is_tombstone,
    is_volatile,
    must_stay,
)
from grpcmock.fuzz.resources.laws.own_keys import reading_of
from grpcmock.fuzz.resources.listed_values import filtered_out, lost_in_list
from grpcmock.fuzz.resources.pagination import ADVICE
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.known_resources import KnownResources
    from grpcmock.fuzz.resources.laws.families import Families
    from grpcmock.fuzz.resources.resource import Resource

_CHANGED_BY_ITSELF = 3
"""After so many reads in a row, each with another value, a field counts as changed by being read."""


_FEW = 10
"""So many any server gives at once."""


def _stands_elsewhere(resource: Resource, key: Any, other: Any) -> bool:
    """Whether two names are those of one id below two parents."""
    parents = {resource.parent_of(one) for one in (key, other)}
    return len(parents) == 2 and None not in parents and str(key).rpartition("/")[2] == str(other).rpartition("/")[2]


def _has_grown(known: KnownResource, message: Message, path: str) -> bool:
    """Whether what differs is only what a server has added to something of its own."""
    given, before = known.given, known.message
    if given is None or before is None or given.DESCRIPTOR is not before.DESCRIPTOR:
        return False
    return has_grown(given, before, message, path)


class ReadRules:
    """The part of a model that hears of reads."""

    def __init__(self, memory: KnownResources, families: Families) -> None:
        self._memory = memory
        self._families = families

    def get(self, step: ResourceCall) -> Iterator[Finding]:
        resource = step.resource
        if step.operation.role is Role.LOOKUP:
            yield from self._looked_up(step)
            return
        keys = step.at(step.operation.key)
        asked = list(keys) if hasattr(keys, "extend") else [keys]
        if step.is_ok:
            messages = step.resources()
            for index, key in enumerate(asked):
                if len(messages) == len(asked):
                    yield from self._seen(step, key, messages[index], partial=_is_partial(step))
            if step.operation.role is Role.BATCH_GET:
                yield from self._left_out(step, asked, messages)
                yield from self._not_below(step, messages)
        elif step.is_refused and step.reply.code == Code.NOT_FOUND:
            if len(asked) == 1:
                yield from self._families.missing(step, asked[0])
            lacking = [known for key in asked if (known := self._memory.find(resource, key)) is not None]
            if len(lacking) == len(asked) and all(known.is_there and means(step, known) for known in lacking):
                yield finding(
                    step,
                    "read_after_write",
                    f"the {resource.name} {asked[0]!r}: {lacking[0].why}",
                    said(step.reply),
                    key="missing",
                )
            elif len(asked) == 1 and not lacking:
                self._memory.put(KnownResource(resource, asked[0], False, "it wasn't there"))

    def _left_out(self, step: ResourceCall, asked: Sequence[Any], messages: Sequence[Message]) -> Iterator[Finding]:
        """Who asks for several gets all of them, or an error (AIP-231)."""
        shown = {getattr(message, step.resource.key) for message in messages}
        if not step.resource.is_annotated or step.operation.is_paged or _is_partial(step) or len(asked) > _FEW:
            return
        for key in asked if all(shown) else ():
            known = self._memory.find(step.resource, key)
            if known is not None and known.is_there and key not in shown:
                expected = f"the {known.resource.name} {key!r}: {known.why}"
                actual = f"{said(step.reply)}, and {len(messages)} of {len(asked)}"
                yield finding(step, "read_after_write", expected, actual, key="missing")
                return

    def _not_below(self, step: ResourceCall, messages: Sequence[Message]) -> Iterator[Finding]:
        """Who asks for several below a parent gets none of another's, but an error (AIP-231)."""
        parent = step.at(step.operation.parent)
        for message in messages if parent and step.resource.is_annotated else ():
            known = self._memory.find(step.resource, key := getattr(message, step.resource.key))
            if known is not None and known.is_there and self._is_elsewhere(step, known, message, parent):
                expected = f"INVALID_ARGUMENT: {key!r} doesn't stand below {parent!r}"
                yield finding(step, "parent_confusion", expected, f"{said(step.reply)}, and it is shown", key="several")
                return

    def _looked_up(self, step: ResourceCall) -> Iterator[Finding]:
        if not step.is_ok or len(step.responses) != len(step.requests):
            return
        for request, response in zip(step.requests, step.responses, strict=True):
            key = step.at(step.operation.key, request)
            message = found(response, step.operation.shown or ())
            known = self._memory.find(step.resource, key)
            if message is not None:
                yield from self._seen(step, key, message)
            elif known is not None and known.is_there and means(step, known):
                yield finding(
                    step,
                    "read_after_write",
                    f"the {known.resource.name} {key!r}: {known.why}",
                    "nothing",
                    key="missing",
                )

    def _seen(self, step: ResourceCall, key: Any, message: Message, *, partial: bool = False) -> Iterator[Finding]:
        """A resource was shown under this key."""
        resource = step.resource
        known = self._memory.find(resource, key)
        if known is None:
            yield from self._seen_elsewhere(step, key, message)
        elif known.alive:
            if not known.sure or partial:
                return
            if not known.is_settled:
                known.is_settled = resource.is_annotated or not is_tombstone(message)
                known.message = known.message or message
                return
            if (confused := self._confused(step, known, message)) is not None:
                yield confused
                return
            for wrong in self._compare(step, known, message):
                yield replace(wrong, method=known.by or wrong.method)
            yield from self._changed_by_reading(step, known, message)
        elif known.is_gone and message.ListFields() and not is_tombstone(message, known):  # an empty one says nothing
            if is_another(known, message):
                self._memory.forget(resource, key)
            elif (confused := self._confused(step, known, message)) is not None:
                yield confused
            elif known.failed or means(step, known):
                yield self._undead(step, known)

    def _confused(self, step: ResourceCall, known: KnownResource, message: Message) -> Finding | None:
        """Tell where what was shown says itself that it stands below another parent than the one that was asked for."""
        resource = step.resource
        name = getattr(message, resource.key)
        if not resource.is_annotated or not _stands_elsewhere(resource, known.key, name):
            return None
        expected = f"{known.key!r}: {name!r} stands below another {resource.parent}"
        return finding(step, "parent_confusion", expected, f"OK, and {name!r}")

    def _undead(self, step: ResourceCall, known: KnownResource) -> Finding:
        code = "leak_on_failure" if known.failed else "use_after_delete"
        expected = f"NOT_FOUND for {known.key!r}: {known.why}"
        wrong = finding(step, code, expected, f"{said(step.reply)}, and it is there")
        wrong = replace(wrong, causes=(f"{known.resource.name}: {code}",))
        return replace(wrong, method=known.by) if known.failed else wrong

    def _seen_elsewhere(self, step: ResourceCall, key: Any, message: Message) -> Iterator[Finding]:
        """A resource was shown that nobody made under this key: is it one that stands below another parent?"""
        resource, parent = step.resource, step.resource.parent_of(key)
        if parent is None or self._memory.was_known(resource, key):
            return
        for other in self._memory.alive(resource):
            if not _stands_elsewhere(resource, key, other.key):
                continue
            same = getattr(message, resource.key) == other.key
            if same or (other.message is not None and not any(differ(resource, other.message, message))):
                expected = f"NOT_FOUND for {key!r}: {other.key!r} stands below another {resource.parent}"
                yield finding(step, "parent_confusion", expected, f"OK, and {getattr(message, resource.key)!r}")
                return

    def _compare(
        self, step: ResourceCall, known: KnownResource, message: Message, *, partial: bool = False
    ) -> Iterator[Finding]:
        resource, name = step.resource, getattr(message, step.resource.key)
        if name != known.key and name and (resource.is_annotated or self._is_of_another(step, known, name)):
            yield finding(step, "read_after_write", f"{resource.key} {known.key!r}", f"{name!r}", path=resource.key)
            return
        if known.message is not None:
            found = differ(resource, known.message, message, also=known.empty, partial=partial)
            for path, expected, actual in found:
                if not must_stay(known, path.partition(".")[0]) or _has_grown(known, message, path):
                    continue
                outside = bool(known.masked) and path.partition(".")[0] not in known.masked
                yield finding(
                    step,
                    "field_mask" if outside else "read_after_write",
                    f"{path} {expected}: {'the update named other fields' if outside else known.why}",
                    f"{path} {actual}",
                    path=path,
                )
                return
        elif not partial:
            if known.given is not None:
                yield from self._compare_with_given(step, known, message)
            known.message = message

    def _is_of_another(self, step: ResourceCall, known: KnownResource, name: Any) -> bool:
        """Whether a key that is shown is for certain that of another thing than was asked for by its key."""
        other = self._memory.find(step.resource, name)
        is_plain = step.operation.role is Role.GET and reading_of(step.resource) is step.operation
        return is_plain and known.is_there and other is not None and other.is_there and means(step, known)

    def _compare_with_given(self, step: ResourceCall, known: KnownResource, message: Message) -> Iterator[Finding]:
        """What was made hasn't been shown before: all that the client gave must have left a trace."""
        assert known.given is not None
        for lost in losses(step.resource, known.given, message):
            yield finding(step, "read_after_write", f"{lost.expected}: {known.why}", lost.actual, path=lost.path)

    def _changed_by_reading(self, step: ResourceCall, known: KnownResource, message: Message) -> Iterator[Finding]:
        """Look at what only the server sets: a method that says so must not change it by being called."""
        known.reads.append(message)
        level = step.operation.method.descriptor.GetOptions().idempotency_level
        if level != MethodOptions.NO_SIDE_EFFECTS or len(known.reads) < _CHANGED_BY_ITSELF:
            return
        last = known.reads[-_CHANGED_BY_ITSELF:]
        for own in message.DESCRIPTOR.fields:
            if own.full_name not in step.resource.fixed or is_volatile(own.name):
                continue
            values = [shown(getattr(one, own.name)) for one in last]
            if len(set(values)) == len(values):
                yield finding(
                    step,
                    "idempotency",
                    f"{own.name} {values[0]} as before: {step.operation.method.name} has no side effects",
                    f"another one after each call: {', '.join(values[1:])}",
                    path=own.name,
                )

    # Listing --------------------------------------------------------------------------------------------

    def list(self, step: ResourceCall) -> Iterator[Finding]:
        for words in self._memory.walks.take(step):
            wrong = _of_pages(finding(step, "pagination", *words))
            is_plain = not step.resource.is_annotated
            yield replace(wrong, is_warning=is_plain and wrong.key in ADVICE, may_lag=is_plain and wrong.key in _WALKED)
        if not step.is_ok and step.reply.termination is not Termination.ENOUGH:
            return
        parent = step.at(step.operation.parent)
        self._families.listed(step)
        yield from filtered_out(step)
        for message in step.resources():
            key = getattr(message, step.resource.key)
            known = self._memory.find(step.resource, key)
            if known is None:
                continue
            if known.is_there:
                if self._is_elsewhere(step, known, message, parent):
                    expected = f"only what stands below {parent!r}"
                    yield finding(step, "parent_confusion", expected, f"{key!r} among it")
                    continue
                yield from self._compared_in_list(step, known, message)
            elif known.is_gone and is_another(known, message):
                self._memory.forget(step.resource, key)
            elif known.is_gone and not is_tombstone(message, known):
                wrong = finding(step, "use_after_delete", f"no {key!r}: {known.why}", "it is in the list", key="listed")
                wrong = replace(wrong, may_lag=not step.resource.is_annotated)
                code = "leak_on_failure" if known.failed else "use_after_delete"
                wrong = replace(wrong, causes=(f"{known.resource.name}: {code}",))
                yield replace(wrong, check="leak_on_failure", key="", method=known.by) if known.failed else wrong
        yield from self._missing(step)

    def shown(self, step: ResourceCall) -> Iterator[Finding]:
        """Things were shown in passing, by a method that may show less of them than there is."""
        counts = Counter(getattr(message, step.resource.key) for message in step.resources())
        for message in step.resources():
            key = getattr(message, step.resource.key)
            known = self._memory.find(step.resource, key)
            if known is None or counts[key] > 1 or _is_partial(step):
                continue  # twice: states of it that are past
            if known.is_there and known.is_as_made:
                yield from self._compared_in_list(step, known, message)

    def _compared_in_list(self, step: ResourceCall, known: KnownResource, message: Message) -> Iterator[Finding]:
        yield from self._compare(step, known, message, partial=True)
        for lost in lost_in_list(step, known, message):
            words, key = f"{lost.expected}: {known.why}", f"list {lost.path}"
            wrong = finding(step, "read_after_write", words, lost.actual, path=lost.path, key=key)
            yield replace(wrong, may_lag=True)

    def _is_elsewhere(self, step: ResourceCall, known: KnownResource, message: Message, parent: Any) -> bool:
        """Whether a list below one parent shows what stands below another."""
        if not parent or not known.parent or known.parent == parent or "-" in str(parent).split("/"):
            return False
        descriptor: Any = message.DESCRIPTOR
        own = descriptor.fields_by_name.get(str(step.operation.parent[-1])) if step.operation.parent else None
        return (
            own is None
            or step.resource.is_annotated
            or not is_set(message, own)
            or getattr(message, own.name) != parent
        )

    def _missing(self, step: ResourceCall) -> Iterator[Finding]:
        """What is known to be there, and was on none of the pages."""
        walk = self._memory.walks.complete(step)
        if walk is None:
            return
        there = self._memory.alive(step.resource)
        shown = [known for known in there if known.key in walk.keys]
        empty = missing_from_empty_list(step, there) if not walk.keys and step.operation.role is Role.LIST else []
        for known in there:
            is_sure = known in empty or is_listed(step, known, shown)
            if known.key in walk.keys or may_be_cut(step, len(walk.order)) or not is_sure:
                continue
            code = "pagination" if walk.pages > 1 else "read_after_write"
            where = f"on {walk.pages} pages" if walk.pages > 1 else "in the list"
            expected = f"{known.key!r} {where}: {known.why}"
            wrong = finding(step, code, expected, f"{len(walk.keys)} others, and no next page", key="missing")
            yield replace(_of_pages(wrong), may_lag=not step.resource.is_annotated)
            return


_WALKED = frozenset({"no end", "twice", "too many", "gap", "missing"})
"""What is wrong where pages are put together."""


def _of_pages(wrong: Finding) -> Finding:
    """Give one cause to all that comes of pages which don't fit together."""
    if wrong.check != "pagination" or wrong.key not in _WALKED or wrong.method is None:
        return wrong
    return replace(wrong, causes=(f"pages of {wrong.method.full_name}",))


def _is_partial(step: ResourceCall) -> bool:
    """Whether a read asked for a part of what there is only (AIP-157)."""
    return any(one.name in ("read_mask", "view", "field_mask", "fields") for one, _ in step.request.ListFields())
