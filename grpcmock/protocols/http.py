"""HTTP as the protocols see it: the head of a request, and the parts of a response. Of no version, and without bytes
of a connection: that is the business of transports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

Headers = tuple[tuple[str, str], ...]
"""Pairs of lower-case names and values, in their order; a name may stand several times."""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The head of a request, as it came."""

    method: str
    """``POST``."""

    target: str
    """The path as it was sent, still percent-encoded, with its query: ``/v1/users/a%2Fb?view=FULL``."""

    headers: Headers = ()
    """Without the pseudo-headers of HTTP/2; ``host`` is among them."""

    version: Literal["1.0", "1.1", "2"] = "1.1"

    peer: str = ""
    """As gRPC writes it: ``ipv4:127.0.0.1:41234``."""

    takes_trailers: bool = False
    """Whether the client takes trailers, and the transport can send them. Always so in HTTP/2."""

    can_reset: bool = True
    """Whether the transport can break off a response, so that the client sees that it isn't whole."""

    can_go_away: bool = False
    """Whether the transport can have the client send its next requests over another connection."""

    @property
    def raw_path(self) -> str:
        """The path without the query, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def path(self) -> str:
        """The path without the query, decoded."""
        return unquote(self.raw_path)

    @property
    def query(self) -> str:
        """The query, still encoded; empty if there is none."""
        return self.target.partition("?")[2]

    def header(self, name: str, default: str = "") -> str:
        """Return the value of a header, those that stand several times joined by commas; *default* without one."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else default

    @property
    def content_type(self) -> str:
        """The media type of the body, in lower case, without parameters; empty if none was said."""
        return self.header("content-type").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Head:
    """The head of the response; the first part of each but one that is nothing but an ``Abort``."""

    status: int
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes of the body. They are to be on their way when the next part is sent, so that streams stream."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Trailers:
    """Trailers, and with them the end of the response. Made only where ``takes_trailers`` says so, and in HTTP/2."""

    headers: Headers


@dataclass(frozen=True, slots=True)
class End:
    """The end of the response, in good order as far as HTTP is concerned."""


@dataclass(frozen=True, slots=True)
class Abort:
    """The end of the response in the midst of it: HTTP/2 resets the stream, HTTP/1.1 closes the connection."""

    error: int = 8
    """The error of HTTP/2, CANCEL if nothing else is said."""

    closes: bool = False
    """Whether HTTP/2 closes the whole connection, too."""


Part = Head | Body | Trailers | End | Abort
"""One of what a response is made of, in its order. The last is ``Trailers``, ``End`` or ``Abort``."""

Parts = list[Part]

END = End()
ABORT = Abort()


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response that no call of a method stands behind."""

    parts: tuple[Part, ...]

    told: str = ""
    """What to tell whoever runs the server; empty if that is nothing to speak of."""

    @classmethod
    def whole(cls, status: int, content_type: str, body: bytes, *headers: tuple[str, str], told: str = "") -> Response:
        """Return a response with this body."""
        said = (("content-type", content_type), ("content-length", str(len(body))), *headers)
        return cls((Head(status, said), Body(body), END), told)
