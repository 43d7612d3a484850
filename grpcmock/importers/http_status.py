"""Statuses of HTTP, as bridges between HTTP and gRPC turn them into those of gRPC."""

from __future__ import annotations

from grpcmock.errors import nearest
from grpcmock.status import Code

_BY_HTTP = {
    400: Code.INTERNAL,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.UNIMPLEMENTED,
    429: Code.UNAVAILABLE,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.UNAVAILABLE,
}


def code_of(status: int) -> Code:
    """Give the code for a status of HTTP that was an error, by the table of gRPC's own documentation."""
    return _BY_HTTP.get(status, Code.UNKNOWN)


def code_named(name: object) -> Code | None:
    """Give the code of a name or number: ``NOT_FOUND``, ``NotFound``, ``not_found``, ``5``; None for none."""
    text = str(name).strip()
    if text.isdigit():
        return Code(int(text)) if int(text) in set(map(int, Code)) else None
    plain = text.replace("_", "").upper()
    for code in Code:
        if code.name.replace("_", "") == plain or (plain == "CANCELED" and code is Code.CANCELLED):
            return code
    return None


def nearest_code(name: object) -> str:
    """Say which code may have been meant."""
    found = nearest(str(name), [code.name for code in Code])
    return f"Did you mean {found}?" if found else ""
