"""Which status codes the contract speaks of: comments of methods, stubs, and AIP on standard methods."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.schema import Method, Registry

_CODE = re.compile(rf"\b({'|'.join(name for name in Code.__members__ if name != 'OK')})\b")

_STANDARD: Mapping[str, frozenset[int]] = {
    "Get": frozenset({Code.NOT_FOUND}),
    "BatchGet": frozenset({Code.NOT_FOUND}),
    "List": frozenset({Code.NOT_FOUND}),
    "Create": frozenset({Code.ALREADY_EXISTS, Code.NOT_FOUND, Code.FAILED_PRECONDITION}),
    # A field other than the name may have to be unique, too.
    "Update": frozenset({Code.NOT_FOUND, Code.ALREADY_EXISTS, Code.ABORTED, Code.FAILED_PRECONDITION}),
    "Delete": frozenset({Code.NOT_FOUND, Code.ABORTED, Code.FAILED_PRECONDITION}),
}
"""What standard methods on resources answer with (AIP-131 to 135, 154, 231)."""

_RESOURCE = 1053
"""The number of the option ``google.api.resource``."""


def documented(registry: Registry, stubbed: Mapping[str, Iterable[int]] | None = None) -> dict[str, frozenset[int]]:
    """Give the codes that each method, by its full name, is said to answer with; methods of which nothing is said lack.

    *stubbed* holds the codes of errors in stubs, by the full names of methods.
    """
    said: dict[str, set[int]] = {}
    comments = method_comments(registry)
    for name, comment in comments.items():
        for text in (comment, *_spoken_of(name, comment, comments)):
            said.setdefault(name, set()).update(Code[code] for code in _CODE.findall(text))
    for method in registry.methods.values():
        said.setdefault(method.full_name, set()).update(_standard(method))
    for name, codes in (stubbed or {}).items():
        said.setdefault(name, set()).update(codes)
    return {name: frozenset(codes) for name, codes in said.items() if codes}


def _spoken_of(name: str, comment: str, comments: Mapping[str, str]) -> Iterator[str]:
    """Yield the comments of the methods of the same service that a comment names: it may refuse what those refuse."""
    service = name.rpartition("/")[0]
    named = (f"{service}/{word}" for word in dict.fromkeys(re.findall(r"\w+", comment)))
    yield from (comments[other] for other in named if other != name and other in comments)


def _standard(method: Method) -> frozenset[int]:
    """Tell what a standard method on a resource answers with; nothing for methods of other sorts."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    for verb, codes in _STANDARD.items():
        noun = method.name.removeprefix(verb)
        if noun == method.name or not noun[:1].isupper():
            continue
        file = method.input.file
        for name, message in file.message_types_by_name.items():
            if not noun.startswith(name):
                continue
            options = message.GetOptions()
            unknown: Any = UnknownFieldSet(options)
            named = [field.number for field, _ in options.ListFields()]
            if _RESOURCE in named or any(one.field_number == _RESOURCE for one in unknown):
                return codes
    return frozenset()
