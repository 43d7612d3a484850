"""A model of what a server keeps: told of call after call, it knows what must be there, and says what contradicts it.

It claims only what it has seen itself: resources made by the calls that it was told of, by whom, and what became of
them. What others have put there, or change meanwhile, is none of its business.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.roles import MAKING, READING, Role
from grpcmock.fuzz.expectations.side_effects import just_checks
from grpcmock.fuzz.model.cases import Caller
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.calls import may_change, step_as, step_of
from grpcmock.fuzz.resources.create_rules import CreateRules
from grpcmock.fuzz.resources.given_names import called_malformed
from grpcmock.fuzz.resources.known_resources import KnownResources, finding
from grpcmock.fuzz.resources.laws.families import Families
from grpcmock.fuzz.resources.laws.lists import only_lists
from grpcmock.fuzz.resources.locations import shown_in
from grpcmock.fuzz.resources.read_rules import ReadRules
from grpcmock.fuzz.resources.resource import Operation
from grpcmock.fuzz.resources.update_rules import UpdateRules

if TYPE_CHECKING:
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.resource import Resources


_OF_THE_PAST = re.compile(
    r"Histor|Revision|Version|Audit|Log|Archive|Deleted|Removed|Trash|Past|Previous|Snapshot|Backup|Draft|Change|Event|Diff"
)
"""In the names of methods that may show how things were, or are to be."""

_CHANGING = frozenset({Role.UPDATE, Role.DELETE, Role.UNDELETE, Role.EXPUNGE, Role.MOVE})


class StateModel:
    """What a server must keep after the calls so far. One for each run of calls."""

    def __init__(self, resources: Resources, *, documented: Mapping[str, Collection[int]] | None = None) -> None:
        """*documented* are the codes that methods are said to answer with, by their full names."""
        self.memory = KnownResources(resources, documented or {})
        families = Families(self.memory)
        self._making = CreateRules(self.memory, families)
        self._reading = ReadRules(self.memory, families)
        self._changing = UpdateRules(self.memory, families)

    def take(self, reply: Reply) -> list[Finding]:
        """Hear of one more call, which can be read. Gives what contradicts all that was heard before."""
        step = step_of(reply, self.memory.resources)
        if step is None:
            if may_change(reply):
                self.memory.unsettle(reply, None)
                return []
            return list(self._elsewhere(reply))
        if step.operation.role not in READING and any(map(just_checks, step.requests)):
            return []
        found = list(self._foreign(step) if step.is_foreign else self._own(step))
        self.memory.last = step
        if step.operation.role not in READING and may_change(reply):
            self.memory.unsettle(reply, step.resource, step.at(step.operation.key))
        return found

    def _elsewhere(self, reply: Reply) -> Iterator[Finding]:
        """Hear of a list that isn't the one that a resource is told by: what it shows is compared, too."""
        method = reply.call.method
        if (
            method is None
            or _OF_THE_PAST.search(method.name)
            or not only_lists(method)
            or method.kind.client_streams
            or reply.call.caller is not Caller.OWN
        ):
            return
        for resource in self.memory.resources.all:
            path, many = shown_in(method.output, resource.descriptor)
            if path is not None and (many or method.kind.server_streams):
                operation = Operation(role=Role.LIST, method=method, shown=path, many=many)
                if (step := step_as(reply, resource, operation)) is not None and step.is_ok:
                    yield from self._reading.shown(step)

    def _own(self, step: ResourceCall) -> Iterator[Finding]:
        if step.operation.role in _CHANGING and not step.is_refused:
            self._making.touched(step.resource, step.at(step.operation.key))
        yield from called_malformed(step, self.memory)
        match step.operation.role:
            case Role.CREATE | Role.IMPORT:
                yield from self._making.take(step)
            case Role.GET | Role.BATCH_GET | Role.LOOKUP:
                yield from self._reading.get(step)
            case Role.LIST | Role.EXPORT:
                yield from self._reading.list(step)
            case Role.UPDATE:
                yield from self._changing.update(step)
            case Role.DELETE | Role.EXPUNGE:
                yield from self._changing.delete(step)
            case Role.MOVE:
                yield from self._changing.move(step)
            case Role.UNDELETE:
                yield from self._changing.undelete(step)

    def _foreign(self, step: ResourceCall) -> Iterator[Finding]:
        """Somebody else called: what isn't theirs must be out of their reach."""
        role, resource = step.operation.role, step.resource
        if role in MAKING or not (step.is_ok or step.reply.termination is Termination.ENOUGH):
            return
        if role in READING:
            keys = [getattr(message, resource.key) for message in step.resources()]
        else:
            keys = [step.at(step.operation.key)]
        for key in keys:
            known = self.memory.find(resource, key)
            if known is not None and known.is_there:
                done = "was read" if role in READING else f"was {role.value}d"
                expected = f"NOT_FOUND or PERMISSION_DENIED: {key!r} is somebody else's"
                yield finding(step, "object_authorization", expected, f"{said(step.reply)}: it {done}")
                return
