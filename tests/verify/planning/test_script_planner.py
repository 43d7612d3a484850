"""Scripts from the client's side: which messages are sent, and which are expected where."""

from __future__ import annotations

import pytest
from verifying import planned, users

from grpcmock.client.actions import Cancel, HalfClose, Receive, Send
from grpcmock.schema.codec import to_tree
from grpcmock.verify.planning.interactions import Interaction


def sent(interaction: Interaction) -> list[object]:
    return [to_tree(message) for message in interaction.calls[0].requests]


def only(text: str, **options: object) -> Interaction:
    [interaction] = planned(text, **options).interactions
    return interaction


def test_a_script_is_played_from_the_other_side() -> None:
    interaction = only("""
        - method: user.UserService/LookupUsers
          script:
            - headers: {x-hello: world}
            - send: {name: Welcome}
            - expect: {id: 7}
            - wait: 10ms
            - send: {id: 7}
            - half_close
            - finish: {trailers: {x-end: "yes"}}
    """)
    [call] = interaction.calls
    assert [type(action) for action in call.actions] == [Receive, Send, Receive, HalfClose]
    assert [named.values for named in call.headers if named.values] == [(("x-hello", ("world",)),)]
    assert [reply.path for reply in call.responses] == ["script[1].send", "script[4].send"]
    assert sent(interaction) == [{"id": 7}]


def test_each_arm_of_a_script_is_visited_and_those_that_end_the_call_in_calls_of_their_own() -> None:
    interaction = only("""
        - method: user.UserService/LookupUsers
          script:
            - on:
                - {request: {id: 1}, send: {name: one}}
                - {request: {id: {$lt: 0}}, error: {code: INVALID_ARGUMENT}}
                - {send: [{name: a}, {name: b}]}
    """)
    main, side = interaction.calls
    assert [to_tree(message) for message in main.requests] == [{"id": 1}, {"id": 2}]
    assert [reply.path for reply in main.responses] == [
        "script[0].on[0].send",
        "script[0].on[2].send[0]",
        "script[0].on[2].send[1]",
    ]
    assert [to_tree(message) for message in side.requests][-1] == {"id": -1}
    assert side.label == "script arm 2"
    assert side.status is not None
    assert side.status.code.name == "INVALID_ARGUMENT"


def test_loops_without_an_end_are_cancelled() -> None:
    interaction = only("""
        - method: user.UserService/LookupUsers
          script: [{repeat: {times: forever, every: 1s, steps: [{send: {name: beat}}]}}]
    """)
    [call] = interaction.calls
    assert [type(action) for action in call.actions] == [Receive, Receive, Receive, Cancel]
    assert call.status is None


def test_a_loop_with_a_number_has_as_many_rounds() -> None:
    interaction = only("""
        - method: user.UserService/LookupUsers
          script:
            - repeat: {times: 3, steps: [{expect: {id: {$gt: 1}}}, {send: {name: beat}}]}
            - error: {code: ABORTED}
    """)
    [call] = interaction.calls
    assert len(call.requests) == len(call.responses) == 3


def test_a_message_that_ends_a_loop_is_sent_last() -> None:
    interaction = only("""
        - method: user.UserService/LookupUsers
          script:
            - on: [{request: {id: {$lt: 10}}, send: {name: small}}, {send: {name: big}}]
              until: {id: 99}
            - send: {name: bye}
    """)
    assert [to_tree(message) for message in interaction.calls[0].requests] == [{"id": 9}, {"id": 11}, {"id": 99}]
    assert [reply.path for reply in interaction.calls[0].responses][-2:] == ["script[0].on[1].send", "script[1].send"]


def test_a_script_of_a_unary_method_has_one_request() -> None:
    interaction = only("""
        - method: user.UserService/GetUser
          script: [{expect: {id: {$gt: 5}}}, {wait: 1ms}, {send: {id: 6}}]
    """)
    [request] = sent(interaction)
    assert isinstance(request, dict)
    assert request["id"] > 5


def test_the_one_request_of_a_script_is_answered_by_the_arm_that_takes_it() -> None:
    interaction = only("""
        - method: user.UserService/GetUser
          request: {id: 7}
          script: [{on: [{request: {id: 1}, send: {name: one}}, {request: {id: {$gt: 1}}, send: {name: more}}]}]
    """)
    assert [reply.path for reply in interaction.calls[0].responses] == ["script[0].on[1].send"]


