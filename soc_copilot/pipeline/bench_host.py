"""How fast the host detector is on this machine, on events that we make ourselves."""

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.host.reading import SCHEMA

if TYPE_CHECKING:
    from soc_copilot.detection.host.activity import HostEvent
    from soc_copilot.detection.host.detector import HybridThreatDetector
    from soc_copilot.detection.host.engine import StreamingInferenceEngine

Floats = npt.NDArray[np.float32]

BATCHES: Final = (1, 64, 1_000, 10_000)  # contract
STREAMS: Final = (1, 100, 10_000)  # contract
WINDOW: Final = 64  # contract: events that the plain way scores again for each event
N_STREAMS: Final = 16_384  # chosen: all of the streams above find room
_FULL_STREAMS: Final = 2_048  # chosen: streams whose windows are filled to see their memory
_EPOCH_S: Final = 1_790_000_000.0
_WARM: Final = 3  # chosen: calls before the clock starts

# Ordinary jobs of three steps each: operations, the file, and where a renamed one goes.
_CREATE, _WRITE, _RENAME, _DELETE, _ATTRIBUTES = 0, 1, 2, 3, 4
_JOBS: Final = (
    ((_CREATE, _WRITE, _RENAME), "docs/{}/report{}.txt.tmp", "docs/{}/report{}.txt"),
    ((_WRITE, _WRITE, _ATTRIBUTES), "app/{}/events{}.log", ""),
    ((_CREATE, _WRITE, _WRITE), "build/{}/part{}.o", ""),
    ((_CREATE, _WRITE, _DELETE), "cache/{}/block{}.tmp", ""),
)
_SHARES: Final = (0.3, 0.4, 0.2, 0.1)  # chosen: of the jobs
_STEPS: Final = 3
_FOLDERS: Final = 8
_FILES: Final = 500


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """Batches of one size over some streams.

    Attributes:
        batch: Events at a time.
        streams: They are spread over.
        p50_ms, p99_ms: Duration of a call.
    """

    batch: int
    streams: int
    events_per_s: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class HostFigures:
    """What one run measured.

    Attributes:
        n_cores: That this process may use.
        one_p50_ms, one_p99_ms: One event at a time, warm.
        again_p50_ms: One at a time the plain way, by the network as it was trained, in torch:
            it runs over the stream's last 64 events again for each event.
        again_compiled_p50_ms: The same with our machine code.
        again_events_per_s: The same with our machine code, 1,000 windows at a time.
        ratio_one: How many times longer the plain way takes, one at a time, in torch.
        ratio_compiled: In our machine code.
        ratio_batch: And 1,000 at a time, the features being had.
        stream_bytes: Memory for each stream with a full window; NaN where the system does not
            tell.
        threat_share: Events of ours taken for threats, all being ordinary.
    """

    device: str
    n_cores: int
    model: str
    events: int
    one_p50_ms: float
    one_p99_ms: float
    batches: tuple[BatchFigures, ...]
    again_p50_ms: float
    again_compiled_p50_ms: float
    again_events_per_s: float
    ratio_one: float
    ratio_compiled: float
    ratio_batch: float
    stream_bytes: float
    threat_share: float

    def to_json(self) -> dict[str, object]:
        """The figures as JSON takes them."""
        return asdict(self)


def make_events(n_events: int, n_streams: int, seed: int = 7) -> pl.DataFrame:
    """Ordinary work of many streams: documents saved, logs written, programs built.

    Args:
        n_events: Rows.
        n_streams: That they are spread over, evenly but for chance.
        seed: Of the random numbers; the same seed gives the same events.

    Returns:
        A canonical frame, times ascending.
    """
    rng = np.random.default_rng(seed)
    n_jobs = n_events // _STEPS + 1
    sizes = np.repeat(rng.lognormal(9.0, 1.5, n_jobs).round() + 64, _STEPS)
    jobs = pl.DataFrame(
        {
            "job": rng.choice(len(_JOBS), n_jobs, p=_SHARES),
            "stream": rng.integers(0, n_streams, n_jobs),
            "folder": rng.integers(0, _FOLDERS, n_jobs),
            "number": rng.integers(0, _FILES, n_jobs),
        }
    )
    rows = jobs[np.repeat(np.arange(n_jobs, dtype=np.uint32), _STEPS)].with_columns(
        operation=pl.Series(np.array([steps for steps, _, _ in _JOBS])[jobs["job"]].ravel()),
        time=pl.Series(_EPOCH_S + np.cumsum(rng.exponential(0.02, n_jobs * _STEPS))),
        size=pl.Series(sizes * rng.uniform(1.0, 1.1, len(sizes))),
        previous_size=pl.Series(sizes),
        entropy=pl.Series(rng.normal(4.8, 0.3, len(sizes)).clip(3.5, 6.0)),
    )
    is_moved = pl.col("operation") == _RENAME
    made = rows.with_row_index("row").select(
        pl.format("b-{}", "row").alias("event_id"),
        pl.format("host{}", "stream").alias("stream"),
        "time",
        "operation",
        _place(1).alias("path"),
        pl.when(is_moved).then(_place(2)).otherwise(pl.lit("")).alias("target"),
        "size",
        "previous_size",
        "entropy",
        pl.lit(float("nan")).alias("previous_entropy"),
        pl.lit(value=False).alias("is_folder"),
        pl.format("u{}", "stream").alias("user"),
        pl.lit("/usr/bin/work").alias("process"),
    )
    return made.head(n_events).cast(SCHEMA)


