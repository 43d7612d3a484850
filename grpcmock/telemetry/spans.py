"""Calls as OpenTelemetry has them: a span for each, in the trace of its caller, by the conventions for RPC.

A span is made when its call has ended, of what the journal says: a call is told once, whole. The names are those of
the stable conventions (opentelemetry.io/docs/specs/semconv/rpc). What they don't name is named ``grpcmock.*``, but for
the events of messages, whose names are from before the conventions were stable.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from grpcmock._version import __version__
from grpcmock.errors import MissingExtraError
from grpcmock.matching.miss import shorten
from grpcmock.status import Code

try:
    from opentelemetry import metrics, propagate, trace
    from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
    from opentelemetry.semconv.attributes.network_attributes import (
        NETWORK_PEER_ADDRESS,
        NETWORK_PEER_PORT,
        NETWORK_TRANSPORT,
    )
    from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context
except ImportError:
    raise MissingExtraError("OpenTelemetry", "otel") from None

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Span, Tracer

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.journal import Journal
    from grpcmock.status import Metadata

_SYSTEM = "rpc.system.name"
_METHOD = "rpc.method"
_STATUS = "rpc.response.status_code"

_OTHER = "_OTHER"
"""Stands for a method that no proto declares."""

_ERRORS = frozenset(
    {Code.UNKNOWN, Code.DEADLINE_EXCEEDED, Code.UNIMPLEMENTED, Code.INTERNAL, Code.UNAVAILABLE, Code.DATA_LOSS}
)
"""The codes that are an error of the server; with the others, it is the client's."""

_DURATION_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Seconds, as the conventions advise."""

_MISS_LIMIT = 4_000
"""Characters of the text of a miss."""

Attributes = Mapping[str, str | int | bool]


class Telemetry:
    """Tells of calls by a tracer and a meter. Called with each as it ends, as a journal calls its listeners."""

    def __init__(self, tracer: Tracer, meter: Meter, server: Attributes) -> None:
        """*server* holds the attributes that all spans have, such as ``server.address``."""
        self._tracer = tracer
        self._server = server
        self._duration = meter.create_histogram(
            "rpc.server.call.duration",
            unit="s",
            description="Duration of incoming calls.",
            explicit_bucket_boundaries_advisory=_DURATION_BOUNDS,
        )
        self._misses = meter.create_counter(
            "grpcmock.misses", unit="{call}", description="Calls that no stub held for."
        )

    @classmethod
    def of_process(cls) -> Telemetry:
        """Tell of calls by the providers that are set up for the whole process, if any are."""
        return cls(trace.get_tracer("grpcmock", __version__), metrics.get_meter("grpcmock", __version__), {})

    def follow(self, journal: Journal) -> Callable[[], None]:
        """Tell of all calls that end from now on. Returns a function that ends that.

        No call is answered before the engine sees it meanwhile.
        """
        return journal.subscribe(self)

    def __call__(self, call: CallRecord) -> None:
        assert call.duration is not None and call.code is not None  # it has ended
        what = _what(call)
        attributes = {**self._server, **what, **_who(call.peer), **_how(call)}
        span = self._tracer.start_span(
            call.name if call.method is not None else "grpc",
            context=_parent(call.metadata),
            kind=SpanKind.SERVER,
            attributes=attributes,
            start_time=_nanoseconds(call.started),
        )
        if span.is_recording():
            _describe(span, call)
        span.end(_nanoseconds(call.started + call.duration))
        within = set_span_in_context(span)
        self._duration.record(call.duration, what, context=within)
        if call.miss is not None:
            self._misses.add(1, {_METHOD: what[_METHOD]}, context=within)


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)


def _parent(metadata: Metadata) -> Context:
    """Read what the caller says of its own span: ``traceparent`` and ``tracestate``, or what OTEL_PROPAGATORS names."""
    carrier: dict[str, list[str]] = {}
    for key, value in metadata:
        if isinstance(value, str):
            carrier.setdefault(key, []).append(value)
    return propagate.extract(carrier)


def _what(call: CallRecord) -> dict[str, str]:
    """Give the attributes of few values, which metrics have, too."""
    assert call.code is not None
    attributes = {
        _SYSTEM: "grpc",
        _METHOD: call.name if call.method is not None else _OTHER,
        _STATUS: call.code.name,
    }
    if _is_error(call):
        attributes[ERROR_TYPE] = call.code.name
    return attributes


def _is_error(call: CallRecord) -> bool:
    return call.code in _ERRORS or call.miss is not None


def _who(peer: str) -> dict[str, str | int]:
    """Read a peer, in gRPC's words: ``ipv4:127.0.0.1:50123``, ``unix:/run/it.sock``."""
    scheme, _, rest = urllib.parse.unquote(peer).partition(":")
    if scheme in ("ipv4", "ipv6"):
        host, _, port = rest.rpartition(":")
        attributes: dict[str, str | int] = {NETWORK_TRANSPORT: "tcp", NETWORK_PEER_ADDRESS: host.strip("[]")}
        return {**attributes, NETWORK_PEER_PORT: int(port)} if port.isdecimal() else attributes
    return {NETWORK_TRANSPORT: "unix"} if scheme.startswith("unix") else {}


def _how(call: CallRecord) -> dict[str, str | bool | tuple[str, ...]]:
    """Give the attributes that conventions have no names for."""
    attributes: dict[str, str | bool | tuple[str, ...]] = {"grpcmock.protocol": call.protocol}
    if call.method is None:
        attributes["rpc.method_original"] = call.name
    if call.stub is not None:
        attributes["grpcmock.stub"] = call.stub.name
    if call.miss is not None:
        attributes["grpcmock.miss"] = shorten(call.miss.text, _MISS_LIMIT)
    if call.faults:
        attributes["grpcmock.faults"] = call.faults
    for name in ("auto", "forwarded", "cancelled"):
        if getattr(call, name):
            attributes[f"grpcmock.{name}"] = True
    return attributes


def _describe(span: Span, call: CallRecord) -> None:
    numbers = {"request": 0, "response": 0}
    for frame in call.frames:
        numbers[frame.direction] += 1
        attributes = {
            "rpc.message.type": "RECEIVED" if frame.direction == "request" else "SENT",
            "rpc.message.id": numbers[frame.direction],
            "rpc.message.uncompressed_size": len(frame.data),
        }
        span.add_event("rpc.message", attributes, _nanoseconds(frame.time))
    if call.error is not None:
        span.record_exception(call.error, timestamp=_nanoseconds(call.started + (call.duration or 0)))
    if _is_error(call):
        span.set_status(StatusCode.ERROR, call.message)
