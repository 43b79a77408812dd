"""How fast the pipeline is on this machine, measured on lines that we make ourselves."""

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.settings import SETTINGS, Value

_LINES_AT_ONCE = 50_000  # chosen: lines made per write
_IDLE_S = 30.0  # chosen: a pipeline silent for so long is taken for stuck

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "examplebot/2.1 (+http://bot.example/about)",
    "curl/8.5.0",
)
_WORDS = (
    "shop", "cart", "item", "search", "blog", "news", "about", "press", "team", "media",
    "image", "style", "script", "api", "user", "order", "list", "view", "edit", "page", "feed",
    "tag", "archive", "help", "contact", "price", "offer", "summer", "winter", "shoes", "lamp",
    "desk",
)  # fmt: skip
_ATTACKS = (
    "/item?id=1%27%20UNION%20SELECT%20user,password%20FROM%20users--%20",
    "/view?file=../../../../etc/passwd",
    "/search?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E",
    "/ping?host=127.0.0.1;cat%20/etc/shadow",
)


@dataclass(frozen=True, slots=True)
class PipelineFigures:
    """What one run of the pipeline benchmark measured.

    Attributes:
        distinct_share: Distinct requests divided by lines.
        stage_share: Share of the wall time by stage. "parse" runs ahead on a thread of its
            own, beside the others, which add up to 1; "wait" is time spent without a batch.
    """

    lines: int
    size_bytes: int
    distinct_share: float
    seconds: float
    lines_per_s: float
    peak_mib: float
    batches: int
    batch_p50_ms: float
    batch_p99_ms: float
    alerts: int
    stage_share: Mapping[str, float]

    def to_json(self) -> dict[str, object]:
        """The figures as JSON takes them."""
        return asdict(self)


def make_access_log(path: Path, n_lines: int, unique_share: float, seed: int = 7) -> float:
    """Write combined access-log lines such as a busy site's.

    Paths are drawn from 3,000 by Zipf's law, the way sites are read; a share of the lines
    carries a query that no other line has; one line in 2,000 is an attack.

    Args:
        path: File to write.
        n_lines: Lines.
        unique_share: Share of lines with a query of their own, in [0, 1].
        seed: Of the random numbers; the same seed gives the same file.

    Returns:
        Distinct requests (method and URL) divided by lines.
    """
    rng = np.random.default_rng(seed)
    paths = [
        "/" + "/".join(rng.choice(_WORDS, size=int(rng.integers(1, 4)))) + f"/{i}.html"
        for i in range(3_000)
    ]
    weights = 1.0 / np.arange(1, len(paths) + 1)
    weights /= weights.sum()
    seen: set[str] = set()
    with path.open("w", encoding="ascii", newline="\n") as file:
        for first in range(0, n_lines, _LINES_AT_ONCE):
            size = min(_LINES_AT_ONCE, n_lines - first)
            pages = rng.choice(len(paths), size=size, p=weights)
            unique = rng.random(size) < unique_share
            attack = rng.random(size) < 1 / 2_000
            hosts = rng.integers(0, 4_000, size=size)
            agents = rng.integers(0, len(_AGENTS), size=size)
            sizes = rng.integers(200, 90_000, size=size)
            tokens = rng.integers(0, 1 << 48, size=size)
            lines = []
            for i in range(size):
                url = paths[pages[i]]
                if attack[i]:
                    url = _ATTACKS[pages[i] % len(_ATTACKS)]
                elif unique[i]:
                    word = _WORDS[pages[i] % len(_WORDS)]
                    url = f"{url}?q={word}&session={tokens[i]:x}&page={pages[i] % 40}"
                seen.add(url)
                second = (first + i) // 400
                lines.append(
                    f"198.51.{100 + hosts[i] // 256}.{hosts[i] % 256} - - "
                    f"[20/Nov/2026:{second // 3600 % 24:02}:{second // 60 % 60:02}:"
                    f'{second % 60:02} +0000] "GET {url} HTTP/1.1" 200 {sizes[i]} '
                    f'"https://shop.example/{_WORDS[hosts[i] % len(_WORDS)]}" '
                    f'"{_AGENTS[agents[i]]}"\n'
                )
            file.writelines(lines)
    return len(seen) / max(n_lines, 1)


