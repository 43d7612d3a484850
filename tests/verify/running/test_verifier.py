"""Interactions held against servers: good ones, wrong ones, and those that do what no server should."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from handmade import serve
from verifying import kitchen, mock, outcomes, planned, stubs, users, verified

from grpcmock.client.channel import connect
from grpcmock.client.target import Target
from grpcmock.verify import hooks
from grpcmock.verify.results import Verdict
from grpcmock.verify.running import Options, Verifier, verify

GET, LIST = "/user.UserService/GetUser", "/user.UserService/ListUsers"
CREATE, LOOKUP = "/user.UserService/CreateUsers", "/user.UserService/LookupUsers"

USER = users().message("user.UserResponse")


def user(**fields: Any) -> bytes:
    return bytes(USER(**fields).SerializeToString())


ALL = """
    - name: unary
      method: user.UserService/GetUser
      request: {id: 1}
      headers: {x-a: "1"}
      trailers: {x-b-bin: AAEC}
      response: {id: 1, name: "User {{ request.id }}"}
    - name: error
      method: user.UserService/GetUser
      request: {id: {$gt: 1000}}
      error:
        code: INVALID_ARGUMENT
        message: no
        details: [{"@type": type.googleapis.com/google.rpc.RetryInfo, retry_delay: 1.5s}]
        trailers: {x-c: "{{ uuid() }}"}
    - name: server stream
      method: user.UserService/ListUsers
      request: {page: 1}
      responses: [{id: 1}, {id: 2}]
      error: {code: DATA_LOSS}
    - name: client stream
      method: user.UserService/CreateUsers
      requests: {$size: 3, $each: {name: {$regex: "^[A-Z][a-z]+$"}}}
      response: {created: "{{ requests | length }}", ids: [1, 2, 3]}
    - name: conversation
      method: user.UserService/LookupUsers
      metadata: {x-mode: talk}
      script:
        - send: {name: Welcome}
        - expect: {id: 7}
        - send: {id: 7, name: "{{ message.id }}"}
        - half_close
        - error: {code: ABORTED, message: enough}
    - name: lookup
      method: user.UserService/LookupUsers
      script:
        - on:
            - {request: {id: 1}, send: {id: 1}}
            - {request: {id: {$lt: 0}}, error: {code: INVALID_ARGUMENT, message: negative}}
            - {send: [{id: 2}, {id: 3}]}
    - name: twice
      method: user.UserService/GetUser
      request: {id: 63}
      times: 2
      response: {id: 63}
    - name: afterwards
      method: user.UserService/GetUser
      request: {id: 63}
      error: {code: NOT_FOUND}
    - name: in turn
      method: user.UserService/GetUser
      request: {id: 61}
      answers: [{error: {code: UNAVAILABLE}}, {response: {id: 61}}]
    - name: sign-up
      method: user.UserService/CreateUsers
      request: {name: Mia}
      set: {signup: done}
      response: {created: 1}
    - name: before
      method: user.UserService/GetUser
      request: {id: 64}
      state: {signup: started}
      error: {code: NOT_FOUND}
    - name: after
      method: user.UserService/GetUser
      request: {id: 64}
      state: {signup: done}
      response: {id: 64}
    - name: beats
      method: user.UserService/LookupUsers
      metadata: {x-mode: beat}
      script: [{repeat: {times: forever, every: 1ms, steps: [{send: {name: beat}}]}}]
