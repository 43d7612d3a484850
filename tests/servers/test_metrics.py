# mypy: disable-error-code="no-untyped-call"
"""``/metrics`` on real sockets: beside the admin service, behind its guard, and on a listener of its own."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain
from support import ROOT, registry

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.errors import MissingExtraError
from grpcmock.servers.addresses import Address
from grpcmock.servers.admin.options import AdminOptions
from grpcmock.servers.host import Files, Host, HostOptions

GET = registry("user.proto").method("UserService/GetUser")
STUBS = "- {name: alice, method: UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alice}}\n"
BROKEN = "- {name: alice, method: UserService/GetUsr}\n"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
TOKEN = "open-sesame"
PATIENCE = 20.0


class Mock:
    """A mock server in the background of this process, with all ways to its metrics."""

    def __init__(self, loop: LoopThread, stubs: Path, transport: Any) -> None:
        self._loop = loop
        options = HostOptions(
            transport=transport,
            has_http=True,
            watch=True,
            admin=AdminOptions(token=TOKEN, apart=True),
            metrics=True,
            journal_calls=2,
        )

        async def start() -> Host:
            host = Host(Files((ROOT / "protos",), (stubs,)), options)
            for listen in (host.listen, host.listen_http, host.listen_admin, host.listen_metrics):
                listen(Address.parse("127.0.0.1:0"))
            await host.start()
            return host

        self.host = loop.run(start(), PATIENCE)

    def call(self, *users: int) -> None:
        with grpc.insecure_channel(str(self.host.addresses[0]), (("grpc.enable_http_proxy", 0),)) as channel:
            method = channel.unary_unary(GET.path)
            for user in users:
                method.future(GET.request_class(id=user).SerializeToString(), timeout=PATIENCE).exception()  # type: ignore[call-arg]

    def ask(
        self,
        address: Address,
        method: str = "GET",
        path: str = "/metrics",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, str, str]:
        """Give status, content type and body."""
        connection = http.client.HTTPConnection(address.host, address.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.getheader("content-type", ""), response.read().decode()
        finally:
            connection.close()

    def samples(self, **headers: str) -> dict[tuple[str, frozenset[str]], float]:
        """Give the values by names and the values of labels."""
        status, content_type, text = self.ask(self.host.metrics_addresses[0], headers=headers)
        assert status == 200
        parse = parse_openmetrics if "openmetrics" in content_type else parse_plain
        return {(s.name, frozenset(s.labels.values())): s.value for metric in parse(text) for s in metric.samples}

    def stop(self) -> None:
        self._loop.run(self.host.stop(0), PATIENCE)


@pytest.fixture(scope="module")
def loop() -> Iterator[LoopThread]:
    loop = LoopThread()
    yield loop
    loop.close()


@pytest.fixture(params=["native", "aio"])
def mock(request: pytest.FixtureRequest, loop: LoopThread, tmp_path: Path) -> Iterator[Mock]:
    if request.param == "native":
        pytest.importorskip("grpcmock_native", reason="the native transport isn't built")
    (tmp_path / "stubs.yaml").write_text(STUBS)
    mock = Mock(loop, tmp_path / "stubs.yaml", request.param)
    yield mock
    mock.stop()


def key(name: str, *labels: str) -> tuple[str, frozenset[str]]:
    return f"grpcmock_{name}", frozenset(labels)


@pytest.mark.parametrize("headers", [{}, {"accept": OPENMETRICS}])
def test_every_call_is_counted_though_the_journal_keeps_two(mock: Mock, headers: dict[str, str]) -> None:
    mock.call(1, 1, 1, 1, 1, 2)
    json = {"content-type": "application/json", "connect-protocol-version": "1"}
    assert mock.ask(mock.host.http_addresses[0], "POST", GET.path, json, b'{"id": 1}')[0] == 200
    found = mock.samples(**headers)
    assert found[key("calls_total", GET.full_name, "OK", "grpc", "alice")] == 5
    assert found[key("calls_total", GET.full_name, "UNIMPLEMENTED", "grpc", "")] == 1
    assert found[key("calls_total", GET.full_name, "OK", "connect", "alice")] == 1
    assert found[key("misses_total", GET.full_name)] == 1
    assert found[key("call_seconds_count", GET.full_name)] == 7
    assert found[key("call_seconds_bucket", GET.full_name, "+Inf")] == 7
    assert 0 < found[key("call_seconds_sum", GET.full_name)] < PATIENCE
    assert (found[key("journal_calls")], found[key("journal_dropped_total")]) == (2, 5)
    assert (found[key("stubs", "file")], found[key("streams_open")]) == (1, 0)
    mock.call(1)
    assert mock.samples(**headers)[key("calls_total", GET.full_name, "OK", "grpc", "alice")] == 6


def test_reloads_are_counted_by_their_result(mock: Mock, loop: LoopThread, tmp_path: Path) -> None:
    loop.call(lambda: mock.host._reload_failed(MissingExtraError("x", "y")))
    found = mock.samples()
    assert (found[key("reloads_total", "failure")], found[key("reloads_total", "success")]) == (1, 0)
    loop.run(mock.host._apply(mock.host._prepare()), PATIENCE)
    assert mock.samples()[key("reloads_total", "success")] == 1


def test_the_token_of_the_admin_service_covers_its_metrics(mock: Mock) -> None:
    mock.call(1)
    [address] = mock.host.admin_addresses
    assert mock.ask(address)[0] == 401
    status, content_type, text = mock.ask(address, headers={"authorization": f"Bearer {TOKEN}"})
    assert (status, content_type.partition(";")[0]) == (200, "text/plain")
    assert 'grpcmock_calls_total{code="OK"' in text


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("HEAD", "/metrics", {}, 200),
        ("POST", "/metrics", {}, 405),
        ("GET", "/", {}, 404),
        ("GET", "/metrics?x=1", {}, 200),
        ("GET", "/metrics", {"host": "evil.example"}, 403),
        ("GET", "/metrics", {"host": "localhost:9"}, 200),
        ("POST", GET.path, {"content-type": "application/json"}, 404),
        ("POST", "/grpcmock.admin.v1.AdminService/GetStatus", {"content-type": "application/json"}, 404),
    ],
)
def test_the_listener_has_nothing_else(
    mock: Mock, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    [address] = mock.host.metrics_addresses
    found = mock.ask(address, method, path, headers)
    assert found[0] == status
    assert (found[2] == "") is (method == "HEAD")


def test_without_the_extra_who_asks_is_told(mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "grpcmock.telemetry.prometheus")
    monkeypatch.setitem(sys.modules, "prometheus_client.exposition", None)  # type: ignore[arg-type]
    with pytest.raises(MissingExtraError, match="extra metrics"):
        mock.host._make_metrics()
    status, _, text = mock.ask(mock.host.admin_addresses[0], headers={"authorization": f"Bearer {TOKEN}"})
    assert (status, "extra metrics" in text) == (501, True)
