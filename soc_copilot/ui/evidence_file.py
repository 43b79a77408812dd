"""The lines around a piece of evidence, read back from its log file. No Qt here."""

import gzip
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from soc_copilot.domain.findings import Evidence

LINES_BEFORE: Final = 25  # chosen: a screenful with the evidence in the middle
LINES_AFTER: Final = 25
WINDOW_BYTES: Final = 128 * 1024  # chosen: read at most this much on either side
LINE_CHARS: Final = 8_192  # as much as evidence itself keeps of a line
MAX_UNPACKED_OFFSET: Final = 512 * 1024 * 1024  # chosen: no farther into a compressed file
FROM_ARCHIVE: Final = "From the archive, because the file no longer has them at this place."
GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class ContextLine:
    """One line near the evidence: its byte offset, and its text as it was decoded."""

    offset: int
    text: str
    is_evidence: bool


@dataclass(frozen=True, slots=True)
class EvidenceContext:
    """What could be read.

    Attributes:
        lines: In file order; only the evidence itself when the file could not be used.
        message: Empty when all is well, else one sentence for the analyst.
        is_from_archive: True when the lines are those that were stored, not the file's.
    """

    lines: tuple[ContextLine, ...]
    message: str = ""
    is_from_archive: bool = False


def stored_context(evidence: Evidence, rows: Sequence[tuple[int, str]]) -> EvidenceContext:
    """The lines around the evidence as they were stored.

    Args:
        evidence: The line in the middle.
        rows: Byte offset and text of each line, in file order, the evidence among them.
    """
    lines = (
        ContextLine(offset, text[:LINE_CHARS], offset == evidence.offset) for offset, text in rows
    )
    return EvidenceContext(tuple(lines), FROM_ARCHIVE, is_from_archive=True)


def read_context(evidence: Evidence) -> EvidenceContext:
    """The lines around the evidence, from the file that it came from.

    Reads a bounded window, never follows the offset into a device or a pipe, and says so
    when the file is gone or holds something else at that place.

    Thread:
        A worker; blocks on the disk.
    """
    path = Path(evidence.path)
    if not evidence.path:
        return _only(evidence, "The source of this line is not a file, so nothing surrounds it.")
    try:
        with _open_regular(path) as (file, is_packed):
            if is_packed and evidence.offset > MAX_UNPACKED_OFFSET:
                return _only(evidence, "The line lies too deep in a compressed file to be read.")
            return _around(file, evidence)
    except FileNotFoundError:
        return _only(evidence, "The log file is gone; only the stored line is shown.")
    except (_NotAFileError, ValueError):  # ValueError: a NUL in a hostile path
        return _only(evidence, "The path is no longer a regular file; the stored line is shown.")
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged"
        return _only(evidence, f"The log file cannot be read ({reason}); the stored line is shown.")


class _NotAFileError(Exception):
    pass


@contextmanager
def _open_regular(path: Path) -> Iterator[tuple[IO[bytes], bool]]:
    """The file's bytes, unpacked where it is compressed, and whether it is."""
    # Non-blocking, so that a pipe put in the file's place cannot hang the reader.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _NotAFileError
    with os.fdopen(descriptor, "rb") as plain:
        packed = plain.read(2) == GZIP_MAGIC
        plain.seek(0)
        if not packed:
            yield plain, False
            return
        with gzip.open(plain, "rb") as unpacked:
            yield cast("IO[bytes]", unpacked), True


def _around(file: IO[bytes], evidence: Evidence) -> EvidenceContext:
    start = max(0, evidence.offset - WINDOW_BYTES)
    file.seek(start)
    head = file.read(evidence.offset - start)
    tail = file.read(max(evidence.length, 1) + WINDOW_BYTES)
    if len(head) < evidence.offset - start or not tail:
        return _only(
            evidence,
            "The log file is shorter than it was (rotated or truncated); the stored line is shown.",
        )
    rows = _split(tail, evidence.offset)
    if not _same(rows[0][1], evidence.raw) or (head and not head.endswith(b"\n")):
        return _only(
            evidence,
            "The log file holds something else at this place now (rotated or rewritten); "
            "the stored line is shown.",
        )
    before = _split(head, start)
    if start > 0 and before:
        before = before[1:]  # its beginning lies outside the window
    after = rows[1:]
    if len(tail) == max(evidence.length, 1) + WINDOW_BYTES and after:
        after = after[:-1]  # its end may lie outside the window
    return EvidenceContext(
        tuple(
            [ContextLine(at, text, False) for at, text in before[-LINES_BEFORE:]]
            + [ContextLine(evidence.offset, evidence.raw, True)]
            + [ContextLine(at, text, False) for at, text in after[:LINES_AFTER]]
        )
    )


def _split(data: bytes, start: int) -> list[tuple[int, str]]:
    rows = []
    for line in data.split(b"\n"):
        rows.append((start, _decode(line)))
        start += len(line) + 1
    if data.endswith(b"\n") or not data:
        rows.pop()
    return rows


def _decode(line: bytes) -> str:
    # As the parser does: UTF-8, invalid bytes made visible, CR of a CRLF dropped, no BOM.
    text = line[: 4 * LINE_CHARS].decode("utf-8", "backslashreplace").removesuffix("\r")
    return text.removeprefix("\ufeff")[:LINE_CHARS]


def _same(found: str, stored: str) -> bool:
    # The stored line may have been cut; a cut inside a character leaves an escape behind.
    n_compared = min(len(found), len(stored), LINE_CHARS - 16)
    if len(stored) < LINE_CHARS - 16 and len(found) != len(stored):
        return False
    return found[:n_compared] == stored[:n_compared]


def _only(evidence: Evidence, message: str) -> EvidenceContext:
    return EvidenceContext((ContextLine(evidence.offset, evidence.raw, True),), message)
