"""Cross-origin resource sharing: which pages in a browser may call, and what they get to see of an answer.

The rules are those of fetch.spec.whatwg.org.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from grpcmock.errors import ConfigError
from grpcmock.protocols.http import END, Head, Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grpcmock.protocols.http import Headers, RequestHead

_METHODS = "GET, POST, PUT, PATCH, DELETE"
_SECONDS = 7200
"""How long a browser may remember the answer to a preflight; none remembers longer."""

_SEEN_ANYWAY = frozenset(("cache-control", "content-language", "content-length", "content-type", "expires", "pragma"))
"""Headers that pages see without their being exposed."""


def parse_origins(values: Iterable[str], option: str = "--cors") -> tuple[str, ...] | None:
    """Return the origins of an option: None if nothing was given, ``("*",)`` for all, empty for ``none``.

    Raises :class:`ConfigError` for what is no origin.
    """
    given = [value.strip() for text in values for value in text.split(",") if value.strip()]
    if not given:
        return None
    for word in ("*", "none"):
        if word in given and len(given) > 1:
            raise ConfigError(f"{option}: {word!r} stands alone: the other origins would mean nothing beside it.")
    if given == ["none"]:
        return ()
    return tuple(origin if origin == "*" else _checked(origin, option) for origin in given)


def _checked(origin: str, option: str) -> str:
    try:
        parts = urlsplit(origin)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"{option} {origin!r} is no origin: {error}.") from None
    if parts.scheme and parts.netloc and parts.path in ("", "/") and not parts.query and not parts.fragment:
        return f"{parts.scheme}://{parts.netloc}".lower()
    suggestion = f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else f"http://{origin}"
    raise ConfigError(
        f"{option} {origin!r} is no origin: that is a scheme, a host and maybe a port. Did you mean {suggestion!r}? "
        "'*' allows all, 'none' none."
    )


class Cors:
    """What pages of other origins may do."""

    def __init__(self, origins: tuple[str, ...] | None = None) -> None:
        """*origins* are as :func:`parse_origins` gives them; None allows those on loopback."""
        self._origins = origins

    def allows(self, origin: str) -> bool:
        """Whether pages of this origin may call."""
        if self._origins is None:
            return _is_loopback(origin)
        return self._origins == ("*",) or origin.lower() in self._origins

    def preflight(self, head: RequestHead) -> Response | None:
        """Return the answer to a preflight; None if a request is none."""
        if head.method != "OPTIONS" or not head.header("origin") or not head.header("access-control-request-method"):
            return None
        origin = head.header("origin")
        if not self.allows(origin):
            shown = origin.encode("ascii", "backslashreplace").decode()  # it must not steer a terminal
            text = f"Pages of {shown} may not call this server; serve with --cors {shown} to let them."
            body = f"{text}\n".encode()
            return Response.whole(403, "text/plain; charset=utf-8", body, ("vary", "origin"), told=text)
        allowed = [("access-control-allow-methods", _METHODS), ("access-control-max-age", str(_SECONDS))]
        if asked := head.header("access-control-request-headers"):
            allowed.append(("access-control-allow-headers", asked))
        if head.header("access-control-request-private-network") == "true":
            allowed.append(("access-control-allow-private-network", "true"))
        return Response((Head(204, (*self._of_origin(origin), *allowed)), END))

    def shared(self, answer: Head, origin: str) -> Head:
        """Return the head of an answer, so that pages of an origin see all of it, if they may."""
        if not self.allows(origin):
            return answer
        names = dict.fromkeys(name for name, _ in answer.headers if name not in _SEEN_ANYWAY)
        exposed = (("access-control-expose-headers", ", ".join(names)),) if names else ()
        return replace(answer, headers=(*answer.headers, *self._of_origin(origin), *exposed))

    def _of_origin(self, origin: str) -> Headers:
        if self._origins == ("*",):
            return (("access-control-allow-origin", "*"),)
        return (
            ("access-control-allow-origin", origin),
            ("access-control-allow-credentials", "true"),
            ("vary", "origin"),
        )


def _is_loopback(origin: str) -> bool:
    try:
        host = urlsplit(origin).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
