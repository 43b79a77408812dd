"""Says when a suppression ran out."""

from PySide6.QtCore import QObject, Slot

from soc_copilot.domain.suppressions import Suppression
from soc_copilot.ui.context import Desk
from soc_copilot.ui.models.suppressions import alike_words, hidden_words
from soc_copilot.ui.watch import Watch


def expired_words(one: Suppression) -> str:
    """What the desk says when a suppression ran out."""
    return (
        f"Suppression {one.id} is over: alerts of {alike_words(one)} are in the list again. "
        f"It hid {hidden_words(one)}; U shows them on the Alerts page."
    )


class Endings(QObject):
    """Tells when suppressions run out, and has that put on record. GUI thread only."""

    def __init__(self, desk: Desk, watch: Watch) -> None:
        super().__init__(desk)
        self._desk = desk
        watch.expired.connect(self.on_expired)

    @Slot(object)
    def on_expired(self, one: Suppression) -> None:
        """Tell it; what writes the record is a job."""
        self._desk.info(expired_words(one))
        self._desk.jobs.submit(
            lambda governance: governance.suppressions.settle(), failed=self._desk.error
        )
