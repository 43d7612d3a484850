"""What happens in a call, event by event: without a network, a clock or a sleep."""

from __future__ import annotations

import math

import pytest
from playbook import Playbook, ask, engine
from support import registry

from grpcmock.engine.steps import Finish, Headers, Receive, Reset, Send, Truncate, Wait
from grpcmock.status import Code

GET, LIST = "user.UserService/GetUser", "user.UserService/ListUsers"
CREATE, LOOKUP = "user.UserService/CreateUsers", "user.UserService/LookupUsers"


def user_engine(text: str, **options: object):
    return engine(registry("user.proto"), text, **options)


# Unary ------------------------------------------------------------------------------------------


def test_a_unary_stub_answers():
    mock = user_engine("[{method: user.UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alice}}]")
    assert ask(mock, GET, {"id": 1}).gets({"id": 1, "name": "Alice"}).finish() == Finish()


def test_no_answer_key_is_an_empty_message():
    mock = user_engine("[{method: user.UserService/GetUser}]")
    assert ask(mock, GET, {}).gets({}).finish() == Finish()


def test_an_error_carries_code_message_and_trailers():
    mock = user_engine(
        "[{method: user.UserService/GetUser, error: {code: NOT_FOUND, message: gone, trailers: {x-a: [b, c]}}}]"
    )
    finish = ask(mock, GET, {}).finish()
    assert (finish.code, finish.message, finish.trailers) == (Code.NOT_FOUND, "gone", (("x-a", "b"), ("x-a", "c")))


def test_headers_delay_and_trailers_surround_the_answer():
    mock = user_engine("[{method: user.UserService/GetUser, headers: {x-h: '1'}, trailers: {x-t: '2'}, delay: 200ms}]")
    call = ask(mock, GET, {})
    seen = []
    while not isinstance(call.step, Finish):
        seen.append(call.step)
        call.step = call.exchange.resume()
    assert [type(step) for step in seen if not isinstance(step, Send)] in ([Headers, Wait], [Wait, Headers])
    assert Headers((("x-h", "1"),)) in seen
    assert Wait(0.2) in seen
    assert call.finish().trailers == (("x-t", "2"),)


@pytest.mark.parametrize("method", [GET, LIST])
def test_a_single_request_is_neither_missing_nor_followed_by_another(method: str):
    mock = user_engine(f"[{{method: {method}}}]")
    missing = Playbook(mock, method).half_closes().finish()
    assert missing.code is Code.UNIMPLEMENTED
    assert "none came" in missing.message
    twice = Playbook(mock, method).sends({}).sends({}).finish()
    assert twice.code is Code.UNIMPLEMENTED
    assert "more came" in twice.message


def test_an_undecodable_request_is_refused_and_journalled():
    mock = user_engine("[{method: user.UserService/GetUser}]")
    finish = Playbook(mock, GET).sends(b"\xff\xff").finish()
    assert finish.code is Code.INTERNAL
    assert "user.GetUserRequest" in finish.message
    [call] = mock.journal
    assert call.code is Code.INTERNAL
    assert call.frames[0].data == b"\xff\xff"
    assert call.requests == []


def test_a_path_that_no_proto_declares_names_the_nearest():
    mock = user_engine("[]")
    from grpcmock.engine.steps import Open

    exchange = mock.open(Open("/user.UserService/GetUsr"))
    finish = exchange.resume()
    assert isinstance(finish, Finish)
    assert finish.code is Code.UNIMPLEMENTED
    assert "user.UserService/GetUser" in finish.message
    assert [call.path for call in mock.journal] == ["/user.UserService/GetUsr"]


# Choosing ---------------------------------------------------------------------------------------


def test_times_step_aside_and_sequences_run():
    mock = user_engine("""
- {method: user.UserService/GetUser, priority: 1, times: 1, response: {id: 1}}
- method: user.UserService/GetUser
  answers: [{response: {id: 2}}, {error: {code: UNAVAILABLE}}]
  then: cycle
""")
    outcomes = []
    for _ in range(4):
        call = ask(mock, GET, {})
        if isinstance(call.step, Send):
            outcomes.append(mock.registry.message("user.UserResponse").FromString(call.step.data).id)
            call.step = call.exchange.resume()
        else:
            outcomes.append(call.finish().code)
    assert outcomes == [1, 2, Code.UNAVAILABLE, 2]


def test_then_miss_runs_out():
    mock = user_engine("[{method: user.UserService/GetUser, answers: [{response: {id: 1}}], then: miss}]")
    ask(mock, GET, {}).gets({"id": 1}).finish()
    finish = ask(mock, GET, {}).finish()
    assert finish.code is Code.UNIMPLEMENTED
    assert "exhausted" in finish.message


