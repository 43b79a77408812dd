"""How large and how fast the event archive is, beside packed files and other tools."""

import gzip
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.archive.compaction import compact, plan
from soc_copilot.archive.query import parse
from soc_copilot.archive.scan import Request, Scanner
from soc_copilot.archive.store import Archive
from soc_copilot.archive.texts import formatted
from soc_copilot.domain import columns as c
from soc_copilot.domain.archive import Segment
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.paths import bundled
from soc_copilot.domain.records import Checkpoint, RecordBatch, RecordChunk
from soc_copilot.parsing.batch import BatchParser

BATCH_LINES: Final = 10_000  # as the setting ingestion.max_size has it
CHUNK_LINES: Final = 200_000  # chosen: lines made at once
LINES_PER_S: Final = 25  # chosen: the pace of the made log
CLIENTS: Final = 400_000  # chosen: half of the sessions are of a few, half spread over these
TRIES: Final = 3  # chosen: searches timed, of which the median counts
TOOL_LIMIT_S: Final = 900.0  # chosen: other tools are given up after this
START_US: Final = 1_772_323_200_000_000  # 2026-03-01 UTC
_LINE: Final = (
    r'^[^ ]+ [^ ]+ [^ ]+ \[[^\]]+\] "([A-Z]+) ([^ "]+) (HTTP/[0-9.]+)" ([0-9]{3}) ([0-9]+|-) '
    r'("(?:[^"\\]|\\.)*") ("(?:[^"\\]|\\.)*")$'
)
_PARTS: Final = ("method", "url", "version", "status", "bytes", "referrer", "agent")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SearchFigures:
    """One search.

    Attributes:
        what: For people.
        expression: As asked.
        n_found: Events found; the same as lines that zgrep counted where it ran.
        archive_s: Seconds to find and count all.
        first_s: Seconds to the newest 100, whole.
        zgrep_s: Seconds of `zgrep -c` over the same lines packed by gzip; None without it.
        lnav_s: Seconds of `lnav -n` over the same lines, plain; None without it.
        n_zgrep: What zgrep counted.
    """

    what: str
    expression: str
    n_found: int
    archive_s: float
    first_s: float
    zgrep_s: float | None
    lnav_s: float | None
    n_zgrep: int | None


@dataclass(frozen=True, slots=True)
class ArchiveFigures:
    """What `bench_archive` measured.

    Attributes:
        n_events: Lines archived.
        raw_bytes: Bytes of them.
        gzip_bytes: Bytes of them packed by gzip -6.
        batch_bytes: Bytes as written with the batches.
        archive_bytes: Bytes after compaction.
        write_per_s: Events written per second, in batches of 10,000, synced.
        compact_per_s: Events compacted per second.
        searches: One for each question.
    """

    n_events: int
    raw_bytes: int
    gzip_bytes: int
    batch_bytes: int
    archive_bytes: int
    write_per_s: float
    compact_per_s: float
    searches: tuple[SearchFigures, ...]

    def to_json(self) -> dict[str, Any]:
        """The figures as one object."""
        return asdict(self)


def bench_archive(
    n_lines: int, *, folder: Path | None = None, progress: Progress = lambda _: None
) -> ArchiveFigures:
    """Archive made access-log lines, compact them, and search them beside zgrep and lnav.

    Args:
        n_lines: How many lines.
        folder: Where to work; about 400 bytes a line are needed. The system's temporary
            folder by default. Everything made is removed.
        progress: Told what is being done.
    """
    with tempfile.TemporaryDirectory(dir=folder) as name:
        return _Bench(Path(name), n_lines, progress).run()


