"""Demonstration folders leave no trace: taken away once nothing reads them, or at the end."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Slot

from soc_copilot.ui import exercise
from soc_copilot.ui.context import Desk
from soc_copilot.ui.host_rows import WATCHED
from soc_copilot.ui.ingest_worker import SessionBeat

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

REASON: Final = "Its demonstration folder was removed when the window was closed."


class Demonstrations(QObject):
    """Takes a demonstration folder away when its source was removed.

    Not before the running session has let go of it: otherwise it would see the files go, and
    might call it an attack. GUI thread only; files are removed in jobs.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._watched: dict[str, int] = {}  # folder -> its source
        self._waiting: dict[str, int] = {}
        desk.sources_changed.connect(self.look)
        desk.beat_arrived.connect(self.on_beat)
        desk.ingestion_changed.connect(self.on_ingestion)
        self.look()

    @Slot()
    def look(self) -> None:
        """See which folders are watched now."""
        self._desk.jobs.submit(_watched, self._compare)

    def _compare(self, watched: dict[str, int]) -> None:
        for folder in self._watched.keys() - watched.keys():
            self._waiting[folder] = self._watched[folder]
        for folder in watched:
            self._waiting.pop(folder, None)  # it is watched again
        self._watched = watched
        self.on_ingestion(self._desk.ingestion)

    @Slot(object)
    def on_beat(self, beat: SessionBeat) -> None:
        """Remove what the session reads no more."""
        read = {status.source_id for status in beat.sources}
        self._remove([folder for folder, one in self._waiting.items() if one not in read])

    @Slot(str)
    def on_ingestion(self, state: str) -> None:
        """Without a session nothing is read."""
        if state == "stopped":
            self._remove(list(self._waiting))

    def _remove(self, folders: list[str]) -> None:
        for folder in folders:
            self._remove_one(folder, self._waiting.pop(folder))

    def _remove_one(self, folder: str, source_id: int) -> None:
        def work(_governance: object) -> bool:
            return exercise.remove(Path(folder))

        def done(is_done: bool) -> None:
            if not is_done:  # an exercise is under way
                self._waiting[folder] = source_id

        self._desk.jobs.submit(work, done)


def clear(governance: "Governance") -> None:
    """Take all demonstration folders away at the end, and off the list of sources.

    A folder stays when an exercise is still under way in it.

    Raises:
        StoreError: The list cannot be read or written.
    """
    watched = _watched(governance)
    for folder, source_id in watched.items():
        if exercise.is_ours(Path(folder)) and exercise.remove(Path(folder)):
            governance.sources.remove(source_id, reason=REASON)
    for made in exercise.made():
        if str(made) not in watched:
            exercise.remove(made)


def _watched(governance: "Governance") -> dict[str, int]:
    """Demonstration folders on the list of sources, by their names alone."""
    return {
        source.path: source.id
        for source in governance.sources.list()
        if source.kind == WATCHED and Path(source.path).name.startswith(exercise.PREFIX)
    }
