"""How fast the whole service is on this machine: HTTP, scoring, recording and the pipeline."""

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.governance import Actor
from soc_copilot.service.bench import CONCURRENT, LoadFigures, LoadPlan, drive_apart, made_up
from soc_copilot.service.config import make_config
from soc_copilot.service.running import RunningService, settle_memory, take_turns

N_DISTINCT: Final = 50_000  # chosen: more than are remembered from one round to the next on a CPU
_SHARE: Final = 0.8  # standard of the project: of what the service can do at most
_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """What was measured.

    Attributes:
        load: As fast as answers came, for each number of connections.
        steady: At 80% of the most that was reached; None where that was not asked for.
        cpu_ms: Processor time for one request, the most connections, storing included.
        resident_mib: Memory of both processes before and after the steady part; 0 where that
            cannot be told.
    """

    n_cores: int
    model: str
    load: tuple[LoadFigures, ...]
    steady: LoadFigures | None
    cpu_ms: float
    resident_mib: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON takes them."""
        return {
            "n_cores": self.n_cores,
            "model": self.model,
            "load": [one.to_json() for one in self.load],
            "steady": self.steady.to_json() if self.steady is not None else None,
            "cpu_ms": self.cpu_ms,
            "resident_mib": list(self.resident_mib),
        }


def bench_service(
    seconds: float,
    *,
    concurrent: Sequence[int] = CONCURRENT,
    steady_s: float = 0.0,
    requests: Path | None = None,
    options: dict[str, Any] | None = None,
    say: Callable[[str], None] = lambda words: None,
) -> ServiceFigures:
    """Start the service on a database of its own and measure it.

    Args:
        seconds: For each number of connections.
        concurrent: Numbers of kept connections.
        steady_s: Also send 80% of the most that was reached for so long.
        requests: JSON bodies of /check, one a line; made up when None.
        options: Of the service, by key.
        say: Told what is measured.

    Raises:
        SourceError: The clients did not end well.
    """
    off = {"rate_limit.global_per_s": 0, "rate_limit.per_address_per_s": 0, "host_events": "no"}
    config = make_config({"port": 0, **off, **(options or {})})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if requests is None:
            requests = folder / "requests.jsonl"
            lines = (json.dumps(row) + "\n" for row in made_up(N_DISTINCT))
            requests.write_text("".join(lines), encoding="ascii")
        actor = Actor("bench", "cli")
        with RunningService(config, folder / "g.db", actor=actor, home=folder) as service:
            settle_memory()
            take_turns()
            token = service.token_path.read_text("ascii").strip()
            port = int(service.url.rpartition(":")[2])

            def measure(n: int, length_s: float, rate: float = 0.0) -> LoadFigures:
                plan = LoadPlan(port, token, n, length_s, rate)
                say(f"{n} connections" + (f" at {rate:,.0f} requests/s" if rate else ""))
                return _beside(service, lambda: drive_apart(plan, requests))

            return _measure(service, measure, seconds, concurrent, steady_s)


def _measure(
    service: RunningService,
    measure: Callable[..., LoadFigures],
    seconds: float,
    concurrent: Sequence[int],
    steady_s: float,
) -> ServiceFigures:
    load, cpu_ms = [], 0.0
    for n in concurrent:
        before_s = _cpu_s(service)
        load.append(measure(n, seconds))
        share = seconds / (seconds + min(seconds, 1.0))  # the part that was not warming up
        spent_ms = (_cpu_s(service) - before_s) * 1e3 * share
        cpu_ms = spent_ms / max(load[-1].n_requests, 1)
    steady, before, after = None, _resident_mib(service), 0.0
    if steady_s:
        rate = _SHARE * max(one.requests_per_s for one in load)
        steady = measure(max(concurrent), steady_s, rate)
        after = _resident_mib(service)
    return ServiceFigures(
        os.cpu_count() or 1,
        service.model_version,
        tuple(load),
        steady,
        cpu_ms,
        (before, after),
    )


def _beside(service: RunningService, work: Callable[[], LoadFigures]) -> LoadFigures:
    """Do the work on another thread, and what the service's own has to do meanwhile."""
    stop = threading.Event()
    found: list[LoadFigures] = []
    failed = SourceError("The clients ended without a word.")

    def run() -> None:
        nonlocal failed
        try:
            found.append(work())
        except SourceError as error:
            failed = error
        finally:
            stop.set()

    thread = threading.Thread(target=run, name="clients")
    thread.start()
    while not stop.is_set():
        service.run_batch(stop)
    thread.join()
    if not found:
        raise failed
    return found[0]


def _cpu_s(service: RunningService) -> float:
    """Processor time so far, of the service and, as it said last, of the process that stores."""
    store = service.storing
    return time.process_time() + float(store.told.get("cpu_s", 0.0) if store is not None else 0.0)


def _resident_mib(service: RunningService) -> float:
    """Memory of both; 0 where that cannot be told."""
    if sys.platform != "linux":
        return 0.0
    pids = [os.getpid(), *filter(None, [service.storing.pid if service.storing else 0])]
    return sum(map(_resident_of, pids))


def _resident_of(pid: int) -> float:
    status = (_PROC / str(pid) / "status").read_text("ascii")
    line = next(line for line in status.splitlines() if "VmRSS" in line)
    return int(line.split()[1]) / 1024
