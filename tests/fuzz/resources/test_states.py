"""In which states calls are refused, as comments and refusals say: words to read, and conversations to judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.state_conditions import conditions_in, reason_in
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package depot;
import "google/protobuf/timestamp.proto";
import "google/protobuf/empty.proto";
service Depot {
  rpc CreateOrder(CreateOrderRequest) returns (Order);
  rpc GetOrder(OrderId) returns (Order);
  rpc ListOrders(ListOrdersRequest) returns (ListOrdersResponse);
  rpc PayOrder(OrderId) returns (Order);
  // FAILED_PRECONDITION once it is shipped.
  rpc ShipOrder(OrderId) returns (Order);
  // FAILED_PRECONDITION if the order is shipped or canceled.
  rpc CancelOrder(CancelOrderRequest) returns (Order);
  // FAILED_PRECONDITION unless it is paid.
  rpc RefundOrder(RefundOrderRequest) returns (Order);
  // Only open orders can be held.
  rpc HoldOrder(OrderId) returns (Order);
  // NOT_FOUND once it is removed.
  rpc NoteOrder(NoteOrderRequest) returns (google.protobuf.Empty);
  rpc RemoveLine(NoteOrderRequest) returns (google.protobuf.Empty);
  rpc ApproveOrder(OrderId) returns (Order);
  // Cancels it in the background.
  rpc StopOrder(OrderId) returns (Order);
  rpc CreateShipment(ShipmentRequest) returns (Shipment);
  rpc GetIssue(IssueName) returns (Issue);
  // FAILED_PRECONDITION if the issue is closed.
  rpc CloseIssue(IssueName) returns (Issue);
  // FAILED_PRECONDITION if the issue is closed.
  rpc AssignIssue(AssignIssueRequest) returns (Issue);
  rpc GetPoll(PollId) returns (Poll);
  rpc Vote(PollId) returns (Poll);
}
enum OrderState { OPEN = 0; PAID = 1; SHIPPED = 2; DELIVERED = 3; CANCELED = 4; HELD = 5; APPROVED = 6; STOPPED = 7; }
message Order { string id = 1; OrderState state = 2; int32 refunded_cents = 3; bool stop_requested = 4;
  string title = 5; int64 version = 6; google.protobuf.Timestamp removed_at = 7; }
message CreateOrderRequest { string title = 1; }
message OrderId { string order_id = 1; string view = 2; }
message CancelOrderRequest { string order_id = 1; bool force = 2; string reason = 3; }
message RefundOrderRequest { string order_id = 1; int32 cents = 2; }
message NoteOrderRequest { string order_id = 1; string text = 2; }
message ListOrdersRequest { int32 page_size = 1; }
message ListOrdersResponse { repeated Order orders = 1; }
message ShipmentRequest { string order_id = 1; }
message Shipment { string id = 1; string order_id = 2; }
message IssueName { string repo_id = 1; int32 number = 2; }
message AssignIssueRequest { string repo_id = 1; int32 number = 2; string assignee_id = 3; }
message Issue { int32 number = 1; IssueState state = 2; string assignee_id = 3; }
enum IssueState { ISSUE_STATE_UNSPECIFIED = 0; ISSUE_STATE_OPEN = 1; ISSUE_STATE_CLOSED = 2; }
message PollId { string poll_id = 1; }
message Poll { string id = 1; PollState state = 2; google.protobuf.Timestamp ends_at = 3; }
enum PollState { POLL_STATE_UNSPECIFIED = 0; POLL_STATE_OPEN = 1; POLL_STATE_CLOSED = 2; }
"""

Words = tuple[str, Any, Any]
ID = {"orderId": "o"}
ISSUE = {"repoId": "r", "number": 3}


def order(state: str, **more: Any) -> dict[str, Any]:
    return {"id": "o", "state": state, "title": "t", **more}


def got(state: str, **more: Any) -> Words:
    return ("GetOrder", ID, order(state, **more))


def did(verb: str, state: str, **more: Any) -> Words:
    return (f"{verb}Order", ID, order(state, **more))


def no(verb: str, words: str = "it isn't possible", **more: Any) -> Words:
    return (f"{verb}Order", {**ID, **more}, f"FAILED_PRECONDITION: {words}")


def issue(state: str, name: str = "GetIssue", repo: str = "r", **more: Any) -> Words:
    return (name, {**ISSUE, "repoId": repo}, {"number": 3, "state": f"ISSUE_STATE_{state}", **more})


