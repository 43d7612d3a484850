# mypy: disable-error-code="attr-defined"
"""The metrics say what was counted, in text that Prometheus' own parsers read."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from playbook import Playbook, ask, engine
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain
from support import registry

from grpcmock.engine.compiled_stub import Layer
from grpcmock.engine.engine import Engine
from grpcmock.engine.journal import Journal
from grpcmock.engine.tally import DURATION_BOUNDS, CallTally
from grpcmock.errors import Problems
from grpcmock.stubs import loader
from grpcmock.telemetry.prometheus import Exposition

GET = "user.UserService/GetUser"
OPENMETRICS = "application/openmetrics-text"
STUBS = r"""
- {name: "it's \"odd\" \\ näme", method: GetUser, request: {id: 1}, error: {code: NOT_FOUND}}
- {name: two, method: GetUser, request: {id: 2}, error: {code: ABORTED}}
"""


def used() -> Engine:
    mock = engine(registry("user.proto"), STUBS, journal=Journal(2, tally=CallTally()))
    stubs = loader.load_text("[{name: three, method: GetUser, request: {id: 3}, response: {}}]", "x.yaml", Problems())
    mock.add(stubs, Layer.RUNTIME)
    for user, seconds in ((1, 0.0), (1, 0.002), (2, 0.3), (9, 60.0)):
        call = Playbook(mock, GET).sends({"id": user})
        mock.machine.time += seconds
        call.half_closes()
    mock.faults.set("down", {"status": {"code": 14}})
    Playbook(mock, GET).sends({"id": 1}).last()
    mock.faults.remove("down")
    ask(mock, GET, {"id": 3})  # is under way: its message was not taken
    return mock


def samples(metrics: Iterable[Metric]) -> dict[str, dict[tuple[str, ...], float]]:
    """Give the values by name, and by the values of their labels in the order of their names."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for metric in metrics:
        for sample in metric.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels[name] for name in sorted(sample.labels))] = (
                sample.value
            )
    return found


@pytest.mark.parametrize(
    ("accept", "parse", "content_type"),
    [
        ("", parse_plain, "text/plain; version=0.0.4"),
        ("*/*", parse_plain, "text/plain; version=0.0.4"),
        (f"{OPENMETRICS};version=1.0.0,text/plain;version=0.0.4;q=0.5", parse_openmetrics, OPENMETRICS),
    ],
)
def test_prometheus_reads_what_was_counted(
    accept: str, parse: Callable[[str], Iterable[Metric]], content_type: str
) -> None:
    text, told = Exposition(used(), {"success": 2, "failure": 0}).text(accept)
    assert told.startswith(content_type)
    found = samples(parse(text.decode()))
    assert found["grpcmock_calls_total"] == {
        ("NOT_FOUND", GET, "grpc", 'it\'s "odd" \\ näme'): 2,
        ("ABORTED", GET, "grpc", "two"): 1,
        ("UNIMPLEMENTED", GET, "grpc", ""): 1,
        ("UNAVAILABLE", GET, "grpc", ""): 1,
    }
    assert found["grpcmock_misses_total"] == {(GET,): 1}
    assert found["grpcmock_faults_total"] == {("down",): 1}
    assert found["grpcmock_streams_open"] == {(): 1}
    assert found["grpcmock_journal_calls"] == {(): 2}
    assert found["grpcmock_journal_dropped_total"] == {(): 3}
    assert found["grpcmock_reloads_total"] == {("success",): 2, ("failure",): 0}
    assert found["grpcmock_stubs"] == {("test",): 0, ("runtime",): 1, ("file",): 2}
    assert found["grpcmock_call_seconds_count"] == {(GET,): 5}
    assert found["grpcmock_call_seconds_sum"] == {(GET,): pytest.approx(60.302)}
    buckets = {float(bound): count for (bound, _), count in found["grpcmock_call_seconds_bucket"].items()}
    assert list(buckets) == [*DURATION_BOUNDS, float("inf")]
    assert [buckets[bound] for bound in (0.0001, 0.0025, 0.25, 0.5, 10, float("inf"))] == [2, 3, 3, 4, 4, 5]


def test_nothing_is_told_of_what_did_not_happen():
    mock = engine(registry("user.proto"), journal=Journal(tally=CallTally()))
    found = samples(Exposition(mock, {"success": 0, "failure": 0}).collect())
    assert not {"grpcmock_calls_total", "grpcmock_misses_total", "grpcmock_call_seconds_count"} & set(found)
    assert found["grpcmock_journal_calls"] == {(): 0}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool isn't there (Debian: prometheus)")
def test_promtool_has_nothing_to_object():
    text, _ = Exposition(used(), {"success": 1}).text()
    done: Any = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
