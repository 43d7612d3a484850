"""Answers that are made up: single values as whole messages, what the request sent, what failed to be made."""

from __future__ import annotations

from typing import Any

import pytest
from support import registry

from grpcmock.errors import Problems, RenderError
from grpcmock.schema.codec import build, to_tree
from grpcmock.synthesis import Answers, well_known
from grpcmock.tree import Node

PROTO = "answers.proto"


def answered(method: str, *requests: Any, protos: str = PROTO) -> Any:
    """Return the generated answer to requests in ProtoJSON, as ProtoJSON."""
    known = registry(protos)
    found = known.method(method)
    problems = Problems()
    messages = [build(Node.of(request), found.request_class, known, problems) for request in requests]
    assert [str(problem) for problem in problems] == []
    return to_tree(found.response_class.FromString(Answers(found, known, 0).one(messages)))


@pytest.mark.parametrize(
    ("method", "kind"),
    [("When", str), ("HowLong", str), ("Text", str), ("Data", str), ("Json", str), ("Count", str), ("Much", float),
     ("Which", str), ("Is", bool), ("Object", dict), ("Array", list), ("Nothing", dict)],
)  # fmt: skip
def test_a_whole_message_of_a_well_known_type_is_filled_as_in_a_field(method: str, kind: type) -> None:
    request = "hello" if method == "Text" else {}
    found = answered(f"Whole/{method}", request)
    assert isinstance(found, kind)
    assert found or method in ("Which", "Nothing", "Is")


def test_a_time_lies_within_this_century() -> None:
    assert answered("Whole/When", {}).startswith("202")


def test_a_whole_any_holds_a_message_that_can_be_read() -> None:
    assert answered("Whole/Make", {})["@type"].startswith("type.googleapis.com/google.protobuf.")


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        ("Whole/Wrap", {"@type": "type.googleapis.com/answers.v1.Item", "sku": "A", "quantity": 2}),
        ("Whole/Text", "hello"),
    ],
)
def test_a_whole_message_of_the_type_of_the_request_is_the_request(method: str, sent: Any) -> None:
    assert answered(method, sent) == sent


def test_a_list_of_the_request_is_not_taken_over_into_a_single_field_nor_the_other_way() -> None:
    asked = {"tag": ["x"], "status": ["STATUS_SHUT"], "item": [{"sku": "A"}], "kind": "k", "at": "2020-01-01T00:00:00Z"}
    found = answered("Orders/Find", asked)
    assert isinstance(found["tag"], str)
    assert isinstance(found["kind"], list)
    assert found["item"]["sku"] != "A"
    assert "2020-01-01T00:00:00Z" not in found["at"]


def test_to_create_a_resource_is_to_get_back_all_that_was_sent() -> None:
    order = {
        "name": "orders/1",
        "items": [{"sku": "A", "quantity": 7}, {"sku": "B", "quantity": 8}, {"sku": "C", "quantity": 9}],
        "labels": {"x": "y"},
        "extras": {"gift": {"sku": "G", "quantity": 1}},
        "note": "by night",
    }
    assert answered("Orders/CreateOrder", {"parent": "shops/1", "order": order}) == order


def test_what_the_items_sent_leave_open_is_made_up() -> None:
    (item,) = answered("Orders/CreateOrder", {"order": {"items": [{"sku": "A"}]}})["items"]
    assert item["sku"] == "A"
    assert item["quantity"]


def test_the_size_of_a_page_may_stand_in_a_part_of_the_request() -> None:
    assert len(answered("Orders/ListOrders", {"page": {"page_size": 1}})["orders"]) == 1
    assert len(answered("Orders/ListOrders", {"page": {"page_size": 5}})["orders"]) == 5


def test_of_the_messages_that_are_summed_up_none_is_refused() -> None:
    assert answered("Orders/ImportItems", {"sku": "A"}, {"sku": "B"}) == {"accepted": 2}


def test_a_failure_to_make_an_answer_says_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(well_known.FILLERS, "google.protobuf.Timestamp", lambda *_: 1 // 0)
    said = r"^no google.protobuf.Timestamp could be made up, which is a bug of grpcmock \(ZeroDivisionError: "
    with pytest.raises(RenderError, match=said):
        answered("Whole/When", {})
