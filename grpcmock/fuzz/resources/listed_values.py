"""What lists show of a thing that was made: what it was given, as far as a list tells that much of things.

A list may be a summary, cut texts short, and know of fewer fields. So what it lacks counts only where the same answer
shows it of other things, or where nothing but this list shows such things at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.ranks import AT_LEAST, stands_for_several
from grpcmock.fuzz.expectations.roles import READING
from grpcmock.fuzz.resources.differences import is_set, shown
from grpcmock.fuzz.resources.fields import is_optional, same_type
from grpcmock.fuzz.resources.given_values import Loss, losses
from grpcmock.fuzz.resources.known_resources import finding
from grpcmock.fuzz.resources.laws.own_keys import is_part
from grpcmock.fuzz.resources.locations import shown_in

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.known_resources import KnownResource

_VIEWS = frozenset({"view", "read_mask", "field_mask", "fields", "select", "include", "expand", "projection", "detail"})
"""Fields of requests by which less or more is shown of each thing."""


def lost_in_list(step: ResourceCall, known: KnownResource, item: Message) -> Iterator[Loss]:
    """Yield what a thing was given and a list shows in another way, or leaves out though it shows it of others."""
    given = known.given
    if (
        given is None
        or not (known.is_as_made and known.is_quiet)
        or any(name in step.request.DESCRIPTOR.fields_by_name for name in _VIEWS)
    ):
        return
    told = type(given)()
    told.CopyFrom(given)
    for one, value in given.ListFields():
        own: Any = item.DESCRIPTOR.fields_by_name.get(one.name)
        if own is None or own.is_repeated or one.is_repeated or one.name == known.resource.key:
            told.ClearField(one.name)
        elif not is_set(item, own):
            if not (_is_text(own) and _is_shown_as_given(known, own, value) and _must_show(step, own)):
                told.ClearField(one.name)
        elif own.message_type is not None or known.message is not None or is_part(value, getattr(item, own.name)):
            told.ClearField(one.name)  # what the answer to its making has shown is compared with that
    yield from losses(known.resource, told, item)


def _is_text(one: FieldDescriptor) -> bool:
    return bool(one.type == FieldDescriptor.TYPE_STRING)


def _is_shown_as_given(known: KnownResource, own: FieldDescriptor, value: Any) -> bool:
    """Whether the answer to its making has shown a text as it was given, if it shows the thing."""
    if not value.strip():
        return False
    shown: Any = known.message
    return shown is None or (own.name in shown.DESCRIPTOR.fields_by_name and getattr(shown, own.name) == value)


def _must_show(step: ResourceCall, own: FieldDescriptor) -> bool:
    """Whether a list shows a field of other things, or is the only method that shows such things to readers."""
    if any(item.DESCRIPTOR is own.containing_type and is_set(item, own) for item in step.resources()):
        return True
    method = step.operation.method
    writing = {one.method.full_name for one in step.resource.operations if one is not step.operation}
    others = [
        other
        for other in method.descriptor.containing_service.methods
        if other.name != method.name and shown_in(other.output_type, step.resource.descriptor)[0] is not None
    ]
    reading = [one for one in step.resource.operations if one.role in READING and one is not step.operation]
    return not reading and all(f"{method.service}/{other.name}" in writing for other in others)


def filtered_out(step: ResourceCall) -> Iterator[Finding]:
    """What is listed although the request names another value of a field that has the same name and type in both.

    Only of enums is it certain that a filter means the very same value, and of switches that may be unset: others may
    ask for these besides.
    """
    fields: Any = step.resource.descriptor.fields_by_name
    for asked, value in step.request.ListFields():
        own = fields.get(asked.name)
        if asked.name not in step.operation.filters or own is None or own.is_repeated or not same_type(own, asked):
            continue
        if own.enum_type is not asked.enum_type or stands_for_several(asked, value):
            continue
        if own.enum_type is None and not (own.cpp_type == own.CPPTYPE_BOOL and is_optional(asked)):
            continue
        if AT_LEAST.search(own.name):
            continue
        for message in step.resources():
            if (other := getattr(message, own.name)) != value:
                expected = f"only what has {own.name} {shown(value)}, which the request asks for"
                actual = f"{getattr(message, step.resource.key)!r} with {own.name} {shown(other)}"
                yield finding(step, "read_after_write", expected, actual, path=own.name, key=f"filter {own.name}")
                return
