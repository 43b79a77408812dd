"""What an analyst does to alerts: through jobs, one or many, and undone again."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from soc_copilot.domain.alerts import AlertCursor, AlertFilter, AlertRow, Disposition
from soc_copilot.domain.suppressions import End
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.models.alert_view import Target
from soc_copilot.ui.models.suppressions import Plan

if TYPE_CHECKING:
    from soc_copilot.governance.alerts import AlertStore
    from soc_copilot.governance.database import Governance
    from soc_copilot.ui.workers import JobControl

CHUNK: Final = 500  # chosen: alerts changed in one transaction, some tens of milliseconds
MAX_UNDO: Final = 50  # chosen: steps that can be taken back
MAX_WORDS: Final = 120  # chosen: of what is alike, in one line
MAX_SHOWN: Final = 1_000  # changed rows handed back to the table; above that it reads again

Change = Callable[["AlertStore", list[int]], int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action did.

    Attributes:
        former: The alerts as they were, for undo.
        rows: The changed alerts as they are now; None when there are too many to list.
        words: A sentence for the strip.
        can_undo: False for notes, which stay.
        is_undo: True when it took an earlier action back.
        suppression: Id of the one that was made; undo lifts it.
    """

    former: tuple[AlertRow, ...]
    rows: tuple[AlertRow, ...] | None
    words: str
    can_undo: bool = True
    is_undo: bool = False
    suppression: int | None = None


