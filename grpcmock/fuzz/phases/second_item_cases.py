"""Cases with a value in the second item of a list that the server refuses in the first: what is checked of the first
item is often taken for granted of those after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import Fields, is_set, path_of, reachable
from grpcmock.fuzz.expectations.number_types import NUMBERS
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import SECOND_ITEM, Case, Expect, Phase

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST = 8
_MOST_KEYS = 24


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield a case for each value: in the only item, then two items as the server takes them, then the second of these
    with the value."""
    accepted = plan.acceptance.first.get(method.path)
    if accepted is None or method.kind.client_streams:
        return
    lists = (way for way in reachable(method.input) if _holds_items(accepted, way))
    yield from islice((case for way in lists for case in _List(accepted, way, plan).cases()), _MOST)


def _holds_items(accepted: AcceptedRequest, way: Fields) -> bool:
    last = way[-1]
    if not last.is_repeated or last.message_type is None or last.message_type.GetOptions().map_entry:
        return False
    return not any(field.is_repeated for field in way[:-1]) and is_set(accepted.fullest, way)


@dataclass(frozen=True, slots=True)
class _List:
    """A list of messages in a request that the server takes."""

    accepted: AcceptedRequest
    way: Fields
    plan: Plan

    def cases(self) -> Iterator[Case]:
        path, method = path_of(self.way), self.accepted.method
        first = value_at(self.accepted.fullest, path)[0]
        other = self._other(first)
        for field in self.way[-1].message_type.fields:  # type: ignore[union-attr]
            if (*path, 0, field.name) in self.accepted.references:
                continue
            for value in _values(field):
                wrong_first, wrong_other = _with(first, field, value), _with(other, field, value)
                if wrong_first == first:
                    continue
                name = f"{'.'.join(path)}.{field.name}"
                requests = ([wrong_first], [first, other], [first, wrong_other])
                calls = self.accepted.calls(*map(self._request, requests), salt=f"second {name}")
                yield Case(
                    id=f"boundary/{method.full_name}/{name}~second={value!r}",
                    phase=Phase.BOUNDARY,
                    method=method,
                    calls=calls,
                    setup=len(calls) - len(requests),
                    why=f"{name} is {value!r} in the only item, and then in a second one",
                    expect=Expect.ANY,
                    path=name,
                    rule=SECOND_ITEM,
                    shrinks_as_one=True,
                )

    def _other(self, first: Message) -> Message:
        """Return an item about something else, as far as that is known: often each may be there once only."""
        made, path = _copy(first), path_of(self.way)
        things = self.plan.acceptance.things
        descriptor: Any = first.DESCRIPTOR
        for field in descriptor.fields:
            if (*path, 0, field.name) not in self.accepted.references:
                continue
            keys = list(islice(things.keys_for(self.accepted.method, (*self.way, field)), _MOST_KEYS))
            now = getattr(first, field.name)
            sources = {key.source[-1:] for key in keys if key.value == now}
            other = next((key.value for key in keys if key.value != now and key.source[-1:] in sources), now)
            put(made, (field.name,), other)
        return made

    def _request(self, items: list[Message]) -> bytes:
        message = self.accepted.fullest
        held: Any = value_at(message, path_of(self.way))
        del held[:]
        held.extend(items)
        return message.SerializePartialToString(deterministic=True)


def _values(field: FieldDescriptor) -> tuple[Any, ...]:
    """Return what is hardly ever right."""
    if field.is_repeated or field.message_type is not None or field.containing_oneof is not None:
        return ()
    if field.cpp_type in NUMBERS:
        return (-1, 0) if field.cpp_type not in (field.CPPTYPE_UINT32, field.CPPTYPE_UINT64) else (0,)
    return ("", " ") if field.type == field.TYPE_STRING else ()


def _with(item: Message, field: FieldDescriptor, value: Any) -> Message:
    made = _copy(item)
    put(made, (field.name,), value)
    return made


def _copy(item: Message) -> Message:
    made = type(item)()
    made.CopyFrom(item)
    return made
