"""A bounded folder of bytes that could not be parsed, for a person to look at."""

import logging
from collections.abc import Iterable
from pathlib import Path

from soc_copilot.domain.records import RecordChunk

logger = logging.getLogger(__name__)

MAX_BYTES = 64 * 1024 * 1024  # chosen: some dozens of whole batches


class Quarantine:
    """Keeps refused lines as files named by source, generation and offsets.

    The files are for people: nothing reads them back. When they outgrow the bound the
    oldest go; where they cannot be written, that is logged and ingestion goes on, because
    the ledger and the source's events name the same bytes.

    Thread:
        One at a time.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder
        self._max_bytes = max_bytes

    def keep(self, chunks: Iterable[RecordChunk]) -> None:
        """Write the chunks' lines; the same chunk again replaces itself."""
        for chunk in chunks:
            name = (
                f"{chunk.source_id}-{chunk.generation}-"
                f"{max(chunk.start, 0)}-{chunk.checkpoint.offset}.lines"
            )
            try:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._make_room(len(chunk.data))
                (self.folder / name).write_bytes(chunk.data)
            except OSError:
                logger.exception("Cannot keep a copy of refused lines. name=%s", name)

    def _make_room(self, size_bytes: int) -> None:
        kept = [(path, path.stat()) for path in self.folder.glob("*.lines")]
        kept.sort(key=lambda item: (item[1].st_mtime_ns, item[0].name))
        total = sum(stat.st_size for _, stat in kept) + size_bytes
        for path, stat in kept:
            if total <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= stat.st_size
