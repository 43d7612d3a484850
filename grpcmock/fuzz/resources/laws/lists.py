"""Methods that list things: what they list, and what they have shown to a request."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.fuzz.expectations.naming import capitalized
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.resources.fields import is_map
from grpcmock.fuzz.resources.laws.exchanges import exchange_in

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_DOUBTFUL = re.compile(r"(Scan|Check|Fetch|Look|Watch|Subscribe|Stream|Validate|Health|Ping|Echo)(?=[A-Z]|$)")
"""Methods that read by their names, where these mean something else, and those that tell of what comes."""

_NEXT = re.compile(r"(.*_)?(next|more|truncated|continue|continuation|cursor)(_.*)?")


class Listed(NamedTuple):
    """What a method has shown to one request."""

    request: Any
    answers: list[Message]

    @property
    def items(self) -> list[Message]:
        return [item for answer in self.answers for item in items_in(answer)]

    @property
    def goes_on(self) -> bool:
        """Whether an answer says that there is more."""
        return any(map(goes_on, self.answers))


def listed(reply: Reply) -> Listed | None:
    """Return what a call has shown; None if it has failed, or if it isn't clear what it has asked for."""
    exchange = exchange_in(reply) if len(reply.call.messages) == 1 and with_meant_status(reply).is_ok else None
    return Listed(exchange.requests[0], exchange.answers) if exchange is not None else None


@lru_cache(4096)
def only_lists(method: Method) -> bool:
    """Whether a method does nothing but tell what there is, as far as its name and options say."""
    return only_reads(method) and _DOUBTFUL.match(capitalized(method.name)) is None


@lru_cache(4096)
def item_of(method: Method) -> Descriptor | None:
    """Return the type of what a method lists; None if it lists nothing."""
    if method.kind.client_streams:
        return None
    found = _lists_in(method.output)
    if len(found) == 1:
        return found[0].message_type
    return method.output if not found and method.kind.server_streams else None


def list_field(method: Method) -> FieldDescriptor | None:
    """Return the field of a response that has what is listed; None if it is the responses themselves."""
    found = _lists_in(method.output)
    return found[0] if len(found) == 1 else None


def items_in(answer: Message) -> list[Message]:
    """Return what an answer lists; the answer itself, if it is what a stream lists."""
    descriptor: Any = answer.DESCRIPTOR
    found = _lists_in(descriptor)
    return list(getattr(answer, found[0].name)) if found else [answer]


def goes_on(answer: Message) -> bool:
    """Whether an answer says that there is more."""
    return any(_NEXT.fullmatch(one.name) and not one.is_repeated for one, value in answer.ListFields() if value)


def _lists_in(descriptor: Descriptor) -> list[FieldDescriptor]:
    return [one for one in descriptor.fields if one.is_repeated and one.message_type is not None and not is_map(one)]
