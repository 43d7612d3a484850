"""A mock that is a session of a server elsewhere has the words of one in this process, and they mean the same."""

from __future__ import annotations

import asyncio
import json
import queue
import re
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from shared_server import COMMON, Shared, shared_server
from support import ROOT

from grpcmock import ConfigError, DroppedCallsError, MockServer, StubError, TargetError, VerificationError, gt, reply
from grpcmock.status import SESSION_KEY

GET = "user.UserService/GetUser"
LIST = "user.UserService/ListUsers"
CREATE = "user.UserService/CreateUsers"
PROTOS = ROOT / "protos" / "user.proto"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with shared_server(tmp_path_factory.mktemp("shared")) as server:
        yield server


@pytest.fixture(params=["local", "remote"])
def mock(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MockServer]:
    """A mock with the common stubs: one in this process, and one elsewhere."""
    if request.param == "remote":
        with MockServer(target=request.getfixturevalue("shared").target) as server:
            yield server
        return
    (tmp_path / "common.yaml").write_text(COMMON)
    with MockServer(PROTOS, stubs=tmp_path / "common.yaml") as server:
        yield server


@pytest.fixture
def remote(shared: Shared) -> Iterator[MockServer]:
    with MockServer(target=shared.target) as server:
        yield server


def call(mock: MockServer, method: str, *requests: dict[str, Any], metadata: Any = ()) -> list[Any]:
    """Make a call; give the messages of the answer, and the name of the status if it is an error."""
    found = mock.registry.method(method)
    encoded = [found.request_class(**one).SerializeToString() for one in requests]
    with mock.channel() as opened:
        channel: Any = opened
        made = channel.stream_stream(found.path)(iter(encoded), metadata=metadata)
        try:
            return [_plain(found.response_class.FromString(data)) for data in made]
        except grpc.RpcError as error:
            return [error.code().name]


def _plain(message: Any) -> dict[str, Any]:
    return {field.name: value for field, value in message.ListFields()}


def get(mock: MockServer, identity: int) -> str:
    answer = call(mock, GET, {"id": identity})[0]
    return answer if isinstance(answer, str) else answer.get("name", "")


# The same as here -------------------------------------------------------------------------------------


def test_stubs(mock: MockServer) -> None:
    handle = mock.on(GET).when(id=5).returns(name="five")
    mock.on(GET).when(id=gt(5)).sequence(reply(name="first"), reply(name="second"), then="miss")
    mock.on(GET).when(id=404).fails("NOT_FOUND", "nobody there")
    mock.on(LIST).streams({"id": 1}, {"id": 2}).named("users").trailers({"x-page": "1"})
    assert [get(mock, identity) for identity in (5, 6, 7, 8, 404, 1, 1, 1)] == [
        "five", "first", "second", "UNIMPLEMENTED", "NOT_FOUND", "one", "two", "one"
    ]  # fmt: skip
    assert call(mock, LIST, {}) == [{"id": 1}, {"id": 2}]
    assert (handle.count, handle.was_used) == (1, True)
    assert [one.request.id for one in handle.calls] == [5]
    handle.remove()
    assert get(mock, 5) == "UNIMPLEMENTED"


def test_a_handle_that_is_changed_keeps_its_rank(mock: MockServer) -> None:
    first = mock.on(GET).returns(name="a")
    mock.on(GET).returns(name="b")
    first.times(1)
    assert [get(mock, 1), get(mock, 1)] == ["a", "b"]
    first.named("renamed")
    assert first.name == "renamed"


def test_what_a_test_declares_goes_before_what_it_loads(mock: MockServer) -> None:
    mock.on(GET).returns(name="declared")
    mock.load(text=f"[{{name: loaded, method: {GET}, priority: 5, response: {{name: loaded}}}}]")
    mock.load(text=f"[{{method: {LIST}, response: {{name: loaded}}}}]")
    assert get(mock, 1) == "declared"
    assert call(mock, LIST, {}) == [{"name": "loaded"}]


