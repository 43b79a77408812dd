"""The Alerts page's commands about suppressions: suppress, list them, show what they hide."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject

from soc_copilot.domain.suppressions import Offer
from soc_copilot.ui.dialogs.suppress import SuppressDialog
from soc_copilot.ui.dialogs.suppressions import SuppressionsDialog
from soc_copilot.ui.models.alert_view import AlertView, Target

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance
    from soc_copilot.ui.pages.alerts import AlertsPage
    from soc_copilot.ui.triage import Triage

USUAL_KEY: Final = "alerts.suppress_for"
FEWER: Final = "Suppress from one alert, or from those that are ticked one by one."


@dataclass(frozen=True, slots=True)
class Found:
    """What the dialog is opened with."""

    offer: Offer
    usual: str
    names: Mapping[int, str]


def read_offer(governance: "Governance", ids: tuple[int, ...]) -> Found:
    """What alerts have in common; for a job.

    Raises:
        SocCopilotError: Such alerts are not suppressed, or are not there.
    """
    return Found(
        governance.suppressions.offer(ids),
        str(governance.settings.get(USUAL_KEY)),
        {row.id: row.name for row in governance.sources.list()},
    )


class SuppressCommands(QObject):
    """Binds the actions about suppressions. GUI thread only."""

    def __init__(
        self, page: "AlertsPage", triage: "Triage", target: Callable[[], Target | None]
    ) -> None:
        super().__init__(page)
        self._page, self._desk = page, page.desk
        self._triage, self._target = triage, target
        for name, handler in (
            ("suppress", self.ask),
            ("suppressions", self.show_list),
            ("suppressed", page.bar.toggle_suppressed),
        ):
            self._desk.actions.bind(f"alerts.{name}", handler)

    def ask(self) -> None:
        """Ask what is to be suppressed from the chosen alerts."""
        target = self._target()
        if target is None:
            return
        if target.query is not None:
            self._page.strip.show_done(FEWER, can_undo=self._triage.can_undo)
            return
        self._desk.jobs.submit(
            lambda governance: read_offer(governance, target.ids), self._open, self._refuse
        )

    def _open(self, found: Found) -> None:
        dialog = SuppressDialog(
            self._desk, self._page.window(), found.offer, found.usual, found.names
        )
        dialog.confirmed.connect(self._triage.suppress)
        dialog.finished.connect(lambda _: self._page.focus_table())
        dialog.open()

    def _refuse(self, text: str) -> None:
        self._page.strip.show_done(text, can_undo=self._triage.can_undo)

    def show_list(self) -> None:
        """Show the suppressions."""
        dialog = SuppressionsDialog(self._desk, self._page.window())
        dialog.lifted.connect(self._on_lifted)
        dialog.alerts_requested.connect(self.show_alerts)
        dialog.finished.connect(lambda _: self._page.focus_table())
        dialog.open()

    def show_alerts(self, suppression_id: int) -> None:
        """Show what a suppression hides."""
        view = AlertView(statuses=(), suppressed="shown", suppression=suppression_id)
        self._page.show_queue()
        self._page.bar.set_view(view)

    def _on_lifted(self, words: str) -> None:
        self._page.strip.show_done(words, can_undo=self._triage.can_undo)
        self._page.reload()
