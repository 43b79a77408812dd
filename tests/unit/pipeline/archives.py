"""Databases with archived events, for tests."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from soc_copilot.archive.store import Archive
from soc_copilot.domain.archive import Segment
from soc_copilot.domain.governance import Actor, BatchCommit
from soc_copilot.governance.database import Governance
from tests.unit.archive.frames import READ_NS, batch_of

ACTOR = Actor("tester", "cli")


def opened(folder: Path) -> Governance:
    """A database of its own."""
    return Governance.open(folder / "g.db", actor=ACTOR, home=folder)


def store(
    governance: Governance,
    archive: Archive,
    lines: Sequence[str],
    *,
    source_id: int = 1,
    start: int = 0,
) -> Segment:
    """Archive and register the lines as one batch."""
    batch = batch_of(lines, source_id=source_id, start=start)
    segment = archive.write(batch)
    assert segment is not None
    governance.batches.store(BatchCommit(batch.n_events, (), (), segment=segment))
    return segment


def dated_lines(days: Sequence[float]) -> list[str]:
    """Access-log lines of so many days after the tests' lines are read."""
    times = [datetime.fromtimestamp(READ_NS // 10**9 + 86_400 * day, UTC) for day in days]
    return [
        f'10.0.0.1 - - [{time:%d/%b/%Y:%H:%M:%S +0000}] "GET /{i} HTTP/1.1" 200 1 "-" "-"'
        for i, time in enumerate(times)
    ]


class Day:
    """A clock some days after the lines were read."""

    def __init__(self, days: float) -> None:
        self._ns = READ_NS + int(days * 86_400e9)

    def now_ns(self) -> int:
        return self._ns

    def monotonic_s(self) -> float:
        return 0.0