class Triage(QObject):
    """Runs actions one after the other and remembers how to take them back.

    Nothing is shown as done before the database has answered. GUI thread only.
    """

    done = Signal(object)  # Outcome
    progressed = Signal(int, int)  # done, total; 0, 0 at the end
    failed = Signal(str)
    undo_changed = Signal()

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._undo: list[Outcome] = []
        self._stops: list[threading.Event] = []  # one for each action on its way

    @property
    def is_busy(self) -> bool:
        """True while an action is on its way."""
        return bool(self._stops)

    @property
    def can_undo(self) -> bool:
        """True when the last action can be taken back."""
        return bool(self._undo)

    def acknowledge(self, target: Target) -> None:
        """Take alerts: acknowledged, and assigned to the analyst."""
        self._run(target, lambda store, ids: store.acknowledge(ids), "Took {}")

    def close(self, target: Target, disposition: Disposition, note: str = "") -> None:
        """Close alerts with a judgement."""
        words = f"Closed {{}} as {disposition.label.lower()}"
        self._run(target, lambda store, ids: store.close(ids, disposition, note), words)

    def reopen(self, target: Target) -> None:
        """Make closed alerts new again."""
        self._run(target, lambda store, ids: store.reopen(ids), "Reopened {}")

    def add_note(self, target: Target, text: str) -> None:
        """Write a note to alerts; it cannot be taken back."""
        self._run(
            target,
            lambda store, ids: store.add_note(ids, text),
            "Wrote a note to {}",
            can_undo=False,
        )

    def suppress(self, plan: Plan) -> None:
        """Keep what is alike out of the list from now on."""

        def work(governance: "Governance", control: "JobControl | None") -> Outcome:
            former = governance.alerts.get(plan.ids)
            made = governance.suppressions.add(
                plan.ids,
                plan.fields,
                plan.end(governance.suppressions.now()),
                reason=plan.reason,
                any_severity=plan.any_severity,
                without_end=plan.without_end,
                hide_open=plan.hide_open,
                progress=lambda done, total: _report(control, done, total),
            )
            hid = f"; hid {_number_words(made.n_alerts)}" if plan.hide_open else ""
            return Outcome(
                former if plan.hide_open else (),
                _held(governance.alerts, made.id),
                f"Suppressed {render_safe(made.alike.words(), MAX_WORDS)}{hid}",
                suppression=made.id,
            )

        self._submit(work, plan.hide_open, threading.Event())

    def undo(self) -> None:
        """Give the alerts of the last action back what they had, as new history rows."""
        if not self._undo or self.is_busy:
            return
        last = self._undo.pop()
        self.undo_changed.emit()

        def lift(
            governance: "Governance", suppression_id: int, control: "JobControl | None"
        ) -> Outcome:
            if governance.suppressions.get(suppression_id).ended is End.LIFTED:
                words = f"Suppression {suppression_id} was lifted before"
                return Outcome((), (), words, can_undo=False, is_undo=True)
            held = _held(governance.alerts, suppression_id)
            governance.suppressions.lift(
                suppression_id, "Undone.", lambda done, total: _report(control, done, total)
            )
            rows = None if held is None else governance.alerts.get([row.id for row in held])
            words = f"Undone: {_lower_first(last.words)}"
            return Outcome(last.former, rows, words, can_undo=False, is_undo=True)

        def work(governance: "Governance", control: "JobControl") -> Outcome:
            if last.suppression is not None:
                return lift(governance, last.suppression, control)
            store = governance.alerts
            for done, rows in _chunks(last.former):
                store.restore(rows)
                _report(control, done, len(last.former))
            ids = [row.id for row in last.former]
            back = store.get(ids) if len(ids) <= MAX_SHOWN else None
            words = f"Undone: {_lower_first(last.words)}"
            return Outcome(last.former, back, words, can_undo=False, is_undo=True)

        def give_back() -> None:
            self._undo.append(last)
            self.undo_changed.emit()

        is_long = len(last.former) > CHUNK or last.suppression is not None
        self._submit(work, is_long, threading.Event(), give_back)

    def cancel(self) -> None:
        """Stop a long action after the present step; what was done stays and can be undone."""
        for stop in self._stops:
            stop.set()

    def _run(self, target: Target, change: Change, words: str, *, can_undo: bool = True) -> None:
        stop = threading.Event()  # its own: an action begun after a cancel does not lift it

        def work(governance: "Governance", control: "JobControl") -> Outcome:
            store = governance.alerts
            rows = _targets(store, target)
            former: list[AlertRow] = []
            n_changed = 0
            for done, chunk in _chunks(rows):
                n_changed += change(store, [row.id for row in chunk])
                former += chunk
                _report(control, done, len(rows))
                if stop.is_set():
                    break
            ids = [row.id for row in former]
            now = store.get(ids) if len(ids) <= MAX_SHOWN else None
            told = words.format(_number_words(n_changed))
            if stop.is_set() and len(former) < len(rows):
                told += f", then stopped with {len(rows) - len(former):,} left"
            return Outcome(tuple(former), now, told, can_undo and n_changed > 0)

        self._submit(work, target.query is not None or len(target.ids) > CHUNK, stop)

    def _submit(
        self,
        work: Callable[..., Outcome],
        is_long: bool,
        stop: threading.Event,
        on_failed: Callable[[], None] = lambda: None,
    ) -> None:
        self._stops.append(stop)

        def done(outcome: Outcome) -> None:
            self._end(stop)
            if outcome.can_undo:
                self._undo = [*self._undo, outcome][-MAX_UNDO:]
                self.undo_changed.emit()
            self.done.emit(outcome)

        def failed(text: str) -> None:
            self._end(stop)
            on_failed()
            self.failed.emit(text)

        if is_long:
            self._desk.jobs.submit_long(work, done, failed, self.progressed.emit)
        else:
            self._desk.jobs.submit(lambda governance: work(governance, None), done, failed)

    def _end(self, stop: threading.Event) -> None:
        self._stops.remove(stop)
        self.progressed.emit(0, 0)


def _targets(store: "AlertStore", target: Target) -> tuple[AlertRow, ...]:
    if target.query is None:
        return store.get(target.ids)
    # All of them first: changing alerts may take them out of the query being paged.
    found: list[AlertRow] = []
    before: AlertCursor | None = None
    while page := store.page(target.query, before, CHUNK):
        found += (row for row in page if row.id not in target.excluded)
        before = AlertCursor(page[-1].last_seen, page[-1].id)
    return tuple(found)


def _held(store: "AlertStore", suppression_id: int) -> tuple[AlertRow, ...] | None:
    """What a suppression hides; None when it is too much to list."""
    rows = store.page(AlertFilter(suppression=suppression_id), None, MAX_SHOWN + 1)
    return rows if len(rows) <= MAX_SHOWN else None


def _chunks(rows: Sequence[AlertRow]) -> Iterator[tuple[int, Sequence[AlertRow]]]:
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        yield start + len(chunk), chunk


def _report(control: "JobControl | None", done: int, total: int) -> None:
    if control is not None:
        control.report(done, total)


def _number_words(count: int) -> str:
    return "1 alert" if count == 1 else f"{count:,} alerts"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
