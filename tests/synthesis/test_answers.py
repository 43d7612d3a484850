"""Generated answers: valid by every rule, natural by name, at one with the request, and the same on every machine."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import protovalidate
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ROOT, registry

from grpcmock.synthesis import Answers, generate, stream_length

if TYPE_CHECKING:
    from google.protobuf.message import Message

RULES = ("Numbers", "Strings", "Octets", "Collections", "Others", "Together", "Order", "Customer", "Book", "Tree")


def made(name: str, seed: int = 0, **arguments: Any) -> Any:
    rules = registry("rules.proto")
    return generate(rules.message(f"rules.{name}"), rules, seed, **arguments)


def message(name: str, **fields: Any) -> Message:
    return registry("rules.proto").message(f"rules.{name}")(**fields)


def answers(method: str, *requests: Message, seed: int = 0, protos: str = "rules.proto") -> list[Any]:
    found = registry(protos).method(method)
    generated = Answers(found, registry(protos), seed)
    data = list(generated.many(requests)) if found.kind.server_streams else [generated.one(requests)]
    return [found.response_class.FromString(one) for one in data]


# What is promised of every message -----------------------------------------------------------------


@pytest.mark.parametrize("name", RULES)
@given(seed=st.integers(0, 2**64))
@settings(max_examples=25, deadline=None)
def test_every_rule_is_kept(name: str, seed: int) -> None:
    found = made(name, seed)
    assert protovalidate.collect_violations(found) == []
    assert type(found).FromString(found.SerializeToString()) == found


def test_rules_of_nested_messages_are_kept() -> None:
    assert protovalidate.collect_violations(made("Everything", 1)) == []


@pytest.mark.parametrize(
    "protos", ["kitchen_sink.proto", "legacy.proto", "editions2023.proto", "editions2024.proto", "user.proto"]
)
def test_messages_of_every_syntax_can_be_made(protos: str) -> None:
    for name in registry(protos).message_names():
        for seed in range(5):
            found = generate(registry(protos).message(name), registry(protos), seed)
            data = found.SerializeToString(deterministic=True)
            assert type(found).FromString(data).SerializeToString(deterministic=True) == data


@given(seed=st.integers(0, 2**32), order=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_same_seed_and_request_give_the_same_bytes(seed: int, order: int) -> None:
    request = message("GetOrderRequest", order_id=order)
    first, second = (answers("Shop/GetOrder", request, seed=seed)[0] for _ in range(2))
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)


def test_seed_and_request_and_number_each_make_a_difference() -> None:
    request, other = message("GetOrderRequest"), message("GetOrderRequest", order_id=1)
    found = [
        made("Customer", 0, request=request),
        made("Customer", 1, request=request),
        made("Customer", 0, request=other),
        made("Customer", 0, request=request, number=1),
    ]
    assert len({one.SerializeToString() for one in found}) == 4


def test_the_same_bytes_come_in_another_process() -> None:
    script = (
        "from support import registry\n"
        "from grpcmock.synthesis import generate\n"
        "rules = registry('rules.proto')\n"
        "names = 'Order Numbers Strings Collections Together'.split()\n"
        "made = [generate(rules.message(f'rules.{n}'), rules, 3) for n in names]\n"
        "print(b''.join(m.SerializeToString(deterministic=True) for m in made).hex())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_choices_never_change_between_versions() -> None:
    # Whoever changes what is drawn changes the answers that users see: do it knowingly, and say so in the changelog.
    assert answers(
        "UserService/GetUser", registry("user.proto").message("user.GetUserRequest")(id=1), protos="user.proto"
    )[0] == registry("user.proto").message("user.UserResponse")(
        id=1, name="Grace Young", email="grace.young@example.com"
    )


def test_a_rule_that_nothing_keeps_still_gets_an_answer() -> None:
    found = made("Contradiction")
    assert found.name
    assert len(protovalidate.collect_violations(found)) == 1


def test_rules_that_nobody_can_read_are_told_once_and_do_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    own = registry("rules.proto")
    for seed in range(3):
        found: Any = generate(own.message("rules.Unreadable"), own, seed)
        assert found.name
    (told,) = caplog.messages
    assert told.startswith("The rules of rules.Unreadable can't be evaluated, so generated messages may break them: ")


def test_protos_without_rules_do_not_load_the_validator() -> None:
    script = (
        "import sys\n"
        "from support import registry\n"
        "from grpcmock.synthesis import generate\n"
        "users = registry('user.proto')\n"
        "generate(users.message('user.UserResponse'), users, 0)\n"
        "assert 'protovalidate' not in sys.modules\n"
    )
    path = f"{ROOT}{os.pathsep}{ROOT / 'tests'}"
    subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": path}, check=True)


@pytest.mark.parametrize("seed", range(10))
def test_predefined_rules_are_kept(seed: int) -> None:
    own = registry("predefined.proto")
    found: Any = generate(own.message("predefined.Crate"), own, seed)
    assert found.eggs > 0
    assert found.eggs % 12 == 0


def test_a_type_that_must_hold_itself_comes_to_an_end() -> None:
    own = registry("predefined.proto")
    found: Any = generate(own.message("predefined.Onion"), own, 0)
    assert found.SerializeToString()  # what proto2 requires is there, even if the endless rule can't be kept
    assert found.ByteSize() < 1_000_000


# What is natural -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_the_fields_of_a_person_belong_together(seed: int) -> None:
    found = made("Customer", seed)
    assert found.email == f"{found.first_name}.{found.last_name}@example.com".lower()
    assert found.is_active
    assert (found.city, found.country) != ("", "")
    assert -90 <= found.position.latitude <= 90


@pytest.mark.parametrize("seed", range(10))
def test_events_happen_in_order(seed: int) -> None:
    found = made("Order", seed)
    assert found.created_at.seconds < found.updated_at.seconds < found.expires_at.seconds
    assert not found.HasField("deleted_at")


@pytest.mark.parametrize("seed", range(10))
def test_a_good_answer_tells_of_no_error(seed: int) -> None:
    found = made("Order", seed)
    assert found.error_message == ""
    assert found.WhichOneof("payment") in ("card", "iban")
    assert found.state != 0


def test_all_prices_have_one_currency() -> None:
    found = made("Order", 4)
    assert {line.currency_code for line in found.lines} == {found.total.currency_code}


def test_recursion_comes_to_an_end() -> None:
    for seed in range(20):
        assert made("Tree", seed).ByteSize() < 10_000


# Annotations of google.api -------------------------------------------------------------------------


def test_resource_names_follow_their_pattern() -> None:
    found = made("Book")
    assert found.name.split("/")[::2] == ["shelves", "books"]
    assert found.sequel.split("/")[::2] == ["shelves", "books"]
    assert found.shelf.split("/")[::2] == ["shelves"]
    assert found.shelf.count("/") == 1


def test_resources_lie_under_the_parent_of_the_request() -> None:
    found = made("Book", request=message("CreateOrderRequest", parent="shelves/top"))
    assert found.name.startswith("shelves/top/books/")


def test_formats_are_kept() -> None:
    found = made("Book")
    assert len(found.uid) == 36
    assert found.uid[14] == "4"
    assert found.host.count(".") == 3


def test_a_client_and_a_server_set_different_fields() -> None:
    assert made("Customer").password == ""
    assert made("Customer", as_request=True).password != ""
    assert made("Book").uid != ""
    assert made("Book", as_request=True).uid == ""


# At one with the request ---------------------------------------------------------------------------


def test_fields_of_the_same_name_are_given_back() -> None:
    users = registry("user.proto")
    found = made("Order", request=message("ListOrdersRequest", state=2, customer_id=44))
    assert (found.state, found.customer_id) == (2, 44)
    assert answers("UserService/GetUser", users.message("user.GetUserRequest")(id=7), protos="user.proto")[0].id == 7


def test_a_subjects_id_is_its_id() -> None:
    assert answers("Shop/GetOrder", message("GetOrderRequest", order_id=9))[0].id == 9


def test_what_is_created_comes_back_completed_and_without_secrets() -> None:
    customer = message("Customer", first_name="Zoe", password="secret")
    found = answers("Shop/CreateOrder", message("CreateOrderRequest", order=message("Order", customer=customer)))[0]
    assert found.customer.first_name == "Zoe"
    assert found.customer.email.startswith("zoe.")
    assert found.customer.password == ""
    assert found.id > 0


def test_a_page_is_as_long_as_asked_for() -> None:
    found = answers("Shop/ListOrders", message("ListOrdersRequest", page_size=5, page_token="x", state=3))[0]
    assert len(found.orders) == found.total_size == 5
    assert found.next_page_token == ""
    assert {order.state for order in found.orders} == {3}
    ids = [order.id for order in found.orders]
    assert ids == list(range(ids[0], ids[0] + 5))


def test_a_batch_holds_what_was_asked_for() -> None:
    found = answers("Shop/BatchGetOrders", message("BatchGetOrdersRequest", ids=[4, 9, 2, 8]))[0]
    assert [order.id for order in found.orders] == [4, 9, 2, 8]


def test_a_sum_tells_how_many_requests_there_were() -> None:
    chunks = [message("Chunk", file_id="f", data=b"12345") for _ in range(4)]
    found = answers("Shop/Upload", *chunks)[0]
    assert (found.file_id, found.received, found.size, found.failed_count) == ("f", 4, 20, 0)


def test_a_created_batch_counts_its_ids() -> None:
    create = registry("user.proto").message("user.CreateUserRequest")
    found = answers("UserService/CreateUsers", create(name="Al"), create(name="Bo"), protos="user.proto")[0]
    assert found.created == 2
    assert found.ids[1] == found.ids[0] + 1


@pytest.mark.parametrize(
    ("request_name", "fields", "length"),
    [
        ("ListOrdersRequest", {}, 3),
        ("ListOrdersRequest", {"page_size": 1}, 1),
        ("ListOrdersRequest", {"page_size": 7}, 7),
        ("ListOrdersRequest", {"page_size": 10**6}, 100),
        ("ListOrdersRequest", {"page_size": -1}, 3),
        ("BatchGetOrdersRequest", {"ids": [5, 6]}, 2),
    ],
)
def test_streams_have_the_length_asked_for(request_name: str, fields: dict[str, Any], length: int) -> None:
    request = message(request_name, **fields)
    own = registry("rules.proto")
    assert stream_length(own.message("rules.Order").DESCRIPTOR, [request]) == length  # type: ignore[arg-type]
    pages = own.message("rules.ListOrdersResponse").DESCRIPTOR
    assert stream_length(pages, [request]) == 3, "a stream of pages is as long as ever"  # type: ignore[arg-type]
    assert len(answers("Shop/WatchOrders", request)) == length


def test_the_messages_of_a_stream_differ() -> None:
    found = answers("Shop/WatchOrders", message("ListOrdersRequest", page_size=4))
    assert len({order.customer.email for order in found}) > 1
    assert [order.id - found[0].id for order in found] == [0, 1, 2, 3]


def test_an_echo_that_breaks_a_rule_is_not_given_back() -> None:
    rules = registry("rules.proto")
    found = made("Strings", request=rules.message("rules.Strings")(email="nonsense", name="too long", hostname="-"))
    assert protovalidate.collect_violations(found) == []