"""


@pytest.mark.parametrize("concurrency", [1, 16])
async def test_a_mock_keeps_its_own_contract(tmp_path: Path, concurrency: int) -> None:
    async with mock(ALL, tmp_path) as address:
        report = await verified(address, planned(ALL), concurrency=concurrency)
    assert outcomes(report) == dict.fromkeys(outcomes(report), "passed")
    assert report.passed
    assert report.counts[Verdict.PASSED] == 13


async def test_each_interaction_can_be_run_by_itself(tmp_path: Path) -> None:
    plan = planned(ALL)
    async with mock(ALL, tmp_path) as address, connect(Target.parse(address)) as channel:
        after = plan.find("after")
        assert after is not None
        result = await Verifier(channel, plan).run(after)
    assert result.verdict is Verdict.PASSED
    assert len(result.calls) == 1


async def test_every_difference_is_told_by_its_place(tmp_path: Path) -> None:
    wanted = """
        - {name: field, method: user.UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alicia, email: a@b}}
        - {name: presence, method: user.UserService/GetUser, request: {id: 2}, response: {email: "{{ uuid() }}"}}
        - {name: error, method: user.UserService/GetUser, request: {id: 3}, error: {code: NOT_FOUND}}
        - {name: message, method: user.UserService/GetUser, request: {id: 4}, error: {code: NOT_FOUND, message: gone}}
        - name: details
          method: user.UserService/GetUser
          request: {id: 5}
          error:
            code: NOT_FOUND
            details:
              - {"@type": type.googleapis.com/google.rpc.RetryInfo, retry_delay: 2s}
              - {"@type": type.googleapis.com/google.rpc.ErrorInfo, reason: X}
        - name: metadata
          method: user.UserService/GetUser
          request: {id: 6}
          headers: {x-a: "2", x-b: "{{ uuid() }}"}
          trailers: {x-c: [a, b]}
        - {name: number, method: user.UserService/ListUsers, request: {page: 1}, responses: [{id: 1}, {id: 2}]}
        - {name: exact, method: user.UserService/GetUser, request: {id: 7}, response: {id: 7}, verify: {compare: exact}}
        - name: ignored
          method: user.UserService/GetUser
          request: {id: 7}
          metadata: {x-i: "1"}
          response: {id: 7, name: other}
          verify: {compare: exact, ignore: [name]}
        - {name: subset, method: user.UserService/GetUser, request: {id: 7}, metadata: {x-i: "2"}, response: {id: 7}}
    """
    served = """
        - {method: user.UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alice}}
        - {method: user.UserService/GetUser, request: {id: 2}, response: {name: Bob}}
        - {method: user.UserService/GetUser, request: {id: 3}, response: {name: Cleo}}
        - {method: user.UserService/GetUser, request: {id: 4}, error: {code: 5, message: "went away\\nlong ago"}}
        - name: details
          method: user.UserService/GetUser
          request: {id: 5}
          error:
            code: NOT_FOUND
            details: [{"@type": type.googleapis.com/google.rpc.RetryInfo, retry_delay: 1s}]
        - {method: user.UserService/GetUser, request: {id: 6}, headers: {x-a: "1"}, trailers: {x-c: [a]}}
        - {method: user.UserService/ListUsers, responses: [{id: 1}, {id: 3}, {id: 4}]}
        - {method: user.UserService/GetUser, request: {id: 7}, response: {id: 7, name: Gus}}
    """
    async with mock(served, tmp_path) as address:
        report = await verified(address, planned(wanted))
    assert outcomes(report) == {
        "field": 'failed; response.name: "Alicia" / "Alice"; response.email: "a@b" / ""',
        "presence": 'failed; response.email: not the default / ""',
        "error": "failed; status: NOT_FOUND / OK",
        "message": 'failed; status.message: "gone" / "went away\\nlong ago"',
        "details": 'failed; error.details[0].retry_delay: "2s" / "1s"; '
        'error.details[1]: an Any of google.rpc.ErrorInfo {reason: "X"} / absent',
        "metadata": 'failed; headers.x-a: "2" / "1"; headers.x-b: any value / absent; trailers.x-c: ["a", "b"] / "a"',
        "number": "failed; responses: 2 messages / 3 messages; responses[1].id: 2 / 3",
        "exact": 'failed; response.name: unset / "Gus"',
        "ignored": "passed",
        "subset": "passed",
    }
    assert not report.passed


async def test_the_first_step_that_fails_ends_a_chain(tmp_path: Path) -> None:
    text = """
        - {name: sign-up, method: user.UserService/CreateUsers, request: {}, set: {s: done}, response: {created: 1}}
        - {name: after, method: user.UserService/GetUser, state: {s: done}, response: {id: 64}}
        - {name: in turn, method: user.UserService/GetUser, request: {id: 7},
           answers: [{response: {id: 8}}, {response: {id: 9}}]}
    """
    served = "[{method: user.UserService/CreateUsers}, {method: user.UserService/GetUser}]"
    async with mock(served, tmp_path) as address:
        report = await verified(address, planned(text))
    found = outcomes(report)
    assert found["after"] == "skipped; 'sign-up', which comes before it, failed."
    [turn] = [result for result in report.results if result.name == "in turn"]
    assert [call.label for call in turn.calls] == ["answers[0]"]


async def test_what_is_known_not_to_hold_is_pending(tmp_path: Path) -> None:
    text = """
        - {name: bad, method: user.UserService/GetUser, request: {id: 1}, response: {id: 2}}
        - {name: good, method: user.UserService/GetUser, request: {id: 2}}
    """
    async with mock("[{method: user.UserService/GetUser}]", tmp_path) as address:
        report = await verified(address, planned(text), pending=frozenset({"bad", "good", "gone"}))
    assert {name: text.partition(";")[0] for name, text in outcomes(report).items()} == {
        "bad": "pending",
        "good": "passed",
    }
    assert report.passed
    assert report.stale_baseline == ("gone: there is no such stub", "good: it passes by now")


# --- Servers that do what none should ---------------------------------------------------------------------------------


async def _garbage(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    await context.write(b"\xff\xff\xff")


async def _silent(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    await asyncio.Event().wait()


async def _endless(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    while True:
        await context.write(user(id=1))


async def _nothing(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    return None


async def _two(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    await context.write(user(id=1))
    await context.write(user(id=2))


async def test_garbage_is_told_as_such() -> None:
    text = "- {name: one, method: user.UserService/GetUser, response: {id: 1}}"
    with serve({GET: _garbage}) as server:
        report = await verified(server.address, planned(text))
    [finding] = report.results[0].findings
    assert (finding.path, finding.expected) == ("response", "a user.UserResponse")
    assert finding.actual.startswith("3 bytes are not a valid user.UserResponse")
    assert report.results[0].calls[0].responses == ("3 bytes that are no user.UserResponse: ff ff ff",)


@pytest.mark.parametrize("deadline", ["", "deadline: {$exists: false}, "])
async def test_a_server_that_says_nothing_is_not_waited_for_without_end(deadline: str) -> None:
    text = f"- {{name: one, method: user.UserService/GetUser, {deadline}response: {{id: 1}}}}"
    with serve({GET: _silent}) as server:
        report = await verified(server.address, planned(text), timeout=0.2)
    assert outcomes(report)["one"] == "failed; status: OK / no end within 0.2 s"


async def test_a_stream_without_an_end_is_left() -> None:
    text = "- {name: one, method: user.UserService/ListUsers, responses: [{id: 1}]}"
    with serve({LIST: _endless}) as server:
        report = await verified(server.address, planned(text))
    assert outcomes(report)["one"] == "failed; responses: 1 message / 11 or more messages"


async def test_a_unary_method_with_none_or_two_responses() -> None:
    text = """
        - {name: none, method: user.UserService/GetUser, request: {id: 1}, response: {id: 1}}
        - {name: two, method: user.UserService/CreateUsers, requests: [{name: a}], response: {created: 1}}
    """
    with serve({GET: _nothing, CREATE: _two}) as server:
        report = await verified(server.address, planned(text))
    assert outcomes(report) == {
        "none": "failed; responses: 1 message / no messages",
        "two": "failed; responses: 1 message / 2 messages",
    }


async def test_a_script_that_is_never_answered_ends() -> None:
    text = """
        - name: one
          method: user.UserService/LookupUsers
          script: [{send: {name: hello}}, {expect: {id: 1}}, {send: {id: 1}}]
    """
    with serve({LOOKUP: _silent}) as server:
        report = await verified(server.address, planned(text), timeout=0.2)
    assert outcomes(report)["one"].startswith("failed; status: OK / no end within 0.2 s, waiting for script[0].send")


async def test_when_the_server_goes_away_the_rest_is_not_run() -> None:
    text = "".join(
        f"- {{name: n{number}, method: user.UserService/GetUser, request: {{id: {number}}}}}\n"
        for number in range(1, 30)
    )
    server = grpc.aio.server()

    async def handle(data: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        if data == b"\x08\x05":
            stopping.append(asyncio.create_task(server.stop(0)))
            await asyncio.Event().wait()
        return user()

    stopping: list[asyncio.Task[None]] = []
    handler = grpc.method_handlers_generic_handler(
        "user.UserService", {"GetUser": grpc.unary_unary_rpc_method_handler(handle)}
    )
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    report = await verified(f"127.0.0.1:{port}", planned(text), concurrency=1)
    await asyncio.gather(*stopping)
    verdicts = [result.verdict for result in report.results]
    assert verdicts[:4] == [Verdict.PASSED] * 4
    assert set(verdicts[4:]) == {Verdict.NOT_RUN}
    assert "went away: Nothing is listening on 127.0.0.1" in report.aborted
    assert not report.passed


async def test_unavailable_from_a_server_that_is_there_is_a_difference(tmp_path: Path) -> None:
    served = "[{method: user.UserService/GetUser, error: {code: UNAVAILABLE, message: busy}}]"
    async with mock(served, tmp_path) as address:
        report = await verified(address, planned("[{name: one, method: user.UserService/GetUser, response: {id: 1}}]"))
    assert outcomes(report) == {"one": "failed; status: OK / UNAVAILABLE: busy"}
    assert not report.aborted


# --- Provider states --------------------------------------------------------------------------------------------------


GIVEN = """
    - {name: a, given: one, method: user.UserService/GetUser, request: {id: 1}}
    - {name: b, method: user.UserService/GetUser, request: {id: 2}}
    - {name: c, given: two, method: user.UserService/GetUser, request: {id: 3}}