def test_states_turn_and_templates_see_the_state_from_before():
    mock = user_engine("""
- {method: user.UserService/GetUser, state: {login: started}, set: {login: "in"}, response: {name: "{{ state.login }}"}}
- {method: user.UserService/GetUser, state: {login: "in"}, response: {name: "{{ state.login }}"}}
""")
    ask(mock, GET, {}).gets({"name": "started"}).finish()
    ask(mock, GET, {}).gets({"name": "in"}).finish()


def test_metadata_and_deadline_choose():
    mock = user_engine("""
- {name: b, method: user.UserService/GetUser, metadata: {x-env: blue}, response: {id: 1}}
- {name: d, method: user.UserService/GetUser, deadline: {$lt: 2}, response: {id: 2}}
""")
    ask(mock, GET, {}, metadata=(("x-env", "red"), ("x-env", "blue"))).gets({"id": 1}).finish()
    ask(mock, GET, {}, deadline=1.0).gets({"id": 2}).finish()
    assert ask(mock, GET, {}, deadline=3.0).finish().code is Code.UNIMPLEMENTED


# Misses -----------------------------------------------------------------------------------------


def test_a_miss_explains_itself_in_message_details_and_journal():
    from google.rpc import error_details_pb2, status_pb2

    mock = user_engine("[{name: alice, method: user.UserService/GetUser, request: {id: 1}, response: {id: 1}}]")
    finish = ask(mock, GET, {"id": 7}).finish()
    assert finish.code is Code.UNIMPLEMENTED
    trailers = dict(finish.trailers)
    assert trailers["grpcmock-miss"] == "1"
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    info = error_details_pb2.DebugInfo()
    assert status.details[0].Unpack(info)
    assert (status.code, status.message) == (finish.code, finish.message)
    for text in (finish.message, info.detail, mock.journal.__iter__().__next__().miss.text):
        assert "alice" in text
        assert "stubs.yaml" in text
        assert "7" in text