def test_what_is_wrong_is_said_with_its_place(mock: MockServer) -> None:
    with pytest.raises(StubError, match=r"test_remote.py:\d+.*nam"):
        mock.on(GET).returns(nam="Alice")
    with pytest.raises(StubError, match=r"x\.yaml:1"):
        mock.load(text=f"[{{method: {GET}, response: {{nam: x}}}}]", source="x.yaml")
    mock.on(GET).returns(name="a").named("twice")
    with pytest.raises(StubError, match="taken"):
        mock.on(GET).returns(name="b").named("twice")


def test_the_calls(mock: MockServer) -> None:
    mock.on(CREATE).returns(created=2)
    call(mock, GET, {"id": 1}, metadata=(("x-tenant", "acme"), ("x-bin", b"\x00\xff")))
    call(mock, CREATE, {"name": "Carol"}, {"name": "Dave"})
    assert get(mock, 99) == "UNIMPLEMENTED"
    first, second, third = mock.calls
    assert (first.method, first.request.id, first.response.name, first.status) == (GET, 1, "one", "OK")
    assert (first.metadata["x-tenant"], first.metadata["x-bin"]) == ("acme", b"\x00\xff")
    assert first.stub is not None
    assert (first.stub.name, str(first.stub.location).endswith("common.yaml:3")) == ("sequence", True)
    assert [one.name for one in second.requests] == ["Carol", "Dave"]
    assert second.stub is not None and "test_remote.py" in str(second.stub.location)
    assert "No stub matches" in third.miss
    assert not third.matched
    assert mock.calls[0] == first, "the same call is the same"
    assert mock.calls.where(id=1, metadata={"x-tenant": "acme"}).one() == first
    assert mock.on(CREATE).calls.where(name="Carol").one() == second
    mock.assert_called(times=3)
    mock.on(GET).assert_not_called(id=7)
    mock.calls.assert_order(GET, CREATE, GET, only=True)
    with pytest.raises(VerificationError, match="No stub matches"):
        mock.verify()


def test_a_stub_that_nobody_used_fails_the_verification(mock: MockServer) -> None:
    mock.on(GET).when(id=5).returns(name="five")
    with pytest.raises(VerificationError, match="never used"):
        mock.verify()


def test_states(mock: MockServer) -> None:
    mock.on(GET).in_state(door="open").returns(name="inside")
    mock.on(GET).when(id=2).to_state(door="open").returns(name="opened")
    assert mock.state["door"] == "started"
    assert [get(mock, 1), get(mock, 2), get(mock, 1)] == ["one", "opened", "inside"]
    assert mock.state["door"] == "open"
    del mock.state["door"]
    assert get(mock, 1) == "two"
    mock.state.update(door="open", window="shut")
    assert dict(mock.state).items() >= {"door": "open", "window": "shut"}.items()
    assert get(mock, 1) == "inside"


def test_snapshots(mock: MockServer) -> None:
    outer = mock.on(GET).when(id=5).returns(name="outer")
    mock.state["door"] = "open"
    assert get(mock, 5) == "outer"
    with mock.snapshot():
        assert len(mock.calls) == 0
        inner = mock.on(GET).when(id=5).returns(name="inner").priority(1)
        outer.remove()
        mock.state["door"] = "shut"
        assert get(mock, 5) == "inner"
        assert len(mock.calls) == 1
        mock.verify()
    assert [get(mock, 5), mock.state["door"], len(mock.calls)] == ["outer", "open", 2]
    assert inner.entry is None
    mock.verify()
    mock.reset()
    assert [len(mock.calls), mock.state["door"], get(mock, 5)] == [0, "started", "UNIMPLEMENTED"]


def test_waiting_for_calls(mock: MockServer) -> None:
    later = threading.Timer(0.05, lambda: [get(mock, 1), get(mock, 2)])
    later.start()
    assert [one.request.id for one in mock.wait_called(2)] == [1, 2]
    later.join()
    with pytest.raises(AssertionError, match=r"Waited 0.01 s. Expected at least 3 calls"):
        mock.wait_called(3, timeout=0.01)


async def test_waiting_in_an_event_loop(mock: MockServer) -> None:
    method = mock.registry.method(GET)
    channel: Any = mock.aio_channel()
    waiting = asyncio.ensure_future(mock.await_called(id=1))
    answer = await channel.unary_unary(method.path)(method.request_class(id=1).SerializeToString())
    assert _plain(method.response_class.FromString(answer)) == {"name": "one"}
    assert (await waiting).one().request.id == 1
    await channel.close()


