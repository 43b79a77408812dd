"""A desk on a database of its own, and the waits that a test of its pages needs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from PySide6.QtWidgets import QDialog, QWidget
from pytestqt.qtbot import QtBot

from soc_copilot.domain.governance import Actor, BatchCommit, SourceRow
from soc_copilot.domain.records import Checkpoint, LedgerDelta, PositionMove
from soc_copilot.governance.database import Governance
from soc_copilot.ui.actions import ActionTable
from soc_copilot.ui.context import Desk
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.workers import JobRunner

ANALYST = Actor("ana", "window")
HOSTILE = "<img src=http://127.0.0.1:9/x>\u202egol.\x1b[31m\0"
SHOWN = "<img src=http://127.0.0.1:9/x>\\u202egol.␛[31m␀"

DialogT = TypeVar("DialogT", bound=QDialog)


@dataclass
class DeskBench:
    """What a test holds: the desk, a connection of its own, and what the desk said."""

    desk: Desk
    governance: Governance
    qtbot: QtBot
    folder: Path
    messages: list[tuple[str, str]] = field(default_factory=list)

    def settle(self) -> None:
        """Wait until the short jobs queued so far, and those they lead to, are done."""
        for _ in range(3):  # a job's end may queue another one
            done: list[None] = []
            self.desk.jobs.submit(lambda _governance: None, done.append)
            self.qtbot.waitUntil(lambda done=done: bool(done))

    def show(self, page: QWidget, *, wide: int = 1280, high: int = 800) -> None:
        """Show a page as the window would, and wait for what it reads."""
        page.resize(wide, high)
        page.show()
        shown: Callable[[], None] = getattr(page, "shown", lambda: None)
        shown()
        self.settle()

    def dialog(self, kind: type[DialogT], parent: QWidget) -> DialogT:
        """The open dialog of a kind."""
        return next(one for one in parent.findChildren(kind) if one.isVisible())

    def actions_audited(self) -> list[str]:
        """Actions in the audit trail, oldest first."""
        return [row.action for row in reversed(self.governance.audit.rows())]

    def read_lines(self, source: SourceRow, path: Path, ledger: LedgerDelta, offset: int) -> None:
        """Store a step forward in a source's file, as the pipeline does."""
        checkpoint = Checkpoint(source.id, 1, str(path), offset, path.stat().st_size)
        self.governance.batches.store(
            BatchCommit(ledger.lines, (), (PositionMove(-1, checkpoint, ledger),))
        )


@contextmanager
def desk_bench(qtbot: QtBot, folder: Path) -> Iterator[DeskBench]:
    """A desk on a new database; its threads are joined at the end."""

    def opener() -> Governance:
        return Governance.open(folder / "db" / "governance.db", actor=ANALYST, home=folder / "db")

    governance, reader = opener(), opener()
    theme = Theme("dark")
    jobs = JobRunner(opener)
    desk = Desk(reader, jobs, theme, ActionTable(theme), TimeFormat("UTC"))
    made = DeskBench(desk, governance, qtbot, folder)
    desk.message.connect(lambda level, text, _details: made.messages.append((level, text)))
    try:
        yield made
    finally:
        assert jobs.join(60_000)
        reader.close()
        governance.close()
