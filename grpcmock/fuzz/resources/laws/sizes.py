"""How many a request asks for at most: no more come.

Of things that clients make and read, whatever shows them is held to it at once, as lists in pages are (AIP-158), and
where they are annotated, who says no number gets some all the same. Of others a field may be called a limit and mean
another one; so first a larger one has to bring more. What is asked for by name, as messages by ``max_messages``, is
counted whatever the method does to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.laws.exchanges import answered
from grpcmock.fuzz.resources.laws.lists import item_of, listed, only_lists
from grpcmock.fuzz.resources.locations import SIZES
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.resource import Resources
    from grpcmock.schema import Method

_TAKING = re.compile(
    r"(Pull|Take|Receive|Lease|Lend|Poll|Fetch|Claim|Reserve|Acquire|Dequeue|Pop|Draw|Pick|Next|Consume|Drain)(?=[A-Z]|$)"
)
"""Methods that give some of what waits. What sets how many there may be has another most in mind, of later ones."""


@dataclass(slots=True)
class Sizes:
    """Hears of the calls of a case, one after the other."""

    resources: Resources
    _counts: dict[tuple[str, bytes], dict[int, int]] = field(default_factory=dict)
    """How many came for which number, since something may have been changed, by methods and the rest of requests."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None:
            return
        yield from _named(method, reply)
        if not only_lists(method):
            self._counts.clear()
            return
        size = size_of(method, self.resources)
        shown = listed(reply) if size is not None else None
        if size is None or shown is None:
            return
        request, count = shown.request, len(shown.items)
        asked = getattr(request, size.name)
        request.ClearField(size.name)
        resource = next((one for one in self.resources.all if one.descriptor is item_of(method)), None)
        if asked < 0 or (asked == 0 and (resource is None or not resource.is_annotated or size.has_presence)):
            return
        if 0 < asked < count and resource is not None:
            yield _finding(method, size, f"at most {asked}: {size.name} says so", count)
            return
        counts = self._counts.setdefault((method.path, bytes_of(request)), {asked: count})
        counts[asked] = count
        for least, most in ((least, most) for least in counts for most in counts if least < most):
            if least == 0 and not counts[least] and counts[most]:
                expected = f"as many as the server likes, where no {size.name} is said: {most} brings {counts[most]}"
                yield replace(_finding(method, size, expected, 0), key="none for no size")
                return
            if 0 < least < counts[least] < counts[most]:
                expected = f"at most {least}: {size.name} says so, and matters, for {most} brings {counts[most]}"
                yield _finding(method, size, expected, counts[least])
                return


def _named(method: Method, reply: Reply) -> Iterator[Finding]:
    """Yield that there is more of something than the request says there may be."""
    fields, both = most_of(method), answered(reply)
    if fields is None or both is None:
        return
    (size, items), (request, answer) = fields, both
    asked, count = getattr(request, size.name), len(getattr(answer, items.name))
    if 0 < asked < count:
        yield _finding(method, size, f"at most {asked}: {size.name} says so", count)


@lru_cache(1024)
def most_of(method: Method) -> tuple[FieldDescriptor, FieldDescriptor] | None:
    """Return the field of a request that says how many of something there may be at most, and that of the response
    with them, which is called the same; None if there is none."""
    if method.kind is not MethodKind.UNARY or not (only_reads(method) or _TAKING.match(method.name)):
        return None
    for one in method.input.fields:
        noun = str(one.name).removeprefix("max_")
        is_number = isinstance(one.default_value, int) and one.cpp_type != one.CPPTYPE_BOOL and one.enum_type is None
        if noun == one.name or one.is_repeated or not is_number or not noun.endswith("s"):
            continue
        named = [items for items in method.output.fields if items.name == noun or items.name.endswith(f"_{noun}")]
        if len(named) == 1 and named[0].is_repeated:
            return one, named[0]
    return None


def size_of(method: Method, resources: Resources) -> FieldDescriptor | None:
    """Return the field of a request that says how many are wanted at most; None if there is none, or if the method
    lists resources, and is held to it by what holds of their pages."""
    _, operation = resources.by_path.get(method.path, (None, None))
    if operation is not None and operation.role in (Role.LIST, Role.EXPORT):
        return None
    if not only_lists(method) or item_of(method) is None:
        return None
    found = [
        one
        for one in method.input.fields
        if one.name in SIZES and not one.is_repeated and isinstance(one.default_value, int)
    ]
    return found[0] if len(found) == 1 and found[0].enum_type is None else None


def _finding(method: Method, size: FieldDescriptor, expected: str, count: int) -> Finding:
    return Finding(
        check="pagination", expected=expected, actual=f"{count}", path=size.name, key="too many", method=method
    )
