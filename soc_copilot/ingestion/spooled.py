"""What receives messages and what reads them again, with a spool between."""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceEvent, SourceStatus
from soc_copilot.ingestion.files import digest
from soc_copilot.ingestion.reader import ReadLimits
from soc_copilot.ingestion.spool import SpoolWriter
from soc_copilot.ingestion.spool_reader import SpoolCut, SpoolReader
from soc_copilot.ingestion.tailer import POLL_BYTES

logger = logging.getLogger(__name__)

_STOP_S = 2.0  # chosen: how long senders get to notice that we stop
_BACKOFF_S = (0.2, 5.0)  # chosen: first and longest wait after trouble
_SAMPLE_S = 0.25  # chosen: how exactly the age of what is not read yet is known
_SAMPLES = 4_096  # chosen: then older ones are thinned out


@dataclass(frozen=True, slots=True)
class ProducerStatus:
    """How a producer stands.

    Attributes:
        state: "listening" (a socket, open), "live" (anything else that works), "error",
            "missing", "denied", "stopped".
        detail: One sentence for the operator, empty when all is well.
        address: Where it listens, such as "udp 127.0.0.1:5514"; empty otherwise.
        n_connections: Open connections.
        messages: What happened lately, newest last.
    """

    state: str
    detail: str = ""
    address: str = ""
    n_connections: int = 0
    messages: tuple[str, ...] = ()


class Producer(Protocol):
    """Something that receives messages on a thread of its own and writes them to a spool."""

    def start(self, spool: SpoolWriter) -> None:
        """Begin to write to `spool`; returns at once.

        Raises:
            SourceError: It cannot; the message names the thing and the way out. It may be
                started again later.
        """
        ...

    def stop(self, timeout_s: float) -> bool:
        """Receive no more and write what was received; no line is written after it returned.

        May be called when not started, and again. A stopped producer may be started again.

        Returns:
            False when its thread did not end in time.
        """
        ...

    def status(self) -> ProducerStatus:
        """How it stands; safe to call from any thread."""
        ...

    def take_events(self) -> tuple[SourceEvent, ...]:
        """What happened since the last call, to be stored; each event is handed out once."""
        ...


