"""Masks of several fields, and of one after the other: what a server does with one field it does with each (AIP-134).

``google/protobuf/field_mask.proto`` says that what a mask names, and an update leaves without a value, is reset. That a
server does so for a field is learned from an update of this field alone; that it takes an update, from the same one
without a mask.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.differences import is_set, same, shown
from grpcmock.fuzz.resources.known_resources import finding
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.resources.calls import ResourceCall

_EACH = 3
"""So many fields, and all that were tried, have to be refused before masks are taken to be refused."""


@dataclass(slots=True)
class MaskConduct:
    """What the updates of a case have shown of how a server takes masks."""

    _cleared: set[str] = field(default_factory=set)
    """The full names of fields that were reset by an update that named them alone."""

    _whole: tuple[Any, Message] | None = None
    """The key and the content of an update that was taken without a mask."""

    _changed: frozenset[str] = frozenset()
    """The fields that it has changed: a server may well overlook others without a mask, and refuse them with one."""

    _refused: dict[str, str] = field(default_factory=dict)
    """The fields of that which were refused since then, each named alone, and in what words."""

    def cleared(
        self, step: ResourceCall, old: Message, given: Message, answer: Message, paths: Sequence[str]
    ) -> Iterator[Finding]:
        """Yield what a mask of several fields left as it was, although each of them alone is reset."""
        ours: Any = old.DESCRIPTOR
        asked: Any = given.DESCRIPTOR
        for path in paths:
            own, other = ours.fields_by_name.get(path), asked.fields_by_name.get(path)
            if own is None or other is None or is_set(given, other) or not is_set(old, own):
                continue
            if not is_set(answer, own):
                if len(paths) == 1:
                    self._cleared.add(own.full_name)
            elif own.full_name in self._cleared and same(own, getattr(old, path), getattr(answer, path)):
                expected = f"no {path}: the mask names it among others, and it is reset where it is named alone"
                yield finding(step, "field_mask", expected, f"{path} {shown(getattr(answer, path))}", path, "reset")
                return

    def taken(
        self, step: ResourceCall, key: Any, given: Message, paths: Sequence[str], old: Message | None
    ) -> Iterator[Finding]:
        """Hear of an update that was taken, of what was the *old* message before, as far as that is known. Yields that
        masks are refused, where each of them was since the same update was taken without one, and none was taken."""
        refused, whole = self._refused, self._whole
        if paths:
            self._refused, self._whole = {}, None
            return
        if whole == (key, given) and len(refused) >= _EACH and step.resource.is_annotated:
            expected = f"OK for a mask of {', '.join(refused)}, one at a time, as without a mask"
            yield finding(step, "field_mask", expected, next(iter(refused.values())), step.operation.mask, "each")
        else:
            answer = next(iter(step.resources()), None)
            self._changed = _changed(old, given, answer) if old is not None and answer is not None else frozenset()
        self._refused, self._whole = {}, (key, given)

    def refused(
        self, step: ResourceCall, key: Any, given: Message | None, paths: Sequence[str], fixed: Collection[str]
    ) -> None:
        """Hear of an update that was refused."""
        if given is None or self._whole != (key, given) or step.reply.code != Code.INVALID_ARGUMENT:
            self._whole = None
            return
        descriptor: Any = given.DESCRIPTOR
        own = descriptor.fields_by_name.get(paths[0]) if len(paths) == 1 else None
        if own is None or own.full_name in fixed:
            self._whole = None
        elif own.name in self._changed:
            self._refused[own.name] = said(step.reply)


def _changed(old: Message, given: Message, answer: Message) -> frozenset[str]:
    """Return the names of the fields that are as they were given, and were something else before."""
    before: Any = old.DESCRIPTOR
    asked: Any = given.DESCRIPTOR
    names = []
    for own, value in answer.ListFields():
        other = asked.fields_by_name.get(own.name)
        if other is None or other.message_type is not own.message_type or own.name not in before.fields_by_name:
            continue
        if same(own, value, getattr(given, own.name)) and not same(own, value, getattr(old, own.name)):
            names.append(own.name)
    return frozenset(names)
