"""The client of exported tests: messages in, answers out, and the checks on all that was seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import support

from grpcmock import MockServer
from grpcmock.errors import UnknownMethodError
from grpcmock.testing import Client, Code, Receive

PROTOS = [support.ROOT / "protos"]


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with MockServer(protos=PROTOS) as mock:
        mock.on("user.UserService/GetUser").when(id=1).returns(id=1, name="Alice")
        mock.on("user.UserService/GetUser").when(id=2).fails("UNKNOWN", "boom").optional()
        mock.on("user.UserService/GetUser").when(id=3).fails("NOT_FOUND").optional()
        mock.on("user.UserService/LookupUsers").streams({"id": 5}, {"id": 6}).optional()
        yield str(mock.target)


@pytest.fixture
def client(target: str) -> Iterator[Client]:
    with Client(target) as client:
        yield client


def test_the_fields_of_the_first_response_are_those_of_the_answer(client: Client) -> None:
    got = client.call("user.UserService/GetUser", {"id": 1}, metadata=(("x-a", "b"),), deadline=5)
    assert (got.ok, got.code, got.name, got.response.id, len(got.responses)) == (True, Code.OK, "Alice", 1, 1)
    assert got.seconds < 5
    with pytest.raises(AttributeError):
        _ = got.nmae
    looked_up = client.call("UserService/LookupUsers", {"id": 5}, Receive(), b"\x08\x06")
    assert [one.id for one in looked_up.responses] == [5, 6]  # type: ignore[attr-defined]
    request = support.registry("user.proto").message("user.GetUserRequest")
    assert client.call("user.UserService/GetUser", request(id=1)).name == "Alice"


def test_an_answer_without_a_response_says_how_the_call_ended(client: Client) -> None:
    got = client.call("user.UserService/GetUser", {"id": 2})
    assert (got.ok, got.code, got.status_message, repr(got)) == (False, Code.UNKNOWN, "boom", "UNKNOWN: boom")
    with pytest.raises(AssertionError, match=r"user.UserService/GetUser gave no response, but UNKNOWN: boom"):
        _ = got.name


@pytest.mark.parametrize(
    ("message", "error", "said"),
    [
        ({"idd": 1}, ValueError, "Did you mean 'id'"),
        ({"id": "one"}, ValueError, "id"),
    ],
)
def test_what_is_no_message_is_said(message: Any, error: type[Exception], said: str, client: Client) -> None:
    with pytest.raises(error, match=said):
        client.call("user.UserService/GetUser", message)


def test_a_method_that_there_is_not_takes_bytes_alone(client: Client) -> None:
    with pytest.raises(UnknownMethodError, match=r"Did you mean .user\.UserService/GetUser."):
        client.call("user.UserService/GetUsr", {})
    assert client.call("user.UserService/GetUsr", b"").code == Code.UNIMPLEMENTED


def test_a_check_looks_at_all_calls_so_far(client: Client) -> None:
    with pytest.raises(AssertionError, match="nothing to check before a call"):
        client.check("unhandled_error")
    client.call("user.UserService/GetUser", {"id": 1})
    client.check("G102")
    client.call("user.UserService/GetUser", {"id": 2}, at_once=4)
    with pytest.raises(AssertionError, match=r"G102 unhandled_error: expected a status .*; actual UNKNOWN: boom"):
        client.check("unhandled_error")


def test_what_is_expected_of_a_call_is_told_to_the_check(client: Client) -> None:
    client.call("user.UserService/GetUser", {"id": 1})
    with pytest.raises(AssertionError, match=r"INVALID_ARGUMENT: the request breaks int32.gt at id"):
        client.check("negative_rejected", expect="refused", path="id", rule="int32.gt")
    client.call("user.UserService/GetUser", {"id": 3})
    client.check("negative_rejected", expect="refused", path="id", rule="int32.gt")


def test_the_terms_of_checks_and_the_protos_can_be_given(target: str) -> None:
    with Client(target, protos=PROTOS, allowed={"GetUser": ["NOT_FOUND"]}, max_latency=30.0) as client:
        client.call("user.UserService/GetUser", {"id": 1})
        client.check("slow_input")


@pytest.mark.parametrize(("code", "is_seen"), [(Code.UNAUTHENTICATED, False), (Code.INVALID_ARGUMENT, True)])
def test_a_check_that_no_call_came_to_is_not_passed(code: Code, is_seen: bool) -> None:
    with MockServer(protos=PROTOS) as mock:
        mock.on("user.UserService/GetUser").fails(code.name, "who are you")
        with Client(str(mock.target)) as client:
            client.call("user.UserService/GetUser", {"id": 1})
            if is_seen:
                client.check("info_leak")
                return
            with pytest.raises(AssertionError, match=r"can't be seen, for no call .* UNAUTHENTICATED: who are you"):
                client.check("info_leak")
            client.call("user.UserService/GetUser", {"id": 1}, caller="nobody")
            client.check("info_leak")  # nobody shall be turned away
