"""What lies behind a source's stored positions, as far as the disk tells without reading it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from soc_copilot.domain.records import Checkpoint
from soc_copilot.domain.source_options import FILES, SPOOLED
from soc_copilot.ingestion.spool import spool_end

MAX_LOOKED = 1_000  # chosen: newest files of a source whose size is asked for


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is still to read.

    Attributes:
        size_bytes: None where there are no files to look at.
        age_s: The oldest of it is at least this old, seconds; 0 when nothing is left.
    """

    size_bytes: int | None = None
    age_s: float = 0.0


def backlog(kind: str, checkpoints: Sequence[Checkpoint]) -> Backlog:
    """Bytes beyond the stored positions, in files that still are what they were.

    Packed files are left out, since their size says nothing of their content.

    Args:
        kind: The source's kind.
        checkpoints: Its stored positions; the newest `MAX_LOOKED` of them are looked at.
    """
    if kind not in FILES | SPOOLED | {"replay"}:
        return Backlog()
    left, age_s = 0, 0.0
    for spot in checkpoints[-MAX_LOOKED:]:
        behind, written_s = (_in_spool if kind in SPOOLED else _in_file)(spot)
        if behind > 0:
            left += behind
            # The last write is known, not the first after the position.
            age_s = max(age_s, time.time() - written_s)
    return Backlog(left, age_s)


def _in_file(spot: Checkpoint) -> tuple[int, float]:
    """Bytes behind the position, and when the file was last written, seconds since 1970."""
    if spot.finished or spot.compression is not None:
        return 0, 0.0
    try:
        stat = Path(spot.path).stat()
    except (OSError, ValueError):
        return 0, 0.0
    is_same = not spot.inode or stat.st_ino == spot.inode  # not every platform has inodes
    return (stat.st_size - spot.offset if is_same else 0), stat.st_mtime


def _in_spool(spot: Checkpoint) -> tuple[int, float]:
    try:
        end, written_s = spool_end(Path(spot.path))
    except (OSError, ValueError):
        return 0, 0.0
    return end - spot.offset, written_s
