"""What the service counts, for Prometheus."""

from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from soc_copilot.detection.web.detector import Verdict

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
# Chosen: around the promise of 10 ms at the 99th percentile, up to the default timeout.
_SECONDS: Final = (
    0.001, 0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
# Registered methods (RFC 9110); whoever makes one up must not make up a label.
_METHODS: Final = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counters of one service.

    Thread:
        Any.
    """

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._calls = Counter(
            "soc_copilot_calls", "Calls answered.", ("endpoint", "status"), registry=registry
        )
        self._seconds = Histogram(
            "soc_copilot_call_seconds", "From the head of a call to its answer.", ("endpoint",),
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._verdicts = Counter(
            "soc_copilot_verdicts", "Requests scored, by verdict and attack class.",
            ("verdict", "attack_class"), registry=registry,
        )  # fmt: skip
        self._batch_size = Histogram(
            "soc_copilot_batch_requests", "Requests scored together.", buckets=_SIZES,
            registry=registry,
        )  # fmt: skip
        self._batch_seconds = Histogram(
            "soc_copilot_batch_seconds", "Time to score a batch.", buckets=_SECONDS,
            registry=registry,
        )  # fmt: skip
        self._requests = Counter(
            "soc_copilot_requests", "Calls answered, by method too.",
            ("endpoint", "method", "status"), registry=registry,
        )  # fmt: skip
        self._passed = self._verdicts.labels("pass", "")
        self._cells: dict[tuple[str, int, str], tuple[Counter, Counter, Histogram]] = {}

    @property
    def registry(self) -> CollectorRegistry:
        """Where other parts of the service put theirs."""
        return self._registry

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show a number that is kept elsewhere; a name that ends in "_total" is a counter's."""
        gauge = Gauge(f"soc_copilot_{name}", text, registry=self._registry)
        gauge.set_function(value)

    def answered(self, endpoint: str, status: int, seconds: float, method: str = "") -> None:
        """Count a call."""
        method = method if method in _METHODS else "other"
        cells = self._cells.get((endpoint, status, method))
        if cells is None:
            cells = (
                self._calls.labels(endpoint, str(status)),
                self._requests.labels(endpoint, method, str(status)),
                self._seconds.labels(endpoint),
            )
            self._cells[endpoint, status, method] = cells
        cells[0].inc()
        cells[1].inc()
        cells[2].observe(seconds)

    def scored(self, verdicts: Sequence[Verdict], seconds: float) -> None:
        """Count a batch."""
        n_passed = 0
        for verdict in verdicts:
            if verdict.is_threat:
                self._verdicts.labels("threat", verdict.kind).inc()
            else:
                n_passed += 1
        if n_passed:
            self._passed.inc(n_passed)
        self._batch_size.observe(len(verdicts))
        self._batch_seconds.observe(seconds)

    def text(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self._registry)