class _Bench:
    def __init__(self, folder: Path, n_lines: int, progress: Progress) -> None:
        self._folder, self._n_lines, self._tell = folder, n_lines, progress
        self._log, self._packed = folder / "access.log", folder / "access.log.gz"
        self._archive = Archive(folder / "archive")
        self._parser = BatchParser()
        self._parser.set_format(1, "access")
        self._rng = np.random.default_rng(1)
        self._sample = ""

    def run(self) -> ArchiveFigures:
        self._tell("writing")
        segments, write_s = self._write()
        batch_bytes = sum(segment.size_bytes for segment in segments)
        self._tell("compacting")
        began = time.perf_counter()
        segments = self._compacted(segments)
        compact_s = time.perf_counter() - began
        self._tell("packing by gzip -6")
        self._pack()
        searches = tuple(self._searched(segments, *question) for question in self._questions())
        return ArchiveFigures(
            self._n_lines,
            self._log.stat().st_size,
            self._packed.stat().st_size,
            batch_bytes,
            sum(segment.size_bytes for segment in segments),
            self._n_lines / write_s,
            self._n_lines / compact_s,
            searches,
        )

    def _write(self) -> tuple[list[Segment], float]:
        segments, write_s, offset = [], 0.0, 0
        with self._log.open("wb") as log:
            for lines in _made(self._rng, self._n_lines):
                for start in range(0, len(lines), BATCH_LINES):
                    batch = self._batch(lines.slice(start, BATCH_LINES), offset)
                    offset += int(batch.frame[c.LENGTH].sum())
                    began = time.perf_counter()
                    segment = self._archive.write(batch)
                    write_s += time.perf_counter() - began
                    assert segment is not None  # noqa: S101 - the batch has events
                    segments.append(segment)
                log.write(("\n".join(lines.to_list()) + "\n").encode())
                self._sample = self._sample or str(lines[len(lines) // 2])
        return segments, write_s

    def _batch(self, lines: pl.Series, offset: int) -> EventBatch:
        data = ("\n".join(lines.to_list()) + "\n").encode()
        lengths = lines.str.len_bytes().cast(pl.Int64).to_numpy() + 1
        offsets = offset + np.cumsum(lengths) - lengths
        end = Checkpoint(1, 1, str(self._log), offset + len(data))
        chunk = RecordChunk(
            1, 1, str(self._log), offset, data, offsets, lengths, time.time_ns(), end
        )
        return self._parser.parse(RecordBatch(1, (chunk,))).events

    def _compacted(self, segments: list[Segment]) -> list[Segment]:
        while chosen := plan(segments, everything=True):
            done = compact(self._archive, chosen, lambda: False)
            assert done is not None  # noqa: S101 - nobody stops it
            old = {segment.name for segment in done.old}
            segments = [s for s in segments if s.name not in old] + list(done.new)
            for segment in done.old:
                self._archive.discard(segment)
        return segments

    def _pack(self) -> None:
        with self._log.open("rb") as plain, gzip.open(self._packed, "wb", 6) as packed:
            shutil.copyfileobj(plain, packed, 1 << 20)

    def _questions(self) -> list[tuple[str, str, str, tuple[str, ...]]]:
        """What to ask: words, our expression, zgrep's pattern, lnav's commands."""
        address = self._sample.split(" ")[0]
        at = pl.Series([START_US + 60_000_000 * self._n_lines // LINES_PER_S // 120])
        day = at.cast(pl.Datetime("us")).dt
        start, end = (
            (day.offset_by(by).dt.strftime("%Y-%m-%dT%H:%M").item()) for by in ("0m", "4m")
        )
        minutes = [
            str(day.offset_by(f"{i}m").dt.strftime("%d/%b/%Y:%H:%M:").item()) for i in range(5)
        ]
        return [
            ("a rare term", "checkout/returns-7Q4", "checkout/returns-7Q4",
             (":filter-in checkout/returns-7Q4",)),
            ("an address", f"ip:{address}", f"^{re.escape(address)} ",
             (f":filter-in ^{re.escape(address)} ",)),
            ("five minutes", f"time:{start}..{end}", "|".join(minutes),
             (f":hide-lines-before {start}:00", f":hide-lines-after {end}:59.999")),
        ]  # fmt: skip

    def _searched(
        self, segments: list[Segment], what: str, text: str, pattern: str, lnav: tuple[str, ...]
    ) -> SearchFigures:
        self._tell(f"searching for {what}")
        request = Request(parse(text))
        count, counting = _timed(lambda: Scanner(self._archive.folder).count(segments, request)[0])
        _, first = _timed(lambda: Scanner(self._archive.folder).search(segments, request))
        zgrep_s, output = self._tool("zgrep", "-c", "-E", pattern, str(self._packed))
        commands = [part for command in lnav for part in ("-c", command)]
        self._tell(f"searching for {what} by lnav")
        lnav_s, _ = self._tool("lnav", "-n", *commands, str(self._log))
        n_zgrep = int(output) if zgrep_s is not None and output.strip().isdigit() else None
        return SearchFigures(what, text, count, counting, first, zgrep_s, lnav_s, n_zgrep)

    def _tool(self, name: str, *arguments: str) -> tuple[float | None, str]:
        """Seconds that a tool takes, and the end of what it says; None when it is not there."""
        path = shutil.which(name)
        if path is None:
            return None, ""
        said = self._folder / "said"
        began = time.perf_counter()
        environment = {**os.environ, "HOME": str(self._folder), "LC_ALL": "C.UTF-8"}
        try:
            with said.open("wb") as out:
                subprocess.run(  # noqa: S603 - a tool on the path, our own arguments
                    [path, *arguments], stdout=out, stderr=subprocess.DEVNULL,
                    stdin=subprocess.DEVNULL, env=environment, check=False, timeout=TOOL_LIMIT_S,
                )  # fmt: skip
        except subprocess.TimeoutExpired:
            return None, ""
        seconds = time.perf_counter() - began
        with said.open("rb") as out:
            return seconds, out.read(100).decode(errors="replace")


def _timed(ask: Callable[[], Any]) -> tuple[Any, float]:
    """The answer, and the median of the seconds it took."""
    seconds = []
    for _ in range(TRIES):
        began = time.perf_counter()
        answer = ask()
        seconds.append(time.perf_counter() - began)
    return answer, statistics.median(seconds)


def _made(rng: np.random.Generator, n_lines: int) -> Iterator[pl.Series]:
    """Lines of a busy site: sessions of returning and of new clients, in order of time.

    Requests, sizes, referrers and agents are drawn from the sample's own; three in ten get an
    identifier in the URL, by a distribution with a long tail, and a size of their own. One
    line in a million asks for a page that nobody else does.
    """
    sample = _sample()
    done = 0
    while done < n_lines:
        n = min(CHUNK_LINES, n_lines - done)
        yield _chunk(rng, sample, n, START_US + done * 1_000_000 // LINES_PER_S)
        done += n


def _sample() -> pl.DataFrame:
    path = bundled("data") / "sample" / "web-access.log"
    lines = pl.Series(path.read_text(encoding="utf-8", errors="replace").splitlines())
    parts = lines.str.extract_groups(_LINE).struct.unnest().drop_nulls()
    return parts.rename(dict(zip(parts.columns, _PARTS, strict=True)))


def _chunk(rng: np.random.Generator, sample: pl.DataFrame, n: int, start_us: int) -> pl.Series:
    span_us = n * 1_000_000 // LINES_PER_S
    n_sessions = max(n // 8, 1)
    returning = np.minimum(rng.zipf(1.3, n_sessions), CLIENTS)
    is_new = rng.random(n_sessions) < 0.5
    client = np.where(is_new, rng.integers(1, CLIENTS, n_sessions), returning)
    session = rng.integers(0, n_sessions, n)
    begin = rng.random(n_sessions) * span_us
    at = np.minimum(begin[session] + rng.exponential(20e6, n), span_us - 1).astype(np.int64)
    order = np.argsort(at, kind="stable")
    who = client[session[order]]
    asked = sample[rng.integers(0, sample.height, n)]
    agents = sample["agent"][(who * 2_654_435_761) % sample.height]
    times = pl.Series(start_us + at[order]).cast(pl.Datetime("us"))
    url, size = _varied(rng, asked, n)
    return pl.select(
        formatted(
            '{} - - [{}] "{} {} {}" {} {} {} {}',
            _addresses(who),
            times.dt.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            asked["method"],
            url,
            asked["version"],
            asked["status"],
            size,
            asked["referrer"],
            agents,
        )
    ).to_series()


def _varied(rng: np.random.Generator, asked: pl.DataFrame, n: int) -> tuple[pl.Series, pl.Series]:
    """URLs and sizes: seven in ten as in the sample."""
    chance = pl.Series(rng.random(n))
    number = pl.Series(np.minimum(rng.zipf(1.2, n), 9_999_999))
    drawn = pl.Series(rng.lognormal(8.5, 1.0, n).astype(np.int64)).cast(pl.String)
    frame = asked.select("url", "bytes").with_columns(
        chance.alias("chance"), number.alias("number"), drawn.alias("drawn")
    )
    bare = pl.col("url").str.split("?").list.first()
    return (
        frame.select(
            pl.when(pl.col("chance") < 1e-6)
            .then(pl.lit("/checkout/returns-7Q4"))
            .when(pl.col("chance") < 0.2)
            .then(formatted("{}?id={}", bare, "number"))
            .when(pl.col("chance") < 0.3)
            .then(formatted("/product/{}/view", "number"))
            .otherwise(pl.col("url"))
        ).to_series(),
        frame.select(
            pl.when(pl.col("chance") < 0.3).then(pl.col("drawn")).otherwise(pl.col("bytes"))
        ).to_series(),
    )


def _addresses(clients: npt.NDArray[np.int64]) -> pl.Series:
    mixed = clients.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    octets = [((mixed >> np.uint64(shift)) & np.uint64(0xFF)) for shift in (56, 48, 40, 32)]
    octets[0] = octets[0] % np.uint64(222) + np.uint64(1)
    return pl.select(
        formatted("{}.{}.{}.{}", *(pl.lit(pl.Series(octet)) for octet in octets))
    ).to_series()
