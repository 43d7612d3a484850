# mypy: disable-error-code="attr-defined, union-attr, index, arg-type"
"""Each call is a span in the trace of its caller, with the names of OpenTelemetry's conventions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from playbook import Playbook, engine
from support import registry

from grpcmock import MockServer
from grpcmock.engine.engine import Engine
from grpcmock.engine.steps import Open, Send
from grpcmock.telemetry.spans import Telemetry

GET, LIST = "user.UserService/GetUser", "user.UserService/ListUsers"
STUBS = """
- {name: alice, method: GetUser, request: {id: 1}, response: {name: Alice}}
- {name: gone, method: GetUser, request: {id: 2}, error: {code: NOT_FOUND, message: gone}}
- {name: broken, method: GetUser, request: {id: 3}, error: {code: UNAVAILABLE, message: broken}}
- {name: page, method: ListUsers, responses: [{id: 1}, {id: 2}]}
"""
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = ("traceparent", f"00-{TRACE}-{CALLER}-01")


class World:
    """An engine, and all that was told of its calls."""

    def __init__(self) -> None:
        self.engine: Engine = engine(registry("user.proto"), STUBS)
        self._spans, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers, meters = TracerProvider(shutdown_on_exit=False), MeterProvider([self._reader], shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        telemetry = Telemetry(tracers.get_tracer("t"), meters.get_meter("t"), {"server.address": "127.0.0.1"})
        self.leave = telemetry.follow(self.engine.journal)

    def call(self, method: str, user: int, seconds: float = 0.0, **opened: Any) -> Any:
        """Make a call that takes so long, and give its span."""
        call = Playbook(self.engine, method, **opened).sends({"id": user} if method == GET else {})
        self.engine.machine.time += seconds
        call.half_closes()
        while isinstance(call.step, Send):
            call.does(call.step)
        return self.span()

    def span(self) -> Any:
        [span] = self._spans.get_finished_spans()
        self._spans.clear()
        return span

    def points(self) -> dict[str, list[Any]]:
        data = self._reader.get_metrics_data()
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
        return {metric.name: list(metric.data.data_points) for metric in metrics}


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("user", "status", "attributes"),
    [
        (1, StatusCode.UNSET, {"rpc.response.status_code": "OK", "grpcmock.stub": "alice"}),
        (2, StatusCode.UNSET, {"rpc.response.status_code": "NOT_FOUND", "grpcmock.stub": "gone"}),
        (
            3,
            StatusCode.ERROR,
            {"rpc.response.status_code": "UNAVAILABLE", "error.type": "UNAVAILABLE", "grpcmock.stub": "broken"},
        ),
    ],
)
def test_a_call_is_a_span_by_the_conventions(
    world: World, user: int, status: StatusCode, attributes: Mapping[str, str]
) -> None:
    began = world.engine.machine.time
    span = world.call(GET, user, 0.25, peer="ipv4:127.0.0.1:50123")
    assert (span.name, span.kind, span.status.status_code) == (GET, SpanKind.SERVER, status)
    assert (span.start_time, span.end_time) == (int(began * 1e9), int((began + 0.25) * 1e9))
    assert dict(span.attributes) == {
        "rpc.system.name": "grpc",
        "rpc.method": GET,
        "network.transport": "tcp",
        "network.peer.address": "127.0.0.1",
        "network.peer.port": 50123,
        "server.address": "127.0.0.1",
        "grpcmock.protocol": "grpc",
        **attributes,
    }
    assert span.parent is None


@pytest.mark.parametrize(
    ("metadata", "parent", "state"),
    [
        ((PARENT,), CALLER, ""),
        ((PARENT, ("tracestate", "a=1"), ("tracestate", "b=2")), CALLER, "a=1,b=2"),
        ((("traceparent", "00-nonsense"),), None, ""),
        ((("traceparent-bin", b"x"),), None, ""),
    ],
)
def test_the_trace_of_the_caller_goes_on(world: World, metadata: Any, parent: str | None, state: str) -> None:
    span = world.call(GET, 1, metadata=metadata)
    if parent is None:
        assert span.parent is None
        return
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, parent)
    assert span.context.trace_state.to_header() == state


def test_what_the_caller_does_not_sample_is_not_sampled(world: World) -> None:
    with pytest.raises(ValueError, match="not enough values"):
        world.call(GET, 1, metadata=((PARENT[0], PARENT[1][:-1] + "0"),))


def test_messages_are_events(world: World) -> None:
    span = world.call(LIST, 0)
    told = [(event.attributes["rpc.message.type"], event.attributes["rpc.message.id"]) for event in span.events]
    assert told == [("RECEIVED", 1), ("SENT", 1), ("SENT", 2)]
    assert [event.attributes["rpc.message.uncompressed_size"] for event in span.events] == [0, 2, 2]
    assert {event.name for event in span.events} == {"rpc.message"}


def test_a_miss_is_an_error_that_says_why(world: World) -> None:
    span = world.call(GET, 9)
    assert span.status.status_code is StatusCode.ERROR
    assert "GetUser" in span.attributes["grpcmock.miss"]
    assert "grpcmock.stub" not in span.attributes
    [misses] = world.points()["grpcmock.misses"]
    assert (misses.value, dict(misses.attributes)) == (1, {"rpc.method": GET})


def test_the_fault_profiles_that_struck_are_told(world: World) -> None:
    world.engine.faults.set("down", {"status": {"code": 14, "message": "later"}})
    Playbook(world.engine, GET).sends({"id": 1}).last()
    span = world.span()
    assert (span.attributes["grpcmock.faults"], span.status.description) == (("down",), "later")


def test_methods_that_no_proto_declares_have_one_name(world: World) -> None:
    world.engine.open(Open("/made.Up/Name", peer="unix:/tmp/x")).resume()
    span = world.span()
    assert (span.name, span.attributes["rpc.method"]) == ("grpc", "_OTHER")
    assert span.attributes["rpc.method_original"] == "made.Up/Name"
    assert span.attributes["network.transport"] == "unix"
    assert span.status.status_code is StatusCode.ERROR


def test_durations_are_measured_in_seconds(world: World) -> None:
    for seconds in (0.001, 0.3):
        world.call(GET, 1, seconds)
    world.call(GET, 3, 2)
    points = {
        point.attributes["rpc.response.status_code"]: point for point in world.points()["rpc.server.call.duration"]
    }
    assert points["OK"].count == 2
    assert points["OK"].sum == pytest.approx(0.301)
    assert points["OK"].explicit_bounds[:2] == (0.005, 0.01)
    assert dict(points["UNAVAILABLE"].attributes) == {
        "rpc.system.name": "grpc",
        "rpc.method": GET,
        "rpc.response.status_code": "UNAVAILABLE",
        "error.type": "UNAVAILABLE",
    }


def test_a_mock_in_a_test_tells_the_open_telemetry_of_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    with MockServer(registry("user.proto"), otel=True) as mock, mock.channel() as channel:
        mock.load(text=STUBS)
        method = mock.registry.method(GET)
        request = method.request_class(id=1).SerializeToString()
        channel.unary_unary(method.path)(request, metadata=(PARENT,), timeout=20)
        mock.reset()
    [span] = spans.get_finished_spans()
    assert (span.name, f"{span.context.trace_id:032x}") == (GET, TRACE)
    assert span.attributes["grpcmock.stub"] == "alice"


def test_nothing_is_told_after_it_ended(world: World) -> None:
    world.leave()
    with pytest.raises(ValueError, match="not enough values"):
        world.call(GET, 1)