def _place(part: int) -> pl.Expr:
    """The path of a job's file, as the job's template says."""
    found = pl.lit("")
    for number, job in enumerate(_JOBS):
        template = str(job[part])
        if template:
            home = pl.format(f"/home/u{{}}/{template}", "stream", "folder", "number")
            found = pl.when(pl.col("job") == number).then(home).otherwise(found)
    return found


def bench_host(
    n_events: int = 50_000,
    *,
    model: Path | None = None,
    device: str = "auto",
    say: Callable[[str], None] = lambda _: None,
) -> HostFigures:
    """Score events one at a time, in batches, and the plain way.

    Args:
        n_events: For each measurement, at most.
        model: Folder of the model; the one shipped with the program when None.
        device: "auto", "cpu" or "cuda".
        say: Called with what is being measured.

    Raises:
        DetectorError: The model is missing or damaged, or the device is not there.

    Thread:
        The caller's; some 30 s on two cores.
    """
    from soc_copilot.detection.host.engine import StreamingInferenceEngine

    say("one event at a time")
    engine = StreamingInferenceEngine(model, device=device)
    events = _as_events(make_events(min(n_events, 10_000), 100))
    times_ms = [engine.process_event(event).latency_ms for event in events]
    say("its window again for each event")
    few = events[: max(len(events) // 5, 1)]
    again_ms = _torch_again_ms(engine.detector, few)
    compiled_ms = _again_ms(few, engine.detector.score)
    again_per_s = _again_per_s(engine.detector, min(n_events, 5_000))
    found, threats = [], []
    for streams in STREAMS:
        for batch in BATCHES:
            say(f"batches of {batch:,} over {streams:,} streams")
            engine = StreamingInferenceEngine(engine.detector.model, device=device,
                                              n_streams=N_STREAMS, is_warmed=False)  # fmt: skip
            figures, share = _batches(engine, batch, streams, n_events)
            found.append(figures)
            threats.append(share)
    say("memory")
    like = next(one for one in found if (one.batch, one.streams) == (1_000, 100))
    one_p50_ms = float(np.percentile(times_ms, 50))
    return HostFigures(
        device=engine.detector.device_name,
        n_cores=_n_cores(),
        model=engine.detector.model.version,
        events=n_events,
        one_p50_ms=one_p50_ms,
        one_p99_ms=float(np.percentile(times_ms, 99)),
        batches=tuple(found),
        again_p50_ms=again_ms,
        again_compiled_p50_ms=compiled_ms,
        again_events_per_s=again_per_s,
        ratio_one=again_ms / one_p50_ms,
        ratio_compiled=compiled_ms / one_p50_ms,
        ratio_batch=like.events_per_s / again_per_s,
        stream_bytes=_stream_bytes(engine.detector),
        threat_share=float(np.mean(threats)),
    )


def _batches(
    engine: "StreamingInferenceEngine", batch: int, streams: int, n_events: int
) -> tuple[BatchFigures, float]:
    """Events of the whole, in batches of one size; some calls come before the clock starts."""
    n_calls = min(max(n_events // batch, 5), 2_000) + _WARM
    frame = make_events(n_calls * batch, streams)
    times_s, n_threats = [], 0
    if batch == 1:
        for event in _as_events(frame):
            began_s = time.perf_counter()
            n_threats += engine.process_event(event).is_threat
            times_s.append(time.perf_counter() - began_s)
    else:
        for part in frame.iter_slices(batch):
            began_s = time.perf_counter()
            n_threats += int(engine.process_batch(part).scores.is_threat.sum())
            times_s.append(time.perf_counter() - began_s)
    timed = np.array(times_s[_WARM:])
    return BatchFigures(
        batch=batch,
        streams=streams,
        events_per_s=len(timed) * batch / float(timed.sum()),
        p50_ms=float(np.percentile(timed, 50) * 1e3),
        p99_ms=float(np.percentile(timed, 99) * 1e3),
    ), n_threats / frame.height


def _torch_again_ms(detector: "HybridThreatDetector", events: "list[HostEvent]") -> float:
    """The same on one thread of torch: more of them only wait for each other over so little."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _again_ms(events, _by_torch(detector))
    finally:
        torch.set_num_threads(before)


def _by_torch(detector: "HybridThreatDetector") -> Callable[[Floats], object]:
    """Scores a window as its network's author would: in torch, from the beginning."""
    import torch

    from soc_copilot.detection.host.model import from_tensors

    net = detector.model.net
    there = from_tensors(net.state_dict(), net.shape).to(detector.device)

    @torch.inference_mode()
    def score(rows: Floats) -> object:
        batch = torch.from_numpy(rows)[None].to(detector.device)
        logits, _ = there(batch, there.initial(1))
        last = rows[-1:]
        return detector.judge(last, logits[0, -1:].cpu().numpy(), detector.trees(last))

    return score


def _again_ms(events: "list[HostEvent]", score: Callable[[Floats], object]) -> float:
    """Median time for an event when the model runs over its stream's whole window."""
    from soc_copilot.detection.host.blocks import columns_of
    from soc_copilot.detection.host.buffer import StreamBuffer
    from soc_copilot.detection.host.tracking import Tracker

    tracker, buffers = Tracker(1_024), dict[str, StreamBuffer]()
    times_s = []
    for event in events:
        began_s = time.perf_counter()
        buffer = buffers.setdefault(event.stream, StreamBuffer(WINDOW))
        buffer.add_event(event, tracker.advance(columns_of(event)[1])[0])
        score(_filled(buffer.get_sequence()))
        times_s.append(time.perf_counter() - began_s)
    return float(np.median(times_s) * 1e3)


def _again_per_s(detector: "HybridThreatDetector", n_windows: int) -> float:
    """Events a second when whole windows are scored, 1,000 of them at a time; features are had."""
    windows = np.random.default_rng(1).uniform(0, 1, (1_000, WINDOW, 30)).astype(np.float32)
    detector.score(windows[:10])
    n_rounds = max(n_windows // len(windows), 1)
    began_s = time.perf_counter()
    for _ in range(n_rounds):
        detector.score(windows)
    return n_rounds * len(windows) / (time.perf_counter() - began_s)


def _filled(rows: Floats) -> Floats:
    """A whole window, also while its stream is young."""
    missing = WINDOW - len(rows)
    return np.concatenate([np.repeat(rows[:1], missing, 0), rows]) if missing else rows


def _as_events(frame: pl.DataFrame) -> "list[HostEvent]":
    from soc_copilot.detection.host.buffer import as_event

    return [as_event(row) for row in frame.iter_rows()]


def _stream_bytes(detector: "HybridThreatDetector") -> float:
    """How much the process grows for each stream that gets a full window."""
    from soc_copilot.detection.host.detector import HostScorer

    if not sys.platform.startswith("linux"):
        return float("nan")
    scorer = HostScorer(detector, n_streams=_FULL_STREAMS)
    parts = list(_full_windows())
    for part in parts[:2]:
        list(scorer.blocks(part.with_columns(stream=pl.lit("first"))))
    gc.collect()
    before = _resident_bytes()
    for part in parts:
        list(scorer.blocks(part))
    gc.collect()
    return (_resident_bytes() - before) / len(scorer.memory.windows)


def _full_windows() -> Iterator[pl.DataFrame]:
    """As many events of each stream as its window holds."""
    names = pl.format("host{}", pl.int_range(pl.len()) % _FULL_STREAMS)
    events = make_events(_FULL_STREAMS * WINDOW, _FULL_STREAMS).with_columns(names.alias("stream"))
    yield from events.iter_slices(8_192)


def _resident_bytes() -> int:
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def _n_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
