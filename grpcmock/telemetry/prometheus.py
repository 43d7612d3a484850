"""Metrics for Prometheus: the counts of an engine at the moment somebody asks, in the text format that one takes."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING

from grpcmock.engine.compiled_stub import Layer
from grpcmock.engine.tally import DURATION_BOUNDS, Kind
from grpcmock.errors import MissingExtraError

try:
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
    from prometheus_client.registry import Collector
except ImportError:
    raise MissingExtraError("Metrics for Prometheus", "metrics") from None

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prometheus_client.metrics_core import Metric

    from grpcmock.engine.engine import Engine
    from grpcmock.engine.journal import Journal
    from grpcmock.engine.store import Store
    from grpcmock.engine.tally import CallTally, Durations


_BOUNDS = (*map(str, DURATION_BOUNDS), "+Inf")


class Exposition(Collector):
    """The metrics of one engine, whose journal must have a tally. *reloads* counts reloads by their results.

    Nothing is done for it before somebody asks: it reads what is counted anyway.
    """

    def __init__(self, engine: Engine, reloads: Mapping[str, int]) -> None:
        self._engine = engine
        self._reloads = reloads

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """Return the metrics, and the content type of their format.

        That is OpenMetrics if *accept*, an HTTP header, asks for it, else the text format of Prometheus.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self), content_type

    def collect(self) -> Iterable[Metric]:
        """Give the metrics as they are now."""
        with self._engine.lock:
            journal, store = self._engine.journal, self._engine.store
            tally = journal.tally
            assert tally is not None  # as the class demands
            return [
                *_of_calls(tally),
                _call_seconds(tally.durations),
                *_of_journal(journal),
                _counted("grpcmock_reloads", "Reloads of the files, by result.", "result", self._reloads),
                _stubs(store),
            ]


def _of_calls(tally: CallTally) -> Iterable[Metric]:
    calls = CounterMetricFamily("grpcmock_calls", "Calls that have ended.", labels=Kind._fields)
    for kind, count in tally.calls.items():
        calls.add_metric(kind, count)
    yield calls
    yield _counted("grpcmock_faults", "Calls that a fault profile has struck.", "fault", tally.faults)
    yield _counted("grpcmock_misses", "Calls that no stub held for, or no proto declares.", "method", tally.misses)


def _call_seconds(durations: Mapping[str, Durations]) -> Metric:
    text = "Seconds from the beginning of a call to its end."
    metric = HistogramMetricFamily("grpcmock_call_seconds", text, labels=["method"])
    for method, found in durations.items():
        below = map(float, (*accumulate(found.buckets), found.calls))
        metric.add_metric([method], list(zip(_BOUNDS, below, strict=True)), found.seconds)
    return metric


def _of_journal(journal: Journal) -> Iterable[Metric]:
    yield GaugeMetricFamily("grpcmock_streams_open", "Calls under way.", journal.open_calls)
    yield GaugeMetricFamily("grpcmock_journal_calls", "Calls in the journal.", len(journal))
    text = "Calls that the journal has dropped to keep within its bounds."
    yield CounterMetricFamily("grpcmock_journal_dropped", text, journal.dropped_ever)


def _stubs(store: Store) -> Metric:
    # Not one by one: there may be a hundred thousand from files.
    layers = Counter(entry.layer for entry in store.besides)
    layers[Layer.FILE] = len(store) - layers.total()
    metric = GaugeMetricFamily("grpcmock_stubs", "Stubs that can be chosen, by where they come from.", labels=["layer"])
    for layer in Layer:
        metric.add_metric([layer.name.lower()], layers[layer])
    return metric


def _counted(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    metric = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        metric.add_metric([value], count)
    return metric
