"""Ingestion alone, from file to committed batch, measured beside rsyslog and tail.

Each measurement of ours runs in a process of its own (`python -m` of this module), so that
memory is that measurement's alone.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.bench import make_access_log, peak_mib
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.settings import SETTINGS, Value

_IDLE_S: Final = 60.0  # chosen: something silent for so long is taken for stuck
_POLL_S: Final = 0.005  # chosen: how often the others' output is looked at
_LATENCY_GAP_S: Final = 0.01  # chosen: a hundred lines a second, as on a busy host
_QUIET_WARM_UP_S: Final = 25.0  # chosen: files count as quiet after ten seconds, in turns
_MODULE: Final = "soc_copilot.pipeline.bench_ingest"
_ACTOR: Final = Actor("bench", "cli")

OURS: Final = "soc-copilot"
OURS_BARE: Final = "soc-copilot, no archive"
RSYSLOG: Final = "rsyslog imfile"
TAIL: Final = "tail -F"

_RSYSLOG_CONF: Final = """
module(load="imfile")
global(workDirectory="{folder}" maxMessageSize="64k")
template(name="raw" type="string" string="%msg%\\n")
ruleset(name="copy") {{ action(type="omfile" file="{out}" template="raw") }}
input(type="imfile" file="{log}" tag="bench" ruleset="copy")
"""


@dataclass(frozen=True, slots=True)
class Rates:
    """One program's rounds over the same file.

    Attributes:
        seconds: One for each round.
        lines_per_s: Median over the rounds.
    """

    name: str
    seconds: tuple[float, ...]
    lines_per_s: float
    mib_per_s: float


@dataclass(frozen=True, slots=True)
class IngestFigures:
    """What `bench ingest` measured.

    Attributes:
        rates: Ours and the others', in the order run.
        peak_mib: Largest resident size by number of lines.
        idle_cpu: Share of one core used while `idle_files` files stay quiet; None when it
            was not measured. The same of `latency_ms`.
        latency_ms: From the write of a line to its commit: "p50", "p99", "n".
    """

    lines: int
    size_bytes: int
    rates: tuple[Rates, ...]
    peak_mib: Mapping[int, float] = field(default_factory=dict)
    idle_files: int = 0
    idle_cpu: float | None = None
    latency_ms: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The figures as JSON takes them."""
        return asdict(self)


