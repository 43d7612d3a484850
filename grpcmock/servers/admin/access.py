"""Who may call the admin service."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import urllib.parse
from collections.abc import Sequence

from grpcmock.errors import ConfigError
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code


class Access:
    """Decides who may call. Raises :class:`ConfigError` for a token that metadata can't carry."""

    def __init__(self, token: str | None) -> None:
        if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
            raise ConfigError(
                "--admin-token: a token is made of printable ASCII characters without spaces, at least one."
            )
        self._token = token.encode() if token is not None else None

    @property
    def has_token(self) -> bool:
        """Whether callers have to present a token."""
        return self._token is not None

    def reveals(self, text: str) -> bool:
        """Whether the token stands in a text."""
        return self._token is not None and self._token in text.encode(errors="replace")

    def check(self, peer: str, metadata: Sequence[tuple[str, str | bytes]]) -> None:
        """Raise :class:`RefusedError` unless a caller may call."""
        if self._token is None:
            if not is_local(peer):
                text = (
                    "Without a token, the admin service answers only this machine. Start the server with --admin-token."
                )
                raise RefusedError(Code.UNAUTHENTICATED, text)
            return
        given = [value for key, value in metadata if key == "authorization"]
        # No early end: all values are compared, each in constant time.
        if not sum(self._fits(value) for value in given):
            what = "The token is wrong" if given else "A token is needed"
            raise RefusedError(Code.UNAUTHENTICATED, f"{what}: send the metadata 'authorization: Bearer TOKEN'.")

    def _fits(self, value: str | bytes) -> bool:
        scheme, _, token = (value.encode() if isinstance(value, str) else value).partition(b" ")
        token, is_basic = token.strip(), scheme.lower() == b"basic"
        if is_basic:  # as browsers ask for it: any name, the token as the password
            token = _password(token)
        assert self._token is not None
        return hmac.compare_digest(token, self._token) and (is_basic or scheme.lower() == b"bearer")


def _password(encoded: bytes) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def is_local(peer: str) -> bool:
    """Whether a peer, in gRPC's words (``ipv4:127.0.0.1:50123``), is on this machine."""
    scheme, _, rest = urllib.parse.unquote(peer).partition(":")
    if scheme in ("unix", "unix-abstract"):
        return True
    host = rest.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