"""


@asynccontextmanager
async def _everything(tmp_path: Path) -> Any:
    async with mock("[{method: user.UserService/GetUser}]", tmp_path) as address:
        yield address


async def test_a_hook_is_told_before_and_after_each(tmp_path: Path) -> None:
    said: list[str] = []

    def hook(words: str, given: hooks.Given) -> Any:
        said.append(f"+{words} for {given.stub}")
        yield
        said.append(f"-{words}")

    async with _everything(tmp_path) as address:
        report = await verified(address, planned(GIVEN), hook=hooks.CallableHook(hook))
    assert report.passed
    assert said == ["+one for a", "-one", "+two for c", "-two"]
    assert not report.warnings


async def test_an_unknown_state_is_an_error_that_names_it(tmp_path: Path) -> None:
    async with _everything(tmp_path) as address:
        report = await verified(address, planned(GIVEN), hook=hooks.CallableHook({"one": lambda: None, "tow": None}))
    found = outcomes(report)
    assert (found["a"], found["b"]) == ("passed", "passed")
    assert found["c"].startswith("error; the set-up hook doesn't know the state 'two'")
    assert "Did you mean 'tow'?" in found["c"]


async def test_a_hook_that_fails_to_undo_spoils_what_held(tmp_path: Path) -> None:
    def hook(words: str) -> Any:
        yield
        raise RuntimeError("no way back")

    async with _everything(tmp_path) as address:
        report = await verified(address, planned(GIVEN), hook=hooks.CallableHook(hook))
    assert outcomes(report)["a"] == "error; the undoing of 'one' failed: RuntimeError: no way back."


async def test_states_that_nobody_is_told_are_warned_of(tmp_path: Path) -> None:
    async with mock("[{method: user.UserService/GetUser, error: {code: NOT_FOUND}}]", tmp_path) as address:
        report = await verified(address, planned(GIVEN))
    [warning] = report.warnings
    assert str(warning) == (
        "stubs.yaml:2: warning: given: 2 stubs take a state of the server as given, such as 'one', "
        "and no set-up hook is told. Name a set-up hook: --setup."
    )
    assert outcomes(report)["a"].endswith("It takes 'one' as given, and no set-up hook was told. See --setup.")


async def test_states_of_a_chain_are_undone_at_its_end(tmp_path: Path) -> None:
    said: list[str] = []

    def hook(words: str) -> Any:
        said.append(f"+{words}")
        yield
        said.append(f"-{words}")

    text = """
        - {name: one, given: first, method: user.UserService/GetUser, request: {id: 1}, times: 1, response: {}}
        - {name: two, given: second, method: user.UserService/GetUser, request: {id: 1}}
    """
    async with _everything(tmp_path) as address:
        report = await verified(address, planned(text), hook=hooks.CallableHook(hook))
    assert report.passed
    assert said == ["+first", "+second", "-second", "-first"]


async def test_the_library_verifies_in_one_call(tmp_path: Path) -> None:
    async with (
        mock("[{method: user.UserService/GetUser}]", tmp_path) as address,
        connect(Target.parse(address)) as channel,
    ):
        report = await verify(
            channel, users(), stubs("- {name: one, method: user.UserService/GetUser}"), options=Options()
        )
    assert report.passed


async def test_messages_of_every_kind_are_compared(tmp_path: Path) -> None:
    """What a mock answers of each kind of field holds against itself, exactly."""
    from support import ROOT

    from grpcmock.servers.addresses import Address
    from grpcmock.servers.host import Files, Host

    text = """
