"""Page tokens: opaque, good for one list only, and refused if they weren't given by this server."""

from __future__ import annotations

import base64
import binascii
import hmac

from benchmarks.mutants.steps import Violation, invalid

_KEY = b"what signs page tokens"
_DEFAULT, _MOST = 10, 25


def size_of(asked: int) -> int:
    """How many resources a page holds when *asked* for so many."""
    return min(asked or _DEFAULT, _MOST)


def token_after(last: str, scope: str) -> str:
    return base64.urlsafe_b64encode(_signature(last, scope) + last.encode()).decode()


def start_of(token: str, scope: str) -> str:
    """Give the id after which the page begins; empty for the first. Refuses tokens of other lists, and made-up ones."""
    if not token:
        return ""
    try:
        data = base64.b64decode(token.encode(), b"-_", validate=True)
        last = data[8:].decode()
    except (binascii.Error, ValueError):
        last, data = "", b""
    if not last or token_after(last, scope) != token or data[:8] != _signature(last, scope):
        raise invalid(Violation("page_token", "was not given by this server for this list"))
    return last


def _signature(last: str, scope: str) -> bytes:
    return hmac.digest(_KEY, f"{scope}\0{last}".encode(), "sha256")[:8]
