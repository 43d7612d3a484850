"""What a server objected to in a request that keeps the rules, and whether the contract speaks of that very thing.

It does where a rule speaks of the same property of the same field: a bound, a form, a choice. It doesn't where the
server minds another property of it, or says what a comment says as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any

from grpcmock.client.details import decode_details
from grpcmock.fuzz.expectations.field_paths import Fields, named_in, reachable, resolve, values_at
from grpcmock.fuzz.expectations.objection_kinds import is_commented, kinds_in
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.expectations.stated_limits import is_limit_alone, stated_limit
from grpcmock.fuzz.expectations.stated_rules import field_rules
from grpcmock.fuzz.expectations.violations import violations_in
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.resources.fields import is_mask
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.status import DETAILS_KEY, Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_OPAQUE = frozenset(
    {"page_token", "filter", "order_by", "etag", "next_page_token", "query", "cursor", "continuation_token"}
)
"""Fields of which only the server knows what they may hold, whatever the protos say (AIP-132, 154, 158, 160)."""

_REPEATED_BY = frozenset(
    {"request_id", "client_request_id", "idempotency_key", "idempotency_token", "client_token", "request_token"}
)
"""Fields by which a server tells whether a request is one that it has had before."""

_OF_FORM = re.compile(
    r"\b(pattern|regex|match|format|prefix|suffix|contain|begin|start|ends?\b|char|letter)", re.IGNORECASE
)
"""Words about how a text is written."""


class Refusal(Enum):
    """What a refusal of a request that keeps the rules amounts to."""

    NONE = "none"
    """It wasn't refused, or for what no proto can state."""

    UNSTATED = "unstated"
    """The server knows a rule of which the contract is silent."""

    CONTRADICTION = "contradiction"
    """The contract states a rule for the very thing that the server objected to, and it was kept."""


def refusal(reply: Reply, expectations: Expectations, path: str = "", others: Iterable[Reply] = ()) -> Refusal:
    """Tell what it means that a request was refused which keeps the rules.

    *path* is the field that was varied, *others* are further replies: one to a request that was taken shows that it
    isn't the value of a field that is minded which both have.
    """
    method = reply.call.method
    if reply.code != Code.INVALID_ARGUMENT or reply.termination is not Termination.SERVER or method is None:
        return Refusal.NONE
    messages = [method.request_class.FromString(data) for data in reply.call.messages]
    if any(is_opaque(message) or _has_undeclared(message) for message in messages):
        return Refusal.NONE
    chosen = _chosen_by_servers(method, expectations)
    if any(not value for fields in chosen.must for message in messages for value in values_at(message, fields)):
        return Refusal.NONE  # without its key nobody can tell what is meant
    if Code.INVALID_ARGUMENT in expectations.documented.get(method.full_name, ()):
        return Refusal.UNSTATED
    rules = field_rules(expectations.registry)
    varied = resolve(method.input, path.replace("[]", "")) if path else None
    objected = _objected(reply, method, expectations, varied)
    is_spoken_of = False
    for fields, words in objected.items():
        stated = rules.of(fields[-1])
        held = [value for message in messages for value in values_at(message, fields)]
        if fields in chosen.ids and not stated.is_about_content:
            return Refusal.UNSTATED  # AIP-122 and 133 let servers demand more of ids than that
        if fields[-1].name in _REPEATED_BY and any(held):
            return Refusal.UNSTATED  # whether it was used for another request, only the server knows (AIP-155)
        if stated.has_form_alone and not _OF_FORM.search(reply.message):
            return Refusal.UNSTATED
        is_silent = stated.is_silent or rules.are_off(fields)
        if is_silent or not all(stated.expects(fields[-1], value) for value in held):
            return Refusal.UNSTATED
        if words and is_commented(words, fields, method, expectations.registry):
            return Refusal.UNSTATED
        if words and varied and not _leads_to(varied, fields) and not _is_shown(reply, fields, expectations, others):
            return Refusal.UNSTATED
        is_spoken_of |= kinds_in(words or reply.message, fields) <= stated.kinds
    return Refusal.CONTRADICTION if is_spoken_of else Refusal.UNSTATED


# What was objected to ---------------------------------------------------------------------------------------


def _objected(reply: Reply, method: Method, expectations: Expectations, varied: Fields | None) -> dict[Fields, str]:
    """Give the fields that a refusal can be about, each with what is said of it: those that it names, or else all that
    there are, with nothing.

    None at all, if it names something that is no field, or the message as a whole.
    """
    told = [(resolve(method.input, path), words) for path, words in violations_told(reply, expectations)]
    if told:
        return {way: words or reply.message for way, words in told if way} if all(way for way, _ in told) else {}
    spoken = named_in(reply.message, method.input) if not reply.responses else ()  # a body has told it in no words
    if spoken:
        # One name may stand in several places: that which was varied is meant.
        names = {fields[-1].name for fields in spoken}
        ways = [varied] if varied and varied[-1].name in names and len(names) == 1 else spoken
        return dict.fromkeys(ways, reply.message)
    return {fields: "" for fields in reachable(method.input) if _is_value(fields[-1])}