def bench_pipeline(
    n_lines: int,
    unique_share: float,
    *,
    settings: Mapping[str, Value] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PipelineFigures:
    """Tail, parse, score and commit lines of our own making, with every detector on.

    Args:
        n_lines: Lines to push through, made before the clock starts.
        unique_share: Share of lines whose request occurs once, in [0, 1].
        settings: Values that differ from the defaults.
        progress: Called with lines done and lines in all.

    Thread:
        The caller's; blocks until the last line is committed.
    """
    values: dict[str, Value] = {setting.key: setting.default for setting in SETTINGS}
    values.update(settings or {})
    with tempfile.TemporaryDirectory(prefix="soc-copilot-bench-") as folder:
        log, database = Path(folder) / "access.log", Path(folder) / "governance.db"
        distinct = make_access_log(log, n_lines, unique_share)
        actor = Actor("bench", "cli")
        governance = Governance.open(database, actor=actor, home=Path(folder))
        try:
            governance.sources.add("file", str(log), format="auto", from_start=True)
        finally:
            governance.close()
        return _measure(database, values, actor, n_lines, log, distinct, progress)


def _measure(
    database: Path,
    values: Mapping[str, Value],
    actor: Actor,
    n_lines: int,
    log: Path,
    distinct: float,
    progress: Callable[[int, int], None] | None,
) -> PipelineFigures:
    stop, done, alerts = threading.Event(), 0, 0
    batch_s: list[float] = []
    stages: dict[str, float] = {}
    with IngestSession(database, values, actor, home=database.parent) as session:
        began = last = time.perf_counter()
        while done < n_lines:
            summary = session.run_batch(stop)
            now = time.perf_counter()
            if summary is None or not summary.n_events:
                if now - last > _IDLE_S:
                    raise RuntimeError(
                        f"The pipeline stored {done} of {n_lines} lines and then nothing for "
                        f"{_IDLE_S:g} s. {session.trouble}"
                    )
                continue
            done += summary.n_events
            if n_lines - done < int(values["ingestion.max_size"]):
                session.request_flush()  # the last lines fill no batch: do not time the wait
            alerts += sum(summary.raised)
            batch_s.append(summary.stage_s["total"])
            for stage, seconds in summary.stage_s.items():
                stages[stage] = stages.get(stage, 0.0) + seconds
            last = now
            if progress is not None:
                progress(done, n_lines)
        seconds = last - began
    busy, parse = stages.pop("total"), stages.pop("parse")
    stages["other"] = busy - sum(stages.values())
    stages["wait"] = seconds - busy
    stages["parse"] = parse
    return PipelineFigures(
        lines=done,
        size_bytes=log.stat().st_size,
        distinct_share=distinct,
        seconds=seconds,
        lines_per_s=done / seconds,
        peak_mib=peak_mib(),
        batches=len(batch_s),
        batch_p50_ms=float(np.percentile(batch_s, 50) * 1e3),
        batch_p99_ms=float(np.percentile(batch_s, 99) * 1e3),
        alerts=alerts,
        stage_share={stage: spent / seconds for stage, spent in stages.items()},
    )


def peak_mib() -> float:
    """Largest resident size of this process so far, MiB; NaN where the system does not tell."""
    if sys.platform == "win32":
        return float("nan")
    status = Path("/proc/self/status")
    if status.exists():  # getrusage's also counts who started us, from before we were loaded
        found = status.read_text(encoding="ascii", errors="replace").partition("VmHWM:")[2]
        return float(found.split()[0]) / 1024
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024
