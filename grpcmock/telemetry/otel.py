"""OpenTelemetry set up from its own environment variables, as its specification names them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from grpcmock._version import __version__
from grpcmock.errors import ConfigError, MissingExtraError, did_you_mean
from grpcmock.telemetry.spans import Attributes, Telemetry

try:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
except ImportError:
    raise MissingExtraError("OpenTelemetry", "otel") from None

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcmock.engine.journal import Journal

_Signal = Literal["traces", "metrics"]

_PROTOCOLS = ("grpc", "http/protobuf")
_EXPORTERS = ("otlp", "none")
_EXPORTER_CLASSES: Mapping[_Signal, tuple[str, str]] = {
    "traces": ("trace_exporter", "OTLPSpanExporter"),
    "metrics": ("metric_exporter", "OTLPMetricExporter"),
}


class Exporting:
    """Sends spans and metrics to collectors, in threads of its own, until it is stopped."""

    def __init__(self, environment: Mapping[str, str], server: Attributes) -> None:
        """Begin. *server* holds the attributes that all spans have.

        Raises :class:`ConfigError` for a variable that says what can't be done.
        """
        own = Resource.create({"service.name": "grpcmock", "service.version": __version__})
        resource = own.merge(OTELResourceDetector().detect())
        spans, readings = _exporter("traces", environment), _exporter("metrics", environment)
        self._exporters = [one for one in (spans, readings) if one is not None]
        # They are stopped by us, and in time: not at the end of the process, when threads can't be started any more.
        self._tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        if spans is not None:
            self._tracers.add_span_processor(BatchSpanProcessor(spans))
        readers = () if readings is None else (PeriodicExportingMetricReader(readings),)
        self._meters = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
        self._telemetry = Telemetry(
            self._tracers.get_tracer("grpcmock", __version__), self._meters.get_meter("grpcmock", __version__), server
        )
        self._leave: Callable[[], None] | None = None

    def follow(self, journal: Journal) -> None:
        """Tell of all calls that end from now on."""
        self._leave = self._telemetry.follow(journal)

    def stop(self, patience: float = 5.0) -> bool:
        """Send what is left, and end. Returns whether that was done within *patience* seconds; if not, what is still
        there is given up: the SDK would try for half a minute to reach a collector that isn't there.
        """
        if self._leave is not None:
            self._leave()
            self._leave = None
        ends = [threading.Thread(target=end, daemon=True) for end in (self._tracers.shutdown, self._end_meters)]
        for end in ends:
            end.start()
        until = time.monotonic() + patience
        for end in ends:
            end.join(max(0.0, until - time.monotonic()))
        if not any(end.is_alive() for end in ends):
            return True
        for exporter in self._exporters:
            exporter.shutdown()  # ends its wait for another attempt
        return False

    def _end_meters(self) -> None:
        with suppress(Exception):  # the last export failed, which the SDK has logged
            self._meters.shutdown()


def _exporter(signal: _Signal, environment: Mapping[str, str]) -> Any:
    """Make the exporter of a signal; None if there is to be none."""
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    wanted = environment.get(variable) or "otlp"
    _check(variable, wanted, _EXPORTERS)
    if wanted == "none":
        return None
    variable = "OTEL_EXPORTER_OTLP_PROTOCOL"
    special = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"
    if environment.get(special):
        variable = special
    protocol = environment.get(variable) or "http/protobuf"
    _check(variable, protocol, _PROTOCOLS)
    # The exporters read the rest themselves: endpoints, headers, certificates, compression, time limits.
    module, name = _EXPORTER_CLASSES[signal]
    package = f"opentelemetry.exporter.otlp.proto.{protocol.partition('/')[0]}"
    return getattr(import_module(f"{package}.{module}"), name)()


def _check(variable: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        hint = did_you_mean(value, known, known="The values")
        raise ConfigError(f"{variable}: {value!r} is none of the values that are known here. {hint}")
