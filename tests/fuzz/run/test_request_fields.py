"""Messages in requests that are filled from other requests."""

from __future__ import annotations

from typing import Any

from support import registry

from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.run.request_fields import fill_in

GET = registry("legacy.proto").method("legacy.LegacyService/Get")
INNER = GET.input.fields_by_name["inner"]


def test_a_message_that_is_not_set_is_filled_though_a_field_in_it_is_required() -> None:
    own: Any = GET.request_class(id=1)
    theirs: Any = GET.request_class(id=2)
    theirs.inner.id = 5
    other = AcceptedRequest(GET, theirs.SerializeToString())
    assert fill_in(own, INNER, theirs, other)
    assert own.inner.id == 5
    assert not fill_in(own, INNER, theirs, other)