def test_all_kinds_of_calls_belong_to_the_session(remote: MockServer, shared: Shared) -> None:
    with remote.channel() as opened:
        channel: Any = opened
        for path, made in {
            "/user.UserService/GetUser": lambda path: channel.unary_unary(path)(b""),
            "/user.UserService/ListUsers": lambda path: list(channel.unary_stream(path)(b"")),
            "/user.UserService/CreateUsers": lambda path: channel.stream_unary(path)(iter([b""])),
            "/user.UserService/LookupUsers": lambda path: list(channel.stream_stream(path)(iter([b""]))),
        }.items():
            try:
                made(path)
            except grpc.RpcError:
                continue
    assert [one.method.rpartition("/")[2] for one in remote.calls] == [
        "GetUser", "ListUsers", "CreateUsers", "LookupUsers"
    ]  # fmt: skip
    assert {one.metadata[SESSION_KEY] for one in remote.calls} == {remote.session}


async def test_all_kinds_of_calls_of_an_event_loop_belong_to_the_session(remote: MockServer) -> None:
    channel: Any = remote.aio_channel()
    made: list[Any] = [
        channel.unary_unary("/user.UserService/GetUser")(b""),
        channel.unary_stream("/user.UserService/ListUsers")(b""),
        channel.stream_unary("/user.UserService/CreateUsers")(iter([b""])),
        channel.stream_stream("/user.UserService/LookupUsers")(iter([b""])),
    ]
    for one in made:
        try:
            if hasattr(one, "__aiter__"):
                async for _ in one:
                    pass
            else:
                await one
        except grpc.RpcError:
            continue
    await channel.close()
    assert len(remote.calls) == 4


# What is different ------------------------------------------------------------------------------------


def test_two_sessions_do_not_see_each_other(shared: Shared) -> None:
    with MockServer(target=shared.target) as one, MockServer(target=shared.target, session="other") as other:
        assert (other.session, other.metadata) == ("other", ((SESSION_KEY, "other"),))
        assert one.session != other.session
        one.on(GET).when(id=1).returns(name="mine")
        assert [get(one, 1), get(other, 1), get(one, 1), get(other, 1)] == ["mine", "one", "mine", "two"]
        assert (len(one.calls), len(other.calls)) == (2, 2)
        assert {one.session, "other"} <= set(shared.sessions())
    assert shared.sessions() == []
    assert len(one.calls) == 2, "what was there can still be looked at"


# Its words --------------------------------------------------------------------------------------------


def elsewhere(said: str) -> Callable[[Callable[[MockServer], object]], Callable[[MockServer], object]]:
    """Have what can't be done elsewhere say so."""

    def wrap(ask: Callable[[MockServer], object]) -> Callable[[MockServer], object]:
        def refused(mock: MockServer) -> object:
            with pytest.raises(ConfigError, match=said):
                ask(mock)
            return True

        return refused

    return wrap


def one_call(mock: MockServer) -> MockServer:
    get(mock, 1)
    return mock


async def _in_a_loop(mock: MockServer) -> object:
    async with mock.aio_channel() as channel:
        call: Any = channel.unary_unary(f"/{GET}")
        await call(b"\x08\x01")
        return len(await mock.await_called()) == 1


async def _client_of(mock: MockServer) -> object:
    return mock.aio_client(_Stub)


def _in_a_snapshot(mock: MockServer) -> object:
    with mock.snapshot() as inside:
        get(inside, 1)
        return len(inside.calls) == 1


def _url(mock: MockServer, word: str) -> object:
    try:
        return getattr(mock, word) == f"http://{mock.target}"
    except ConfigError as error:  # on aio
        return "speaks gRPC alone" in str(error)


class _Stub:
    def __init__(self, channel: Any) -> None:
        self.channel = channel


