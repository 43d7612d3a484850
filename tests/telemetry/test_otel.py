# mypy: disable-error-code="attr-defined, union-attr, arg-type, no-untyped-call"
"""``serve --otel`` sends spans and metrics to a collector, as the variables of OpenTelemetry say.

The collector is a mock of grpcmock itself, made of OpenTelemetry's own descriptors; for OTLP over HTTP, one of the
standard library.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from playbook import engine
from support import registry
from worlds import USER_PROTO, Program, connect, get_user

from grpcmock import MockServer
from grpcmock.errors import ConfigError
from grpcmock.telemetry.environment import is_disabled, names_collector
from grpcmock.telemetry.otel import Exporting

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
METADATA = (("traceparent", f"00-{TRACE}-{CALLER}-01"), ("tracestate", "vendor=1"))


class Collected:
    """What a collector was sent: the exports of one kind."""

    def __init__(self, environment: dict[str, str], spans: Callable[[], list[Any]], metrics: Callable[[], list[Any]]):
        self.environment = environment
        self.spans = spans
        self.metrics = metrics


@contextmanager
def over_grpc() -> Iterator[Collected]:
    traces, metrics = (
        f"opentelemetry.proto.collector.{kind}Service/Export" for kind in ("trace.v1.Trace", "metrics.v1.Metrics")
    )
    with MockServer(trace_service_pb2, metrics_service_pb2) as collector:
        collector.load(text=f"[{{method: {traces}, response: {{}}}}, {{method: {metrics}, response: {{}}}}]")
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.target}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }
        yield Collected(
            environment,
            lambda: list(collector.calls.of_method(traces).requests),
            lambda: list(collector.calls.of_method(metrics).requests),
        )


@contextmanager
def over_http() -> Iterator[Collected]:
    sent: dict[str, list[Any]] = {"/v1/traces": [], "/v1/metrics": []}
    types = {
        "/v1/traces": trace_service_pb2.ExportTraceServiceRequest,
        "/v1/metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            sent[self.path].append(types[self.path].FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}
        yield Collected(environment, lambda: sent["/v1/traces"], lambda: sent["/v1/metrics"])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "protos").mkdir()
    (tmp_path / "stubs").mkdir()
    (tmp_path / "protos" / "user.proto").write_text(USER_PROTO)
    (tmp_path / "stubs" / "users.yaml").write_text(
        "- {name: alice, method: GetUser, request: {id: 1}, response: {id: 1, name: Alice}}"
    )
    return tmp_path


def attributes(carrier: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in carrier.attributes}


@pytest.mark.parametrize(
    ("collecting", "options"),
    [(over_grpc, ()), (over_http, ("--otel",))],
    ids=["grpc, by the environment", "http, by the option"],
)
def test_a_collector_gets_spans_of_the_callers_trace_and_metrics(
    project: Path, monkeypatch: pytest.MonkeyPatch, collecting: Any, options: tuple[str, ...]
) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    with collecting() as collected:
        monkeypatch.setenv("OTEL_SERVICE_NAME", "users")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        for name, value in collected.environment.items():
            monkeypatch.setenv(name, value)
        program = Program(*options, folder=project)
        try:
            with connect(program.address) as channel:
                for _ in range(3):
                    assert get_user(channel, 1, metadata=METADATA).name == "Alice"
            program.signal(signal.SIGTERM)
            # At its end it sends what is left.
            assert program.end() == 0
            assert "Stopped" in program.err.rest()
        finally:
            program.kill()
        [resource] = [spans for export in collected.spans() for spans in export.resource_spans]
        assert attributes(resource.resource)["service.name"] == "users"
        assert attributes(resource.resource)["deployment.environment.name"] == "test"
        spans = [span for scope in resource.scope_spans for span in scope.spans]
        assert [(span.trace_id.hex(), span.parent_span_id.hex(), span.trace_state) for span in spans] == [
            (TRACE, CALLER, "vendor=1")
        ] * 3
        assert len({span.span_id for span in spans}) == 3
        told = attributes(spans[0])
        assert told["rpc.method"] == "user.UserService/GetUser"
        assert told["grpcmock.stub"] == "alice"
        assert told["server.port"] == int(program.address.rpartition(":")[2])
        metrics = [
            m for e in collected.metrics() for r in e.resource_metrics for s in r.scope_metrics for m in s.metrics
        ]
        [point] = next(m for m in metrics if m.name == "rpc.server.call.duration").histogram.data_points
        assert point.count == 3


@pytest.mark.parametrize(
    ("environment", "collector", "disabled"),
    [
        ({}, False, False),
        ({"OTEL_SERVICE_NAME": "users"}, False, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False, False),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}, True, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "True"}, True, True),
    ],
)
def test_the_environment_asks_for_it(environment: dict[str, str], collector: bool, disabled: bool) -> None:
    assert (names_collector(environment), is_disabled(environment)) == (collector, disabled)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grcp"}, "OTEL_EXPORTER_OTLP_PROTOCOL: 'grcp' .* Did you mean 'grpc'?"),
        ({"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/json'"),
        ({"OTEL_TRACES_EXPORTER": "jaeger"}, "OTEL_TRACES_EXPORTER: 'jaeger' .* The values are: none, otlp."),
    ],
)
def test_what_cannot_be_done_is_said(environment: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Exporting(environment, {})


def test_signals_can_be_switched_off() -> None:
    exporting = Exporting({"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}, {})
    exporting.stop()


def test_nothing_of_it_is_imported_unless_it_is_asked_for(project: Path) -> None:
    words = (
        "import sys; from grpcmock.cli.app import main\n"
        "try: main(['check'])\n"
        "finally: print([name for name in sys.modules if name.partition('.')[0] in "
        "('opentelemetry', 'prometheus_client', 'mcp')])"
    )
    done = subprocess.run([sys.executable, "-c", words], cwd=project, capture_output=True, text=True, timeout=60)
    assert done.stdout.endswith("[]\n"), done.stdout + done.stderr


def test_a_collector_that_does_not_answer_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK alone would go on for half a minute, and a container that is stopped would be killed meanwhile."""
    mock = engine(registry("user.proto"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        exports = Exporting(os.environ, {})
        exports.follow(mock.journal)
        assert mock.answer_at_once("/user.UserService/GetUser", (), None, "peer", b"") is not None
        before = time.monotonic()
        assert not exports.stop(patience=0.1)
        assert time.monotonic() - before < 5.0