def test_steps_nest_as_the_mock_performs_them() -> None:
    interaction = only(
        """
        - method: user.UserService/LookupUsers
          answers:
            - script: [{expect: {id: 1}}, {send: {name: first}}, {finish: {trailers: {x-end: a}}}]
            - script:
                - repeat:
                    times: 2
                    steps:
                      - expect: {id: {$gt: 3}}
                      - repeat: {times: 2, steps: [{send: {name: again}}]}
                - on:
                    - {request: {id: 1}, steps: [{send: {name: one}}, {wait: 1ms}, finish]}
                    - {request: {id: {$lt: 0}}, send: [{name: a}], finish: {trailers: {x-end: b}}}
                - error: {code: ABORTED, trailers: {x-end: c}}
    """
    )
    _, main, one, negative = interaction.calls
    assert [call.label for call in interaction.calls] == [
        "answers[0]",
        "answers[1]",
        "answers[1]: script arm 1",
        "answers[1]: script arm 2",
    ]
    assert [to_tree(message) for message in main.requests] == [{"id": 4}, {"id": 4}]
    assert [expected.path for expected in main.responses] == [
        "answers[1].script[0].repeat.steps[1].repeat.steps[0].send"
    ] * 4
    assert [expected.path for expected in one.responses[4:]] == ["answers[1].script[1].on[0].steps[0].send"]
    assert [expected.path for expected in negative.responses[4:]] == ["answers[1].script[1].on[1].send[0]"]
    ends = [
        [named.values for named in call.status.trailers if named.values] for call in interaction.calls if call.status
    ]
    assert ends == [[(("x-end", (end,)),)] for end in "ac"] + [[]] + [[(("x-end", ("b",)),)]]
    assert [call.status.code.name for call in interaction.calls if call.status] == ["OK", "ABORTED", "OK", "OK"]


def test_patterns_of_steps_are_those_of_the_row() -> None:
    interaction = only("""
        - method: user.UserService/LookupUsers
          each: [{id: 5, times: 2}]
          script:
            - repeat: {times: "{{ row.times }}", steps: [{expect: {id: "{{ row.id }}"}}, {send: {id: "{{ row.id }}"}}]}
    """)
    [call] = interaction.calls
    assert sent(interaction) == [{"id": 5}, {"id": 5}]
    assert all(expected.pattern.holds(users().message("user.UserResponse")(id=5)) for expected in call.responses)


@pytest.mark.parametrize("until", ["half_close", "{id: 9}"])
def test_after_half_close_no_arm_answers(until: str) -> None:
    interaction = only(f"""
        - method: user.UserService/LookupUsers
          script:
            - half_close
            - on: [{{request: {{id: 1}}, send: {{name: one}}}}]
              until: {until}
            - send: {{name: bye}}
    """)
    [call] = interaction.calls
    assert call.requests == ()
    assert [expected.path for expected in call.responses] == ["script[2].send"]


@pytest.mark.parametrize(
    ("text", "actions"),
    [
        ("request: {id: 7}, script: [{send: {}}]", [Send, Receive, HalfClose]),
        ("request: {id: 7}, script: [{send: {}}, {expect: {}}, {expect: {}}]", [Send, Receive, Send, HalfClose]),
        ("request: {id: 7}, script: [{repeat: {times: forever, steps: [{send: {}}]}}]", [Send, *[Receive] * 3, Cancel]),
        ("requests: [{id: 7}, {id: 8}], script: [{send: {}}, {expect: {}}]", [Send, Send, HalfClose, Receive]),
        ("requests: {$size: 2}, script: [{send: {}}, half_close, {send: {}}]", [Send, Send, HalfClose, *[Receive] * 2]),
        ("script: [{send: {}}, {expect: {}}]", [Receive, Send, HalfClose]),
    ],
)
def test_the_client_begins_with_what_the_stub_is_chosen_by(text: str, actions: list[type]) -> None:
    [call] = only(f"- {{method: user.UserService/LookupUsers, {text}}}").calls
    assert [type(action) for action in call.actions] == actions
    assert len(call.requests) == actions.count(Send)


@pytest.mark.parametrize(
    "script",
    [
        "[{send: {name: a}}, {wait: forever}]",
        "[{send: {name: a}}, {on: [{request: {id: 1}, send: {name: b}}, {wait: forever}]}]",
    ],
)
def test_a_conversation_that_stays_open_is_cancelled(script: str) -> None:
    [one] = planned(f"- {{name: watch, method: user.UserService/LookupUsers, script: {script}}}").interactions
    last = one.calls[-1]
    assert type(last.actions[-1]) is Cancel
    assert last.status is None
