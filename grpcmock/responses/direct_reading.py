"""Templates of text and references alone, compiled against the type of the requests: from their fields to the value.

What they give is what :meth:`Template.render` gives, at a fraction of the time: nothing is wrapped, and no name is
looked up, when a call is answered. Where it can't be given, whatever the reason, the general way is to say so.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.responses.results import unwrap
from grpcmock.responses.views import SPECIAL, field_reader
from grpcmock.schema.values import is_map
from grpcmock.stubs.sandbox import MAX_TEXT, as_text, finished

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.responses.context import RenderContext
    from grpcmock.stubs.template import Reference, Template

Read = Callable[["RenderContext"], Any]
"""Reads from the request, and from the last message of a script. Raises any exception where it can't."""

_MESSAGES = frozenset(["request", "message"])
"""The variables that are messages of the type of the requests."""

_INTEGERS = frozenset(
    getattr(FieldDescriptor, f"TYPE_{name}")
    for name in ("INT32", "INT64", "UINT32", "UINT64", "SINT32", "SINT64", "FIXED32", "FIXED64", "SFIXED32", "SFIXED64")
)
_PLAIN = _INTEGERS | {FieldDescriptor.TYPE_STRING}
"""Fields whose value is what a template sees, whose text is Python's, and which a reply takes as it is."""


def compile_reading(template: Template, request: Descriptor) -> Read | None:
    """Return what gives the value of *template*, or its text, where requests are *request* messages; None if only the
    general way does."""
    if template.parts is None:
        return None
    texts: list[str] = []
    reads: list[Read] = []
    for part in template.parts:
        if isinstance(part, str):
            texts.append(part.replace("%", "%%"))
            continue
        read = _compile(part, request, whole=template.whole)
        if read is None:
            return None
        texts.append("%s")
        reads.append(read)
    return reads[0] if template.whole else _joined("".join(texts), reads)


def _joined(pattern: str, reads: list[Read]) -> Read:
    def read_all(context: RenderContext) -> str:
        text = pattern % tuple([read(context) for read in reads])
        if len(text) > MAX_TEXT:
            raise OverflowError
        return text

    return read_all


def _compile(reference: Reference, request: Descriptor, *, whole: bool) -> Read | None:
    name, *keys = reference.chain
    field = _field(request, keys) if name in _MESSAGES else None
    if field is None:
        return None
    is_plain = field.type in _PLAIN and not field.is_repeated and not field.has_presence
    if is_plain and not reference.filters:
        # The messages on the way need not be set: what isn't reads as its defaults, for templates, too.
        return attrgetter(".".join(map(str, reference.chain)))
    holder = attrgetter(".".join(map(str, reference.chain[:-1])))
    read, filters = field_reader(field), reference.filters
    use: Callable[[Any], Any] = (
        (lambda value: unwrap(finished(value))) if whole else (lambda value: str(as_text(value)))
    )

    def read_one(context: RenderContext) -> Any:
        value = read(holder(context))
        for function in filters:
            value = function(value)
        return use(value)

    return read_one


def _field(descriptor: Descriptor, keys: list[str | int]) -> FieldDescriptor | None:
    """Find the field at the end of a chain of messages, none of which is more than its fields to a template."""
    field: FieldDescriptor | None = None
    for key in keys:
        if field is not None:
            if field.message_type is None or field.is_repeated or is_map(field):
                return None
            descriptor = field.message_type
        field = descriptor.fields_by_name.get(key) if isinstance(key, str) else None
        if field is None or descriptor.full_name in SPECIAL:
            return None
    return field
