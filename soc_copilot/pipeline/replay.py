"""A bundled sample log played as if it were happening now, for the first run and for demos.

The replay only writes files. They are tailed, parsed and scored like any other source: there is
no second way through the program.
"""

import logging
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock, from_us
from soc_copilot.domain.errors import PolicyError, SourceError
from soc_copilot.parsing.batch import decode_lines
from soc_copilot.parsing.protocol import ParseContext
from soc_copilot.parsing.registry import detect
from soc_copilot.parsing.timestamps import ACCESS_PATTERN, SYSLOG_PATTERN

logger = logging.getLogger(__name__)

LOWEST_SPEED: Final = 1.0
HIGHEST_SPEED: Final = 1_000.0
MAX_SAMPLE_BYTES: Final = 64 * 1024 * 1024  # chosen: a replay is prepared in memory
TICK_S: Final = 0.05  # chosen: how often lines that have come due are written

_ACCESS_STAMP: Final = re.compile(rf"\[({ACCESS_PATTERN})\]")
_SYSLOG_STAMP: Final = re.compile(rf"^(?:<[0-9]{{1,3}}>)?({SYSLOG_PATTERN})")


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a sample: text around its stamp, which is made when the replay starts."""

    moment: datetime
    spool: int
    text: str
    span: tuple[int, int]  # of the stamp in the text; empty when it has none
    is_syslog: bool

    def shifted(self, shift: timedelta) -> bytes:
        """The line as bytes with its end, its stamp moved by `shift`."""
        start, end = self.span
        stamp = ""
        if start < end:
            moment = self.moment + shift
            if self.is_syslog:
                stamp = f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}"
            else:
                stamp = f"{moment:%d/%b/%Y:%H:%M:%S} +0000"
        return f"{self.text[:start]}{stamp}{self.text[end:]}\n".encode()


class ReplaySession:
    """Plays samples into spool files, once through, merged by time.

    Stamps keep their spacing and are moved, in whole seconds, so that the last line falls at
    the start of the replay plus the sample's duration divided by the speed at the start: at 1x
    every line is written at the time it bears, at 1000x the past hours fill up and end now.
    Changing the speed later changes how fast lines come, not what they bear.

    Thread:
        Writes on a thread of its own; every method may be called from any other.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[Path, Path]],
        speed: float,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Read the samples; nothing is written before `start`.

        Args:
            pairs: (sample, spool) files. A spool is begun afresh and never outgrows its sample
                by more than the stamps do.
            speed: How much faster than real time, in [1, 1000].
            clock: Where the time comes from.

        Raises:
            SourceError: A sample cannot be read, is too large, or bears no times.
            PolicyError: The speed is outside its limits.
        """
        self._clock = clock
        self._speed = _checked(speed)
        self._spools = [spool for _, spool in pairs]
        self._lines = _read_samples([sample for sample, _ in pairs], clock)
        self._first = self._lines[0].moment
        self._duration_s = (self._lines[-1].moment - self._first).total_seconds()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._paused = False
        self._played_s = 0.0  # of the sample's time, up to `_since_s` on the clock
        self._since_s = 0.0
        self._n_written = 0
        self._error = ""
        self._thread: threading.Thread | None = None

    @property
    def speed(self) -> float:
        """How much faster than real time."""
        return self._speed

    @property
    def is_paused(self) -> bool:
        """True between `pause` and `resume`."""
        return self._paused

    @property
    def is_running(self) -> bool:
        """True while the replay's thread lives; also while paused."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def n_lines(self) -> int:
        """Lines over all samples."""
        return len(self._lines)

    @property
    def n_written(self) -> int:
        """Lines written so far."""
        return self._n_written

    @property
    def progress(self) -> float:
        """Share of the lines written, in [0, 1]."""
        return self._n_written / len(self._lines)

    @property
    def finished(self) -> bool:
        """True once every line is written."""
        return self._n_written == len(self._lines)

    @property
    def error(self) -> str:
        """Why the replay broke off; empty when it did not."""
        return self._error

    def start(self) -> None:
        """Begin the spool files afresh and start writing.

        Raises:
            SourceError: A spool file cannot be written.
            PolicyError: It was started before.
        """
        if self._thread is not None:
            raise PolicyError("This replay was started before; begin a new one.")
        files: list[BinaryIO] = []
        try:
            files.extend(_fresh(spool) for spool in self._spools)
        except OSError as error:
            for file in files:
                file.close()
            raise SourceError(f"Cannot write the replay's file: {error}.") from error
        shift = self._shift()
        self._since_s = self._clock.monotonic_s()
        self._thread = threading.Thread(
            target=self._run, args=(files, shift), name="replay", daemon=True
        )
        self._thread.start()

    def set_speed(self, speed: float) -> None:
        """Go on faster or slower from here.

        Raises:
            PolicyError: The speed is outside its limits.
        """
        checked = _checked(speed)
        with self._lock:
            self._settle()
            self._speed = checked
        self._wake.set()

    def pause(self) -> None:
        """Write nothing until `resume`."""
        with self._lock:
            self._settle()
            self._paused = True

    def resume(self) -> None:
        """Go on where it was paused."""
        with self._lock:
            self._settle()
            self._paused = False
        self._wake.set()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End the replay and join its thread.

        Returns:
            False when the thread did not end in time.
        """
        self._stopping.set()
        self._wake.set()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _settle(self) -> None:
        """Bring the played time up to now; called with the lock held."""
        now_s = self._clock.monotonic_s()
        if self._thread is not None and not self._paused:
            self._played_s += (now_s - self._since_s) * self._speed
        self._since_s = now_s

    def _shift(self) -> timedelta:
        start = from_us(self._clock.now_ns() // 1_000)
        end = start + timedelta(seconds=self._duration_s / self._speed)
        return timedelta(seconds=round((end - self._lines[-1].moment).total_seconds()))

    def _run(self, files: list[BinaryIO], shift: timedelta) -> None:
        try:
            while not self._stopping.is_set() and not self.finished:
                self._write_due(files, shift)
                self._wake.wait(TICK_S)
                self._wake.clear()
        except OSError as error:
            logger.exception("Replay broke off.")
            self._error = f"Cannot write the replay's file: {error}."
        finally:
            for file in files:
                file.close()

    def _write_due(self, files: list[BinaryIO], shift: timedelta) -> None:
        """Write the lines that have come due, whole, and flush them."""
        with self._lock:
            self._settle()
            due = self._first + timedelta(seconds=min(self._played_s, self._duration_s))
        parts: dict[int, list[bytes]] = {}
        n_due = self._n_written
        while n_due < len(self._lines) and self._lines[n_due].moment <= due:
            line = self._lines[n_due]
            parts.setdefault(line.spool, []).append(line.shifted(shift))
            n_due += 1
        for spool, texts in parts.items():
            files[spool].write(b"".join(texts))
            files[spool].flush()
        self._n_written = n_due


def _checked(speed: float) -> float:
    if not LOWEST_SPEED <= speed <= HIGHEST_SPEED:
        raise PolicyError(
            f"A replay runs at {LOWEST_SPEED:g} to {HIGHEST_SPEED:g} times real time, "
            f"not at {speed:g}."
        )
    return float(speed)


def _fresh(path: Path) -> BinaryIO:
    """A new, empty file. A new one, not a cut one, so that a reader of the old is not misled."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.unlink(missing_ok=True)
    except PermissionError:  # Windows, while another process has it open
        return path.open("wb")
    return path.open("xb")


