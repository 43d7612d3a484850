"""What a comment says to be NOT_FOUND where it isn't there isn't taken for something that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import resolve, values_at
from grpcmock.fuzz.model.cases import NAMES_NOTHING
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.laws.exchanges import exchange_in

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import Reply

_LONG = 8
_LARGE = 10 ** (_LONG - 1)
"""Names shorter than that may well be those of something."""

UNKNOWN_TEXT = "nothing-has-this-name"


def unknown_number(field: FieldDescriptor, salt: int) -> int:
    """Return a number that nothing has, as large as a field has room for, nearly."""
    bits = 62 if field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64) else 30
    return int((1 << bits) - 1_000_003 - salt % 1_000_000)


@dataclass(slots=True)
class Absent:
    """Hears of the calls of a case, one after the other."""

    case: Case
    _heard: set[Any] = field(default_factory=set)
    """The texts and numbers in earlier requests and answers."""

    _count: int = 0

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        self._count += 1
        exchange = exchange_in(reply) if self.case.rule == NAMES_NOTHING else None
        if exchange is None:
            return
        method, (request, *_), answers = exchange
        way = resolve(method.input, self.case.path)
        if self._count == len(self.case.calls) and method is self.case.method and way:
            value = next(values_at(request, way), None)
            is_name = len(value) >= _LONG if isinstance(value, str | bytes) else (value or 0) >= _LARGE
            if is_name and value not in self._heard and with_meant_status(reply).is_ok:
                yield Finding(
                    check="parent_confusion",
                    expected=f"NOT_FOUND, as the comment says: there is no {self.case.path} {shown(value)}",
                    actual="OK",
                    path=self.case.path,
                    key=f"absent {self.case.path}",
                    method=method,
                )
        for message in (request, *answers):
            self._hear(message)

    def _hear(self, message: Message) -> None:
        for inner in messages_in(message):
            for one, value in inner.ListFields():
                values = list(value) if one.is_repeated and one.message_type is None else [value]
                self._heard.update(each for each in values if isinstance(each, str | bytes | int))
