"""A mock on the native transport: functions that answer, and the faults that ``aio`` can't make."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from grpcmock import ConfigError, MockServer, StubError
from grpcmock.servers.transports import choose, has_native

needs_native = pytest.mark.skipif(not has_native(), reason="the native transport isn't built")


@pytest.fixture
def mock() -> Iterator[MockServer]:
    if not has_native():
        pytest.skip("the native transport isn't built")
    with MockServer(transport="native") as server:
        yield server


def test_functions_of_every_sort_answer(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    pb2 = generated.pb2

    @mock.on(servicer.GetUser).answers
    def get_user(call: Any) -> Any:
        if call.request.id < 0:
            call.fail("INVALID_ARGUMENT", "negative")
        return {"id": call.request.id}

    @mock.on(servicer.ListUsers).answers
    async def list_users(call: Any) -> Any:
        for number in range(call.request.page_size):
            yield {"id": number}

    @mock.on(servicer.CreateUsers).answers
    async def create_users(call: Any) -> Any:
        return {"created": len(call.requests)}

    @mock.on(servicer.LookupUsers).answers
    def lookup(call: Any) -> Any:
        for request in call:
            yield {"id": request.id}

    assert client.GetUser(pb2.GetUserRequest(id=3)).id == 3
    with pytest.raises(grpc.RpcError, match="negative"):
        client.GetUser(pb2.GetUserRequest(id=-3))
    assert [user.id for user in client.ListUsers(pb2.ListUsersRequest(page_size=3))] == [0, 1, 2]
    assert client.CreateUsers(iter([pb2.CreateUserRequest()] * 2)).created == 2
    assert [user.id for user in client.LookupUsers(iter([pb2.GetUserRequest(id=id_) for id_ in (4, 5)]))] == [4, 5]
    mock.verify()


def test_a_function_ends_with_its_call(mock: MockServer, servicer: Any, client: Any, generated: Any) -> None:
    ended: list[str] = []

    @mock.on(servicer.LookupUsers).answers
    async def lookup(call: Any) -> Any:
        try:
            async for request in call:
                yield {"id": request.id}
        finally:
            ended.append("lookup")

    answers = client.LookupUsers(iter([generated.pb2.GetUserRequest(id=1)]), timeout=5)
    assert next(answers).id == 1
    answers.cancel()
    mock.wait_called()
    assert mock.calls.one().status in ("CANCELLED", "OK")
    mock.stop()
    assert ended == ["lookup"]


@pytest.mark.parametrize(("fault", "code"), [({"reset": True}, "CANCELLED"), ({"truncate": True}, "INTERNAL")])
def test_faults_below_grpc(
    mock: MockServer, servicer: Any, client: Any, generated: Any, fault: dict[str, Any], code: str
) -> None:
    mock.on(servicer.GetUser).returns(name="Alice").fault(fault)
    with pytest.raises(grpc.RpcError):  # which code it makes of that, gRPC decides
        client.GetUser(generated.pb2.GetUserRequest())
    assert mock.calls.one().status == code
    with MockServer(transport="aio") as aio, pytest.raises(StubError, match="The transport native can: pip install"):
        aio.on(servicer.GetUser).returns(name="Alice").fault(fault)


@needs_native
def test_its_own_channels_trust_it(generated: Any, servicer: Any, tmp_path: Path) -> None:
    made = trustme.CA().issue_cert("localhost", "127.0.0.1")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    for part in made.cert_chain_pems:
        part.write_to_path(tmp_path / "cert.pem", append=True)
    with MockServer(tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem", transport="native") as mock:
        mock.on(servicer.GetUser).returns(name="Alice")
        assert mock.client(generated.pb2_grpc.UserServiceStub).GetUser(generated.pb2.GetUserRequest()).name == "Alice"


def test_what_it_does_not_know_is_told() -> None:
    with pytest.raises(ConfigError, match=r"there is no 'http'\. The transports are: aio, auto, native\."):
        MockServer(transport="http")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="'h2' is no more; 'native' makes all of its faults: pip install"):
        MockServer(transport="h2")  # type: ignore[arg-type]


def test_without_native_it_is_told_or_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpcmock_native", None)
    with pytest.raises(ConfigError, match="isn't installed: pip install"):
        MockServer(transport="native")
    assert choose("auto") == "aio"


@needs_native
def test_only_aio_passes_interceptors() -> None:
    assert choose("auto", interceptors=True) == "aio"
    with pytest.raises(ConfigError, match="'native' knows no interceptors; 'aio' does"):
        choose("native", interceptors=True)