WRONG: dict[str, tuple[str, list[Words]]] = {
    "shipped twice": ("G153", [got("SHIPPED"), did("Ship", "SHIPPED")]),
    "shipped, as its answer shows": ("G153", [did("Ship", "SHIPPED"), did("Ship", "SHIPPED")]),
    "canceled though it is shipped": ("G153", [got("SHIPPED"), did("Cancel", "CANCELED")]),
    "canceled twice": ("G153", [did("Cancel", "CANCELED"), did("Cancel", "CANCELED")]),
    "a refund for what isn't paid": ("G153", [got("OPEN"), did("Refund", "OPEN")]),
    "held though it is paid": ("G153", [got("PAID"), did("Hold", "HELD")]),
    "refused as if it was shipped": ("G153", [got("PAID"), no("Cancel", "the order is shipped")]),
    "refused as if it was canceled": ("G153", [got("PAID"), no("Cancel", "order 'o' is already canceled")]),
    "refused as if it wasn't paid": ("G153", [got("PAID"), no("Refund", "it must be paid")]),
    "refused as if it was open": ("G153", [got("SHIPPED"), no("Cancel", "the order is still open")]),
    "a closed issue": ("G153", [issue("CLOSED"), issue("CLOSED", "CloseIssue")]),
    "a closed issue of this repository": (
        "G153",
        [issue("CLOSED"), ("AssignIssue", {**ISSUE, "assigneeId": "a"}, {"number": 3, "state": "ISSUE_STATE_CLOSED"})],
    ),
    "open, as before": ("G129", [issue("OPEN"), issue("OPEN", "CloseIssue")]),
    "paid, as before": ("G129", [got("OPEN"), did("Pay", "OPEN", version=2)]),
}

FINE: dict[str, list[Words]] = {
    "one step after the other": [got("OPEN"), did("Pay", "PAID"), did("Ship", "SHIPPED"), no("Cancel")],
    "refused, and no reason": [got("PAID"), no("Cancel")],
    "refused for what is so": [got("SHIPPED"), no("Cancel", "the order is shipped")],
    "refused for what was so before": [got("DELIVERED"), no("Cancel", "the order is already shipped")],
    "refused for what was so once": [got("DELIVERED"), no("Pay", "the order is paid")],
    "a refund for what was paid before": [got("SHIPPED"), ("RefundOrder", {**ID, "cents": 1}, order("SHIPPED"))],
    "refused for something else": [got("PAID"), no("Cancel", "the customer is canceled")],
    "refused for what the caller is": [got("PAID"), no("Cancel", "not allowed")],
    "refused with another word for it": [got("CANCELED"), no("Ship", "the order is removed")],
    "forced": [got("SHIPPED"), ("CancelOrder", {**ID, "force": True}, order("CANCELED"))],
    "something was done meanwhile": [
        got("OPEN"),
        did("Pay", "PAID"),
        ("RefundOrder", {**ID, "cents": 1}, order("PAID")),
    ],
    "what was made since has changed it": [
        *(got("PAID"), ("CreateShipment", ID, {"id": "s", "orderId": "o"})),
        no("Cancel", "the order is already shipped"),
    ],
    "a part of it": [("GetOrder", {**ID, "view": "BASIC"}, {"id": "o"}), ("RefundOrder", ID, order("PAID"))],
    "less of it than before": [got("PAID"), ("ListOrders", {}, {"orders": [{"id": "o"}]}), did("Refund", "PAID")],
    "an answer with the key alone": [got("PAID"), ("PayOrder", ID, {"id": "o"}), no("Hold", "the order is paid")],
    "held twice": [did("Hold", "HELD"), did("Hold", "HELD")],
    "something of it is removed": [
        *(got("OPEN"), ("RemoveLine", {**ID, "text": "l"}, {}), ("NoteOrder", {**ID, "text": "n"}, {})),
    ],
    "approved by the first of two": [got("PAID"), did("Approve", "PAID")],
    "stopped later": [got("PAID"), did("Stop", "PAID")],
    "asked to stop": [got("PAID"), did("Cancel", "PAID", stopRequested=True)],
    "an issue of another repository": [issue("CLOSED"), issue("CLOSED", "CloseIssue", "other")],
    "issues of two repositories": [
        *(issue("CLOSED"), issue("OPEN", repo="other"), issue("CLOSED", "CloseIssue", "other"), issue("CLOSED")),
    ],
    "an issue that isn't known": [issue("OPEN", "AssignIssue")],
    "a poll that ends by itself": [
        ("GetPoll", {"pollId": "p"}, {"id": "p", "state": "POLL_STATE_OPEN", "endsAt": "2030-01-01T00:00:00Z"}),
        ("Vote", {"pollId": "p"}, "FAILED_PRECONDITION: the poll is closed"),
    ],
    "a failure on the way": [got("SHIPPED"), ("CancelOrder", ID, "UNAVAILABLE")],
}


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("depot") / "depot.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong(name: str, depot: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    code, said = WRONG[name]
    assert set(judging(depot, "depot.")(*said)) == {code}


