"""What a source knows of the files it ever read, so that none is read twice."""

import logging
from collections.abc import Iterable

from soc_copilot.domain.records import Checkpoint
from soc_copilot.ingestion.files import Identity, digest, read_at

logger = logging.getLogger(__name__)

_MESSAGES_KEPT = 50  # chosen: rotations and truncations shown per source


class Generations:
    """The generations of one source: their latest checkpoints, and which are being read.

    Shared by every tailer of a directory source, so that numbers are given once and a
    file under a new name is known again.

    Args:
        source_id: Row id of the source.
        checkpoints: What the store holds for it.
    """

    def __init__(self, source_id: int, checkpoints: Iterable[Checkpoint] = ()) -> None:
        self.source_id = source_id
        self._known = {c.generation: c for c in checkpoints}
        self._reading: dict[int, Identity] = {}
        self.messages: list[str] = []
        self.n_possible_losses = 0

    @property
    def is_empty(self) -> bool:
        """True for a source that was never read."""
        return not self._known

    def next_number(self) -> int:
        """The number of the generation that begins now."""
        return max(self._known, default=0) + 1

    def note(self, checkpoint: Checkpoint) -> None:
        """Remember where a generation stands."""
        self._known[checkpoint.generation] = checkpoint

    def get(self, generation: int) -> Checkpoint:
        """The latest checkpoint of a generation."""
        return self._known[generation]

    def begin(self, generation: int, identity: Identity) -> None:
        """A reader has the generation in hand."""
        self._reading[generation] = identity

    def end(self, generation: int) -> None:
        """Nobody reads the generation any more."""
        self._reading.pop(generation, None)

    def is_read(self, generation: int) -> bool:
        """True while a reader has it in hand."""
        return generation in self._reading

    def reads(self, identity: Identity) -> bool:
        """True while a reader has this very file in hand."""
        return identity in self._reading.values()

    def unfinished(self, path: str) -> list[Checkpoint]:
        """Generations of this path, not at their end, that nobody reads; oldest first."""
        return sorted(
            (
                c
                for c in self._known.values()
                if c.path == path and not c.finished and c.generation not in self._reading
            ),
            key=lambda c: c.generation,
        )

    def unfinished_paths(self) -> set[str]:
        """Paths with a generation that is not at its end."""
        return {c.path for c in self._known.values() if not c.finished}

    def matching(self, fd: int, identity: Identity) -> Checkpoint | None:
        """The latest generation that this plain file continues, by inode and content."""
        same = [
            c
            for c in self._known.values()
            if c.inode == identity.inode
            and c.device == identity.device
            and c.compression is None
            and c.generation not in self._reading
        ]
        same.sort(key=lambda c: c.generation, reverse=True)
        return next((c for c in same if fits(c, fd)), None)

    def packed(self, identity: Identity) -> Checkpoint | None:
        """The latest generation of this packed file, by inode."""
        same = [
            c
            for c in self._known.values()
            if (c.device, c.inode) == (identity.device, identity.inode)
            and c.compression is not None
            and c.generation not in self._reading
        ]
        return max(same, key=lambda c: c.generation, default=None)

    def all(self) -> list[Checkpoint]:
        """The latest checkpoint of every generation."""
        return list(self._known.values())

    def copied(self, fd: int, *, among: Iterable[Checkpoint] | None = None) -> Checkpoint | None:
        """The generation whose read part this open plain file repeats, the farthest one.

        A file whose content is unknown before its first line was stored never matches.
        """
        known = self._known.values() if among is None else among
        found = [c for c in known if c.marker_bytes and fits(c, fd)]
        return max(found, key=lambda c: (c.offset, c.generation), default=None)

    def say(self, message: str, *, loss: bool = False) -> None:
        """Put a message before the operator; `loss` when lines may be gone for good."""
        if loss:
            self.n_possible_losses += 1
            logger.error("%s source=%s", message, self.source_id)
        else:
            logger.info("%s source=%s", message, self.source_id)
        self.messages.append(message)
        del self.messages[:-_MESSAGES_KEPT]


def fits(checkpoint: Checkpoint, fd: int) -> bool:
    """True when the file begins as the checkpoint says and holds its marker before the offset."""
    c = checkpoint
    if c.head_bytes and digest(read_at(fd, 0, c.head_bytes)) != c.head_hash:
        return False
    before = read_at(fd, c.offset - c.marker_bytes, c.marker_bytes)
    return digest(before) == c.marker_hash