class SpooledSource:
    """What a producer receives, read from its spool as if from one endless file.

    The whole spool is one generation; a position is a byte's number in it. Segments go
    once they are stored to their end. While nothing is stored, the producer goes on
    filling the spool up to its bound.

    Args:
        folder: The spool's own folder.
        producer: What writes to it; started at the first poll, stopped by `close`.
        source_id: Row id of the source.
        name: For people.
        max_bytes: Bound of the spool on disk.
        checkpoints: What the store holds for the source.
        limits: How much is read and held at once.
        clock: Where the time comes from.

    Thread:
        `poll`, `committed` and `close` from one thread at a time, `status` from any.
    """

    def __init__(
        self,
        folder: str | Path,
        producer: Producer,
        *,
        source_id: int = 0,
        name: str = "",
        max_bytes: int,
        checkpoints: Sequence[Checkpoint] = (),
        limits: ReadLimits | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.folder = Path(folder)
        self.source_id = source_id
        self.name = name or str(folder)
        self._producer = producer
        self._max_bytes = max_bytes
        self._limits = limits or ReadLimits()
        self._clock = clock
        last = max(checkpoints, key=lambda c: c.generation, default=None)
        self._stored = last  # what the store holds
        self._generation = last.generation if last else 1
        self._position = last.offset if last else 0
        self._is_new = last is None  # the store holds no position of this generation
        self._spool: SpoolWriter | None = None
        self._reader: SpoolReader | None = None
        self._is_producing = False
        self._events: list[SourceEvent] = []  # not in the spool yet
        self._out: list[RecordChunk] = []
        self._trouble = self._read_trouble = ""
        self._retry_at_s = 0.0
        self._backoff_s = _BACKOFF_S[0]
        self._samples: deque[tuple[float, int]] = deque()  # time, end of the spool
        self._n_read_bytes = 0
        self._last_read_ns = 0

    def poll(self, max_bytes: int = POLL_BYTES) -> list[RecordChunk]:
        """What was received and not read yet; opens the spool and starts the producer."""
        now = self._clock.monotonic_s()
        if now >= self._retry_at_s and not (self._spool and self._is_producing):
            self._start(now)
        if self._spool is not None and self._reader is not None:
            self._put_down_events(self._spool)
            self._sample(now, self._spool.end)
            self._read(self._reader, max_bytes)
        out, self._out = self._out, []
        return out

    def committed(self, checkpoint: Checkpoint) -> None:
        """Let go of segments that are stored to their end."""
        if checkpoint.generation != self._generation:
            return
        self._stored = checkpoint
        if self._spool is not None:
            self._spool.release(checkpoint.offset)

    def close(self) -> None:
        """Stop the producer and let go of the spool; a later poll goes on at the same place.

        What the producer still had is in the spool then, to be read at the next start.
        """
        if self._is_producing and not self._producer.stop(_STOP_S):
            logger.error("A producer is still busy. source=%s", self.source_id)
        self._is_producing = False
        if self._reader is not None:
            self._reader.close()
        if self._spool is not None:
            self._put_down_events(self._spool)
            self._spool.close()
        self._spool = self._reader = None
        self._samples.clear()

    def status(self) -> SourceStatus:
        """How the source stands now."""
        spool, told = self._spool, self._producer.status()
        state, detail = told.state, told.detail
        if trouble := self._trouble or self._read_trouble:
            state, detail = "error", trouble
        elif spool is None:
            state = "waiting" if not self._n_read_bytes else "stopped"
        elif spool.trouble:
            state, detail = "error", spool.trouble
        elif spool.is_full:
            detail = (
                f"The spool is full: {spool.used_bytes / 2**20:,.0f} MiB wait to be stored. "
                f"{detail}"
            ).rstrip()
        end = spool.end if spool else self._position
        return SourceStatus(
            source_id=self.source_id,
            name=self.name,
            state=state,
            detail=detail,
            lag_bytes=max(end - self._position, 0),
            lag_s=self._lag_s(end),
            read_offset_bytes=self._n_read_bytes,
            n_files=len(spool.segments()) if spool else 0,
            last_read_ns=self._last_read_ns,
            messages=told.messages,
            address=told.address if self._is_producing else "",
            n_connections=told.n_connections,
        )

    # Starting

    def _start(self, now: float) -> None:
        try:
            if self._spool is None:
                self._open_spool(now)
            if self._spool is not None:
                self._producer.start(self._spool)
                self._is_producing = True
        except SourceError as error:
            self._note_trouble(str(error), now)
        else:
            self._trouble, self._backoff_s = "", _BACKOFF_S[0]

    def _open_spool(self, now: float) -> None:
        spool = SpoolWriter(self.folder, self._max_bytes, at_least=self._position)
        first = spool.segments()[0].first
        self._reader = SpoolReader(spool, self._position, self._limits)
        if not self._continues(self._reader):
            self._begin_again(first)
        elif self._is_new:
            self._announce(first, ())
        if self._stored is not None:  # a crash may have come between storing and this
            spool.release(self._stored.offset)
        self._reader = SpoolReader(spool, self._position, self._limits)
        if spool.is_new and self._stored is not None and self._stored.offset:
            self._events.append(self._emptied())
        if spool.n_cut_bytes:
            self._events.append(self._torn(spool.n_cut_bytes))
        if spool.end > self._position:
            self._samples.append((-1.0, spool.end))  # older than what we watched
        self._spool = spool

    def _continues(self, reader: SpoolReader) -> bool:
        """False when the spool is not the one that was read."""
        if self._stored is None or self._position != self._stored.offset:
            return True
        before = reader.before(self._stored.marker_bytes)
        return before is None or digest(before) == self._stored.marker_hash

    def _begin_again(self, first: int) -> None:
        event = SourceEvent(
            "replaced",
            f'The spool "{self.folder}" is not the one that was read last; what was received '
            "and not stored before it was replaced is lost. It is read from its start.",
            self._clock.now_ns(),
            is_loss=True,
        )
        self._generation += 1
        self._stored = None
        self._announce(first, (event,))

    def _announce(self, first: int, events: tuple[SourceEvent, ...]) -> None:
        """The first position, without lines, so that it is stored at once."""
        self._position = first
        self._is_new = False
        self._hand_out(SpoolCut(first, first, events=events), start=-1)

    def _emptied(self) -> SourceEvent:
        return SourceEvent(
            "lost",
            f'The files of the spool "{self.folder}" are gone; what was received and not '
            "stored before is lost.",
            self._clock.now_ns(),
            is_loss=True,
        )

    def _torn(self, n_bytes: int) -> SourceEvent:
        return SourceEvent(
            "unterminated",
            f"The last message received had only {n_bytes:,} bytes on disk when the program "
            "was killed; it was cut off.",
            self._clock.now_ns(),
            is_loss=True,
            n_lost=1,
        )

    # Reading

    def _read(self, reader: SpoolReader, max_bytes: int) -> None:
        try:
            for cut in reader.read(max_bytes, self._clock.now_ns()):
                self._hand_out(cut)
            self._read_trouble = ""
        except (OSError, SourceError) as error:
            text = f'Cannot read the spool "{self.folder}": {error}. It is tried again.'
            if text != self._read_trouble:
                logger.warning("A spool cannot be read. source=%s", self.source_id)
            self._read_trouble = text

    def _put_down_events(self, spool: SpoolWriter) -> None:
        # In the spool they are stored once, like lines; what it does not take waits.
        self._events += self._producer.take_events()
        if self._events:
            del self._events[: spool.write_events(self._events)]

    def _hand_out(self, cut: SpoolCut, start: int | None = None) -> None:
        self._position = cut.end
        now_ns = self._clock.now_ns()
        spot = Checkpoint(
            self.source_id,
            self._generation,
            str(self.folder),
            cut.end,
            size_bytes=max(cut.end, self._spool.end if self._spool else 0),
            marker_hash=digest(cut.marker),
            marker_bytes=len(cut.marker),
        )
        self._out.append(
            RecordChunk(
                source_id=self.source_id,
                generation=self._generation,
                path=str(self.folder),
                start=cut.start if start is None else start,
                data=cut.data,
                offsets=cut.offsets,
                lengths=cut.lengths,
                read_ns=now_ns,
                checkpoint=spot,
                n_too_long=len(cut.long_lines),
                n_skipped_bytes=cut.n_skipped,
                long_lines=cut.long_lines,
                events=tuple(replace(e, generation=self._generation) for e in cut.events),
            )
        )
        self._n_read_bytes += cut.end - cut.start
        self._last_read_ns = now_ns

    # Telling

    def _note_trouble(self, text: str, now: float) -> None:
        if text != self._trouble:
            logger.warning("A source has trouble. source=%s detail=%s", self.source_id, text)
        self._trouble = text
        self._retry_at_s = now + self._backoff_s
        self._backoff_s = min(self._backoff_s * 2, _BACKOFF_S[1])

    def _sample(self, now: float, end: int) -> None:
        """Remember when the spool had grown so far."""
        samples = self._samples
        while samples and samples[0][1] <= self._position:
            samples.popleft()
        last = samples[-1] if samples else (-2 * _SAMPLE_S, self._position)
        if end > last[1] and now - last[0] >= _SAMPLE_S:
            samples.append((now, end))
        if len(samples) > _SAMPLES:
            self._samples = deque(list(samples)[1::2])

    def _lag_s(self, end: int) -> float:
        if end <= self._position:
            return 0.0
        found = next((at for at, sampled in list(self._samples) if sampled > self._position), None)
        if found is None:
            return 0.0  # it came since the last look
        return -1.0 if found < 0 else self._clock.monotonic_s() - found