@pytest.mark.parametrize("name", FINE)
def test_what_is_fine(name: str, depot: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    assert not set(judging(depot, "depot.")(*FINE[name])) & {"G153", "G129"}


KNOWN = frozenset({"open", "closed", "shipped", "delivered", "canceled", "paid", "on hold", "draft", "checked in"})

COMMENTS: dict[str, list[str]] = {
    "FAILED_PRECONDITION once it is shipped or delivered.": ["it is delivered or shipped"],
    "Cancels an order. FAILED_PRECONDITION if the order is shipped.": ["order is shipped"],
    "- NOT_FOUND if there is no such order.\n- FAILED_PRECONDITION if it was cancelled.": ["it is canceled"],
    "FAILED_PRECONDITION unless it is open or on hold.": ["it is not on hold or open"],
    "FAILED_PRECONDITION until the order is paid.": ["order is not paid"],
    "FAILED_PRECONDITION if the order is not paid.": ["order is not paid"],
    "Returns INVALID_STATE when the order is paid.": ["order is paid"],
    "The call is rejected if it is a draft or canceled.": ["it is canceled or draft"],
    "FAILED_PRECONDITION for a closed order.": ["order is closed"],
    "A closed order is FAILED_PRECONDITION.": ["order is closed"],
    "Only open orders can be closed.": ["order is not open"],
    "FAILED_PRECONDITION if it is shipped or the customer has checked in.": ["it is shipped"],
    "FAILED_PRECONDITION if it is shipped, unless the caller is an admin.": [],
    "FAILED_PRECONDITION if it is shipped. Admins may cancel it anyway.": [],
    "FAILED_PRECONDITION if it is shipped. Canceling again has no effect.": [],
    "FAILED_PRECONDITION unless it is open or the caller is its owner.": [],
    "FAILED_PRECONDITION if it is shipped and paid.": [],
    "FAILED_PRECONDITION if it is shipped by a courier.": [],
    "FAILED_PRECONDITION if it is paid or shipped for more than 30 days.": [],
    "FAILED_PRECONDITION if they are closed.": [],
    "FAILED_PRECONDITION if another order is open.": [],
    "Never FAILED_PRECONDITION if it is shipped.": [],
    "It is OK, rather than FAILED_PRECONDITION, if it is shipped.": [],
    "If `strict` is set, FAILED_PRECONDITION if it is shipped.": [],
    "The order becomes IN_TRANSIT once it is shipped.": [],
    "Moves the order to CANCELLED if it is open.": [],
    "The payment fails if the order is canceled.": [],
    "The order is refunded if the payment is rejected after it is paid.": [],
    "Only open orders can be closed by their customers.": [],
    "Items are skipped with FAILED_PRECONDITION if they are shipped.": [],
    "Gives items with FAILED_PRECONDITION if the order is shipped.": [],
    "Delivering it again gives FAILED_PRECONDITION if it is shipped.": ["it is shipped"],
    "OK if it is canceled already.": [],
    "Refused with FAILED_PRECONDITION if\n  - the order is closed or already on hold,\n  - it is raining.": [
        "order is closed or on hold"
    ],
    "FAILED_PRECONDITION in these cases:\n- the order is shipped,\n- it was paid.": ["order is shipped", "it is paid"],
    "FAILED_PRECONDITION unless all of these hold:\n- the order is paid,\n- it is closed.": [],
    "In these states it can be changed:\n- it is open,\n- it is a draft.": [],
    "Closed orders are read-only (FAILED_PRECONDITION).": ["order is closed"],
    "Closed orders are read-only.": [],
    "Not possible for gift or closed orders (FAILED_PRECONDITION).": ["order is closed"],
    "There is no glass, and shipped orders aren't canceled: FAILED_PRECONDITION.": ["order is shipped"],
    "An order can't be closed twice (FAILED_PRECONDITION).": ["order is closed"],
    "FAILED_PRECONDITION if it happened before.": ["it is closed"],
    "FAILED_PRECONDITION while it is on hold, and also if it has been paid before.": ["it is on hold", "it is paid"],
    "FAILED_PRECONDITION while it is on hold and if it has been paid.": [],
    "FAILED_PRECONDITION if it is paid (refund it first) or closed.": ["it is closed or paid"],
    "FAILED_PRECONDITION if it is paid (unless that was today) or closed.": [],
    "FAILED_PRECONDITION unless it is open, OUT_OF_RANGE if it is too much.": ["it is not open"],
}


@pytest.mark.parametrize("comment", COMMENTS)
def test_conditions_are_read_out_of_comments(comment: str) -> None:
    assert [str(one) for one in conditions_in(comment, KNOWN, "closed")] == COMMENTS[comment]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("order 12 is already shipped", "order is shipped"),
        ("it must be open", "it is not open"),
        ("the order isn't paid yet", "order is not paid"),
        ("cannot cancel a shipped order", "order is shipped"),
        ("only open orders can be canceled", "order is not open"),
        ("the shipment of the order is delivered by nobody", None),
        ("orders are closed on sundays", None),
        ("you are not paid", None),
        ("the title is too long", None),
        ("", None),
    ],
)
def test_reasons_are_read_out_of_refusals(words: str, expected: str | None) -> None:
    found = reason_in(words, KNOWN)
    assert (str(found) if found is not None else None) == expected