def _leads_to(one: Fields, other: Fields) -> bool:
    """Whether one of two ways leads to a field, and the other to the same, or to one inside it."""
    return all(left == right for left, right in zip(one, other, strict=False))


def _is_shown(reply: Reply, way: Fields, expectations: Expectations, others: Iterable[Reply]) -> bool:
    """Whether it is shown that a server is wrong about a field which wasn't varied, and may have any value: it states a
    limit of it, or has taken the same value in another request."""
    if stated_limit(reply, way, expectations.registry) is not None and is_limit_alone(reply.message, way):
        return True
    held = _values(reply, way)
    return any(
        other.is_ok and other.call.path == reply.call.path and _values(other, way) == held
        for other in others
        if other is not reply
    )


def _values(reply: Reply, way: Fields) -> list[Any]:
    method = reply.call.method
    messages = map(method.request_class.FromString, reply.call.messages) if method is not None else ()
    return [value for message in messages for value in values_at(message, way)]


def paths_in_details(reply: Reply, expectations: Expectations) -> Iterator[str]:
    """Yield the paths of fields that the rich details of a refusal name."""
    yield from (path for path, _ in violations_told(reply, expectations))


def violations_told(reply: Reply, expectations: Expectations) -> Iterator[tuple[str, str]]:
    """Yield the paths of fields that the rich details of a refusal name, each with what is said of it."""
    if not any(key == DETAILS_KEY for key, _ in reply.trailers):
        return
    rich = decode_details(reply.trailers, expectations.registry)
    for detail in rich.details if rich is not None else ():
        yield from violations_in(detail.message)


def _is_value(field: FieldDescriptor) -> bool:
    """Whether a field holds something to object to by itself, rather than fields that do."""
    inner = field.message_type
    return inner is None or field.is_repeated or inner.full_name.startswith("google.protobuf.")


# What may be refused at any time ----------------------------------------------------------------------------


def is_opaque(message: Message, depth: int = 4) -> bool:
    """Whether a request has a value that only the server can judge: a page token, a filter, a mask of fields."""
    for field, value in message.ListFields():
        if field.name in _OPAQUE:
            return True
        kind = field.message_type
        if kind is None:
            continue
        if is_mask(field):
            return True
        if depth and not kind.GetOptions().map_entry:
            inner = value if field.is_repeated else (value,)
            if any(is_opaque(one, depth - 1) for one in inner):
                return True
    return False


def _has_undeclared(message: Message, depth: int = 6) -> bool:
    """Whether there is a number in a message that its enum doesn't declare: nobody has to know it."""
    for field, value in message.ListFields():
        held: Any = field
        values = value if field.is_repeated else (value,)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            held, values = field.message_type.fields_by_name["value"], value.values()
        if held.enum_type is not None:
            if any(number not in held.enum_type.values_by_number for number in values):
                return True
        elif held.message_type is not None and depth and any(_has_undeclared(one, depth - 1) for one in values):
            return True
    return False


class _Chosen:
    """The fields of a request by which a resource is named."""

    def __init__(self, must: tuple[Fields, ...] = (), ids: frozenset[Fields] = frozenset()) -> None:
        self.must = must
        """Those that tell which one is meant: it can't be told without (AIP-131, 134, 135)."""
        self.ids = ids
        """All that hold names or ids, be they of what is there or of what is to be."""


_KEYED = frozenset({Role.GET, Role.UPDATE, Role.DELETE, Role.UNDELETE, Role.LOOKUP, Role.BATCH_GET})
_KEYS = frozenset({"id", "uid", "uuid", "key", "slug", "handle", "sku", "code", "username"})


def _chosen_by_servers(method: Method, expectations: Expectations) -> _Chosen:
    known = resources_of(expectations.registry, expectations.links).by_path.get(method.path)
    called = _called_keys(method.input)
    if known is None:
        return _Chosen(ids=frozenset((*called, *(way for way in reachable(method.input) if _is_own_name(way)))))
    resource, operation = known
    paths = [path for path in (operation.key, operation.own_id, operation.parent) if path]
    if operation.given is not None:
        paths.append((*operation.given, resource.key))
    ways = {path: way for path in paths if (way := resolve(method.input, ".".join(map(str, path)))) is not None}
    must = (ways[operation.key],) if operation.role in _KEYED and operation.key in ways else ()
    return _Chosen(must, frozenset((*ways.values(), *called)))


def _is_own_name(way: Fields) -> bool:
    """Whether a request says by this field what it is about, though nobody says so."""
    return len(way) == 1 and way[0].name == "name"


def _called_keys(descriptor: Descriptor) -> list[Fields]:
    """Give the ways to fields that are called what keys are called: ``id``, ``book_id``."""
    return [
        way
        for way in reachable(descriptor)
        if way[-1].name in _KEYS or way[-1].name.endswith(("_id", "_uid", "_uuid", "_key"))
    ]
