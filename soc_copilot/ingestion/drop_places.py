"""Where a drop folder's files were left: one place for each file that lies there.

A place is a generation of the source. Once its file is gone for a while, the next new file takes
it over and its offsets go on, so that a folder that is emptied now and then costs no more rows
than files ever lay in it at once.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from soc_copilot.domain.records import Checkpoint
from soc_copilot.ingestion.entries import NumberedPosition
from soc_copilot.ingestion.files import Identity

FREE_AFTER_S: Final = 60.0
"""Chosen: a file that is gone for so long does not come back under another name."""

Stamp = tuple[int, int, int]  # inode, size, time: what a change changes


@dataclass(frozen=True, slots=True)
class Position(NumberedPosition):
    """How far a file was read.

    Attributes:
        size: Of the file when it was read to its end; 0 while it was not.
        mtime_ns: The file's time then.
        end: Byte of the file after the last message that was read.
    """

    size: int = 0
    mtime_ns: int = 0
    end: int = 0


@dataclass(slots=True)
class Place:
    """A file of the folder, and where it was left.

    Attributes:
        spot: What was handed out last.
        is_new: The store holds nothing of it yet.
        n_tries: How often the file ended whoever read it.
        retry_at_s: Not before this it is tried again, monotonic.
        trouble: Its state and a sentence, None when all is well.
        gone_at_s: Since when its file is gone, monotonic; None while it is there.
    """

    spot: Checkpoint
    is_new: bool = False
    n_tries: int = 0
    retry_at_s: float = -1e9
    trouble: tuple[str, str] | None = None
    gone_at_s: float | None = None

    @property
    def identity(self) -> Identity:
        """Of the file that was read."""
        return Identity(self.spot.device, self.spot.inode)

    def is_read(self, stamp: Stamp) -> bool:
        """True when the file was read to its end as it stands."""
        at = Position.of(self.spot.cursor)
        return stamp == (self.spot.inode, at.size, at.mtime_ns)


class Places:
    """Every place of a source.

    Args:
        source_id: Row id of the source.
        checkpoints: What the store holds for it.
    """

    def __init__(self, source_id: int, checkpoints: Iterable[Checkpoint] = ()) -> None:
        self._source_id = source_id
        self._all: dict[int, Place] = {}
        self._by_identity: dict[Identity, int] = {}
        self._by_path: dict[str, int] = {}
        self._gone: list[Place] = []  # so that many new files need not look at all places
        self._last = 0
        for checkpoint in sorted(checkpoints, key=lambda one: one.generation):
            self._put(Place(checkpoint))

    def __len__(self) -> int:
        return len(self._all)

    def _put(self, place: Place) -> None:
        self._all[place.spot.generation] = place
        self._last = max(self._last, place.spot.generation)
        self._by_identity[place.identity] = place.spot.generation
        self._by_path[place.spot.path] = place.spot.generation

    def known(self, identity: Identity) -> Place | None:
        """The place of this very file."""
        place = self._all.get(self._by_identity.get(identity, 0))
        return place if place is not None and place.identity == identity else None

    def take(self, path: str, identity: Identity, now_s: float) -> Place:
        """The place for a file: its own, that of one that it replaced, a free one, or a new one.

        Args:
            path: Where it lies, as it is told.
            identity: Of the file.
            now_s: Monotonic.
        """
        place = self.known(identity)
        if place is None:
            before = self._all.get(self._by_path.get(path, 0))
            is_replaced = before is not None and before.gone_at_s is not None
            place = before if is_replaced and before and before.spot.path == path else None
        if place is None:
            place = self._free(now_s)
            if place is None:
                place = Place(Checkpoint(self._source_id, self._last + 1, path, 0), is_new=True)
            self.empty(place)
        spot = replace(place.spot, path=path, device=identity.device, inode=identity.inode)
        place.spot, place.gone_at_s = spot, None
        self._put(place)
        return place

    def _free(self, now_s: float) -> Place | None:
        free = (one for one in self._gone if one.gone_at_s is not None)
        return next((one for one in free if now_s - (one.gone_at_s or 0) >= FREE_AFTER_S), None)

    @staticmethod
    def empty(place: Place) -> None:
        """Nothing was read of the file that the place is for; offsets go on."""
        place.spot = replace(
            place.spot, cursor=Position().cursor, size_bytes=0,
            head_hash="", head_bytes=0, marker_hash="", marker_bytes=0,
        )  # fmt: skip
        place.n_tries, place.trouble = 0, None

    def look(self, present: Collection[Identity], device: int, now_s: float) -> None:
        """Note which files are gone.

        Args:
            present: Every file that lies in the folder now.
            device: Of the folder: files of another one are away with it, not gone.
            now_s: Monotonic.
        """
        self._gone = []
        for place in self._all.values():
            if place.identity in present:
                place.gone_at_s = None
            elif place.spot.device == device:
                if place.gone_at_s is None:
                    place.gone_at_s, place.trouble = now_s, None
                self._gone.append(place)

    def troubles(self) -> list[tuple[str, str]]:
        """Of all files that have any."""
        return [place.trouble for place in self._all.values() if place.trouble is not None]
