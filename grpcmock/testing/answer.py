"""What came of a call, as a test looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.checks.subject import accepted
from grpcmock.fuzz.model.wording import said
from grpcmock.schema.codec import decode
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply


class Answer:
    """The status of a call and its responses; the fields of the first response are its own attributes."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    @property
    def code(self) -> Code | int:
        """The status code; a number if gRPC has none of the kind."""
        code = self._reply.code
        return Code(code) if 0 <= code <= 16 else code

    @property
    def status_message(self) -> str:
        """What the server says with its status."""
        return self._reply.message

    @property
    def ok(self) -> bool:
        """Whether the server took what was sent: it said OK, or it streams on and on."""
        return accepted(self._reply)

    @property
    def seconds(self) -> float:
        """How long it took until the first response came, or the end."""
        first = self._reply.first_seconds
        return self._reply.seconds if first is None else first

    @property
    def responses(self) -> list[Message]:
        """All responses. Raises :class:`SchemaError` if one is none."""
        method = self._reply.call.method
        return [] if method is None else [decode(method.response_class, data) for data in self._reply.responses]

    @property
    def response(self) -> Any:
        """The first response. Raises ``AssertionError`` if none came."""
        if not self._reply.responses:  # no assertion, of which pytest would show all that a reply holds
            raise AssertionError(f"{self._reply.call.path[1:]} gave no response, but {self!r}")
        return self.responses[0]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.response, name)

    def __repr__(self) -> str:
        return said(self._reply)
