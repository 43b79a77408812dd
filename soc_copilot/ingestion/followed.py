"""What the parts of a tailer share: the path, its generations, handles, and what goes out."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from soc_copilot.domain.clock import Clock
from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceEvent
from soc_copilot.ingestion.files import HandlePool, Identity, read_at
from soc_copilot.ingestion.generations import Generations
from soc_copilot.ingestion.reader import FileReader, ReadLimits, ReadStyle
from soc_copilot.ingestion.siblings import siblings


@dataclass(slots=True)
class Followed:
    """One path that is followed, and everything that was found out about it.

    Attributes:
        path: The log, absolute, links not resolved.
        source_id: Row id of the source.
        generations: What the source ever read; shared by the tailers of one folder.
        handles: Open files; shared by the tailers of one folder.
        limits: How much is read and held at once.
        style: What the bytes are.
        clock: Where the time comes from.
        follow: False refuses a path that is a symbolic link.
        is_shared: True for one file of a folder source.
        leaves: True for names that are left to others: where the path is itself that of a
            rotated file of a folder source, those that the source follows, each by itself.
        out: Chunks of the present poll.
    """

    path: Path
    source_id: int
    generations: Generations
    handles: HandlePool
    limits: ReadLimits
    style: ReadStyle
    clock: Clock
    follow: bool
    is_shared: bool
    leaves: Callable[[str], object] | None = None
    out: list[RecordChunk] = field(default_factory=list)
    n_read_bytes: int = 0
    last_read_ns: int = 0

    def stat(self) -> os.stat_result | None:
        """What is at the path; None for nothing.

        Raises:
            OSError: The system's refusal.
        """
        try:
            return self.path.stat(follow_symlinks=self.follow)
        except (FileNotFoundError, NotADirectoryError):
            return None

    # Handles

    def keep(self, reader: FileReader, fd: int) -> None:
        """The reader has its file in hand."""
        self.generations.begin(reader.generation, reader.identity)
        self.handles.put(reader.generation, fd)

    def release(self, reader: FileReader) -> None:
        """Nobody reads the reader's file any more."""
        self.generations.end(reader.generation)
        self.handles.drop(reader.generation)

    def handle(self, reader: FileReader) -> int:
        """The reader's open file, opened again when it had to be closed.

        Raises:
            FileNotFoundError: No file in the folder is the one that was read.
            OSError: The system's refusal.
        """
        fd = self.handles.get(reader.generation)
        if fd is not None:
            return fd
        if (fd := self._open_if_same(Path(reader.path), reader)) is not None:
            return fd
        for sibling in siblings(self.path):
            if sibling.identity == reader.identity:
                fd = self._open_if_same(sibling.path, reader)
                if fd is not None:
                    return fd
        raise FileNotFoundError(reader.path)

    def _open_if_same(self, place: Path, reader: FileReader) -> int | None:
        try:
            fd = self.handles.open(place, follow=self.follow)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if Identity.of(os.fstat(fd)) != reader.identity:
            os.close(fd)
            return None
        self.handles.put(reader.generation, fd)
        return fd

    # What goes out

    def hand_out(self, chunks: Iterable[RecordChunk], passed: Iterable[Checkpoint] = ()) -> None:
        """Chunks for the caller, with the events that wait for their generation.

        Args:
            chunks: Of one reader.
            passed: Places that it passed over, before the first chunk's end or after.
        """
        for place in passed:
            self.generations.note_passed(place)
        for chunk in chunks:
            for event in chunk.events:
                self.generations.tell(event)
            events = self.generations.take_events(chunk.generation)
            self.out.append(replace(chunk, events=(*events, *chunk.events)) if events else chunk)
            self.generations.note(chunk.checkpoint)
            if chunk.n_lines or chunk.n_skipped_bytes:
                self.n_read_bytes += int(chunk.lengths.sum()) + chunk.n_skipped_bytes
                self.last_read_ns = chunk.read_ns

    def say(
        self,
        kind: str,
        message: str,
        reader: FileReader | None = None,
        *,
        loss: bool = False,
        end: int = 0,
    ) -> None:
        """An event that rides on the next chunk of the reader's generation, or of any."""
        self.generations.say(self._event(kind, message, reader, loss=loss, end=end))

    def say_with(self, kind: str, message: str, reader: FileReader) -> None:
        """An event that rides on the reader's last chunk of this poll, such as its first mark."""
        event = self._event(kind, message, reader)
        for n in range(len(self.out) - 1, -1, -1):
            if self.out[n].generation == reader.generation:
                self.out[n] = replace(self.out[n], events=(*self.out[n].events, event))
                self.generations.tell(event)
                return
        self.generations.say(event)

    def _event(
        self,
        kind: str,
        message: str,
        reader: FileReader | None,
        *,
        loss: bool = False,
        end: int = 0,
    ) -> SourceEvent:
        start = reader.position if reader else 0
        return SourceEvent(
            kind,
            message,
            self.clock.now_ns(),
            reader.generation if reader else 0,
            is_loss=loss,
            start=start,
            end=max(end, start),
        )

    def finish(self, reader: FileReader, fd: int) -> None:
        """Take what is left of a file that nobody writes any more, and let it go."""
        waiting = reader.partial_bytes
        if waiting and b"\n" not in read_at(fd, max(reader.size - 2, 0), 2):
            self.say(
                "unterminated",
                f'The last line of "{reader.path}" had no line end when the file was let go; '
                "it was taken as it stood.",
                reader,
                end=reader.size,
            )
        self.hand_out(reader.finish(fd))
        self.release(reader)

    def lose(self, reader: FileReader) -> None:
        """The reader's file is gone before it was read to its end."""
        self.say(
            "lost",
            f'"{reader.path}" is gone; lines after byte {reader.position:,} may be lost.',
            reader,
            loss=True,
            end=reader.size,
        )
        self.hand_out([reader.abandon()])
        self.release(reader)