def test_a_long_miss_stays_within_what_clients_accept():
    names = "\n".join(
        f"- {{name: {'ü' * 200}{n}, method: user.UserService/GetUser, request: {{id: {n}}}, response: {{}}}}"
        for n in range(9)
    )
    finish = ask(user_engine(names), GET, {"id": 77}).finish()
    from urllib.parse import quote

    encoded = len(quote(finish.message)) + sum(len(v) * 4 // 3 for k, v in finish.trailers if isinstance(v, bytes))
    assert encoded < 7_800


def test_the_code_of_a_miss_can_be_chosen():
    mock = user_engine("[]", unmatched_code=Code.NOT_FOUND)
    assert ask(mock, GET, {}).finish().code is Code.NOT_FOUND


# Streams ----------------------------------------------------------------------------------------


def test_a_server_stream_with_an_interval_and_an_error_after_it():
    mock = user_engine("""
- method: user.UserService/ListUsers
  responses: [{id: 1}, {id: 2}]
  interval: 1s
  error: {code: DATA_LOSS}
""")
    call = ask(mock, LIST, {}).gets({"id": 1}).does(Wait(1.0)).gets({"id": 2})
    assert call.finish().code is Code.DATA_LOSS


def test_a_client_stream_is_answered_after_half_close():
    mock = user_engine("""
- method: user.UserService/CreateUsers
  requests: [{name: A}, {name: B}]
  response: {created: "{{ requests | length }}"}
""")
    call = Playbook(mock, CREATE).sends({"name": "A"}).sends({"name": "B"}).half_closes()
    assert call.gets({"created": 2}).finish() == Finish()
    assert Playbook(mock, CREATE).sends({"name": "A"}).half_closes().finish().code is Code.UNIMPLEMENTED


def test_a_client_stream_without_messages_can_be_answered():
    mock = user_engine("[{method: user.UserService/CreateUsers, response: {created: 0}}]")
    assert Playbook(mock, CREATE).half_closes().gets({}).finish() == Finish()


def test_a_bidirectional_conversation():
    mock = user_engine("""
- method: user.UserService/LookupUsers
  script:
    - headers: {x-ready: "yes"}
    - send: {name: hello}
    - expect: {id: 1}
    - send: {id: "{{ message.id }}", name: "{{ requests | length }}"}
    - on:
        - {request: {id: {$gt: 100}}, error: {code: OUT_OF_RANGE}}
        - {request: {id: {$gt: 10}}, send: [{id: "{{ message.id }}"}, {name: twice}]}
        - {request: {}, send: {name: other}}
""")
    call = Playbook(mock, LOOKUP).does(Headers((("x-ready", "yes"),))).gets({"name": "hello"})
    call.sends({"id": 1}).gets({"id": 1, "name": "1"})
    call.sends({"id": 11}).gets({"id": 11}).gets({"name": "twice"})
    call.sends({"id": 2}).gets({"name": "other"})
    assert call.sends({"id": 101}).finish().code is Code.OUT_OF_RANGE


def test_an_expectation_that_is_not_met_names_step_and_difference():
    mock = user_engine("""
- name: talk
  method: user.UserService/LookupUsers
  script: [{expect: {id: 1}}, {send: {}}]
""")
    finish = Playbook(mock, LOOKUP).sends({"id": 2}).finish()
    assert finish.code is Code.UNIMPLEMENTED
    assert dict(finish.trailers)["grpcmock-miss"] == "1"
    assert "talk" in finish.message
    assert "script[0].expect" in finish.message
    assert "expected" in finish.message
    closed = Playbook(mock, LOOKUP).half_closes().finish()
    assert "finished sending" in closed.message


def test_the_server_speaks_first_only_if_no_earlier_stub_could_win_by_a_message():
    mock = user_engine("""
- {name: first, method: user.UserService/LookupUsers, request: {id: 1}, responses: [{id: 1}]}
- {name: open, method: user.UserService/LookupUsers, script: [{send: {name: open}}]}
""")
    assert isinstance(Playbook(mock, LOOKUP).step, Receive)
    assert Playbook(mock, LOOKUP).sends({"id": 1}).gets({"id": 1}).half_closes().finish() == Finish()
    assert Playbook(mock, LOOKUP).sends({"id": 2}).gets({"name": "open"}).finish() == Finish()
    assert Playbook(mock, LOOKUP).half_closes().gets({"name": "open"}).finish() == Finish()


def test_an_earlier_stub_that_can_no_longer_win_is_not_waited_for():
    mock = user_engine("""
- {method: user.UserService/LookupUsers, request: {id: 1}, metadata: {x: y}, responses: [{id: 1}]}
- {method: user.UserService/LookupUsers, script: [{send: {name: open}}]}
""")
    assert isinstance(Playbook(mock, LOOKUP).step, Send)
    assert isinstance(Playbook(mock, LOOKUP, metadata=(("x", "y"),)).step, Receive)


def test_a_loop_pauses_between_rounds_until_cancelled():
    mock = user_engine("""
- method: user.UserService/LookupUsers
  script: [{repeat: {times: forever, every: 1s, steps: [{send: {name: tick}}]}}]
""")
    call = Playbook(mock, LOOKUP)
    for _ in range(5):
        call.gets({"name": "tick"}).does(Wait(1.0))
    call.exchange.cancel()
    [journalled] = mock.journal
    assert journalled.cancelled
    assert journalled.code is Code.CANCELLED
    assert len([frame for frame in journalled.frames if frame.direction == "response"]) >= 5


def test_a_cancellation_after_the_deadline_is_journalled_as_such():
    mock = user_engine("[{method: user.UserService/GetUser, delay: 10s}]")
    call = ask(mock, GET, {}, deadline=0.5)
    assert call.step == Wait(10.0)
    mock.machine.time += 0.6
    call.exchange.cancel()
    [journalled] = mock.journal
    assert journalled.code is Code.DEADLINE_EXCEEDED
    assert journalled.duration == pytest.approx(0.6)


# Templates and faults ---------------------------------------------------------------------------


def test_what_cannot_be_rendered_ends_the_call_naming_stub_and_field():
    mock = user_engine("[{name: t, method: user.UserService/GetUser, response: {id: '{{ 1 // request.id }}'}}]")
    ask(mock, GET, {"id": 1}).gets({"id": 1}).finish()
    finish = ask(mock, GET, {"id": 0}).finish()
    assert finish.code is Code.INTERNAL
    assert "t" in finish.message
    assert "id" in finish.message


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("{abort: UNAVAILABLE}", [Finish]),
        ("{hang: true}", [Wait]),
        ("{drip: 10ms}", [Send, Wait, Send, Finish]),
        ("{extra_messages: 2}", [Send, Send, Send, Send, Finish]),
        ("{reset: true}", [Reset]),
        ("{truncate: true}", [Truncate]),
        ("{drop_trailers: true}", [Send, Send, Finish]),
        ("{abort: UNAVAILABLE, rate: 0}", [Send, Send, Finish]),
    ],
)
def test_faults(fault: str, expected: list[type]):
    mock = user_engine(
        f"[{{method: user.UserService/ListUsers, responses: [{{id: 1}}, {{id: 2}}], fault: {fault}}}]",
        faults=frozenset(
            {"abort", "hang", "drip", "garbage", "truncate", "reset", "oversize", "extra_messages", "drop_trailers"}
        ),
    )
    call = ask(mock, LIST, {})
    kinds = [type(call.step)]
    while kinds[-1] not in (Finish, Reset, Truncate) and call.step != Wait(math.inf):
        call.step = call.exchange.resume()
        kinds.append(type(call.step))
    assert kinds == expected


