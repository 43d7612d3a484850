"""Partial updates: which fields an update names, and what must have become of all others (AIP-134, AIP-161)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.resources.differences import differences, is_set, may_become, same, shown

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.resource import Resource


def paths_of(step: ResourceCall) -> tuple[str, ...]:
    """Give the paths of the mask in an update; none if it has no mask."""
    mask = step.named(step.operation.mask)
    return tuple(mask.paths) if mask is not None else ()


def unknown(step: ResourceCall, paths: Sequence[str]) -> str:
    """Give the first path that names no field of the resource; empty if there is none."""
    return next((path for path in paths if path != "*" and not _names_field(step.resource, path)), "")


def _names_field(resource: Resource, path: str) -> bool:
    descriptor: Descriptor | None = resource.descriptor
    for name in path.split("."):
        if descriptor is None:
            return False
        field = descriptor.fields_by_name.get(name) or descriptor.fields_by_camelcase_name.get(name)
        if field is None:
            return False
        if field.is_repeated:
            return True  # what follows is the key of a map, or an item (AIP-161)
        descriptor = field.message_type
    return True


def touched(given: Message | None, paths: Sequence[str]) -> frozenset[str]:
    """Give the names of the fields that an update is about: those of the mask, or else those that are set."""
    if paths:
        return frozenset(path.partition(".")[0] for path in paths)
    return frozenset(field.name for field, _ in given.ListFields()) if given is not None else frozenset()


def merged(old: Message, given: Message, paths: Sequence[str]) -> Message | None:
    """Give what a resource must be after an update that named whole fields; None where that can't be told."""
    if not paths or any(path == "*" or "." in path for path in paths):
        return None
    new = type(old)()
    new.CopyFrom(old)
    for path in paths:
        ours, field = _descriptor(old).fields_by_name.get(path), _descriptor(given).fields_by_name.get(path)
        if ours is None or field is None or ours.message_type is not field.message_type:
            return None
        new.ClearField(path)
        if is_set(given, field):
            new.MergeFrom(type(new)(**{path: getattr(given, path)}))
    return new


def contradictions(
    resource: Resource, old: Message, given: Message, answer: Message, paths: Sequence[str]
) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield what is wrong with the answer to an update: the name of a check, what was expected, what came, where, and
    what tells it from others."""
    if not paths or "*" in paths:
        return
    names, ignoring = touched(given, paths), resource.hidden | resource.fixed
    for path, expected, actual in differences(old, answer, ignoring=ignoring):
        if path.partition(".")[0] not in names:
            yield (
                "field_mask",
                f"{path} {expected} as before: the mask names {_listed(paths)}",
                f"{path} {actual}",
                path,
                "not named",
            )
    for field in _descriptor(answer).fields:
        asked = _descriptor(given).fields_by_name.get(field.name)
        if field.full_name in ignoring or asked is None or not is_set(given, asked):
            continue
        before, now, wanted = (getattr(message, field.name) for message in (old, answer, given))
        if asked.message_type is not field.message_type:
            continue
        if field.name not in names:
            if not is_set(old, field) and is_set(answer, field) and same(field, now, wanted):
                expected = f"no {field.name}: the mask names {_listed(paths)}"
                yield "field_mask", expected, f"{field.name} {shown(now)}", field.name, "not named"
        elif field.name in paths and same(field, before, now) and not may_become(field, wanted, before):
            yield (
                "field_mask",
                f"{field.name} {shown(wanted)}: the mask names it",
                f"{shown(now)} as before",
                field.name,
                field.name,
            )


def of_immutable(
    resource: Resource, old: Message, given: Message, paths: Sequence[str]
) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield what is wrong with an update that was taken although it changes what can't be changed (AIP-203)."""
    for path in paths:
        ours, asked = _descriptor(old).fields_by_name.get(path), _descriptor(given).fields_by_name.get(path)
        if ours is None or asked is None or ours.full_name not in resource.immutable or not is_set(given, asked):
            continue
        if ours.message_type is asked.message_type and not same(ours, getattr(old, path), getattr(given, path)):
            expected = f"INVALID_ARGUMENT: {path} is IMMUTABLE, and {shown(getattr(old, path))} by now"
            yield "field_mask", expected, f"OK for {shown(getattr(given, path))}", path, "immutable"
            return


def _listed(paths: Sequence[str]) -> str:
    """Return the paths of a mask in words: one may be empty."""
    return ", ".join(path or "'' (nothing)" for path in paths)


def _descriptor(message: Message) -> Any:
    return message.DESCRIPTOR