def _read_samples(samples: Sequence[Path], clock: Clock) -> list[_Line]:
    """Lines of all samples by time; those of one sample stay in order within a second."""
    texts = [_read(sample) for sample in samples]
    # Syslog stamps lack the year: take that of the samples which have one, so that they meet.
    reference = from_us(clock.now_ns() // 1_000)
    dated = [_moments(lines, reference) for lines in texts if not _is_syslog(lines)]
    newest = max((m for moments in dated for m in moments if m is not None), default=reference)
    found: list[_Line] = []
    for i, lines in enumerate(texts):
        found += _stamped(i, lines, _moments(lines, newest))
    if not found:
        raise SourceError("The sample holds no line with a time; choose another file.")
    return sorted(found, key=lambda line: line.moment)


def _read(sample: Path) -> pl.Series:
    try:
        size_bytes = sample.stat().st_size
        if size_bytes > MAX_SAMPLE_BYTES:
            raise SourceError(
                f'The sample "{sample.name}" has {size_bytes:,} bytes; a replay takes at most '
                f"{MAX_SAMPLE_BYTES:,}."
            )
        return decode_lines(sample.read_bytes(), at_start=True)
    except OSError as error:
        raise SourceError(f'Cannot read the sample "{sample.name}": {error.strerror}.') from error


def _is_syslog(lines: pl.Series) -> bool:
    return detect(lines.to_list()).format.name == "syslog"


def _moments(lines: pl.Series, reference: datetime) -> Sequence[datetime | None]:
    found = detect(lines.to_list()).format
    moments: Sequence[datetime | None] = found.parse(lines, ParseContext(reference))[
        c.TIMESTAMP
    ].to_list()
    return [m.astimezone(UTC) if m is not None else None for m in moments]


def _stamped(spool: int, lines: pl.Series, moments: Iterable[datetime | None]) -> Iterable[_Line]:
    """The sample's lines; one without a time comes with the line before it."""
    last: datetime | None = None
    waiting: list[str] = []
    is_syslog = _is_syslog(lines)
    pattern = _SYSLOG_STAMP if is_syslog else _ACCESS_STAMP
    for text, moment in zip(lines.to_list(), moments, strict=True):
        match = pattern.search(text)
        if moment is None or match is None:
            if last is not None:
                yield _Line(last, spool, text, (0, 0), is_syslog)
            else:
                waiting.append(text)
            continue
        for early in waiting:
            yield _Line(moment, spool, early, (0, 0), is_syslog)
        waiting.clear()
        last = moment if last is None else max(last, moment)
        yield _Line(last, spool, text, match.span(1), is_syslog)