def bench_ingest(
    n_lines: int,
    rounds: int,
    *,
    memory_lines: Sequence[int] = (),
    idle_s: float = 0.0,
    latency_s: float = 0.0,
    settings: Mapping[str, Value] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> IngestFigures:
    """Measure ours, rsyslog and tail on the same file, in turn.

    Args:
        n_lines: Lines of the file.
        rounds: How often each of them reads it.
        memory_lines: Numbers of lines after which the peak memory is told.
        idle_s: How long to watch 1,000 quiet files; 0 skips it.
        latency_s: How long to write lines for the latency; 0 skips it.
        settings: Values that differ from the defaults.
        say: Told what is being done.
    """
    values = dict(settings or {})
    with tempfile.TemporaryDirectory(prefix="soc-copilot-bench-") as name:
        folder = Path(name)
        log = folder / "access.log"
        say(f"making {n_lines:,} lines")
        make_access_log(log, n_lines, 0.15)
        rates = _compare(log, n_lines, rounds, values, say)
        size_bytes = log.stat().st_size
        log.unlink()
        peaks = {n: _peak(folder, n, values, say) for n in memory_lines}
        idle: dict[str, Any] = {}
        if idle_s:
            say(f"watching 1,000 quiet files for {idle_s:g} s")
            idle = _child("idle", folder, seconds=idle_s, n_files=1_000, settings=values)
        latency: dict[str, float] = {}
        if latency_s:
            say(f"writing a line every {_LATENCY_GAP_S * 1e3:g} ms for {latency_s:g} s")
            latency = _child("latency", folder, seconds=latency_s, settings=values)
    return IngestFigures(
        n_lines, size_bytes, rates, peaks, idle.get("files", 0), idle.get("cpu"), latency
    )


def _compare(
    log: Path,
    n_lines: int,
    rounds: int,
    settings: Mapping[str, Value],
    say: Callable[[str], None],
) -> tuple[Rates, ...]:
    seconds: dict[str, list[float]] = {OURS: [], OURS_BARE: []}
    others: dict[str, Callable[[Path, Path], float]] = {}
    if find_rsyslog() is not None:
        others[RSYSLOG] = _time_rsyslog
    if shutil.which("tail") is not None:
        others[TAIL] = _time_tail
    seconds |= {name: [] for name in others}
    for number in range(rounds):
        for name, taken in seconds.items():
            say(f"round {number + 1} of {rounds}: {name}")
            with tempfile.TemporaryDirectory(dir=log.parent) as folder:
                if name in others:
                    taken.append(others[name](log, Path(folder)))
                else:
                    archived = {**settings, "archive.enabled": name == OURS}
                    done = _child("throughput", Path(folder), log=str(log), settings=archived)
                    if done["lines"] != n_lines:
                        raise RuntimeError(f"{done['lines']:,} of {n_lines:,} lines were stored.")
                    taken.append(done["seconds"])
    mib = log.stat().st_size / (1 << 20)
    return tuple(
        Rates(name, tuple(taken), n_lines / median(taken), mib / median(taken))
        for name, taken in seconds.items()
    )


def _peak(
    folder: Path, n_lines: int, settings: Mapping[str, Value], say: Callable[[str], None]
) -> float:
    say(f"memory over {n_lines:,} lines")
    log = folder / "memory.log"
    make_access_log(log, n_lines, 0.15)
    with tempfile.TemporaryDirectory(dir=folder) as inner:
        done = _child("throughput", Path(inner), log=str(log), settings=dict(settings))
    log.unlink()
    return float(done["peak_mib"])


# The others


def find_rsyslog() -> str | None:
    """Where rsyslog's daemon is, None when it is not installed."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    return shutil.which("rsyslogd", path=path)


def _time_rsyslog(log: Path, folder: Path) -> float:
    conf, out = folder / "rsyslog.conf", folder / "out.log"
    conf.write_text(_RSYSLOG_CONF.format(folder=folder, out=out, log=log))
    program = find_rsyslog() or "rsyslogd"
    return _time_copy([program, "-n", "-f", str(conf), "-i", str(folder / "pid")], log, out)


def _time_tail(log: Path, folder: Path) -> float:
    out = folder / "out.log"
    return _time_copy(["tail", "-n", "+1", "-F", str(log)], log, out, redirected=True)


def _time_copy(command: list[str], log: Path, out: Path, *, redirected: bool = False) -> float:
    """Seconds from the start of a program until its output is as long as the log."""
    wanted, seen = log.stat().st_size, 0
    with (out if redirected else out.with_suffix(".said")).open("wb") as sink:
        began = last = time.perf_counter()
        child = subprocess.Popen(command, stdout=sink, stderr=subprocess.DEVNULL)  # noqa: S603
        try:
            while True:
                size = out.stat().st_size if out.exists() else 0
                now = time.perf_counter()
                if size >= wanted:
                    return now - began
                if size > seen:
                    seen, last = size, now
                if now - last > _IDLE_S or child.poll() is not None:
                    raise RuntimeError(f"{command[0]} wrote {seen:,} of {wanted:,} bytes.")
                time.sleep(_POLL_S)
        finally:
            child.terminate()
            child.wait()


# Ours, in a process of its own


def _child(job: str, folder: Path, **arguments: Any) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - our own module
        [
            sys.executable,
            "-m",
            _MODULE,
            json.dumps({"job": job, "folder": str(folder)} | arguments),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _session(folder: Path, kind: str, path: Path, settings: Mapping[str, Value]) -> IngestSession:
    values: dict[str, Value] = {setting.key: setting.default for setting in SETTINGS}
    values |= {
        key: False for key in values if key.startswith("detection.") and key.endswith(".enabled")
    }
    values |= settings
    database = folder / "governance.db"
    with Governance.open(database, actor=_ACTOR, home=folder) as governance:
        governance.sources.add(kind, str(path), format="access", from_start=True)
    return IngestSession(database, values, _ACTOR, home=folder)


def throughput(folder: Path, log: Path, settings: Mapping[str, Value]) -> dict[str, Any]:
    """Read a file to its end; "lines", "seconds" until all are committed, "peak_mib"."""
    stop, size, stages = threading.Event(), log.stat().st_size, dict[str, float]()
    with _session(folder, "file", log, settings) as session:
        lines, began = 0, time.perf_counter()
        last = began
        while not session.is_idle or session.statuses()[0].read_offset_bytes < size:
            summary, now = session.run_batch(stop), time.perf_counter()
            if summary is not None and summary.n_events:
                lines, last = lines + summary.n_events, now
                for stage, seconds in summary.stage_s.items():
                    stages[stage] = stages.get(stage, 0.0) + seconds
            if session.statuses()[0].read_offset_bytes == size:
                session.request_flush()  # the last lines fill no batch: do not time the wait
            if now - last > _IDLE_S:
                raise RuntimeError(f"Nothing was stored for {_IDLE_S:g} s. {session.trouble}")
    return {
        "lines": lines,
        "seconds": last - began,
        "peak_mib": peak_mib(),
        "stage_s": stages,
    }


def latency(folder: Path, seconds: float, settings: Mapping[str, Value]) -> dict[str, float]:
    """Write lines one by one; milliseconds from a line's write until it is committed."""
    log = folder / "latency.log"
    make_access_log(folder / "lines.log", int(seconds / _LATENCY_GAP_S), 0.15)
    lines = (folder / "lines.log").read_bytes().splitlines(keepends=True)
    log.touch()
    written: list[int] = []

    def write() -> None:
        with log.open("ab", buffering=0) as file:
            for line in lines:
                written.append(time.time_ns())
                file.write(line)
                time.sleep(_LATENCY_GAP_S)

    waits: list[float] = []
    stop = threading.Event()
    with _session(folder, "file", log, {"ingestion.batch_interval_s": 0.1, **settings}) as session:
        session.run_batch(stop)
        writer = threading.Thread(target=write, name="bench-writer")
        writer.start()
        last = time.monotonic()
        while len(waits) < len(lines) and time.monotonic() - last < _IDLE_S:
            summary = session.run_batch(stop)
            if summary is not None and summary.n_events:
                last = time.monotonic()
                batch = written[len(waits) : len(waits) + summary.n_events]
                waits += [(summary.stored_ns - at) / 1e6 for at in batch]
        writer.join()
    p50, p99 = np.percentile(waits, (50, 99))
    return {"p50": float(p50), "p99": float(p99), "n": len(waits)}


def idle(
    folder: Path, seconds: float, n_files: int, settings: Mapping[str, Value]
) -> dict[str, float]:
    """Watch files that nobody writes; the share of one core that it takes."""
    logs = folder / "quiet"
    logs.mkdir()
    for number in range(n_files):
        make_access_log(logs / f"{number:04}.log", 3, 1.0, seed=number)
    stop = threading.Event()
    with _session(folder, "directory", logs, settings) as session:
        began = time.monotonic()
        while not session.is_idle or time.monotonic() - began < _QUIET_WARM_UP_S:
            session.run_batch(stop)
        used, began = time.process_time(), time.monotonic()
        while time.monotonic() - began < seconds:
            session.run_batch(stop)
        share = (time.process_time() - used) / (time.monotonic() - began)
        n_read = session.statuses()[0].n_files
    return {"files": n_read, "cpu": share}


def _main() -> None:
    arguments = json.loads(sys.argv[1])
    folder, settings = Path(arguments["folder"]), arguments["settings"]
    if arguments["job"] == "throughput":
        found = throughput(folder, Path(arguments["log"]), settings)
    elif arguments["job"] == "latency":
        found = latency(folder, arguments["seconds"], settings)
    else:
        found = idle(folder, arguments["seconds"], arguments["n_files"], settings)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    _main()
