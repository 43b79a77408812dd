"""Databases with archived events, for tests."""

from collections.abc import Sequence
from pathlib import Path

from soc_copilot.archive.store import Archive
from soc_copilot.domain.archive import Segment
from soc_copilot.domain.governance import Actor, BatchCommit
from soc_copilot.governance.database import Governance
from tests.unit.archive.frames import batch_of

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
