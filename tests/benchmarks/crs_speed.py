"""How fast the peer and ours check the same requests, side by side."""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from soc_copilot.detection.web.detector import WebDetector
from soc_copilot.detection.web.request import Request
from soc_copilot.detection.web.scorer import load
from soc_copilot.detection.web.training.evaluate import request_scores
from soc_copilot.domain.paths import bundled
from tests.benchmarks.crs_peer import PAGE, Peer
from tests.tools.checking import CheckingService
from tests.tools.nginx import cpu_s
from tests.tools.nginx_check import CLOSED, ONLY_REFUSE, CheckingNginx
from tests.tools.raw_http import as_bytes, drive

BATCH: Final = 1_000  # chosen: requests a call of ours
PEER_AT_ONCE: Final = (1, 8)  # chosen: 8 keep its one worker busy all the time
SERVICE_AT_ONCE: Final = (1, 20, 100)
WARM_UP: Final = 50


@dataclass(frozen=True, slots=True)
class Speed:
    """One way of checking.

    Attributes:
        per_cpu_s: Requests per second of the checker's processor time, which other work on
            the machine disturbs less than those per second.
        p50_ms: From sending a request to its answer; None for batches.
        p99_ms: The same.
        errors: Requests that were answered neither yes nor no.
    """

    per_s: float
    per_cpu_s: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    errors: int = 0


