"""Which keys of metadata hold secrets, by their names: these values are never written anywhere."""

from __future__ import annotations

from typing import Final

SECRET_WORDS: Final = (
    *("authorization", "cookie", "token", "secret", "password", "passwd", "session", "credential", "signature"),
    *("api-key", "apikey", "api_key", "x-auth", "jwt", "private-key"),
)
"""Words in a key that make its values secret, without a rule that says so."""


def is_secret(key: str) -> bool:
    """Whether the values of a key, in lower case, are secret."""
    return any(word in key for word in SECRET_WORDS)