WORDS: dict[str, Callable[[MockServer], object]] = {
    "add": lambda mock: mock.add(method=GET, response={"name": "x"}).count == 0,
    "admin_url": lambda mock: _url(mock, "admin_url"),
    "aio_channel": lambda mock: asyncio.run(_in_a_loop(mock)),
    "aio_client": lambda mock: asyncio.run(_client_of(mock)),
    "assert_called": lambda mock: one_call(mock).assert_called(times=1) is None,
    "assert_called_once": lambda mock: one_call(mock).assert_called_once(id=1) is None,
    "assert_not_called": lambda mock: mock.assert_not_called() is None,
    "await_called": lambda mock: asyncio.run(_in_a_loop(mock)),
    "calls": lambda mock: one_call(mock).calls.one().request.id == 1,
    "channel": lambda mock: mock.channel(),
    "client": lambda mock: mock.client(_Stub),
    "clock": lambda mock: mock.clock.now,
    "contract": lambda mock: mock.contract().left_out == (),
    "fault": lambda mock: mock.fault("slow", latency="1ms"),
    "faults": lambda mock: list(mock.faults) == [],
    "http_url": lambda mock: _url(mock, "http_url"),
    "is_running": lambda mock: mock.is_running,
    "load": lambda mock: mock.load(text=f"[{{method: {GET}, response: {{}}}}]"),
    "metadata": lambda mock: mock.metadata == ((SESSION_KEY, mock.session),),
    "on": lambda mock: mock.on(GET).returns(name="x"),
    "recorder": elsewhere(r"recorder\(\) needs a mock server in this process.*--forward")(
        lambda mock: mock.recorder("127.0.0.1:1")
    ),
    "registry": lambda mock: mock.registry.method(GET),
    "reset": lambda mock: (one_call(mock).reset(), len(mock.calls) == 0)[1],
    "session": lambda mock: mock.session.startswith("python-"),
    "snapshot": _in_a_snapshot,
    "start": elsewhere("is in use already")(lambda mock: mock.start()),
    "state": lambda mock: mock.state["door"] == "started",
    "stop": lambda mock: (one_call(mock).stop(), len(mock.calls) == 1)[1],
    "target": lambda mock: mock.target.startswith("127.0.0.1:"),
    "verify": lambda mock: mock.verify() is None,
    "wait_called": lambda mock: len(one_call(mock).wait_called()) == 1,
}
"""By the words of a mock: what shows that each does elsewhere what it does here, or says why it can't."""

FUNCTIONS = {
    "answers": (lambda mock: mock.on(GET).answers(lambda _: {}), "is a function in Python.*without target"),
    "pushes": (lambda mock: mock.on(GET).pushes(), r"pushes\(\) is a function.*without target"),
    "when": (lambda mock: mock.on(GET).when(where=lambda _: True).returns(), "is a function in Python"),
}


def test_every_word_is_tried() -> None:
    assert {name for name in dir(MockServer) if not name.startswith("_")} == set(WORDS)


@pytest.mark.parametrize("ask", WORDS.values(), ids=WORDS)
def test_every_word_means_the_same_elsewhere_or_says_why_not(
    remote: MockServer, ask: Callable[[MockServer], object]
) -> None:
    assert ask(remote)
    if remote.is_running:
        assert call(remote, LIST, {}) == [{"name": "common"}], "it goes on"


