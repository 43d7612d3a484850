"""What a refusal says of a name that is taken: which field of the request it stands in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.field_paths import Fields, named_in
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Reply

_OF_THIS = re.compile(r"\b([a-z]+) (?:of|with|by|under) (?:this|that|the same|the given) ([a-z]+)\b")
"""``A book of this id`` is one of this ``book_id``, or ``id``."""


def taken_name(reply: Reply) -> Fields | None:
    """Return the one text of a request that a refusal says is taken; None if it says nothing of the kind.

    Where several fields are named, what there is may be a pair of them, and other names make no difference.
    """
    method, told = reply.call.method, with_meant_status(reply)
    if method is None or reply.call.raw is not None or len(reply.call.messages) != 1:
        return None
    if told.code != Code.ALREADY_EXISTS or told.termination is not Termination.SERVER:
        return None
    named = named_in(_OF_THIS.sub(r"\1 \2", told.message), method.input)
    if len(named) != 1 or any(field.is_repeated for field in named[0]):
        return None
    return named[0] if named[0][-1].type == FieldDescriptor.TYPE_STRING else None
