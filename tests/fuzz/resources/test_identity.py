"""In whose name a call is made, by its metadata."""

from __future__ import annotations

import pytest

from grpcmock.fuzz.model.callers import is_credential, metadata_of
from grpcmock.fuzz.model.cases import Caller
from grpcmock.status import Metadata

OWN: Metadata = (("authorization", "Bearer abc-123"), ("x-tenant", "blue"), ("cookie-bin", b"\x01"))
OTHER: Metadata = (("authorization", "Bearer xyz"),)


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (Caller.OWN, OWN),
        (Caller.OTHER, (("x-tenant", "blue"), *OTHER)),
        (Caller.NOBODY, (("x-tenant", "blue"),)),
        (Caller.GARBLED, (("authorization", "Bearer nop-678"), ("x-tenant", "blue"), ("cookie-bin", b"\x54"))),
    ],
)
def test_callers_have_their_own_metadata(caller: Caller, expected: Metadata) -> None:
    assert metadata_of(caller, OWN, OTHER) == expected


@pytest.mark.parametrize("secret", ["Bearer ---", "", "...", "x"])
def test_what_is_garbled_is_never_what_it_was(secret: str) -> None:
    ((_, garbled),) = metadata_of(Caller.GARBLED, (("authorization", secret),))
    assert garbled != secret


def test_credentials_are_told_by_their_keys() -> None:
    keys = ("authorization", "x-api-key", "session-id", "x-tenant", "user-agent", "trace")
    assert [is_credential(key) for key in keys] == [True, True, True, False, False, False]