- name: all
  method: kitchen.KitchenService/Unary
  request: {f_int32: 1}
  verify: {compare: exact}
  response:
    f_double: NaN
    f_float: 0.1
    f_int64: "9007199254740993"
    f_bytes: AAEC
    f_enum: COLOR_RED
    f_message: {deeper: {big: 5}, tags: [a, b]}
    o_string: ""
    r_message: [{name: a}, {}]
    m_int32_string: {1: a}
    m_string_message: {a: {number: 1}}
    m_string_value: {$a: [1, {b: null}], c: null}
    c_bytes: AAE=
    w_timestamp: 2026-01-01T00:00:00Z
    w_duration: 1.5s
    w_field_mask: a,b
    w_struct: {$ref: {x: 1}, y: [true, null, {$z: 1}]}
    w_value: {a: "{{ request.f_int32 }}", b: ["{{ uuid() }}", true]}
    w_any: {"@type": type.googleapis.com/kitchen.Nested, name: x, number: "{{ request.f_int32 }}"}
    w_int64: "7"
    wr_any: [{"@type": type.googleapis.com/google.protobuf.Duration, value: 2s}]
    another-name: x
"""
    (tmp_path / "s.yaml").write_text(text)
    host = Host(Files((ROOT / "tests" / "protos" / "kitchen_sink.proto",), (tmp_path / "s.yaml",)))
    address = host.listen(Address.parse("127.0.0.1:0"))
    await host.start()
    try:
        report = await verified(str(address), planned(text, kitchen()))
    finally:
        await host.stop()
    assert outcomes(report) == {"all": "passed"}
