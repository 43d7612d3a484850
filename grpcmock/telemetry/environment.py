"""Whether the environment asks for OpenTelemetry. Nothing of it is imported to find that out."""

from __future__ import annotations

from collections.abc import Mapping

_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)


def names_collector(environment: Mapping[str, str]) -> bool:
    """Whether the environment says where a collector is."""
    return any(map(environment.get, _ENDPOINTS))


def is_disabled(environment: Mapping[str, str]) -> bool:
    """Whether the environment switches OpenTelemetry off, whoever asks for it."""
    return environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