def side_by_side(
    requests: Sequence[Request], wires: Sequence[bytes], model: Path | None, rounds: int
) -> dict[str, Speed]:
    """Each way in turn, round by round; medians over the rounds.

    Ours is new for each measurement: a detector that has met a request answers it the second
    time from memory.

    Args:
        requests: Distinct.
        wires: The same as they are sent.
        model: Of ours; the program's when None.
        rounds: At least 1.
    """
    ways: dict[str, Callable[[], Speed]] = {}
    for n in PEER_AT_ONCE:
        ways[f"peer, {n} at once"] = lambda n=n: _peer(wires, n)  # type: ignore[misc]
    ways["ours in process, batches"] = lambda: _batches(model, requests)
    ways["ours in process, scores alone"] = lambda: _scores(model, requests)
    ways["ours in process, one by one"] = lambda: _one_by_one(model, requests)
    for n in SERVICE_AT_ONCE:
        ways[f"ours as a service, {n} at once"] = lambda n=n: _service(  # type: ignore[misc]
            model, requests, n
        )
    for n in PEER_AT_ONCE:
        ways[f"nginx asking the service, {n} at once"] = lambda n=n: _behind_nginx(  # type: ignore[misc]
            model, wires, n
        )
    found: dict[str, list[Speed]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, measure in ways.items():
            found[name].append(measure())
    return {name: _median(speeds) for name, speeds in found.items()}


def started(model: Path | None) -> WebDetector:
    """A detector that has met nothing yet."""
    detector = WebDetector(folder=model)
    detector.start("cpu")
    return detector


def _peer(wires: Sequence[bytes], n_at_once: int) -> Speed:
    with tempfile.TemporaryDirectory() as folder, Peer(Path(folder) / "peer") as peer:
        drive(peer.port, wires[:WARM_UP], n_at_once)
        return _driven(peer.port, wires, n_at_once, peer.nginx.workers(), (204, 400, 403))


def _service(model: Path | None, requests: Sequence[Request], n_at_once: int) -> Speed:
    options = {"model": str(model)} if model else {}
    with tempfile.TemporaryDirectory() as folder:
        service = CheckingService(Path(folder), **options)
        try:
            calls = [check_call(request, service.token) for request in requests]
            warm = [check_call(Request(path=f"/{i}"), service.token) for i in range(WARM_UP)]
            drive(service.port, warm, n_at_once)
            return _driven(service.port, calls, n_at_once, (service.pid,), (200,))
        finally:
            service.close()


def _behind_nginx(model: Path | None, wires: Sequence[bytes], n_at_once: int) -> Speed:
    """As the peer stands: nginx refuses what the service says, here without bodies."""
    options = {"model": str(model)} if model else {}
    with tempfile.TemporaryDirectory() as folder:
        service = CheckingService(Path(folder), **options)
        try:
            inner, page = Path(folder) / "nginx", PAGE
            nginx = CheckingNginx(inner, service.port, service.token, page, CLOSED | ONLY_REFUSE)
            try:
                drive(nginx.port, [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"] * WARM_UP, n_at_once)
                pids = (service.pid, *nginx.workers())
                return _driven(nginx.port, wires, n_at_once, pids, (204, 400, 403))
            finally:
                nginx.close()
        finally:
            service.close()


def _driven(
    port: int, messages: Sequence[bytes], n_at_once: int, pids: Sequence[int], good: tuple[int, ...]
) -> Speed:
    began, cpu = time.perf_counter(), sum(map(cpu_s, pids))
    answers = drive(port, messages, n_at_once)
    took_s, cpu_took_s = time.perf_counter() - began, sum(map(cpu_s, pids)) - cpu
    p50, p99 = np.quantile([answer.took_s * 1e3 for answer in answers], (0.5, 0.99))
    n = len(messages)
    errors = sum(answer.status not in good for answer in answers)
    return Speed(n / took_s, n / max(cpu_took_s, 0.01), float(p50), float(p99), errors)


def check_call(request: Request, token: str) -> bytes:
    """A POST /check of the service, as bytes."""
    row = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": dict(request.headers),
        "body": request.body,
    }
    body = json.dumps(row).encode()
    head = (
        "POST /check HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return as_bytes(head) + body


def _batches(model: Path | None, requests: Sequence[Request]) -> Speed:
    detector = started(model)
    began, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(requests), BATCH):
        detector.score_requests(requests[start : start + BATCH])
    return _since(began, cpu, len(requests))


def _scores(model: Path | None, requests: Sequence[Request]) -> Speed:
    """Without the reasons of the verdicts: what telling an attack costs."""
    loaded = load(model or bundled("models") / "web", "cpu")
    began, cpu = time.perf_counter(), time.process_time()
    request_scores(loaded, requests)
    return _since(began, cpu, len(requests))


def _since(began: float, cpu: float, n: int) -> Speed:
    return Speed(n / (time.perf_counter() - began), n / (time.process_time() - cpu))


def _one_by_one(model: Path | None, requests: Sequence[Request]) -> Speed:
    detector = started(model)
    cpu, times = time.process_time(), []
    for request in requests:
        began = time.perf_counter()
        detector.score_requests([request])
        times.append(time.perf_counter() - began)
    p50, p99 = np.quantile(np.array(times) * 1e3, (0.5, 0.99))
    n = len(times)
    return Speed(n / sum(times), n / (time.process_time() - cpu), float(p50), float(p99))


def _median(speeds: Sequence[Speed]) -> Speed:
    def middle(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return statistics.median(known) if known else None

    return Speed(
        statistics.median(speed.per_s for speed in speeds),
        statistics.median(speed.per_cpu_s for speed in speeds),
        middle([speed.p50_ms for speed in speeds]),
        middle([speed.p99_ms for speed in speeds]),
        sum(speed.errors for speed in speeds),
    )


def table(speeds: dict[str, Speed]) -> str:
    """For a report, in Markdown, with ratios to the peer's best."""
    peers = [speed for name, speed in speeds.items() if name.startswith("peer")]
    rate, by_cpu = max(s.per_s for s in peers), max(s.per_cpu_s for s in peers)
    out = [
        "| | requests/s | per CPU second | p50 / p99 | errors |",
        "|---|---|---|---|---|",
    ]
    for name, s in speeds.items():
        times = "-" if s.p50_ms is None else f"{s.p50_ms:.2f} / {s.p99_ms:.2f} ms"
        out.append(
            f"| {name} | {s.per_s:,.0f} ({s.per_s / rate:.1f}) "
            f"| {s.per_cpu_s:,.0f} ({s.per_cpu_s / by_cpu:.1f}) | {times} | {s.errors} |"
        )
    return "\n".join(out)


def load_average() -> str:
    """How busy the machine is, for the report."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
