"""What the controller asks of anything that hands out records."""

from typing import Protocol, runtime_checkable

from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceStatus


@runtime_checkable
class Source(Protocol):
    """A place where records enter. Called from one thread at a time.

    A source keeps its place in memory and moves it as it hands out chunks; what is stored
    lags behind, and a new source object starts from what was stored. One that keeps whole
    lines back for a moment says so by an attribute `is_holding`, so that it does not count as
    read to its end.
    """

    def poll(self, max_bytes: int) -> list[RecordChunk]:
        """What can be read now, about `max_bytes` at most; never blocks for new data.

        Trouble with the file is told by `status`, not raised.
        """
        ...

    def committed(self, checkpoint: Checkpoint) -> None:
        """Everything of the checkpoint's generation up to its offset is stored now.

        What comes after a restart starts there, so that what was kept only to be read again
        can go. Never called while `poll` or `close` runs.
        """
        ...

    def close(self) -> None:
        """Release files and handles. A later `poll` opens them again at the same place."""
        ...

    def status(self) -> SourceStatus:
        """How the source stands; safe to call from any thread."""
        ...
