"""Messages in requests that are filled from other requests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support import registry

from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.run.request_fields import fill_in, leaves

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


def test_what_may_be_there_once_only_is_what_nothing_else_makes_and_in_the_end_what_seems_to_name_something() -> None:
    request: Any = GET.request_class(id=3)
    path, of_id = ("inner", "id"), ("id",)
    request.inner.id = 5
    accepted = AcceptedRequest(GET, request.SerializeToString(), references=frozenset({of_id}))
    assert list(leaves(accepted)) == [path, of_id]
    need = Need(accepted, ("id",), of_id)
    assert list(leaves(replace(accepted, needs=(need,)))) == [path]
