"""What the archive holds, for tests that count."""

from collections.abc import Iterator

import polars as pl

from soc_copilot.archive.scan import Scanner
from soc_copilot.domain import columns as c
from soc_copilot.governance.database import Governance


def archived_lines(governance: Governance, source_id: int | None = None) -> Iterator[str]:
    """The raw text of every archived event, of one source or of all, in no order."""
    scanner = Scanner(governance.archive_folder)
    for segment in governance.segments.list(source_id=source_id):
        for group in scanner.groups(segment):
            frame = scanner.read(segment, group, (c.SOURCE_ID, c.ORIGINAL))
            if source_id is not None:
                frame = frame.filter(pl.col(c.SOURCE_ID) == source_id)
            yield from frame[c.ORIGINAL]