@pytest.mark.parametrize(("ask", "said"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions_cannot_be_elsewhere(remote: MockServer, ask: Callable[[MockServer], object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ask(remote)
    assert get(remote, 1) == "one"


def test_the_port_for_grpc_is_that_for_http_on_native(tmp_path: Path) -> None:
    pytest.importorskip("grpcmock_native")
    with shared_server(tmp_path, transport="native") as shared, MockServer(target=shared.target) as mock:
        assert mock.http_url == mock.admin_url == f"http://{shared.target}"
        with urllib.request.urlopen(f"{mock.admin_url}/v1/sessions", timeout=20) as answer:
            assert [one["name"] for one in json.load(answer)["sessions"]] == [mock.session]
        with MockServer(target=f"ipv4:{shared.target}") as by_scheme:
            assert by_scheme.http_url == mock.http_url


def test_a_port_that_speaks_grpc_alone_has_no_url(tmp_path: Path) -> None:
    with shared_server(tmp_path, transport="aio") as shared, MockServer(target=shared.target) as mock:
        for word in ("http_url", "admin_url"):
            with pytest.raises(ConfigError, match=f"{shared.target} speaks gRPC alone.*--http"):
                getattr(mock, word)


def test_of_a_stub_that_is_gone_the_name_is_known(tmp_path: Path) -> None:
    with shared_server(tmp_path) as shared, MockServer(target=shared.target) as mock:
        assert get(mock, 404) == "NOT_FOUND"
        shared.thread.call(lambda: shared.host.engine.store.remove(lambda entry: entry.name == "nobody"))
        stub = mock.calls.one().stub
        assert stub is not None and (stub.name, stub.request) == ("nobody", None)


def test_a_contract_has_the_stubs_that_answered(mock: MockServer) -> None:
    """The common ones among them, whose text is asked for, and those of calls that were forgotten meanwhile."""
    get(mock, 404)
    collector = mock.contract()
    with mock.snapshot():
        mock.on(GET).when(id=5).returns(name="five").named("mine")
        get(mock, 5)
    get(mock, 1)
    get(mock, 99)
    collector.stop()
    get(mock, 404)
    text = collector.to_text("web")
    assert re.findall(r"name: (mine|sequence|nobody)$", text, re.MULTILINE) == ["mine", "sequence"]
    assert "name: five" in text and "name: two" in text
    assert collector.left_out == (f"{GET}: no stub answered",)


def test_settings_of_a_server_are_made_where_it_is_started() -> None:
    with pytest.raises(ConfigError, match=r"auto, seed|seed, auto"):
        MockServer(target="127.0.0.1:1", seed=1, auto=True)
    with pytest.raises(ConfigError, match=SESSION_KEY):
        MockServer(target="127.0.0.1:1", session="ä")


def test_nothing_there(shared: Shared, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"Nothing is listening on 127\.0\.0\.1:1"):
        MockServer(target="127.0.0.1:1").start()
    with shared_server(tmp_path, admin=False) as bare, pytest.raises(TargetError, match="has no admin service"):
        MockServer(target=bare.target).start()
    before = MockServer(target=shared.target)
    with pytest.raises(ConfigError, match="was not started"):
        before.on(GET)


def test_a_token(tmp_path: Path) -> None:
    with shared_server(tmp_path, token="secret") as shared:
        for given, said in ((None, "wants a token"), ("wrong", "takes another token")):
            with pytest.raises(TargetError, match=said):
                MockServer(target=shared.target, admin_token=given).start()
        with MockServer(target=shared.target, admin_token="secret") as mock:
            assert get(mock, 1) == "one"


def test_own_protos_and_stubs(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(f"[{{name: own, method: {GET}, response: {{name: own}}}}]")
    with shared_server(tmp_path, reflection=False) as shared:
        with pytest.raises(TargetError, match="protos="):
            MockServer(target=shared.target).start()
        with MockServer(PROTOS, target=shared.target, stubs=tmp_path / "own.yaml") as mock:
            assert get(mock, 7) == "own"
        with MockServer(PROTOS, target=shared.target) as mock:
            assert get(mock, 7) == "UNIMPLEMENTED"


def test_dropped_calls(tmp_path: Path) -> None:
    with (
        shared_server(tmp_path, journal_calls=2) as shared,
        MockServer(target=shared.target) as one,
        MockServer(target=shared.target) as other,
    ):
        for _ in range(4):
            get(one, 1)
        with pytest.raises(DroppedCallsError, match="2 calls"):
            one.calls.assert_called(4)
        with pytest.raises(DroppedCallsError):
            one.on(GET).assert_not_called(id=7)
        one.on(LIST).assert_not_called()
        other.assert_not_called()
        one.assert_called(at_least=2)
        for identity in (404404, 1, 1):
            get(one, identity)
        with pytest.raises(VerificationError, match="No stub answered 1 call that was dropped"):
            one.verify()
        one.reset()
        one.assert_not_called()


def test_a_server_that_ends_is_told_of(tmp_path: Path) -> None:
    with shared_server(tmp_path) as shared:
        mock = MockServer(target=shared.target).start()
        get(mock, 1)
    with pytest.raises(TargetError, match=shared.target):
        assert mock.calls
    mock.stop()


# Faults and time --------------------------------------------------------------------------------------


def test_faults(mock: MockServer) -> None:
    mock.on(GET).when(id=5).optional().returns(name="five")
    with mock.fault("down", methods="UserService/*", status="UNAVAILABLE", first=2) as fault:
        assert [get(mock, 5) for _ in range(3)] == ["UNAVAILABLE", "UNAVAILABLE", "five"]
        assert (fault.struck, fault.is_set, list(mock.faults)) == (2, True, ["down"])
        with pytest.raises(ConfigError, match="Did you mean 'down'"):
            mock.faults.remove("donw")
    assert not mock.faults
    assert get(mock, 5) == "five"
    with mock.snapshot():
        mock.fault("slow", latency={"min": "1ms", "max": "2ms"}, quota=1, reset=False)
        mock.on(GET).when(id=5).optional().returns(name="five")
        assert get(mock, 5) == "five"
    assert not mock.faults


def test_a_delay_by_chance_arrives_as_it_is(remote: MockServer) -> None:
    remote.fault("slow", latency={"median": "2ms", "sigma": 0.5})
    (told,) = httpx.get(f"{remote.admin_url}/v1/faults", params={"session": remote.session}).json()["faults"]
    assert (told["latency"], told["latencySigma"]) == ("0.002s", 0.5)


def test_what_is_wrong_with_a_fault(mock: MockServer) -> None:
    with pytest.raises(StubError, match="Did you mean 'latency'"):
        mock.fault("slow", latancy="1s")


def test_faults_of_one_session_dont_strike_another(shared: Shared, remote: MockServer) -> None:
    remote.fault("down", status="UNAVAILABLE")
    with MockServer(target=shared.target) as other:
        other.on(GET).when(id=5).returns(name="five")
        assert get(other, 5) == "five"
        assert not other.faults


def test_the_clock(mock: MockServer) -> None:
    noon = datetime(2031, 5, 6, 12, tzinfo=UTC)
    mock.on(GET).returns(name="{{ now().strftime('%H:%M') }}")
    with mock.clock.frozen(noon) as clock:
        assert (clock.now, clock.is_frozen, get(mock, 1)) == (noon, True, "12:00")
        clock.advance("2h")
        clock.advance(timedelta(minutes=-30))
        assert (clock.now, get(mock, 1)) == (noon + timedelta(hours=1.5), "13:30")
        clock.resume()
        clock.set(noon)
        assert not clock.is_frozen
        assert noon <= clock.now < noon + timedelta(hours=1)
        with pytest.raises(ConfigError, match="years 1 to 9999"):
            clock.advance(1e12)
    assert abs(mock.clock.now - datetime.now(UTC)) < timedelta(hours=1)


def test_who_has_set_the_clock_elsewhere_gives_it_back(shared: Shared, remote: MockServer) -> None:
    clock = shared.host.engine.clock
    with remote.snapshot():
        remote.clock.freeze()
        assert clock.frozen
    assert not clock.frozen
    with MockServer(target=shared.target) as other:
        other.clock.advance("1h")
        with remote.snapshot():
            assert clock.offset == pytest.approx(3600, abs=60)
        assert clock.offset == pytest.approx(3600, abs=60), "what another has set is left alone"
    assert clock.offset == 0


def test_a_test_that_stands_still_keeps_its_session(tmp_path: Path) -> None:
    with shared_server(tmp_path, idle=0.3) as shared, MockServer(target=shared.target) as mock:
        mock.on(GET).returns(name="still here")
        sessions = shared.host.engine.sessions
        used: queue.Queue[str] = queue.Queue()
        use = sessions.use

        def noted(name: str) -> Any:
            used.put(name)
            return use(name)

        sessions.use = noted  # type: ignore[method-assign]
        assert {used.get(timeout=20) for _ in range(5)} == {mock.session}
        assert get(mock, 1) == "still here"


def test_what_the_mock_failed_in_is_told_by_the_verification(shared: Shared, remote: MockServer) -> None:
    get(remote, 1)

    def fail() -> None:
        (call,) = (call for call in shared.host.engine.journal if call.session == remote.session)
        call.error = ConfigError("the fault can't be put on the wire")

    shared.thread.call(fail)
    with pytest.raises(VerificationError, match="GetUser: the fault can't be put on the wire"):
        remote.verify()
