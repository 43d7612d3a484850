"""What is deleted softly is kept, and listed where that is asked for, until it is removed for good (AIP-164)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.calls import may_change, step_of
from grpcmock.fuzz.resources.known_resources import finding, is_tombstone

if TYPE_CHECKING:
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.resource import Resources

SHOW_DELETED = "show_deleted"

_Key = tuple[str, Any]


@dataclass(slots=True)
class SoftDeletion:
    """Hears of the calls of a case, one after the other."""

    resources: Resources
    _made: dict[_Key, Any] = field(default_factory=dict)
    """Below what the things stand that were made."""

    _deleted: dict[_Key, Any] = field(default_factory=dict)
    """Those of them that are deleted and kept."""

    _removed: set[_Key] = field(default_factory=set)
    """Those that were removed for good."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        step = step_of(reply, self.resources)
        if step is None or not step.resource.is_annotated or step.is_foreign:
            if may_change(reply):
                self._forget()
            return
        if step.is_ok and step.operation.role is Role.LIST:
            yield from self._listed(step)
        elif step.is_ok and step.operation.role is Role.GET:
            if (key := self._key(step)) in self._removed and step.resources():
                yield _still_there(step, key, f"{said(reply)}, and it is there")
        elif may_change(reply):
            self._changed(step, self._key(step))

    def _key(self, step: ResourceCall) -> _Key:
        return step.resource.name, step.at(step.operation.key)

    def _forget(self) -> None:
        for known in (self._made, self._deleted, self._removed):
            known.clear()

    def _changed(self, step: ResourceCall, key: _Key) -> None:
        shown = next(iter(step.resources()), None)
        was_deleted = key in self._deleted
        self._deleted.pop(key, None)
        if not step.is_ok:
            self._forget()  # it may have been done, or not
        elif step.operation.role is Role.CREATE and shown is not None:
            own = getattr(shown, step.resource.key)
            self._made[key[0], own] = step.at(step.operation.parent) or step.resource.parent_of(own)
            self._removed.discard((key[0], own))
        elif step.operation.role is Role.DELETE and key in self._made and shown is not None and is_tombstone(shown):
            self._deleted[key] = self._made[key]
        elif step.operation.role is Role.EXPUNGE and was_deleted and _says_nothing(step):
            self._removed.add(key)
        elif step.operation.role in (Role.MOVE, Role.IMPORT, Role.UPDATE):
            self._removed.discard(key)

    def _listed(self, step: ResourceCall) -> Iterator[Finding]:
        operation, name = step.operation, step.resource.name
        shown = {getattr(message, step.resource.key) for message in step.resources()}
        for key in sorted(key for key in shown if (name, key) in self._removed):
            yield _still_there(step, (name, key), "it is in the list")
        parent = step.at(operation.parent)
        asked = {one.name for one, _ in step.request.ListFields()}
        asked -= {SHOW_DELETED, operation.page_size, str(operation.parent[0]) if operation.parent else ""}
        if asked or SHOW_DELETED not in operation.method.input.fields_by_name:
            return
        if not step.named_switch(SHOW_DELETED):
            for key in sorted(key for key in shown if (name, key) in self._deleted):
                expected = f"no {key!r}, which is deleted: {SHOW_DELETED} doesn't ask for that (AIP-164)"
                yield finding(step, "use_after_delete", expected, "it is in the list", key="listed")
            return
        if _goes_on(step):
            return
        for (other, key), above in self._deleted.items():
            if other == name and key not in shown and (operation.parent is None or parent == above):
                expected = f"{key!r}, which is deleted: {SHOW_DELETED} asks for that (AIP-164)"
                actual = f"{len(shown)} others, and no next page"
                yield finding(step, "read_after_write", expected, actual, key="deleted")
                return


def _goes_on(step: ResourceCall) -> bool:
    following = step.operation.next_token
    return bool(following and any(getattr(response, following) for response in step.responses))


def _still_there(step: ResourceCall, key: _Key, actual: str) -> Finding:
    expected = f"no {key[1]!r}: it was removed for good"
    return finding(step, "use_after_delete", expected, actual, key="removed")


def _says_nothing(step: ResourceCall) -> bool:
    """Whether a method answers when it is done: what is under way has more to say."""
    return not step.operation.method.output.fields
