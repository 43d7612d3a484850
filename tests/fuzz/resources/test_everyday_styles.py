"""Contracts as people write them without annotations: what is told of them, and what is said of their servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.learning.candidates import Candidates
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package everyday;

service Bus {
  rpc CreateTopic(Topic) returns (Topic);
  rpc GetTopic(GetTopicRequest) returns (Topic);
  rpc DeleteTopic(GetTopicRequest) returns (Nothing);
}
message Topic { string name = 1; map<string, string> labels = 2; bool detached = 3; optional int32 rank = 4; }
message GetTopicRequest { string topic = 1; }
message Nothing {}

service Tracking {
  rpc Register(RegisterRequest) returns (Parcel);
  rpc Lookup(LookupRequest) returns (Parcel);
  rpc Find(FindRequest) returns (FindReply);
  rpc Redirect(RedirectRequest) returns (Parcel);
  rpc Forget(ForgetRequest) returns (Nothing);
}
enum Speed { SLOW = 0; FAST = 1; }
message Parcel { int64 number = 1; string to = 2; Speed speed = 3; }
message RegisterRequest { string to = 1; Speed speed = 2; }
message LookupRequest { oneof by { int64 number = 1; string label = 2; } }
message FindRequest { int32 limit = 1; int32 skip = 2; Speed speed = 3; }
message FindReply { repeated Parcel parcels = 1; }
message RedirectRequest { int64 number = 1; string to = 2; }
message ForgetRequest { int64 number = 1; }

service Bank {
  rpc OpenAccount(OpenAccountRequest) returns (OpenAccountReply);
  rpc GetAccount(GetAccountRequest) returns (OpenAccountReply);
  rpc Transfer(TransferRequest) returns (Record);
  rpc GetTransfer(GetTransferRequest) returns (Record);
}
enum Code { FINE_OK = 0; CODE_NOT_FOUND = 1; CODE_INTERNAL = 2; }
message Result { Code code = 1; string message = 2; string field = 3; }
message Account { string number = 1; string owner = 2; }
message OpenAccountRequest {
  string owner = 1;
  // From 1,200 to 9,000.
  int32 limit = 2;
}
message OpenAccountReply { Result result = 1; Account account = 2; }
message GetAccountRequest { string number = 1; }
message TransferRequest { string from = 1; string to = 2; }
message Record { string id = 1; string from = 2; string to = 3; }
message GetTransferRequest { string id = 1; }
"""


