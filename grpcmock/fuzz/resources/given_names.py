"""Names that a server has given itself: it doesn't call them malformed when it is asked for what has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_paths import named_in, resolve
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.known_resources import finding
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.known_resources import KnownResources

_MALFORMED = re.compile(
    r"\b(?:looks? like|(?:mal)?format\w*|well-formed|pattern|match(?:es)?|[oi][fn] the form|syntax|pars(?:e|ed|able)"
    r"|(?:not a valid|invalid|illegal|bad) (?:resource )?(?:name|id|identifier|key))\b",
    re.IGNORECASE,
)


def called_malformed(step: ResourceCall, memory: KnownResources) -> Iterator[Finding]:
    """Yield that a call is refused for how a name is written, which the server has shown as that of a thing."""
    key = step.at(step.operation.key)
    if step.reply.code != Code.INVALID_ARGUMENT or not step.is_refused or not isinstance(key, str) or not key:
        return
    known = memory.find(step.resource, key)
    if known is None or not known.is_there or known.message is None or getattr(known.message, step.resource.key) != key:
        return
    words = step.reply.message
    way = resolve(step.operation.method.input, ".".join(map(str, step.operation.key or ())))
    named = named_in(words, step.operation.method.input)
    if not _MALFORMED.search(words) or not (key in words or (way is not None and set(named) == {way})):
        return
    expected = f"{key!r} to be a name that is taken: {known.why}"
    yield finding(step, "read_after_write", expected, said(step.reply), key="own name refused")