def test_garbage_takes_the_place_of_the_first_message_and_cannot_be_decoded():
    from google.protobuf.message import DecodeError

    mock = user_engine("[{method: user.UserService/GetUser, response: {id: 1}, fault: {garbage: 32}}]")
    call = ask(mock, GET, {})
    assert isinstance(call.step, Send)
    assert len(call.step.data) == 32
    with pytest.raises(DecodeError):
        mock.registry.message("user.UserResponse").FromString(call.step.data)


def test_the_same_seed_strikes_the_same_calls():
    text = "[{method: user.UserService/GetUser, fault: {abort: UNAVAILABLE, rate: 0.5}}]"

    def codes(seed: int) -> list[type]:
        mock = user_engine(text, seed=seed)
        return [type(ask(mock, GET, {}).step) for _ in range(40)]

    assert codes(1) == codes(1)
    assert codes(1) != codes(2)
    assert {Send, Finish} == set(codes(1))


# Generated answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [GET, LIST, CREATE, LOOKUP])
def test_auto_answers_all_four_kinds_alike_for_the_same_request(method: str):
    def run() -> list[bytes]:
        mock = user_engine("[]", auto=True, seed=3)
        call = Playbook(mock, method).sends({})
        replies = []
        while not isinstance(call.step, Finish):
            if isinstance(call.step, Receive):
                call.half_closes()
                continue
            assert isinstance(call.step, Send)
            replies.append(call.step.data)
            call.step = call.exchange.resume()
        assert call.step.code is Code.OK
        [journalled] = mock.journal
        assert journalled.auto
        return replies

    assert run() == run()
    assert run()


@pytest.mark.parametrize(
    ("script", "at_once"),
    [
        ("[{send: {id: 1}}, {send: {id: 2}}, {send: {id: 3}}]", [2]),
        ("[{repeat: {times: 2, steps: [{send: {id: 1}}, {send: {id: 2}}]}}, {send: {id: 3}}]", [3, 0]),
        ("[{send: {id: 1}}, {wait: 1s}, {send: {id: 2}}, {send: {id: 3}}]", [0, 1]),
        ("[{send: {id: 1}}, {send: {name: '{{ request.page }}'}}, {send: {id: 3}}]", [0, 0, 0]),
    ],
)
def test_messages_that_follow_at_once_are_the_same_as_steps_of_their_own(script: str, at_once: list[int]) -> None:
    def run(*, takes_all: bool) -> tuple[list[bytes], list[int], list[bytes]]:
        mock = user_engine(f"[{{method: user.UserService/ListUsers, script: {script}}}]")
        call = ask(mock, LIST, {"page": 7})
        sent, taken = [], []
        while not isinstance(call.step, Finish):
            if isinstance(call.step, Send):
                following = list(call.exchange.buffered_messages()) if takes_all else []
                sent += [call.step.data, *following]
                taken.append(len(following))
            call.step = call.exchange.resume()
        [journalled] = mock.journal
        return sent, taken, [frame.data for frame in journalled.frames if frame.direction == "response"]

    stepwise, _, noted = run(takes_all=False)
    sent, taken, journalled = run(takes_all=True)
    assert sent == stepwise == noted == journalled
    assert taken == at_once


@pytest.mark.parametrize("auto", [False, True])
def test_the_messages_of_a_method_without_any_stub_can_be_read_in_its_record(auto: bool) -> None:
    mock = user_engine("[]", auto=auto)
    call = ask(mock, GET, {"id": 7})
    while not isinstance(call.step, Finish):
        call.step = call.exchange.resume()
    [journalled] = mock.journal
    assert [message.id for message in journalled.requests] == [7]
    assert len(journalled.responses) == auto


def test_a_script_may_wait_until_the_client_goes_away() -> None:
    mock = user_engine("[{method: user.UserService/ListUsers, script: [{send: {id: 1}}, {wait: forever}]}]")
    call = ask(mock, LIST, {}).gets({"id": 1})
    assert call.step == Wait(math.inf)
    call.exchange.cancel()
    [journalled] = mock.journal
    assert journalled.code is Code.CANCELLED


def test_an_operation_that_was_made_up_is_there_for_who_asks_for_it() -> None:
    mock = engine(registry("operations.proto"), auto=True)
    begun = ask(mock, "lro.v1.Instances/CreateInstance", {"instance": {"name": "a"}})
    assert isinstance(begun.step, Send)
    name = begun.method.response_class.FromString(begun.step.data).name
    again = ask(mock, "google.longrunning.Operations/GetOperation", {"name": name})
    assert isinstance(again.step, Send)
    assert again.step.data == begun.step.data
