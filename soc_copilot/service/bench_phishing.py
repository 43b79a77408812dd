"""How fast the phishing pipeline is through the whole service on this machine."""

import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.governance import Actor
from soc_copilot.service.bench import CONCURRENT, LoadFigures, LoadPlan, drive_apart
from soc_copilot.service.bench_sockets import SocketFigures, bench_sockets
from soc_copilot.service.config import make_config
from soc_copilot.service.files import allow_connections
from soc_copilot.service.running import RunningService, settle_memory, take_turns

CLIENTS: Final = (10, 1_000)
N_DISTINCT: Final = 20_000  # chosen: more than one measurement sends
_SEED: Final = 6
_MIX: Final = ("url", "url", "url", "url", "text", "text", "email")  # chosen: as people paste
_WORDS: Final = (
    "account", "verify", "parcel", "invoice", "garden", "meeting", "lamp", "report", "update",
    "holiday", "payment", "garage", "delivery", "lunch", "review", "window", "secure", "table",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KindFigures:
    """One kind of content at one number of connections.

    Attributes:
        kind: "url", "text", "email", "mix" or "known".
        cpu_ms: Processor time of the service for one request, whatever else the machine did.
    """

    kind: str
    load: LoadFigures
    cpu_ms: float

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON takes them."""
        return {"kind": self.kind, **self.load.to_json(), "cpu_ms": self.cpu_ms}


@dataclass(frozen=True, slots=True)
class PhishingFigures:
    """What was measured.

    Attributes:
        load: For each kind ("url", "text", "email", "mix") and number of connections, every
            content new.
        hit: Contents that are known already, one connection.
        sockets: Live updates to so many clients.
    """

    n_cores: int
    model: str
    load: tuple[KindFigures, ...]
    hit: KindFigures
    sockets: tuple[SocketFigures, ...]

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON takes them."""
        return {
            "n_cores": self.n_cores,
            "model": self.model,
            "load": [one.to_json() for one in self.load],
            "hit": self.hit.to_json(),
            "sockets": [one.to_json() for one in self.sockets],
        }


def made_up(kind: str, n: int, seed: int = _SEED) -> list[dict[str, Any]]:
    """Contents of our own making, each distinct, as bodies of /analyze."""
    rng = random.Random(seed)  # noqa: S311 - made-up contents
    rows = []
    for number in range(n):
        what = rng.choice(_MIX) if kind == "mix" else kind
        one, other = rng.sample(_WORDS, 2)
        link = f"https://{one}-{rng.getrandbits(32):x}.example/{other}/{number}?id={number}"
        words = " ".join(rng.choices(_WORDS, k=30))
        if what == "url":
            content = link
        elif what == "text":
            content = f"Your {one} waits, please {other} {number} now: {link}"
        else:
            content = (
                f"From: {one.title()} <{other}@{one}.example>\r\nSubject: {other} {number}\r\n"
                "Content-Type: text/html; charset=utf-8\r\n\r\n"
                f'<p>{words}</p><p><a href="{link}">{one}.example</a></p><p>{words}</p>'
            )
        rows.append({"content": content, "content_type": what})
    return rows


def bench_phishing(
    seconds: float,
    *,
    concurrent: Sequence[int] = CONCURRENT,
    clients: Sequence[int] = CLIENTS,
    options: dict[str, Any] | None = None,
    say: Callable[[str], None] = lambda words: None,
) -> PhishingFigures:
    """Start the service on a database of its own and measure it.

    Args:
        seconds: For each measurement.
        concurrent: Numbers of kept connections.
        clients: Numbers of WebSockets.
        options: Of the service, by key.
        say: Told what is measured.

    Raises:
        SourceError: The clients did not end well, or no model is there.
    """
    off = {"rate_limit.global_per_s": 0, "rate_limit.per_address_per_s": 0, "host_events": "no"}
    config = make_config({"port": 0, **off, **(options or {})})
    allow_connections(config.limits.connections + config.phishing.sockets)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        actor = Actor("bench", "cli")
        with RunningService(config, folder / "g.db", actor=actor, home=folder) as service:
            settle_memory()
            take_turns()
            return _Bench(service, folder, seconds, say).run(concurrent, clients)


class _Bench:
    """One service being measured."""

    def __init__(
        self, service: RunningService, folder: Path, seconds: float, say: Callable[[str], None]
    ) -> None:
        if service.analysis is None or not service.analysis.health():
            raise SourceError("There is no phishing model to measure.")
        self._side = service.analysis
        self._service = service
        self._folder = folder
        self._seconds = seconds
        self._say = say
        self._token = service.token_path.read_text("ascii").strip()
        self._port = int(service.url.rpartition(":")[2])

    def run(self, concurrent: Sequence[int], clients: Sequence[int]) -> PhishingFigures:
        """Measure everything, storing beside it what the service stores."""
        found: list[PhishingFigures] = []
        failed: list[SourceError] = []
        stop = threading.Event()

        def work() -> None:
            try:
                found.append(self._measure(concurrent, clients))
            except SourceError as error:
                failed.append(error)
            finally:
                stop.set()

        thread = threading.Thread(target=work, name="bench")
        thread.start()
        while not stop.is_set():
            self._service.run_batch(stop)
        thread.join()
        if failed or not found:
            raise failed[0] if failed else SourceError("The clients ended without a word.")
        return found[0]

    def _measure(self, concurrent: Sequence[int], clients: Sequence[int]) -> PhishingFigures:
        load = []
        for kind in ("url", "text", "email", "mix"):
            rows = [{**row, "force_reanalyze": True} for row in made_up(kind, N_DISTINCT)]
            path = self._write(kind, rows)
            for n in concurrent:
                self._say(f"{kind}, {n} connections")
                load.append(self._drive(kind, path, n))
        self._say("known contents")
        hit = self._drive("known", self._write("known", made_up("url", 1)), 1)
        sockets = []
        for n in clients:
            self._say(f"{n} WebSockets")
            sockets.append(bench_sockets(self._side, self._port, self._token, n, self._seconds))
        info = self._side.info() or {}
        model = str(info.get("model_version", ""))
        return PhishingFigures(os.cpu_count() or 1, model, tuple(load), hit, tuple(sockets))

    def _write(self, name: str, rows: Sequence[dict[str, Any]]) -> Path:
        path = self._folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    def _drive(self, kind: str, path: Path, n: int) -> KindFigures:
        plan = LoadPlan(self._port, self._token, n, self._seconds, path="/analyze")
        before_s = time.process_time()
        load = drive_apart(plan, path)
        # The part of the time that was not warming up; see `drive`.
        share = self._seconds / (self._seconds + min(self._seconds, 1.0))
        spent_ms = (time.process_time() - before_s) * 1e3 * share
        return KindFigures(kind, load, spent_ms / max(load.n_requests, 1))
