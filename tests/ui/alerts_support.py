"""A desk on a database of its own, filled with made-up alerts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from soc_copilot.domain.findings import Component, Evidence, Finding, Severity
from soc_copilot.domain.governance import Actor, BatchCommit
from soc_copilot.governance.database import Governance
from soc_copilot.ui.actions import ActionTable
from soc_copilot.ui.context import Desk
from soc_copilot.ui.pages.alerts import AlertsPage
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.workers import JobRunner

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
ANALYST = Actor("ana", "window")


def finding(number: int, **changes: object) -> Finding:
    """One alert's worth; a higher number is later."""
    seen = NOON + timedelta(seconds=number)
    raw = f"GET /?q=1 UNION SELECT {number}"
    offset = number * 40
    values: dict[str, object] = {
        "detector": ("web", "auth")[number % 2],
        "rule": "web.sqli",
        "entity": f"192.0.2.{number}",
        "entity_type": "source.ip",
        "technique": "T1190",
        "title": f"SQL injection {number}",
        "summary": f"192.0.2.{number} tried to inject SQL.",
        "severity": Severity(number % 5),
        "score": 0.9,
        "threshold": 0.5,
        "count": number + 1,
        "first_seen": seen,
        "last_seen": seen,
        "components": (Component("Signs of SQL", "UNION, SELECT", 0.9),),
        "evidence": (
            Evidence(f"1-1-{offset}", 1, 1, "access.log", offset, 40, seen, raw, ((9, 21),), 0.9),
        ),
        "next_steps": ("Look at the answers.",),
        "model_version": "1.0",
    }
    return Finding(**(values | changes))  # type: ignore[arg-type]


def raise_alerts(governance: Governance, findings: list[Finding]) -> None:
    """Store findings as the pipeline does."""
    for start in range(0, len(findings), 1_000):
        chunk = tuple(findings[start : start + 1_000])
        governance.batches.store(BatchCommit(len(chunk), chunk, ()))


@dataclass
class Bench:
    """What a test holds: the desk, the page, and a connection of its own."""

    desk: Desk
    governance: Governance
    qtbot: QtBot
    page: AlertsPage

    def load(self) -> None:
        """Show the page and wait for its first rows and numbers."""
        self.page.resize(1400, 900)
        self.page.show()
        self.page.shown()
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is on its way any more."""
        page = self.page

        def quiet() -> None:
            assert not page.is_busy
            assert not page.model.is_busy
            assert not page.commands.triage.is_busy

        self.qtbot.waitUntil(quiet)

    def key(self, key: Qt.Key, widget: QWidget | None = None) -> None:
        """Press a key in the table, or in another widget."""
        self.qtbot.keyClick(widget or self.page.table, key)

    def act(self, name: str) -> None:
        """Trigger an action of the page and wait for what follows."""
        self.desk.actions.trigger(f"alerts.{name}")
        self.settle()


@contextmanager
def bench(qtbot: QtBot, folder: Path, findings: list[Finding] | None = None) -> Iterator[Bench]:
    """A desk with the Alerts page on a new database."""

    def opener() -> Governance:
        return Governance.open(folder / "governance.db", actor=ANALYST, home=folder)

    governance = opener()
    raise_alerts(governance, findings or [])
    theme = Theme("dark")
    jobs = JobRunner(opener)
    reader = opener()
    desk = Desk(reader, jobs, theme, ActionTable(theme), TimeFormat("UTC"))
    page = AlertsPage(desk)
    qtbot.addWidget(page)
    try:
        yield Bench(desk, governance, qtbot, page)
    finally:
        page.close()
        assert jobs.join(60_000)
        reader.close()
        governance.close()
