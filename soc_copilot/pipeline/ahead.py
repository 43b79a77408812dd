"""The next batch parsed while the one before it is scored and stored."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from soc_copilot.domain.records import RecordBatch
from soc_copilot.parsing.batch import BatchParser, ParsedBatch
from soc_copilot.pipeline.preparing import Parser, Prepared, prepare


class SharedParser:
    """A `BatchParser` for several threads: one is let in at a time."""

    def __init__(self) -> None:
        self._parser = BatchParser()
        self._lock = threading.Lock()

    def parse(self, batch: RecordBatch) -> ParsedBatch:
        """Parse all lines of a batch."""
        with self._lock:
            return self._parser.parse(batch)

    def set_format(self, source_id: int, name: str, *, has_sender: bool = False) -> None:
        """Fix a source's format; see `BatchParser.set_format`."""
        with self._lock:
            self._parser.set_format(source_id, name, has_sender=has_sender)

    def formats_of(self, source_id: int) -> tuple[str, ...]:
        """The names of the formats of a source's files seen so far, sorted, each once."""
        with self._lock:
            return self._parser.formats_of(source_id)


class ParseAhead:
    """Hands out prepared batches in the order taken, the next one in the making.

    One batch ahead and no more: memory stays bounded, and what is dropped after a conflict
    is little.

    Args:
        take: The next batch, or None when none is due; waits a moment for one.
        parser: Used on this object's thread; `SharedParser` where others use it too.

    Thread:
        The pipeline's; `take` and the parser run on a thread of its own.
    """

    def __init__(self, take: Callable[[], RecordBatch | None], parser: Parser) -> None:
        self._take = take
        self._parser = parser
        self._thread = ThreadPoolExecutor(1, "parse-ahead")
        self._next: Future[Prepared | None] | None = None

    def next(self) -> Prepared | None:
        """The next batch; None when none is due."""
        coming = self._next or self._thread.submit(self._prepare_next)
        self._next = None
        prepared = coming.result()
        if prepared is not None:
            self._next = self._thread.submit(self._prepare_next)
        return prepared

    def forget(self, source_id: int) -> None:
        """Drop the source's lines from what is in the making; waits for it."""
        prepared = self._next.result() if self._next is not None else None
        if prepared is not None:
            left = without(prepared.batch, source_id)
            self._next = Future()
            self._next.set_result(prepare(self._parser, left) if left.chunks else None)

    def close(self) -> None:
        """Join the thread; what is in the making is dropped."""
        self._thread.shutdown(cancel_futures=True)
        self._next = None

    def _prepare_next(self) -> Prepared | None:
        batch = self._take()
        return prepare(self._parser, batch) if batch is not None else None


def without(batch: RecordBatch, source_id: int) -> RecordBatch:
    """The batch less the lines of one source."""
    rest = tuple(chunk for chunk in batch.chunks if chunk.source_id != source_id)
    return RecordBatch(batch.sequence, rest, batch.flushed_ns)
