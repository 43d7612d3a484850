"""What of the request an answer gives back: fields of the same name and type, and how many there were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

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
_PAGING = words.group("page paging pagination pager paginator")
_IDENTITY = words.group("id uuid guid uid name key slug email username title")
_VERBS = words.group(
    "get list create update delete batch search find fetch lookup add remove watch stream read query put set "
    "register upload download subscribe describe"
)
_ENDINGS = words.group("request response reply result results message msg dto info proto data details view event")


class Given(NamedTuple):
    """What the request has in one field, or in one item of a list."""

    declared: FieldDescriptor
    value: Any
    is_list: bool
    """Whether the value is that of a whole list; one of its items is taken over into single fields."""


@dataclass(frozen=True, slots=True)
class Echo:
    """Values that a message may take over from the request."""

    values: Mapping[str, Given] = field(default_factory=dict)
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
            if found is not None and found.is_list == descriptor.is_repeated and _same_type(found.declared, descriptor):
                return found.value
        return None

    def texts(self) -> dict[str, str]:
        return {name: given.value for name, given in self.values.items() if isinstance(given.value, str)}

    def for_part(self, descriptor: Descriptor, taken: Iterable[str]) -> Echo:
        """Give what a message inside of the answer may take over: all but what the answer itself has taken."""
        if not self.values:
            return self
        gone = set(taken) if subject_of(descriptor) != self.subject else ()
        return Echo({name: found for name, found in self.values.items() if name not in gone}, self.subject)

    def for_item(self, index: int) -> Echo:
        """Give what the item of a list may take over: the id that was asked for in its place, and no other identity."""
        values = {name: found for name, found in self.values.items() if name not in _IDENTITY}
        for name, (declared, value, is_list) in self.values.items():
            if is_list and name.endswith("s") and declared.message_type is None and index < len(value):
                values[name[:-1]] = Given(declared, value[index], is_list=False)
        return Echo(values, self.subject)


def echo_of(requests: Sequence[Message], within: Descriptor | None = None) -> Echo:
    """Collect what may be taken over; of several requests, the first that sets a field decides.

    Where a request carries a message of the type *within*, its fields go first: to create something is to get it back.
    """
    values: dict[str, Given] = {}
    for request in requests[:1] if len(requests) > LONGEST_PAGE else requests:
        for declared, value in request.ListFields():
            label = snake_case(declared.name)
            if label in _CONTROLS:
                continue
            values.setdefault(label, _given(declared, value))
            part = declared.message_type
            if (
                part is not None
                and not declared.is_repeated
                and within is not None
                and part.full_name == within.full_name
            ):
                values |= {snake_case(inner.name): _given(inner, held) for inner, held in value.ListFields()}
    return Echo(values, _subject(requests[0].DESCRIPTOR.name) if requests else "")


def _given(declared: FieldDescriptor, value: Any) -> Given:
    return Given(declared, value, declared.is_repeated)


def page_limit(requests: Sequence[Message]) -> int | None:
    """Give how many results the request wants, if it says so: itself, or in a part that is about pages."""
    if not requests:
        return None
    parts = (
        value
        for declared, value in requests[0].ListFields()
        if declared.message_type is not None
        and not declared.is_repeated
        and set(snake_case(declared.name).split("_")) & _PAGING
    )
    for message in (requests[0], *parts):
        for declared, wished in message.ListFields():
            is_limit = snake_case(declared.name) in _LIMITS and not declared.is_repeated
            if is_limit and isinstance(wished, int) and wished > 0:
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
    if ours.message_type is not None and theirs.message_type is not None:
        both = ours.message_type, theirs.message_type
        if all(entry.GetOptions().map_entry for entry in both):
            keys, values = ([entry.fields_by_name[name] for entry in both] for name in ("key", "value"))
            return _same_type(*keys) and _same_type(*values)
        return ours.message_type.full_name == theirs.message_type.full_name
    if ours.enum_type is not None:
        return theirs.enum_type is not None and ours.enum_type.full_name == theirs.enum_type.full_name
    return True
