"""Which HTTP requests get to the admin service: none that a web page sends by a trick.

Without a token whatever runs on this machine may call, and a browser runs here, too. But a page can't make it leave out
or forge what it says of a request: ``Host`` (the name in the address: a page whose own name was made to lead here shows
that name), ``Origin`` and ``Sec-Fetch-Site`` (where the page comes from).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.engine.engine import Engine
    from grpcmock.protocols.http import RequestHead
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.admin.access import Access
    from grpcmock.servers.admin.options import AdminOptions

_TOKEN_NAMES = frozenset(("token", "access_token", "admin_token", "admin-token", "authorization", "bearer"))
_AT_ONCE = 5
_WINDOW = 60.0
"""At most so many refusals are noted in so many seconds, since there is room for a hundred notes alone."""

_FRIENDLY_SITES = frozenset(("", "same-origin", "none"))


class Guard:
    """Decides which requests get through."""

    def __init__(self, access: Access, options: AdminOptions) -> None:
        self._access = access
        self._names = {name.lower() for name in options.hosts}
        self._origins = {origin.lower() for origin in options.origins}

    def know(self, address: Address) -> None:
        """Take the name of an address on which the server listens for one of its own."""
        if address.scheme == "tcp":
            self._names.add(address.host.lower())

    def check(self, head: RequestHead, *, opens_page: bool = False) -> None:
        """Raise :class:`RefusedError` unless a request may pass. *opens_page*: it asks for a page, not for data."""
        origin, site = head.header("origin").lower(), head.header("sec-fetch-site").lower()
        is_named = origin in self._origins
        self._check_host(head)
        if origin and not is_named and not _is_same(origin, head.header("host")):
            what = f"Pages of {_shown(origin)} may not use the admin service; serve with --admin-cors {_shown(origin)}"
            raise RefusedError(Code.PERMISSION_DENIED, f"{what} to let them.")
        is_navigation = opens_page and head.header("sec-fetch-mode") == "navigate"
        if site not in _FRIENDLY_SITES and not is_named and not is_navigation:
            what = f"A page of another site has sent this request (Sec-Fetch-Site: {_shown(site)})"
            raise RefusedError(Code.PERMISSION_DENIED, f"{what}; only the admin's own page may.")
        self._check_query(head.query)
        if head.method == "OPTIONS" and is_named:
            return  # a preflight never has a token
        self._access.check(head.peer, tuple((key, value) for key, value in head.headers if key == "authorization"))

    def _check_host(self, head: RequestHead) -> None:
        if head.peer.startswith("unix:"):
            return  # no browser gets to a unix socket
        given = head.header("host")
        name = _name_of(given)
        if name in self._names or name == "localhost" or name.endswith(".localhost"):
            return
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            address = None
        # No page can have its own name lead here where there is none. Without a token, only loopback is answered.
        if address is not None and (address.is_loopback or self._access.has_token):
            return
        if not given:
            raise RefusedError(Code.PERMISSION_DENIED, "The request has no Host; the admin service needs one.")
        option = f"--admin-host {_shown(name or 'NAME')}"
        raise RefusedError(
            Code.PERMISSION_DENIED, f"This server isn't known as {_shown(given)}; if it is, serve with {option}."
        )

    def _check_query(self, query: str) -> None:
        if not query:
            return
        names = {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)}
        if names & _TOKEN_NAMES or self._access.reveals(unquote_plus(query)):
            what = "A token doesn't belong into a URL, which logs and histories keep"
            raise RefusedError(Code.INVALID_ARGUMENT, f"{what}: send the header 'authorization: Bearer TOKEN'.")


class RefusalNotes:
    """Notes in the journal what was refused: all of it as long as it is little, else how much more there was."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._began = -_WINDOW
        self._noted = self._left_out = 0

    def take(self, text: str) -> None:
        """Note a refusal."""
        now = self._engine.options.monotonic()
        if now - self._began >= _WINDOW:
            if self._left_out:
                self._engine.note("warning", f"The admin service refused {self._left_out:,} more requests.")
            self._began, self._noted, self._left_out = now, 0, 0
        if self._noted < _AT_ONCE:
            self._noted += 1
            self._engine.note("warning", text)
        else:
            self._left_out += 1


def _name_of(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_same(origin: str, host: str) -> bool:
    return bool(host) and urlsplit(origin).netloc == host.lower()


def _shown(text: str) -> str:
    """Return what a client sent so that it can't steer a terminal."""
    return text.encode("ascii", "backslashreplace").decode()[:200]
