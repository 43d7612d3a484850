"""Answers for several things at once that come in the order of the request, where a comment says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.expectations.naming import singular
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import same_type
from grpcmock.fuzz.resources.laws.lists import item_of, listed
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_KEYS = re.compile(r"(.*_)?(ids|uids|uuids|names|keys|numbers|codes)")
_AS_ASKED = re.compile(
    r"\bin the (same )?order (of|as|as in) (the |this )?request\w*\b"
    r"|\bin the order (in which |that |as )?(they|the (ids|names|keys)) (are|were) (given|asked|requested|named)\b"
    r"|\bin the (same )?order (requested|asked for|given)\b|\bsame order as (in )?the (request|ids|names|keys)\b",
    re.IGNORECASE,
)
"""Not ``in the order of the ids``, which may mean that the least comes first."""

_DOUBT = re.compile(
    r"\b(may|might|not|no|isn't|doesn't|don't|unless|except|usually|processed|done|applied)\b", re.IGNORECASE
)


@dataclass(slots=True)
class AskedOrders:
    """Hears of the calls of a case, one after the other."""

    registry: Registry

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts what its comment says."""
        method = reply.call.method
        asked = asked_for(method, self.registry) if method is not None else None
        answer = listed(reply) if asked is not None else None
        if asked is None or answer is None:
            return
        keys, own = asked
        wanted = list(getattr(answer.request, keys.name))
        given = [getattr(item, own.name) for item in answer.items]
        given = [value for value in given if value in wanted]
        if len(set(wanted)) < len(wanted) or len(set(given)) < len(given):
            return
        expected = [value for value in wanted if value in given]
        if given != expected:
            yield Finding(
                check="read_after_write",
                expected=f"{shown(expected)}, in the order of {keys.name}, as its comment says",
                actual=shown(given),
                path=own.name,
                key=f"order of {keys.name}",
                method=method,
            )


@lru_cache(1024)
def asked_for(method: Method, registry: Registry) -> tuple[FieldDescriptor, FieldDescriptor] | None:
    """Return the field of a request with several keys, and the one of an item with its own, where a comment says that
    what comes is in the order of the request; None if none says so."""
    item = item_of(method)
    fields = [one for one in method.input.fields if one.is_repeated and _KEYS.fullmatch(one.name)]
    if item is None or len(fields) != 1 or fields[0].message_type is not None:
        return None
    lists = [one for one in method.output.fields if one.message_type is item and one.is_repeated]
    comments = [field_comments(registry).get(one.full_name, "") for one in lists]
    comments.append(method_comments(registry).get(method.full_name, ""))
    sentences = [" ".join(one.split()) for comment in comments for one in re.split(r"(?<=[.;:])\s+", comment)]
    if not any(_AS_ASKED.search(one) and not _DOUBT.search(one) for one in sentences):
        return None
    name, noun = singular(fields[0].name), snake_case(item.name)
    short = name.removeprefix(f"{noun}_").removeprefix(f"{noun.rpartition('_')[2]}_")
    own = next((item.fields_by_name[one] for one in (name, short) if one in item.fields_by_name), None)
    is_one = own is not None and not own.is_repeated and same_type(own, fields[0])
    return (fields[0], own) if own is not None and is_one else None
