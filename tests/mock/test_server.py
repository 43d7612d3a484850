# mypy: disable-error-code="arg-type, attr-defined"
"""A mock server starts, answers, isolates, and is verified, whatever client asks it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from grpcmock import ConfigError, MockServer, SchemaError, StubError, VerificationError
from grpcmock.schema import sources
from grpcmock.schema.modules import registry_of
from grpcmock.stubs.model import Answer, Stub
from grpcmock.tree import Node

PATH = "mockuser.UserService/GetUser"


def test_three_lines_are_a_mock(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    mock.on(servicer.GetUser).when(id=42).returns(name="Alice")
    assert client.GetUser(generated.pb2.GetUserRequest(id=42)) == generated.pb2.UserResponse(name="Alice")
    mock.verify()


def test_a_sequence_of_stubs_is_a_retry(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    get_user = mock.on(servicer.GetUser)
    get_user.fails("UNAVAILABLE", "try later").times(2)
    get_user.returns(name="Alice")
    for _ in range(2):
        with pytest.raises(grpc.RpcError) as caught:
            client.GetUser(generated.pb2.GetUserRequest())
        assert caught.value.details() == "try later"  # type: ignore[attr-defined]
    assert client.GetUser(generated.pb2.GetUserRequest()).name == "Alice"
    assert get_user.calls.statuses == ["UNAVAILABLE", "UNAVAILABLE", "OK"]
    assert get_user.calls.requests == [generated.pb2.GetUserRequest()] * 3


async def test_asynchronous_code_uses_the_same_object(servicer: Any, generated: Any) -> None:
    async with MockServer() as mock:
        mock.on(servicer.GetUser).returns(name="Alice")
        mock.on(servicer.ListUsers).streams({"id": 1}, {"id": 2})
        client = mock.aio_client(generated.pb2_grpc.UserServiceStub)
        assert (await client.GetUser(generated.pb2.GetUserRequest(id=1))).name == "Alice"
        assert [user.id async for user in client.ListUsers(generated.pb2.ListUsersRequest())] == [1, 2]
        await mock.await_called(2)
        mock.verify()


@pytest.mark.parametrize("kind", ["path", "folder", "module", "servicer", "registry"])
def test_protos_may_be_given_in_any_form(kind: str, generated: Any) -> None:
    forms = {
        "path": str(generated.proto),
        "folder": generated.proto.parent,
        "module": generated.pb2,
        "servicer": generated.pb2_grpc.UserServiceServicer,
        "registry": registry_of(generated.pb2),
    }
    with MockServer(forms[kind]) as mock:
        mock.on(PATH).returns(name="Alice")
        client = mock.client(generated.pb2_grpc.UserServiceStub)
        assert client.GetUser(generated.pb2.GetUserRequest()).name == "Alice"


def test_stubs_of_files_are_there_and_come_last(tmp_path: Path, generated: Any) -> None:
    (tmp_path / "a.yaml").write_text(f"- {{method: {PATH}, response: {{name: File}}}}")
    with MockServer(generated.pb2, stubs=tmp_path) as mock:
        client = mock.client(generated.pb2_grpc.UserServiceStub)
        assert client.GetUser(generated.pb2.GetUserRequest()).name == "File"
        mock.on(PATH).returns(name="Test").once()
        assert client.GetUser(generated.pb2.GetUserRequest()).name == "Test"
        assert client.GetUser(generated.pb2.GetUserRequest()).name == "File"


def test_loaded_stubs_lie_between_the_test_and_the_files(mock: MockServer, servicer: Any, client: Any,
                                                         generated: Any, tmp_path: Path) -> None:  # fmt: skip
    mock.on(servicer.GetUser)  # now the method is known
    file = tmp_path / "more.yaml"
    file.write_text(f"- {{method: {PATH}, response: {{name: Loaded}}}}")
    (handle,) = mock.load(file)
    assert client.GetUser(generated.pb2.GetUserRequest()).name == "Loaded"
    assert handle.count == 1
    mock.load(text=f"- {{name: text, method: {PATH}, request: {{id: 1}}, response: {{name: Text}}}}")
    assert client.GetUser(generated.pb2.GetUserRequest(id=1)).name == "Text"
    mock.verify(unused="all")


def test_a_miss_fails_the_verification_with_its_explanation(mock: MockServer, servicer: Any, client: Any,
                                                            generated: Any) -> None:  # fmt: skip
    mock.on(servicer.GetUser).when(id=42).returns(name="Alice").optional()
    with pytest.raises(grpc.RpcError):
        client.GetUser(generated.pb2.GetUserRequest(id=41))
    with pytest.raises(VerificationError) as caught:
        mock.verify()
    assert str(caught.value).splitlines()[:2] == [
        f"No stub matches this call of {PATH}.",
        'Request: {"id": 41}',
    ]
    assert "test_server.py:" in str(caught.value)
    assert "request.id  expected 42  actual 41" in str(caught.value)
    mock.verify(unmatched=False)


def test_an_unused_stub_fails_it_if_the_test_declared_it(mock: MockServer, servicer: Any) -> None:
    handle = mock.on(servicer.GetUser).returns(name="Alice")
    with pytest.raises(VerificationError, match="never used") as caught:
        mock.verify()
    assert handle.name in str(caught.value)
    mock.verify(unused="none")
    handle.optional()
    mock.verify()
    mock.load(text=f"- {{method: {PATH}}}")
    mock.verify()
    with pytest.raises(VerificationError, match="never used"):
        mock.verify(unused="all")


def test_a_stub_names_the_line_that_declared_it(mock: MockServer, servicer: Any) -> None:
    line = threading.main_thread() and __import__("sys")._getframe().f_lineno + 1
    first = mock.on(servicer.GetUser).returns()
    assert first.stub.location is not None
    assert first.stub.location.line == line
    assert first.name.endswith(f"test_server.py:{line}")
    assert not Path(first.stub.location.file).is_absolute()
    loop = [mock.on(servicer.GetUser).returns() for _ in range(3)]
    assert len({handle.name for handle in loop}) == 3


def test_names_are_unique(mock: MockServer, servicer: Any) -> None:
    mock.on(servicer.GetUser).named("alice").returns()
    with pytest.raises(StubError, match="'alice' is taken"):
        mock.on(servicer.GetUser).named("alice").returns()


def test_what_is_wrong_is_said_where_it_is_written(mock: MockServer, servicer: Any) -> None:
    get_user = mock.on(servicer.GetUser)
    for wrong in (
        lambda: get_user.when(idd=1),
        lambda: get_user.when({"idd": 1}),
        lambda: get_user.returns(nmae="Alice"),
        lambda: get_user.returns({"nmae": "Alice"}),
    ):
        with pytest.raises(StubError, match=r"test_server\.py:\d+: .*Did you mean '(id|name)'\?"):
            wrong()
    with pytest.raises(StubError, match=r"request\.id: .*int32"):
        get_user.when(id="x")
    with pytest.raises(StubError, match=r"response\.name: .*string"):
        get_user.returns(name=b"Alice")
    with pytest.raises(StubError, match="Did you mean"):
        get_user.fails("UNAVAILABEL")
    with pytest.raises(StubError, match="from 1"):
        get_user.returns().times(0)
    assert len(mock.calls) == 0


def test_a_message_of_another_type_is_refused(mock: MockServer, servicer: Any, generated: Any) -> None:
    get_user = mock.on(servicer.GetUser)
    with pytest.raises(StubError, match=r"expected a message mockuser\.UserResponse, not mockuser\.GetUserRequest"):
        get_user.returns(generated.pb2.GetUserRequest())
    with pytest.raises(StubError, match=r"expected a message mockuser\.GetUserRequest"):
        get_user.when(generated.pb2.UserResponse())
    with pytest.raises(StubError, match=r"answers\[1\]"):
        get_user.sequence({}, generated.pb2.GetUserRequest())


def test_a_failed_word_changes_nothing(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    handle = mock.on(servicer.GetUser).returns(name="Alice")
    with pytest.raises(StubError):
        handle.delay("yesterday")
    assert client.GetUser(generated.pb2.GetUserRequest()).name == "Alice"
    assert handle.stub.answers[0].delay is None


def test_a_stub_is_not_changed_by_what_it_was_made_of(mock: MockServer, servicer: Any, client: Any,
                                                      generated: Any) -> None:  # fmt: skip
    user = generated.pb2.UserResponse(name="Alice")
    mock.on(servicer.GetUser).returns(user)
    user.name = "Bob"
    assert client.GetUser(generated.pb2.GetUserRequest()).name == "Alice"


def test_a_handle_keeps_rank_and_count(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    first = mock.on(servicer.GetUser).returns(name="first")
    mock.on(servicer.GetUser).returns(name="second")
    assert client.GetUser(generated.pb2.GetUserRequest()).name == "first"
    first.times(2)
    assert client.GetUser(generated.pb2.GetUserRequest()).name == "first"
    assert client.GetUser(generated.pb2.GetUserRequest()).name == "second"
    assert first.count == len(first.calls) == 2
    first.remove()
    assert client.GetUser(generated.pb2.GetUserRequest()).name == "second"


def test_states_are_read_and_set(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    mock.on(servicer.GetUser).in_state(login="started").returns(name="guest").to_state(login="done")
    mock.on(servicer.GetUser).in_state(login="done").returns(name="Alice")
    assert mock.state["login"] == "started"
    assert client.GetUser(generated.pb2.GetUserRequest()).name == "guest"
    assert mock.state["login"] == "done"
    assert client.GetUser(generated.pb2.GetUserRequest()).name == "Alice"
    del mock.state["login"]
    assert client.GetUser(generated.pb2.GetUserRequest()).name == "guest"
    mock.state.update({"login": "out", "other": "x"})
    assert dict(mock.state) == {"login": "out", "other": "x"}


# Isolation ------------------------------------------------------------------------------------------


def test_a_snapshot_takes_everything_back(mock: MockServer, servicer: Any, generated: Any) -> None:
    request = generated.pb2.GetUserRequest
    outer = mock.on(servicer.GetUser).when(id=1).returns(name="outer").times(2)
    client = mock.client(generated.pb2_grpc.UserServiceStub)
    assert client.GetUser(request(id=1)).name == "outer"
    with mock.snapshot():
        assert len(mock.calls) == 0
        inner = mock.on(servicer.GetUser).when(id=2).returns(name="inner")
        mock.state["s"] = "inner"
        assert client.GetUser(request(id=1)).name == "outer"
        with mock.snapshot():
            mock.on(servicer.GetUser).when(id=2).returns(name="innermost")
            assert client.GetUser(request(id=2)).name == "inner"  # declared earlier, with as many conditions
        assert len(mock.calls) == 1
        assert inner.count == 0
    assert len(mock.calls) == 1
    assert outer.count == 1
    assert mock.state["s"] == "started"
    with pytest.raises(ConfigError, match="is gone"):
        inner.once()
    assert client.GetUser(request(id=1)).name == "outer"
    with pytest.raises(grpc.RpcError):
        client.GetUser(request(id=2))


def test_what_went_wrong_inside_a_snapshot_is_not_lost(mock: MockServer, servicer: Any, generated: Any) -> None:
    client = mock.client(generated.pb2_grpc.UserServiceStub)
    used = mock.on(servicer.GetUser).when(id=1).returns()
    with mock.snapshot():
        mock.on(servicer.GetUser).when(id=3).named("idle").returns()
        client.GetUser(generated.pb2.GetUserRequest(id=1))
        with pytest.raises(grpc.RpcError):
            client.GetUser(generated.pb2.GetUserRequest(id=2))
    assert used.was_used
    with pytest.raises(VerificationError) as caught:
        mock.verify()
    assert '{"id": 2}' in str(caught.value)
    assert "idle" in str(caught.value)
    assert used.name not in str(caught.value).partition("never used")[2]


@pytest.mark.parametrize("declare", ["path", "text", "keys", "stub"])
def test_stubs_find_the_methods_of_imported_code(
    mock: MockServer, client: Any, generated: Any, tmp_path: Path, declare: str
) -> None:
    text = f"- {{method: {PATH}, response: {{name: Alice}}}}"
    (tmp_path / "stubs.yaml").write_text(text)
    match declare:
        case "path":
            mock.load(tmp_path)
        case "text":
            mock.load(text=text)
        case "keys":
            mock.add(method=PATH, response={"name": "Alice"})
        case "stub":
            mock.add(Stub(method=PATH, name="one", answers=(Answer(responses=(Node.of({"name": "Alice"}),)),)))
    assert client.GetUser(generated.pb2.GetUserRequest()).name == "Alice"
    with pytest.raises(StubError, match="GetUsr"):
        mock.load(text="- {method: mockuser.UserService/GetUsr}")


def test_a_reset_goes_back_to_the_files(tmp_path: Path, generated: Any) -> None:
    (tmp_path / "a.yaml").write_text(f"- {{method: {PATH}, response: {{name: File}}, times: 1}}")
    with MockServer(generated.pb2, stubs=tmp_path) as mock:
        for _ in range(2):
            mock.on(PATH).when(id=1).returns(name="Test")
            mock.load(text=f"- {{name: loaded, method: {PATH}, request: {{id: 2}}}}")
            mock.state["s"] = "x"
            client = mock.client(generated.pb2_grpc.UserServiceStub)
            assert client.GetUser(generated.pb2.GetUserRequest()).name == "File"
            assert client.GetUser(generated.pb2.GetUserRequest(id=1)).name == "Test"
            mock.reset()
            assert len(mock.calls) == 0
            assert not mock.state
            with pytest.raises(ValueError, match="closed"):
                client.GetUser(generated.pb2.GetUserRequest())
            mock.verify()
        with mock.snapshot(), pytest.raises(ConfigError, match="snapshot"):
            mock.reset()


# Threads --------------------------------------------------------------------------------------------


def test_many_threads_declare_and_call_at_once(mock: MockServer, servicer: Any, generated: Any) -> None:
    channel = mock.channel()
    client = generated.pb2_grpc.UserServiceStub(channel)

    def work(number: int) -> None:
        for turn in range(10):
            own = number * 100 + turn
            handle = mock.on(servicer.GetUser).when(id=own).returns(id=own)
            assert client.GetUser(generated.pb2.GetUserRequest(id=own)).id == own
            handle.wait_called()
            assert handle.calls.one().request.id == own

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(mock.calls) == 80
    mock.verify()


def test_waiting_ends_when_the_call_does(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    get_user = mock.on(servicer.GetUser)
    get_user.returns(name="Alice")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(get_user.wait_called, 2, id=7)
        for id_ in (7, 8, 7):
            assert not waiting.done()
            client.GetUser(generated.pb2.GetUserRequest(id=id_))
        waiting.result(5)


def test_waiting_in_vain_says_what_came(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    get_user = mock.on(servicer.GetUser)
    get_user.returns(name="Alice")
    client.GetUser(generated.pb2.GetUserRequest(id=8))
    with pytest.raises(AssertionError, match=r"Waited 0\.01 s\. (?s:.*)expected 7  actual 8"):
        get_user.wait_called(id=7, timeout=0.01)
    with pytest.raises(StubError, match="Did you mean 'id'"):
        get_user.wait_called(idd=7)


def test_the_number_of_calls_to_wait_for_stands_first_or_by_name(
    mock: MockServer, servicer: Any, client: Any, generated: Any
) -> None:
    get_user = mock.on(servicer.GetUser)
    get_user.returns(name="Alice")
    request = generated.pb2.GetUserRequest(id=7)
    for _ in range(2):
        client.GetUser(request)
    get_user.wait_called(2)
    get_user.wait_called(times=2)
    get_user.wait_called(2, request)
    get_user.wait_called(request, times=2)
    get_user.wait_called({"id": 7})
    for wait in (
        lambda: get_user.wait_called(3, timeout=0.01),
        lambda: get_user.wait_called(times=3, timeout=0.01),
        lambda: get_user.wait_called(request, times=3, timeout=0.01),
    ):
        with pytest.raises(AssertionError, match="at least 3 calls"):
            wait()
    with pytest.raises(TypeError, match="twice"):
        get_user.wait_called(2, times=2)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="from 1, not 0"):
        get_user.wait_called(times=0)


async def test_async_waiting_leaves_the_loop_alone(servicer: Any, generated: Any) -> None:
    async with MockServer() as mock:
        mock.on(servicer.GetUser).returns()
        client = mock.aio_client(generated.pb2_grpc.UserServiceStub)
        get_user = mock.on(servicer.GetUser)
        waiting = [asyncio.create_task(get_user.await_called(2)), asyncio.create_task(get_user.await_called(times=2))]
        for _ in range(2):
            await client.GetUser(generated.pb2.GetUserRequest())
        await asyncio.gather(*waiting)


# Running --------------------------------------------------------------------------------------------


def test_it_starts_and_stops_and_starts_again(generated: Any) -> None:
    mock = MockServer(generated.pb2)
    with pytest.raises(ConfigError, match="not started"):
        _ = mock.target
    with pytest.raises(ConfigError, match="isn't running"):
        mock.wait_called()
    mock.on(PATH).returns(name="before")  # before it runs
    for _ in range(2):
        with mock:
            client = mock.client(generated.pb2_grpc.UserServiceStub)
            assert client.GetUser(generated.pb2.GetUserRequest()).name == "before"
            with pytest.raises(ConfigError, match="running already"):
                mock.start()
        mock.stop()
    assert len(mock.calls) == 2


def test_a_port_in_use_is_told(generated: Any) -> None:
    with MockServer() as first, pytest.raises(ConfigError, match="in use"):
        MockServer(listen=first.target).start()


@pytest.mark.parametrize("listen", ["unix", "127.0.0.1:0"])
def test_channels_go_past_proxies(listen: str, generated: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("grpc_proxy", "http://127.0.0.1:1")
    with MockServer(generated.pb2, listen=f"unix:{tmp_path}/s" if listen == "unix" else listen) as mock:
        mock.on(PATH).returns(name="Alice")
        client = mock.client(generated.pb2_grpc.UserServiceStub)
        assert client.GetUser(generated.pb2.GetUserRequest(), timeout=5).name == "Alice"


def test_unknown_methods_name_the_nearest(mock: MockServer, generated: Any) -> None:
    with MockServer(generated.pb2) as known, pytest.raises(SchemaError, match="Did you mean 'mockuser"):
        known.on("mockuser.UserService/GetUsr")
    assert mock.on(PATH).method == PATH  # generated code for it has been imported
    with pytest.raises(ConfigError, match="unmatched_code"):
        MockServer(unmatched_code="NOPE")


def test_a_handler_may_ask_the_mock_itself(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    mock.on(servicer.GetUser).when(id=1).returns(name="inner")

    @mock.on(servicer.GetUser).when(id=2).answers
    def outer(call: Any) -> Any:
        inner = client.GetUser(generated.pb2.GetUserRequest(id=1))
        mock.on(servicer.GetUser).when(id=3).returns(name="later")
        return {"name": f"outer of {inner.name}, {len(mock.calls)} call"}

    assert client.GetUser(generated.pb2.GetUserRequest(id=2)).name == "outer of inner, 2 call"
    assert client.GetUser(generated.pb2.GetUserRequest(id=3)).name == "later"


def test_tls_is_trusted_by_its_own_channels(generated: Any, tmp_path: Path) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost", "127.0.0.1")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    leaf.private_key_pem.write_to_path(str(key))
    for pem in leaf.cert_chain_pems:
        pem.write_to_path(str(cert), append=True)
    authority.cert_pem.write_to_path(str(cert), append=True)
    with MockServer(generated.pb2, tls_cert=cert, tls_key=key) as mock:
        mock.on(PATH).returns(name="Alice")
        client = mock.client(generated.pb2_grpc.UserServiceStub)
        assert client.GetUser(generated.pb2.GetUserRequest(), timeout=5).name == "Alice"
    with pytest.raises(ConfigError, match="--tls-key"):
        MockServer(generated.pb2, tls_cert=cert).start()


def test_methods_named_inside_a_snapshot_stay_known(generated: Any) -> None:
    with MockServer() as mock:
        client = mock.client(generated.pb2_grpc.UserServiceStub)
        for _ in range(2):
            with mock.snapshot():
                mock.on(generated.pb2_grpc.UserServiceServicer.GetUser).returns(name="Alice")
                assert client.GetUser(generated.pb2.GetUserRequest()).name == "Alice"
        assert PATH in {method.full_name for method in mock.registry.methods.values()}


def write_common(folder: Path, package: str, message: str = "Common") -> Path:
    folder.mkdir()
    head = f'syntax = "proto3"; package {package};'
    (folder / "common.proto").write_text(f"{head} message {message} {{ string id = 1; }}")
    service = f"service S {{ rpc Get({message}) returns ({message}); }}"
    (folder / "service.proto").write_text(f'{head} import "common.proto"; {service}')
    return folder


@pytest.mark.parametrize("generated_first", [True, False])
def test_generated_code_and_protos_may_have_files_of_one_name(tmp_path: Path, generated_first: bool) -> None:
    one, two = write_common(tmp_path / "one", "one"), write_common(tmp_path / "two", "two")
    compiled = [sources.load([one]).pool.FindFileByName("service.proto"), two]
    with MockServer(*compiled if generated_first else reversed(compiled)) as mock:
        mock.on("one.S/Get").returns(id="one")
        mock.on("two.S/Get").returns(id="two")
        seen = ProtoReflectionDescriptorDatabase(mock.channel())
        pool = DescriptorPool(seen)  # asks for each file by the name that another one imports it by
        for service in ("one.S", "two.S"):
            method = pool.FindServiceByName(service).methods_by_name["Get"]
            message = message_factory.GetMessageClass(method.input_type)
            call = mock.channel().unary_unary(f"/{service}/Get", message.SerializeToString, message.FromString)
            assert call(message(id="x")).id == service[:3]


def test_what_two_sources_both_define_is_told_without_our_frames(tmp_path: Path) -> None:
    one, two = write_common(tmp_path / "one", "app"), write_common(tmp_path / "two", "app", "Other")
    compiled = sources.load([one]).pool.FindFileByName("service.proto")
    with pytest.raises(SchemaError, match=r"^service.proto is there twice, .* both define app\.S\.") as raised:
        MockServer(compiled, two)
    own = [entry for entry in raised.traceback if not entry.ishidden(raised)]
    assert [entry.path.name for entry in own] == ["test_server.py"]


def test_parts_of_a_tree_may_be_left_out(tmp_path: Path) -> None:
    write_common(tmp_path / "app", "app")
    write_common(tmp_path / "old", "app", "Old")
    with pytest.raises(SchemaError, match=r"app\.S is defined in .*, too\. Load only one of .*: --exclude-path"):
        MockServer(tmp_path)
    assert list(MockServer(tmp_path, exclude="old").registry.methods) == ["/app.S/Get"]