@pytest.fixture(scope="module")
def everyday(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file: Path = tmp_path_factory.mktemp("everyday") / "everyday.proto"
    file.write_text(PROTO)
    return sources.load([file])


ROLES = {
    "Topic": ("name", {Role.CREATE: "CreateTopic", Role.GET: "GetTopic", Role.DELETE: "DeleteTopic"}),
    "Tracking": (
        "number",
        {
            Role.CREATE: "Register",
            Role.GET: "Lookup",
            Role.LIST: "Find",
            Role.UPDATE: "Redirect",
            Role.DELETE: "Forget",
        },
    ),
    "Account": ("number", {Role.CREATE: "OpenAccount", Role.GET: "GetAccount"}),
    "Transfer": ("id", {Role.CREATE: "Transfer", Role.GET: "GetTransfer"}),
}


@pytest.mark.parametrize("name", ROLES)
def test_what_is_told_of_them(name: str, everyday: Registry) -> None:
    resource = resources_of(everyday).by_name[name]
    assert (resource.key, {one.role: one.method.name for one in resource.operations}) == ROLES[name]


def opened(number: str, owner: str = "") -> Any:
    return ("OpenAccount", {"owner": owner}, {"account": {"number": number, "owner": owner}})


def account(number: str, answer: Any) -> Any:
    return ("GetAccount", {"number": number}, answer)


LACKING = {"result": {"code": "CODE_NOT_FOUND", "message": "There is none.", "field": "number"}}


def registered(number: int, *, given: str = "A", kept: str = "A") -> Any:
    return ("Register", {"to": given}, {"number": number, "to": kept})


def found(*numbers: int, skip: int = 0, limit: int = 2, **more: str) -> Any:
    parcels = [{"number": number, "to": "A"} for number in numbers]
    return ("Find", {"limit": limit, "skip": skip, **more}, {"parcels": parcels})


TOPICS = [("CreateTopic", {"name": name}, {"name": name}) for name in "abc"]

SAID: dict[str, tuple[dict[str, str], list[Any]]] = {
    "an account that isn't there, as its reply says": (
        {"G129": "GetAccount"},
        [opened("1"), opened("2"), account("1", LACKING)],
    ),
    "nobody has made that account": ({}, [opened("1"), opened("2"), account("3", LACKING)]),
    "an account that was refused": ({}, [("OpenAccount", {"owner": "a"}, LACKING), account("1", LACKING)]),
    "an owner who is lost": (
        {"G129": "OpenAccount"},
        [opened("1", "ann"), ("OpenAccount", {"owner": "ben"}, {"account": {"number": "2"}})],
    ),
    "a topic without its labels": (
        {"G129": "CreateTopic"},
        [
            ("CreateTopic", {"name": "a", "labels": {"a": "b"}}, {"name": "a", "labels": {"a": "b"}}),
            ("CreateTopic", {"name": "b", "labels": {"a": "b"}}, {"name": "b"}),
        ],
    ),
    "what may be the server's own": (
        {},
        [
            ("CreateTopic", {"name": "a", "detached": True}, {"name": "a"}),
            ("CreateTopic", {"name": "b", "detached": True}, {"name": "b"}),
        ],
    ),
    "a zero that was optional": (
        {"G129": "CreateTopic"},
        [
            ("CreateTopic", {"name": "a", "rank": 0}, {"name": "a", "rank": 0}),
            ("CreateTopic", {"name": "b", "rank": 0}, {"name": "b"}),
        ],
    ),
    "a topic that outlives its deletion": (
        {"G130": "GetTopic"},
        [
            ("CreateTopic", {"name": "a"}, {"name": "a"}),
            ("CreateTopic", {"name": "b"}, {"name": "b"}),
            ("DeleteTopic", {"topic": "a"}, {}),
            ("GetTopic", {"topic": "a"}, {"name": "a"}),
        ],
    ),
    "another topic is shown": ({"G129": "CreateTopic"}, [*TOPICS, ("GetTopic", {"topic": "b"}, {"name": "c"})]),
    "a topic under a name that it got": ({}, [*TOPICS, ("GetTopic", {"topic": "b"}, {"name": "B"})]),
    "a topic without a name was never there": (
        {},
        [
            ("CreateTopic", {}, {}),
            ("DeleteTopic", {}, {}),
            ("GetTopic", {}, {}),
        ],
    ),
    "the empty message shows nothing": (
        {},
        [
            ("CreateTopic", {"name": "a"}, {"name": "a"}),
            ("CreateTopic", {"name": "b"}, {"name": "b"}),
            ("DeleteTopic", {"topic": "a"}, {}),
            ("GetTopic", {"topic": "a"}, {}),
        ],
    ),
    "more than the limit": ({"G134": "Find"}, [found(1, 2, 3)]),
    "the next two": ({}, [found(1, 2), found(3, 4, skip=2), found(5, skip=4)]),
    "one of them again": ({"G134": "Find"}, [found(1, 2), found(2, 3, skip=2)]),
    "one that is left out": ({"G134": "Find"}, [found(1, 2, 3, 4, limit=9), found(1, 2), found(4, skip=2)]),
    "others may have come": ({}, [found(1, 2, 3, limit=9), registered(9), found(1, 3), found(9, skip=2)]),
    "what the filter leaves out": ({"G129": "Find"}, [found(1, speed="FAST")]),
    "a redirection that was forgotten": (
        {"G129": "Redirect"},
        [
            registered(1),
            registered(2),
            ("Redirect", {"number": 1, "to": "B"}, {"number": 1, "to": "B"}),
            ("Lookup", {"number": 1}, {"number": 1, "to": "A"}),
        ],
    ),
    "tidied up": ({}, [registered(1), registered(2, given=" b  c", kept="B C")]),
    "cut": ({"G129": "Register"}, [registered(1), registered(2, given="abcdef", kept="abc")]),
}


@pytest.mark.parametrize("case", SAID)
def test_what_is_said_of_their_servers(case: str, everyday: Registry, judging: Any) -> None:
    expected, said = SAID[case]
    assert judging(everyday, "everyday.")(*said) == expected


def test_comments_tell_which_values_are_worth_trying(everyday: Registry) -> None:
    field = everyday.method("everyday.Bank/OpenAccount").input.fields_by_name["limit"]
    assert field_comments(everyday)[field.full_name] == "From 1200 to 9000."
    first, second, *_ = Candidates(everyday).of(field)
    assert (first, second) == (1200, 9000)
