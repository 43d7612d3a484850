"""Names by which one thing is found are those of one thing: two that have the same one, and only one of them is found.

A request that takes a key or another name in its stead, as the arms of a oneof, says that both mean one thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.roles import MAKING
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.calls import may_change, step_of
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.laws.aliases import aliases, shown_by_name

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.resource import Resource, Resources
    from grpcmock.schema import Method

_NAME = re.compile(
    r"(.*_)?(reference|ref|e?mail|email_address|username|user_name|login|handle|slug|sku|serial|serial_number|barcode"
    r"|isbn|iban|external_id|client_id)"
)
"""Fields by which people tell one thing from another; a place or a day would find the best of several."""


def names_of_one(method: Method, resource: Resource) -> Iterator[FieldDescriptor]:
    """Yield the fields of a request that name a thing in the place of its key."""
    for one in aliases(method, resource):
        oneof = one.containing_oneof
        arms = {arm.name for arm in oneof.fields} if oneof is not None else set()
        if _NAME.fullmatch(one.name) and resource.key in arms:
            yield one


@dataclass(slots=True)
class SharedNames:
    """Hears of the calls of a case, one after the other."""

    resources: Resources
    _made: dict[tuple[str, str, Any], tuple[Method, set[Any]]] = field(default_factory=dict)
    """The keys of what was made under a name, by kinds of resources and fields, and the method that made the last."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method, step = reply.call.method, step_of(reply, self.resources)
        if method is None or reply.call.raw is not None:
            return
        if step is not None and step.operation.role in MAKING:
            if step.is_ok:
                for thing in step.resources():
                    self._note(method, step.resource, thing)
        elif only_reads(method):
            yield from self._read(method, reply)
        elif may_change(reply):
            self._made.clear()

    def _note(self, method: Method, resource: Resource, thing: Any) -> None:
        key = getattr(thing, resource.key)
        for one, value in thing.ListFields():
            if key and one.name != resource.key and isinstance(value, str | int) and _NAME.fullmatch(one.name):
                _, keys = self._made.get((resource.name, one.name, value), (method, set()))
                self._made[resource.name, one.name, value] = method, {*keys, key}

    def _read(self, method: Method, reply: Reply) -> Iterator[Finding]:
        for resource, thing, request in shown_by_name(method, reply, self.resources):
            given = [one.name for one, _ in request.ListFields()]
            for one in names_of_one(method, resource):
                by, keys = self._made.get((resource.name, one.name, getattr(request, one.name)), (method, set()))
                if given == [one.name] and getattr(thing, resource.key) in keys and len(keys) > 1:
                    name = shown(getattr(request, one.name))
                    yield Finding(
                        check="duplicate_create",
                        expected=f"one {resource.name} of the {one.name} {name}, by which {method.name} finds one",
                        actual=f"{len(keys)} of them: {', '.join(sorted(map(shown, keys))[:3])}",
                        path=one.name,
                        key=f"shared {one.name}",
                        method=by,
                    )
