"""No more is given back than there was: what is refunded, returned or released of an amount is a part of it.

Where callers may write both down, they may be theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import all_fields
from grpcmock.schema.codec import try_decode

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult

_BACK = re.compile(r"(?:refunded|returned|reversed)(?:_(?P<unit>[a-z_]+))?")
_WHOLE_OF = ("captured", "paid", "charged", "shipped", "delivered", "amount", "total", "ordered")
"""What something is given back of; the nearest first."""


def more_given_back(case: Case, result: CaseResult) -> Iterator[Finding]:
    """Yield what is given back and is more than what it is given back of, each field once."""
    told: set[str] = set()
    for reply in result.replies[: len(case.calls)]:
        method = reply.call.method
        if method is None or not any(map(_parts, _types(method.output))):
            continue
        given = {one.full_name for one in all_fields(method.input)}
        for data in reply.responses:
            answer = try_decode(method.response_class, data)
            for message in messages_in(answer) if answer is not None else ():
                descriptor: Any = message.DESCRIPTOR
                for back, whole in _parts(descriptor):
                    full_name = f"{descriptor.full_name}.{back}"
                    less, more = getattr(message, whole), getattr(message, back)
                    if more <= less or less <= 0 or full_name in given or full_name in told:
                        continue
                    told.add(full_name)
                    yield Finding(
                        check="calculation",
                        expected=f"{back}: no more than {whole}, which is {shown(less)}",
                        actual=f"{back}: {shown(more)}, in {shown(message)}",
                        path=back,
                        key=f"given back {full_name}",
                        causes=(f"given back {full_name}",),
                        method=method,
                    )


@lru_cache(1024)
def _types(descriptor: Descriptor) -> tuple[Descriptor, ...]:
    inner: list[Any] = [one.containing_type for one in all_fields(descriptor)]
    return tuple({one.full_name: one for one in inner}.values())


@lru_cache(1024)
def _parts(descriptor: Descriptor) -> tuple[tuple[str, str], ...]:
    """Return the fields of a type that tell what is given back, each with the one that it is given back of."""
    found = []
    names = {str(one.name) for one in descriptor.fields if not one.is_repeated and one.cpp_type in WHOLE}
    for name in sorted(names):
        back = _BACK.fullmatch(name)
        unit = f"_{back['unit']}" if back is not None and back["unit"] else ""
        wholes = [f"{one}{unit}" for one in _WHOLE_OF] + ([unit[1:]] if unit in ("_amount", "_quantity") else [])
        whole = next((one for one in wholes if back is not None and one in names), "")
        if whole:
            found.append((name, whole))
    return tuple(found)
