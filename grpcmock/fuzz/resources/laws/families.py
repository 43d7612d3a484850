"""Parents and children: nothing stands below what isn't there, and what a parent took with it doesn't come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.fields import at, same_type
from grpcmock.fuzz.resources.known_resources import KnownResource, finding
from grpcmock.schema.naming import snake_case
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.known_resources import KnownResources
    from grpcmock.fuzz.resources.resource import Operation, Resource, Resources

WITH_ALL_BELOW = ("force", "cascade", "recursive")
"""The names of switches by which a deletion takes what stands below it as well (AIP-135)."""

FORCE = "force"
"""The one of them of which it is written down what it means to leave it out."""

Place = tuple[str, Any]
"""The name of a kind of resource, and a key."""


def named_by(resource: Resource, operation: Operation, resources: Resources) -> Iterator[tuple[Path, Resource]]:
    """Yield the resources that a request has to name, with the places where it does: the parent, and, where nothing is
    annotated, those that fields are named after."""
    above = resources.parent_of(resource)
    if operation.parent is not None and above is not None:
        yield operation.parent, above
    if resource.is_annotated:
        return
    for way in dict.fromkeys(((), operation.given or ())):
        place = at(operation.method.input, way)
        for other in resources.all if place is not None else ():
            stem, own = snake_case(other.name), other.descriptor.fields_by_name[other.key]
            for label in dict.fromkeys((stem, f"{stem}_id", f"{stem}_{other.key}")):
                field = place.fields_by_name.get(label) if place is not None else None
                path = (*way, label)
                if other is resource or field is None or field.is_repeated or not same_type(field, own):
                    continue
                if path not in (operation.own_id, operation.parent):
                    yield path, other


def takes_force(operation: Operation) -> bool:
    """Whether a request of a deletion may say that what stands below is deleted as well."""
    one = operation.method.input.fields_by_name.get(FORCE)
    return one is not None and one.type == one.TYPE_BOOL and not one.is_repeated


class Families:
    """The part of a model that knows what stands below what."""

    def __init__(self, memory: KnownResources) -> None:
        self._memory = memory
        self._taken: dict[Place, list[KnownResource]] = {}
        """What stood below something that was deleted: it may be there still, but not below what is made anew."""
        self._homeless: dict[Place, ResourceCall] = {}
        """Calls that went well although they named something that isn't there, as far as we know."""
        self._refused: set[Place] = set()
        """What isn't there, so that nothing could be made below it: the server said that it wasn't found."""
        self._listed: dict[Place, ResourceCall] = {}
        """Lists of what stands below such a thing, as if it were there."""

    def created(self, step: ResourceCall, made: KnownResource) -> None:
        """Hear of a creation: nothing stands below what was made just now."""
        for lost in self._taken.pop((made.resource.name, made.key), ()):
            why = f"{step.operation.method.name} made the {made.resource.name} anew after it"
            self._put_gone(lost, why)
        self._refused.discard((made.resource.name, made.key))
        self._listed.pop((made.resource.name, made.key), None)
        self.placed(step)

    def placed(self, step: ResourceCall, own_key: Any = None) -> None:
        """Hear of a call that put something, of this key, below what it names."""
        resource, resources = step.resource, self._memory.resources
        named = [(step.at(path), other) for path, other in named_by(resource, step.operation, resources)]
        above = resources.parent_of(resource)
        if step.operation.parent is None and above is not None and resource.is_annotated:
            named.append((resource.parent_of(own_key), above))
        for key, other in named:
            known = self._memory.find(other, key) if key else None
            if known is not None and not known.alive and known.sure:
                self._homeless.setdefault((other.name, key), step)

    def refused(self, step: ResourceCall) -> None:
        """Hear that nothing was made below what the request names, for that wasn't found."""
        if step.reply.code == Code.NOT_FOUND and (place := self._place_above(step)) is not None:
            self._refused.add(place)

    def listed(self, step: ResourceCall) -> None:
        """Hear of a list of what stands below something, and that it was given."""
        place = self._place_above(step)
        if place is not None and place in self._refused:
            self._listed.setdefault(place, step)

    def _place_above(self, step: ResourceCall) -> Place | None:
        """Return the parent that a request names, where it has never been there, as far as we know.

        Where nothing is annotated a list may well be empty for whatever it is asked (as pods are in any namespace).
        """
        above, key = self._memory.resources.parent_of(step.resource), step.at(step.operation.parent)
        known = self._memory.find(above, key) if above is not None and key else None
        if known is None or known.alive or known.deleted or not known.sure or not step.resource.is_annotated:
            return None
        return known.resource.name, key

    def missing(self, step: ResourceCall, key: Any) -> Iterator[Finding]:
        """Hear that something isn't there: what was put below it meanwhile had no place to stand, and a list of that
        can't be given, if the server won't have anything made there either."""
        above, place = step.resource.name, (step.resource.name, key)
        expected = f"NOT_FOUND: there is no {above} {key!r}, neither before it nor after it"
        if (child := self._homeless.pop(place, None)) is not None:
            yield finding(child, "parent_confusion", expected, said(child.reply), key="no parent")
        if (listing := self._listed.pop(place, None)) is not None:
            also = f"{expected}, and nothing can be made below it"
            yield finding(listing, "parent_confusion", also, f"{said(listing.reply)}, and a list", key="no parent")

    def deleted(self, step: ResourceCall, resource: Resource, key: Any) -> Iterator[Finding]:
        """Hear of a deletion: what stood below it may be gone, or not, unless the request says that all of it shall.
        Where that is to be said by a switch, without it nothing may be left below (AIP-135)."""
        self._homeless.pop((resource.name, key), None)
        is_final = resource.is_annotated and resource.operation(Role.UNDELETE) is None
        all_below = is_final and any(step.named_switch(name) for name in WITH_ALL_BELOW)
        left = [one for one in self._memory.known.values() if is_final and one.parent == key and one.is_there]
        below = [one for one in left if self._memory.resources.parent_of(one.resource) is resource]
        if below and step.operation.role is Role.DELETE and takes_force(step.operation) and not all_below:
            expected = f"FAILED_PRECONDITION: {below[0].key!r} stands below it, and {FORCE} isn't set"
            yield finding(step, "parent_confusion", expected, said(step.reply), path=FORCE, key="something below")
        for other in list(self._memory.known.values()):
            if other.parent != key or self._memory.resources.parent_of(other.resource) is not resource:
                continue
            self._memory.forget(other.resource, other.key)
            if not other.alive:
                continue
            if all_below:
                self._put_gone(other, f"{step.operation.method.name} deleted all below {key!r}")
            if other.resource.is_annotated:
                self._taken.setdefault((resource.name, key), []).append(other)

    def _put_gone(self, lost: KnownResource, why: str) -> None:
        gone = KnownResource(lost.resource, lost.key, False, why, deleted=True, message=lost.message)
        gone.is_chosen, gone.parent = lost.is_chosen, lost.parent
        self._memory.put(gone)
