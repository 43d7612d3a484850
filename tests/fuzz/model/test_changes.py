"""By which call a thing came to be there, and how it is made again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import depot
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.fuzz.learning.known_things import KnownThings
from grpcmock.fuzz.model.bindings import bound
from grpcmock.fuzz.model.cases import call_of
from grpcmock.fuzz.model.changes import Changes, has_next_page, identities, items_in, renamed, taking
from grpcmock.fuzz.model.results import Reply, Termination

CREATE, GET, LIST = (
    depot.registry().method(f"depot.v1.Depot/{name}") for name in ("CreateItem", "GetItem", "ListItems")
)


def answered(method: Any, request: dict[str, Any], response: dict[str, Any]) -> Reply:
    call = call_of(method, method.request_class(**request).SerializeToString())
    data = method.response_class(**response).SerializeToString()
    return Reply(call=call, termination=Termination.SERVER, code=0, responses=(data,))


def test_what_tells_things_apart_is_found_with_its_place() -> None:
    message = depot.message("ListItemsResponse")(items=[{"name": "items/a", "title": "t"}, {"name": "items/b"}])
    assert {one.path: one.value for one in identities(message)} == {
        ("items", 0, "name"): "items/a",
        ("items", 1, "name"): "items/b",
    }


def test_the_first_call_that_told_of_a_thing_has_made_it() -> None:
    changes = Changes()
    first = answered(CREATE, {"item_id": "a"}, {"name": "items/a"})
    for reply in (first, answered(CREATE, {"item_id": "a"}, {"name": "items/a", "title": "again"})):
        changes.note(reply)
    assert changes.maker_of("items/a") is first
    assert changes.maker_of("items/b") is None
    assert changes.makers_of("items/a") == [first]


def test_a_call_takes_what_an_earlier_one_is_given_this_time() -> None:
    made = answered(CREATE, {}, {"name": "items/i1"})
    asking = taking(call_of(GET, GET.request_class(name="items/i1").SerializeToString()), [made])
    again = answered(CREATE, {}, {"name": "items/i7"})
    filled = bound(asking, [again], [again.call])
    request: Any = GET.request_class.FromString(filled.messages[0])
    assert request.name == "items/i7"


@given(st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True))
def test_a_name_that_a_client_has_chosen_is_another_one_of_its_kind(name: str) -> None:
    made = answered(CREATE, {"item_id": name}, {"name": f"items/{name}"})
    request: Any = CREATE.request_class.FromString(renamed(made).messages[0])
    other = request.item_id
    assert other != name
    assert len(other) == len(name)
    assert other.isalnum()
    assert other == other.lower()


def test_lists_say_how_much_they_hold_and_whether_there_is_more() -> None:
    some = answered(LIST, {}, {"items": [{"name": "items/a"}], "next_page_token": "after-a"})
    assert (items_in(some), has_next_page(some)) == (1, True)
    assert (items_in(answered(LIST, {}, {})), has_next_page(answered(LIST, {}, {}))) == (0, False)


@given(data=st.binary(max_size=30), answer=st.binary(max_size=30))
def test_bytes_that_are_no_message_are_left_alone(data: bytes, answer: bytes) -> None:
    """A server may take, and give, what is no message."""
    made = replace(answered(CREATE, {}, {"name": "items/i1"}), call=call_of(CREATE, data), responses=(answer,))
    assert renamed(made).method is CREATE
    assert bound(made.call, [], []) == made.call
    things = KnownThings(depot.registry())
    things.learn(made, None)
    assert len(list(things.keys_in(made))) <= things.count + 1
