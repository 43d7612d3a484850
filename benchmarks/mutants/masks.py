"""Partial updates: what a field mask names is taken from the new resource, the rest from the old one (AIP-134, 161)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.mutants.steps import Violation, invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.mutants.schema import Message


def merged(old: Message, new: Message, paths: Sequence[str], fixed: Iterable[str]) -> Message:
    """Give *old* with the fields of *new* that *paths* name: those that are set if there are none, all for ``*``.

    *fixed* are the fields that a client may send and never changes. Refuses paths that name no field.
    """
    check(old, paths)
    result = type(old)()
    result.CopyFrom(new if list(paths) == ["*"] else old)
    if not paths:
        paths = [field.name for field, _ in new.ListFields()]
    for path in paths:
        if path != "*":
            _take(result, new, path.split("."))
    for name in fixed:
        _take(result, old, [name])
    return result


def check(resource: Message, paths: Sequence[str]) -> None:
    for index, path in enumerate(paths):
        if path == "*" and len(paths) == 1:
            continue
        descriptor = resource.DESCRIPTOR
        for name in path.split("."):
            field = descriptor.fields_by_name.get(name) if descriptor is not None else None
            if field is None:
                raise invalid(Violation(f"update_mask.paths[{index}]", "names no field"))
            descriptor = None if field.is_repeated else field.message_type


def _take(target: Message, source: Message, path: Sequence[str]) -> None:
    name, *rest = path
    field = target.DESCRIPTOR.fields_by_name[name]
    if rest:
        if source.HasField(name) or target.HasField(name):
            inner = getattr(target, name)
            inner.SetInParent()
            _take(inner, getattr(source, name), rest)
        return
    if field.is_repeated or (field.message_type is not None and source.HasField(name)):
        target.ClearField(name)
        getattr(target, name).MergeFrom(getattr(source, name))
        if not field.is_repeated:
            getattr(target, name).SetInParent()
    elif field.has_presence and not source.HasField(name):
        target.ClearField(name)
    else:
        setattr(target, name, getattr(source, name))
