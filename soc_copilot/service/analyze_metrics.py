"""What is counted of the phishing pipeline, for Prometheus."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from soc_copilot.phishing.orchestrator import PartHealth
from soc_copilot.phishing.tasks import JOB_STATES

# Chosen: from a cache hit under 1 ms to the 5 s from which a response is alerted.
_SECONDS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
_CIRCUITS: Final = ("ok", "degraded", "half-open", "open", "missing")


class AnalyzeMetrics:
    """Counters of the phishing pipeline.

    Thread:
        Any.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._predictions = Counter(
            "soc_copilot_analyses", "Contents analysed, by kind and prediction.",
            ("content_type", "prediction"), registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "soc_copilot_analysis_seconds", "From a call to its answer, by kind of content.",
            ("content_type",), buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._inference = Histogram(
            "soc_copilot_inference_seconds", "A model's time for what it was handed together.",
            ("model",), buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._failures = Counter(
            "soc_copilot_inference_failures", "Contents that a model failed on.", ("model",),
            registry=registry,
        )  # fmt: skip
        cache = Counter(
            "soc_copilot_cache_lookups", "Looks into the cache, by whether the answer was there.",
            ("result",), registry=registry,
        )  # fmt: skip
        self._hits, self._misses = cache.labels("hit"), cache.labels("miss")
        self._cells: dict[tuple[str, str], tuple[Counter, Histogram]] = {}

    def answered(self, content_type: str, prediction: str, seconds: float) -> None:
        """Count an answer."""
        cells = self._cells.get((content_type, prediction))
        if cells is None:
            counter = self._predictions.labels(content_type, prediction)
            cells = self._cells[content_type, prediction] = (
                counter, self._seconds.labels(content_type),
            )  # fmt: skip
        cells[0].inc()
        cells[1].observe(seconds)

    def seen(self, model: str, state: str, seconds: float, n: int) -> None:
        """Count what a model scored."""
        self._inference.labels(model).observe(seconds)
        if state != "ok":
            self._failures.labels(model).inc(n)

    def looked(self, is_known: bool) -> None:
        """Count a look into the cache."""
        (self._hits if is_known else self._misses).inc()

    def watch(
        self,
        counts: Callable[[], Mapping[str, int]],
        health: Callable[[], Iterable[PartHealth]],
        n_sockets: Callable[[], int],
    ) -> None:
        """Show numbers that are kept elsewhere."""
        gauge = Gauge("soc_copilot_websockets", "Open WebSockets.", registry=self._registry)
        gauge.set_function(n_sockets)
        self._registry.register(_Kept(counts, health))


class _Kept(Collector):
    """Jobs by state, and how each model stands, read when asked for."""

    def __init__(
        self,
        counts: Callable[[], Mapping[str, int]],
        health: Callable[[], Iterable[PartHealth]],
    ) -> None:
        self._counts = counts
        self._health = health

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        jobs = GaugeMetricFamily(
            "soc_copilot_jobs", "Jobs that wait and run, and those that ended.", labels=["status"]
        )
        counts = self._counts()
        for state in JOB_STATES:
            jobs.add_metric([state], counts.get(state, 0))
        loaded = GaugeMetricFamily(
            "soc_copilot_model_loaded", "1 for a model that is loaded.", labels=["model"]
        )
        circuit = GaugeMetricFamily(
            "soc_copilot_model_state", "1 for the state a model is in.", labels=["model", "state"]
        )
        for part in self._health():
            loaded.add_metric([part.name], float(part.state != "missing"))
            for name in _CIRCUITS:
                circuit.add_metric([part.name, name], float(part.state == name))
        return (jobs, loaded, circuit)
