"""Conversations about what is deleted softly, brought back, and removed for good."""

from __future__ import annotations

from typing import Any

import pytest

from grpcmock.schema import sources

PROTO = """\
syntax = "proto3";
package desk;
import "google/api/field_behavior.proto";
import "google/api/resource.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/timestamp.proto";

service Desk {
  rpc CreateLetter(CreateLetterRequest) returns (Letter);
  rpc GetLetter(NameRequest) returns (Letter);
  rpc ListLetters(ListLettersRequest) returns (ListLettersResponse);
  rpc DeleteLetter(NameRequest) returns (Letter);
  rpc UndeleteLetter(NameRequest) returns (Letter);
  rpc ExpungeLetter(NameRequest) returns (google.protobuf.Empty);
}
message Letter {
  option (google.api.resource) = {type: "desk.example.com/Letter" pattern: "desks/{desk}/letters/{letter}"};
  string name = 1 [(google.api.field_behavior) = IDENTIFIER];
  string text = 2;
  google.protobuf.Timestamp delete_time = 3 [(google.api.field_behavior) = OUTPUT_ONLY];
}
message NameRequest { string name = 1 [(google.api.resource_reference) = {type: "desk.example.com/Letter"}]; }
message CreateLetterRequest { string parent = 1; string letter_id = 2; Letter letter = 3; }
message ListLettersRequest {
  string parent = 1;
  int32 page_size = 2;
  string page_token = 3;
  bool show_deleted = 4;
  string filter = 5;
}
message ListLettersResponse { repeated Letter letters = 1; string next_page_token = 2; }
"""

LETTER = {"name": "desks/d/letters/a", "text": "t"}
GONE = {**LETTER, "deleteTime": "2024-01-01T00:00:00Z"}
ONE = {"name": LETTER["name"]}

CREATE: Any = ("CreateLetter", {"parent": "desks/d", "letterId": "a", "letter": {"text": "t"}}, LETTER)
DELETE: Any = ("DeleteLetter", ONE, GONE)
UNDELETE: Any = ("UndeleteLetter", ONE, LETTER)
EXPUNGE: Any = ("ExpungeLetter", ONE, {})


def get(answer: Any) -> Any:
    return ("GetLetter", ONE, answer)


def listed(letters: list[Any], token: str = "", parent: str = "desks/d", **asked: Any) -> Any:
    asked = {"showDeleted": True, **asked}
    return ("ListLetters", {"parent": parent, **asked}, {"letters": letters, "nextPageToken": token})


CASES: dict[str, tuple[dict[str, str], list[Any]]] = {
    "deleted, and listed where that is asked for": ({}, [CREATE, DELETE, listed([GONE]), get(GONE)]),
    "deleted, and not listed": ({"G129": "ListLetters"}, [CREATE, DELETE, listed([])]),
    "nobody asks for what is deleted": ({}, [CREATE, DELETE, listed([], showDeleted=False)]),
    "nobody asks for what is deleted, and it is listed": (
        {"G130": "ListLetters"},
        [CREATE, DELETE, listed([GONE], showDeleted=False)],
    ),
    "what is brought back is listed": ({}, [CREATE, DELETE, UNDELETE, listed([LETTER], showDeleted=False)]),
    "a filter asks for what is deleted": ({}, [CREATE, DELETE, listed([GONE], showDeleted=False, filter="x")]),
    "the list goes on": ({}, [CREATE, DELETE, listed([], "t")]),
    "the list is narrowed": ({}, [CREATE, DELETE, listed([], filter="x")]),
    "the list of another parent": ({}, [CREATE, DELETE, listed([], parent="desks/e")]),
    "deleted at once": ({}, [CREATE, ("DeleteLetter", ONE, LETTER), listed([])]),
    "brought back": ({}, [CREATE, DELETE, UNDELETE, get(LETTER), listed([LETTER])]),
    "removed for good": ({}, [CREATE, DELETE, EXPUNGE, get("NOT_FOUND"), listed([])]),
    "removed, and read": ({"G130": "GetLetter"}, [CREATE, DELETE, EXPUNGE, get(GONE)]),
    "removed, and listed": ({"G130": "ListLetters"}, [CREATE, DELETE, EXPUNGE, listed([GONE])]),
    "removed, and made again": ({}, [CREATE, DELETE, EXPUNGE, CREATE, get(LETTER), DELETE, listed([GONE])]),
    "purged, as queues are": ({}, [CREATE, EXPUNGE, get(LETTER), listed([LETTER])]),
}


@pytest.fixture(scope="module")
def judge(judging: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("desk") / "desk.proto"
    file.write_text(PROTO)
    return judging(sources.load([file]), "desk.")


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_a_conversation(case: str, judge: Any) -> None:
    expected, said = CASES[case]
    assert judge(*said) == expected
