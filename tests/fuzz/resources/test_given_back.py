"""What is made shows what it was made of, and what may be shown otherwise: conversations to judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package forum;
service Forum {
  rpc AddReply(AddReplyRequest) returns (Reply);
  rpc AddVote(AddReplyRequest) returns (AddVoteResponse);
}
message AddReplyRequest { string thread_id = 1; string text = 2; string phone = 3; string author = 4; bool dry_run = 5;
  string user_id = 6; }
message Reply { int32 position = 1; string thread_id = 2; string text = 3; string phone = 4; string author = 5;
  string user_id = 6; }
message AddVoteResponse { Reply answer = 1; }
"""

GIVEN = {"threadId": "t1", "text": "Hello"}


def add(shown: dict[str, Any], **more: Any) -> tuple[str, Any, Any]:
    return ("AddReply", {**GIVEN, **more}, {"position": 1, **shown})


CASES: dict[str, tuple[set[str], tuple[str, Any, Any]]] = {
    "the same": (set(), add(GIVEN)),
    "another text": ({"G129"}, add({**GIVEN, "text": "Bye"})),
    "another thread": ({"G129"}, add({**GIVEN, "threadId": "t2"})),
    "no text": ({"G129"}, add({"threadId": "t1"})),
    "nothing of it, as from a mock": (set(), add({})),
    "other things altogether, as from a mock": (set(), add({"threadId": "example", "text": "example"})),
    "without blanks around it": (set(), add(GIVEN, text=" Hello ")),
    "a phone number in the way of all": (set(), add({**GIVEN, "phone": "+15551234"}, phone="5551234")),
    "an author by the name": (set(), add({**GIVEN, "author": "Ann Lee"}, author="ann")),
    "who asks, by the key": (set(), add({**GIVEN, "userId": "u17"}, userId="me")),
    "nothing is made": (set(), add({"threadId": "t1"}, dryRun=True)),
    "something else is shown": (set(), ("AddVote", GIVEN, {"answer": {"threadId": "t1", "text": "Bye"}})),
    "refused": (set(), ("AddReply", GIVEN, "INVALID_ARGUMENT")),
}


@pytest.fixture(scope="module")
def forum(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("forum") / "forum.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, forum: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(forum, "forum.")(said)) == codes
