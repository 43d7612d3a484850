"""What is asked for a stub to answer, in which order, and what is left out and why."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from verifying import planned, stubs, users

from grpcmock.client.actions import HalfClose, Send
from grpcmock.errors import StubError
from grpcmock.schema import sources
from grpcmock.schema.codec import to_tree
from grpcmock.verify.planning.interactions import Interaction, Source
from grpcmock.verify.planning.planner import plan
from grpcmock.verify.requests.builder import RequestBuilder


def sent(interaction: Interaction) -> list[object]:
    return [to_tree(message) for message in interaction.calls[0].requests]


def only(text: str, **options: object) -> Interaction:
    [interaction] = planned(text, **options).interactions
    return interaction


def test_a_request_is_one_that_no_other_stub_takes() -> None:
    plan = planned("""
        - {name: all, method: user.UserService/GetUser, response: {name: all}}
        - {name: twelve, method: user.UserService/GetUser, request: {id: 12}}
        - {name: eleven, method: user.UserService/GetUser, request: {id: 11}}
        - {name: adults, method: user.UserService/GetUser, request: {id: {$gt: 10}}}
    """)
    asked = {one.name: sent(one)[0] for one in plan.interactions}
    assert asked["twelve"] == {"id": 12}
    assert asked["eleven"] == {"id": 11}
    adults = asked["adults"]
    assert isinstance(adults, dict)
    assert adults["id"] > 12
    assert asked["all"] == {"id": 9}


def test_metadata_and_deadline_are_chosen_like_that_too() -> None:
    plan = planned("""
        - {name: anonymous, method: user.UserService/GetUser, request: {id: 1}, metadata: {authorization: null}}
        - {name: someone, method: user.UserService/GetUser, request: {id: 1}}
        - {name: traced, method: user.UserService/GetUser, request: {id: 1}, metadata: {x-id-bin: AAEC, x-n: [a, b]}}
        - {name: hurried, method: user.UserService/GetUser, request: {id: 1}, deadline: {$lt: 2}}
        - {name: timeless, method: user.UserService/GetUser, request: {id: 2}, deadline: {$exists: false}}
    """)
    calls = {one.name: one.calls[0] for one in plan.interactions}
    assert calls["anonymous"].metadata == ()
    assert [key for key, _ in calls["someone"].metadata] == ["authorization"]
    assert ("x-id-bin", bytes([0, 1, 2])) in calls["traced"].metadata
    assert [value for key, value in calls["traced"].metadata if key == "x-n"] == ["a", "b"]
    deadline = calls["hurried"].deadline
    assert deadline is not None
    assert 0 < deadline < 2
    assert calls["timeless"].without_deadline


def test_metadata_given_for_all_calls_is_kept_where_it_fits() -> None:
    text = """
        - {name: token, method: user.UserService/GetUser, request: {id: 1}, metadata: {authorization: {$regex: B}}}
        - {name: none, method: user.UserService/GetUser, request: {id: 1}, metadata: {authorization: null}}
        - {name: other, method: user.UserService/GetUser, request: {id: 2}}
    """
    given = (("authorization", "Bearer real"), ("x-tenant", "t1"))
    calls = {one.name: one.calls[0].metadata for one in planned(text, metadata=given).interactions}
    assert calls == {"token": given, "none": (("x-tenant", "t1"),), "other": given}


def test_an_expression_is_pleased_by_what_it_mentions() -> None:
    pytest.importorskip("cel_expr_python")
    found = planned("""
        - {name: a, method: user.UserService/GetUser, when: "request.id > 41 && request.id < 43"}
        - {name: b, method: user.UserService/CreateUsers, request: {email: a@b}, when: "request.name.startsWith('Al')"}
    """)
    assert [sent(one)[0] for one in found.interactions] == [{"id": 42}, {"name": "Al", "email": "a@b"}]
    with pytest.raises(
        StubError, match=r"when: no request was found that satisfies the stub 'c': expected request\.id > 41"
    ):
        planned("- {name: c, method: user.UserService/GetUser, when: 'request.id > 41 && request.id < 42'}")


RULES = """
syntax = "proto3";
package shop;
import "buf/validate/validate.proto";
service Shop { rpc Buy(Order) returns (Order); }
message Order {
  string item = 1 [(buf.validate.field).string.min_len = 1];
  int32 count = 2 [(buf.validate.field).int32 = {gte: 3, lte: 5}];
  string note = 3;
  oneof how {
    string card = 4;
    string cash = 5;
  }
}
"""


def test_what_a_pattern_does_not_speak_of_is_added_where_the_protos_demand_it(tmp_path: Path) -> None:
    (tmp_path / "shop.proto").write_text(RULES)
    registry = sources.load([tmp_path / "shop.proto"])
    text = """
        - {name: a, method: shop.Shop/Buy, request: {item: Ink, card: null}}
        - {name: b, method: shop.Shop/Buy, request: {item: Pen, count: 7}}
        - {name: c, method: shop.Shop/Buy, request: {item: Pen, count: 4}}
    """
    asked = {one.name: sent(one)[0] for one in planned(text, registry).interactions}
    assert asked["c"] == {"item": "Pen", "count": 4}
    filled = asked["a"]
    assert isinstance(filled, dict)
    assert filled["item"] == "Ink"
    assert 3 <= filled["count"] <= 5
    assert "card" not in filled
    wrong = asked["b"]
    assert isinstance(wrong, dict)
    assert wrong["count"] == 7, "what the stub says is sent, whatever the protos say"


def test_a_stream_has_as_many_messages_as_its_patterns() -> None:
    interaction = only("""
        - method: user.UserService/CreateUsers
          requests: {$size: 3, $first: {name: First}, $each: {email: {$suffix: "@corp.example"}}}
    """)
    first, *others = sent(interaction)
    assert isinstance(first, dict)
    assert first["name"] == "First"
    assert len(others) == 2
    assert [type(action) for action in interaction.calls[0].actions] == [Send, Send, Send, HalfClose]


# --- What can't be asked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "- {name: never, method: user.UserService/GetUser,\n   request: {id: {$gt: 5, $lt: 6}}}",
            "stubs.yaml:2:18: request.id: no request was found that satisfies the stub 'never': expected > 5 and < 6.",
        ),
        (
            "- {name: never, method: user.UserService/GetUser, metadata: {x-a: {$size: 2, $eq: abc}}}",
            "metadata.x-a: no request was found",
        ),
        (
            "- {name: never, method: user.UserService/GetUser, deadline: {$lt: 0}}",
            "deadline: no request was found",
        ),
        (
            (
                "- name: never\n  method: user.UserService/LookupUsers\n"
                "  script: [{on: [{request: {id: {$gt: 1}}, send: {}}, {request: {id: 5}, send: {}}]}]"
            ),
            "script[0].on[1]: no message was found for this step of the stub 'never'",
        ),
        (
            "- {name: bad, method: user.UserService/GetUser, verify: {ignore: [emial]}}",
            "verify.ignore: user.UserResponse has no field 'emial', so it can't be ignored. Did you mean 'email'?",
        ),
        (
            "- {name: bad, method: user.UserService/GetUsr}",
            "There is no method 'user.UserService/GetUsr'. Did you mean",
        ),
    ],
)
def test_what_no_request_pleases_is_named_before_anything_is_sent(text: str, expected: str) -> None:
    with pytest.raises(StubError, match=re.escape(expected)):
        planned(text)


def test_all_that_is_wrong_is_told_together() -> None:
    with pytest.raises(StubError) as caught:
        planned("""
            - {name: one, method: user.UserService/GetUser, request: {id: {$in: []}}}
            - {name: two, method: user.UserService/ListUsers, request: {page: {$gt: 1, $lt: 2}}}
        """)
    assert [problem.stub for problem in caught.value.problems] == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- {method: user.UserService/GetUser, verify: false}", "it says verify: false."),
        ("- {method: user.UserService/GetUser, fault: {hang: true}}", "it has a fault (hang), which no server makes"),
        (
            "- {method: user.UserService/GetUser, answers: [{fault: {abort: INTERNAL, rate: 0.5}}, {response: {}}]}",
            "it has a fault (abort)",
        ),
        (
            "- {method: user.UserService/GetUser, state: {s: done}}",
            "no stub that can be verified leads to its state (s: done).",
        ),
    ],
)
def test_what_is_not_for_a_real_server_is_skipped_with_a_reason(text: str, reason: str) -> None:
    interaction = only(text)
    assert interaction.skipped.startswith(reason)
    assert not interaction.calls


def test_a_stub_that_another_one_always_takes_is_skipped() -> None:
    plan = planned("""
        - {name: first, method: user.UserService/GetUser, priority: 1}
        - {name: second, method: user.UserService/GetUser, request: {id: 1}}
    """)
    assert plan.interactions[1].skipped == ("the stub 'first (stubs.yaml:2)' comes before it, whatever is sent.")


# --- Order ------------------------------------------------------------------------------------------------------------


def test_answers_in_turn_are_asked_for_in_turn() -> None:
    interaction = only("""
        - method: user.UserService/GetUser
          answers: [{response: {id: 1}}, {error: {code: NOT_FOUND}}, {response: {id: 3}}]
    """)
    assert [call.label for call in interaction.calls] == ["answers[0]", "answers[1]", "answers[2]"]


def test_a_stub_that_steps_aside_comes_first_and_as_often_as_it_takes() -> None:
    first, second = planned("""
        - {name: twice, method: user.UserService/GetUser, request: {id: 1}, times: 2}
        - {name: afterwards, method: user.UserService/GetUser, request: {id: 1}, error: {code: NOT_FOUND}}
    """).interactions
    assert len(first.calls) == 2
    assert second.after == (first,)
    assert first.chain == second.chain != 0


def test_scenarios_are_run_in_the_order_of_their_states() -> None:
    plan = planned("""
        - {name: after, method: user.UserService/GetUser, request: {id: 64}, state: {signup: done}}
        - {name: sign-up, method: user.UserService/CreateUsers, request: {name: Mia}, set: {signup: done}}
        - {name: before, method: user.UserService/GetUser, request: {id: 64}, state: {signup: started}}
        - {name: other, method: user.UserService/GetUser, request: {id: 1}}
    """)
    assert [one.name for one in plan.interactions] == ["before", "sign-up", "after", "other"]
    after = next(one for one in plan.interactions if one.name == "after")
    assert [one.name for one in after.after] == ["sign-up"]
    assert {one.name: bool(one.chain) for one in plan.interactions}["other"] is False


def test_a_stub_that_another_takes_in_one_state_is_asked_for_in_the_next() -> None:
    plan = planned("""
        - {name: before, method: user.UserService/GetUser, request: {id: 64}, state: {signup: started}}
        - {name: afterwards, method: user.UserService/GetUser, request: {id: 64}}
        - {name: sign-up, method: user.UserService/CreateUsers, request: {name: Mia}, set: {signup: done}}
    """)
    assert [one.name for one in plan.interactions] == ["before", "sign-up", "afterwards"]
    assert [one.name for one in plan.interactions[-1].after] == ["sign-up"]


def test_consumers_are_planned_apart() -> None:
    text = "- {name: one, method: user.UserService/GetUser, request: {id: 1}}"
    sources = [Source(stubs=stubs(text), consumer="web"), Source(stubs=stubs(text), consumer="app")]
    assert [one.id for one in plan(sources, users()).interactions] == ["web: one", "app: one"]


def test_other_descriptors_than_a_contract_knew_are_told() -> None:
    text = "- {name: one, method: user.UserService/GetUser, request: {id: 1}}"
    known = {"user.UserService/GetUser": "sha256:0", "user.UserService/Gone": "sha256:0"}
    planned = plan([Source(stubs=stubs(text), consumer="web", file="web.yaml", descriptors=known)], users())
    [warning] = planned.warnings
    assert str(warning).startswith(
        "web.yaml: warning: The contract of web was made with other descriptors of user.UserService/GetUser."
    )


def test_what_others_always_answer_is_given_up_after_so_many_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grpcmock.verify.requests.builder._MAX_TRIES", 100)
    made: list[str] = []
    messages = RequestBuilder._messages

    def counted(builder: RequestBuilder, stub: Any, constraints: Any) -> Any:
        for found in messages(builder, stub, constraints):
            made.append(stub.name)
            yield found

    monkeypatch.setattr(RequestBuilder, "_messages", counted)
    plan = planned("""
        - {name: other, method: user.UserService/GetUser,
           request: {id: {$gt: 0, $lt: 5, $gte: 1, $lte: 4, $in: [2, 3, 4], $ne: 9, $nin: [7]}}}
        - {name: last, method: user.UserService/GetUser, when: request.id == 3}
    """)
    assert plan.interactions[1].skipped
    assert 20 < made.count("last") <= 110
