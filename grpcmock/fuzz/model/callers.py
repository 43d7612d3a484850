"""What a call says about who makes it: the run's own credentials, somebody else's, none, or some that nobody has."""

from __future__ import annotations

import re
from string import ascii_lowercase, ascii_uppercase, digits
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.cases import Caller

if TYPE_CHECKING:
    from grpcmock.status import Metadata

_CREDENTIAL = re.compile(r"auth|cookie|token|secret|key|credential|session|password|jwt|bearer", re.IGNORECASE)


def metadata_of(caller: Caller, own: Metadata, other: Metadata = ()) -> Metadata:
    """Give the metadata with which a *caller* calls; *own* and *other* are those of the run and of somebody else."""
    if caller is Caller.OWN:
        return own
    if caller is Caller.OTHER:
        keys = {key for key, _ in other}
        return (*(pair for pair in _without_credentials(own) if pair[0] not in keys), *other)
    if caller is Caller.NOBODY:
        return _without_credentials(own)
    return tuple((key, _garbled(value)) if is_credential(key) else (key, value) for key, value in own)


def is_credential(key: str) -> bool:
    """Whether a key of metadata tells by its name that its value says who calls: ``authorization``, ``x-api-key``."""
    return _CREDENTIAL.search(key) is not None


def _without_credentials(own: Metadata) -> Metadata:
    return tuple((key, value) for key, value in own if not is_credential(key))


def _garbled(value: str | bytes) -> str | bytes:
    """Make another value of the same shape: the scheme stays, ``Bearer``, and what follows it doesn't.

    >>> _garbled("Bearer abc-123")
    'Bearer nop-678'
    """
    if isinstance(value, bytes):
        return bytes(byte ^ 0x55 for byte in value) or b"\x55"
    scheme, blank, secret = value.rpartition(" ")
    turned = secret.translate(_TURNED)
    return f"{scheme}{blank}{turned if turned != secret else secret + 'x'}"


_TURNED = str.maketrans(
    ascii_lowercase + ascii_uppercase + digits,
    ascii_lowercase[13:] + ascii_lowercase[:13] + ascii_uppercase[13:] + ascii_uppercase[:13] + digits[5:] + digits[:5],
)
