"""The names that comments in protos give as what a request may say: ``such as `projects/apollo```, `` `shelves/-` ``.

Only what looks like the name of a resource is read (AIP-122), and ``-`` in it for all parents at once (AIP-159): what
other values do may depend on what there is, but how a name is written doesn't.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.method_comments import method_comments

if TYPE_CHECKING:
    from grpcmock.schema import Method, Registry

_NAME = r"`((?:[a-z][A-Za-z0-9]*/[a-z0-9-]+/)*[a-z][A-Za-z0-9]*/[a-z0-9-]+)`"
_EXAMPLE = re.compile(rf"\b(?:such as|for example|for instance|e\.g\.|like)[:,]?\s+{_NAME}", re.IGNORECASE)
_OF_ALL = re.compile(rf"{_NAME}(?=\s+(?:lists?|reads?|gets?|gives?|finds?|searches|means|stands for|matches)\b)")
_NO_EXAMPLE = re.compile(r"\b(?:not|never|invalid|instead|deprecated|unsupported|no longer)\b", re.IGNORECASE)
_PARENTS = ("parent", "name")


def documented_names(method: Method, registry: Registry) -> Iterator[tuple[FieldDescriptor, str]]:
    """Yield the fields of a request with names that comments say they may have."""
    for field in method.input.fields:
        if field.type != FieldDescriptor.TYPE_STRING or field.is_repeated:
            continue
        words = field_comments(registry).get(field.full_name, "")
        found = [one[1] for one in _EXAMPLE.finditer(words)] + [one[1] for one in _OF_ALL.finditer(words)]
        if field.name in _PARENTS:
            said = method_comments(registry).get(method.full_name, "")
            found += [one[1] for one in _OF_ALL.finditer(said) if _is_of_all(one[1]) and not _NO_EXAMPLE.search(said)]
        if not _NO_EXAMPLE.search(words):
            yield from ((field, name) for name in dict.fromkeys(found))


def _is_of_all(name: str) -> bool:
    return "-" in name.split("/")
