"""gRPC-Web: gRPC for clients that see no trailers, which stand in the body; as text for those that take no bytes.

The rules are those of grpc/grpc, doc/PROTOCOL-WEB.md.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from grpcmock.protocols import framing
from grpcmock.protocols.grpc import GrpcCall
from grpcmock.protocols.http import END, Body
from grpcmock.protocols.interface import WireError
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grpcmock.engine.call_record import ProtocolName
    from grpcmock.engine.steps import Finish
    from grpcmock.protocols.http import Parts, RequestHead
    from grpcmock.protocols.interface import FaceOptions, Incoming
    from grpcmock.protocols.message_codec import Codec

TRAILERS = 0x80
"""The flag of the envelope that holds the trailers."""


class GrpcWebCall(GrpcCall):
    """One call in gRPC-Web."""

    protocol: ProtocolName = "grpc_web"

    def __init__(self, head: RequestHead, codec: Codec, options: FaceOptions) -> None:
        super().__init__(head, codec, options)
        text = head.content_type.startswith("application/grpc-web-text")
        self._text = Base64Reader() if text else None

    def receive(self, data: bytes) -> Iterator[Incoming]:
        yield from super().receive(data if self._text is None else self._text.feed(data))

    def receive_end(self) -> Iterator[Incoming]:
        if self._text is not None and self._text.is_within_group:
            raise WireError(Code.INTERNAL, "The request ends within its base64.")
        yield from super().receive_end()

    def _body(self, data: bytes) -> Body:
        # Each part is encoded for itself: what follows is joined behind the padding, as clients expect.
        return Body(data if self._text is None else base64.b64encode(data))

    def _end(self, finish: Finish) -> Parts:
        lines = "".join(f"{key}: {value}\r\n" for key, value in self._trailers(finish))
        return [*self._begin(), self._body(framing.framed(lines.encode(), TRAILERS)), END]


class Base64Reader:
    """Takes base64 as it comes, padding in the midst of it included, and gives bytes."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def is_within_group(self) -> bool:
        """Whether a group of four characters has begun that isn't whole yet."""
        return bool(self._rest)

    def feed(self, data: bytes) -> bytes:
        """Take more text, and return the bytes that it completes. Raises :class:`WireError`."""
        text = self._rest + data.translate(None, b"\r\n")
        whole = len(text) - len(text) % 4
        self._rest = text[whole:]
        try:
            if b"=" not in text:
                return base64.b64decode(text[:whole], validate=True)
            groups = (text[start : start + 4] for start in range(0, whole, 4))
            return b"".join(base64.b64decode(group, validate=True) for group in groups)
        except binascii.Error as error:
            raise WireError(Code.INTERNAL, f"The request isn't base64, as grpc-web-text has it: {error}.") from None
