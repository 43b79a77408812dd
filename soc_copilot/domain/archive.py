"""What the database knows of the event archive's files."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SourceShare:
    """One source's part of a segment.

    Attributes:
        n_rows: Its events in the segment.
        raw_bytes: Bytes of their lines in the source, line ends included.
        min_us: Earliest `@timestamp`, microseconds since 1970 UTC.
        max_us: Latest one.
    """

    n_rows: int
    raw_bytes: int
    min_us: int
    max_us: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One Parquet file of events, registered by the transaction that stored them.

    Attributes:
        name: File name within the archive's folder, unique for ever.
        level: 0 as written with a batch (any sources), 1 and more after compaction (one
            source each).
        n_rows: Events in it.
        size_bytes: The file's size.
        hash: SHA-256 (hex) of the file.
        shares: By source id; never empty.
    """

    name: str
    level: int
    n_rows: int
    size_bytes: int
    hash: str
    shares: Mapping[int, SourceShare] = field(default_factory=dict)

    @property
    def min_us(self) -> int:
        """Earliest `@timestamp` in it, microseconds since 1970 UTC."""
        return min(share.min_us for share in self.shares.values())

    @property
    def max_us(self) -> int:
        """Latest `@timestamp` in it, microseconds since 1970 UTC."""
        return max(share.max_us for share in self.shares.values())

    @property
    def raw_bytes(self) -> int:
        """Bytes of its lines in their sources."""
        return sum(share.raw_bytes for share in self.shares.values())
