"""What of the request an answer gives back: fields of the same name and type, and how many there were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.schema.naming import snake_case
from grpcmock.synthesis import words

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

LONGEST_PAGE = 100
"""No list or stream is made longer than this for a request's sake."""

_CONTROLS = words.group(
    "page_size page_token limit offset cursor max_results per_page skip filter query order_by sort sort_by password "
    "secret update_mask read_mask field_mask"
)
"""Fields that steer a call and are not about what is answered."""

_LIMITS = ("page_size", "limit", "max_results", "per_page", "max_items", "count", "top")
_IDENTITY = words.group("id uuid guid uid name key slug email username title")
_VERBS = words.group(
    "get list create update delete batch search find fetch lookup add remove watch stream read query put set "
    "register upload download subscribe describe"
)
_ENDINGS = words.group("request response reply result results message msg dto info proto data details view event")


@dataclass(frozen=True, slots=True)
class Echo:
    """Values that a message may take over from the request."""

    values: Mapping[str, tuple[FieldDescriptor, Any]] = field(default_factory=dict)
    """Set fields of the request by their names in snake_case."""

    subject: str = ""
    """What the request is about: ``user``, of ``GetUserRequest``."""

    def offer(self, descriptor: FieldDescriptor, label: str) -> Any:
        """Give the value for a field of this name, if the request has one of the same type; else None."""
        if not self.values:
            return None
        owner = subject_of(descriptor.containing_type) if descriptor.containing_type is not None else ""
        others = [f"{owner}_id"] if label == "id" else ["id"] if label == f"{self.subject}_id" else []
        for name in (label, *others):
            found = self.values.get(name)
            if found is not None and _same_type(found[0], descriptor):
                return found[1]
        return None

    def texts(self) -> dict[str, str]:
        return {name: value for name, (_, value) in self.values.items() if isinstance(value, str)}

    def for_part(self, descriptor: Descriptor, taken: Iterable[str]) -> Echo:
        """Give what a message inside of the answer may take over: all but what the answer itself has taken."""
        if not self.values:
            return self
        gone = set(taken) if subject_of(descriptor) != self.subject else ()
        return Echo({name: found for name, found in self.values.items() if name not in gone}, self.subject)

    def for_item(self, index: int) -> Echo:
        """Give what the item of a list may take over: the id that was asked for in its place, and no other identity."""
        values = {name: found for name, found in self.values.items() if name not in _IDENTITY}
        for name, (declared, value) in self.values.items():
            if declared.is_repeated and name.endswith("s") and declared.message_type is None and index < len(value):
                values[name[:-1]] = (declared, value[index])
        return Echo(values, self.subject)


def echo_of(requests: Sequence[Message], within: Descriptor | None = None) -> Echo:
    """Collect what may be taken over; of several requests, the first that sets a field decides.

    Where a request carries a message of the type *within*, its fields go first: to create something is to get it back.
    """
    values: dict[str, tuple[FieldDescriptor, Any]] = {}
    for request in requests[:1] if len(requests) > LONGEST_PAGE else requests:
        for declared, value in request.ListFields():
            label = snake_case(declared.name)
            if label in _CONTROLS:
                continue
            values.setdefault(label, (declared, value))
            part = declared.message_type
            if (
                part is not None
                and not declared.is_repeated
                and within is not None
                and part.full_name == within.full_name
            ):
                values |= {snake_case(inner.name): (inner, held) for inner, held in value.ListFields()}
    return Echo(values, _subject(requests[0].DESCRIPTOR.name) if requests else "")


def page_limit(requests: Sequence[Message]) -> int | None:
    """Give how many results the request wants, if it says so."""
    if not requests:
        return None
    fields = requests[0].DESCRIPTOR.fields_by_name
    for declared in fields.values():
        if snake_case(declared.name) in _LIMITS and not declared.is_repeated and declared.message_type is None:
            wished = getattr(requests[0], declared.name)
            if isinstance(wished, int) and wished > 0:
                return min(wished, LONGEST_PAGE)
    return None


def asked_for(requests: Sequence[Message]) -> int | None:
    """Give how many things the request names in a list of ids or names, if it does."""
    for declared, value in requests[0].ListFields() if requests else ():
        if declared.is_repeated and declared.message_type is None and snake_case(declared.name).endswith(_BATCHES):
            return min(len(value), LONGEST_PAGE)
    return None


_BATCHES = ("ids", "names", "keys", "uuids")


def bytes_received(requests: Sequence[Message]) -> int:
    """Sum up the bytes that the requests carry in fields of type ``bytes``."""
    return sum(len(value) for request in requests for _, value in request.ListFields() if isinstance(value, bytes))


def subject_of(descriptor: Descriptor) -> str:
    """Say what a message is about: ``user``, of ``User``, ``UserResponse`` and ``GetUserRequest``."""
    return _subject(descriptor.name)


@lru_cache(maxsize=4096)
def _subject(name: str) -> str:
    parts = snake_case(name).split("_")
    while len(parts) > 1 and parts[-1] in _ENDINGS:
        parts.pop()
    while len(parts) > 1 and parts[0] in _VERBS:
        parts.pop(0)
    return "_".join(parts)


def _same_type(ours: FieldDescriptor, theirs: FieldDescriptor) -> bool:
    if ours.type != theirs.type:
        return False
    if ours.message_type is not None:
        return theirs.message_type is not None and ours.message_type.full_name == theirs.message_type.full_name
    if ours.enum_type is not None:
        return theirs.enum_type is not None and ours.enum_type.full_name == theirs.enum_type.full_name
    return True
