"""Phishing: paste or drop anything, see the verdict and why; go through whole mailboxes."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout
from typing_extensions import override

from soc_copilot.detection.phishing.mailboxes import Place, holds_many, read
from soc_copilot.domain.paths import bundled
from soc_copilot.domain.phishing import ContentType
from soc_copilot.domain.text import render_safe
from soc_copilot.phishing.rendering import can_render, render_page
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.brands import BrandsDialog
from soc_copilot.ui.dialogs.files import Mode, ask_export, ask_paths
from soc_copilot.ui.models.phishing_tables import CheckedColumn, CheckedModel
from soc_copilot.ui.pages.split import SplitPage
from soc_copilot.ui.phishing_checks import (
    MAX_ROWS,
    CheckedRow,
    Checker,
    Detail,
    Given,
    check_all,
    refuse_halted,
)
from soc_copilot.ui.phishing_export_job import export_checked
from soc_copilot.ui.phishing_facts import WORDS
from soc_copilot.ui.phishing_looks import Pictures, checked, halted_by, looked_at
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.cards import Card, EmptyState
from soc_copilot.ui.widgets.labels import ElidedLabel
from soc_copilot.ui.widgets.phishing_input import PhishingInput, local_paths
from soc_copilot.ui.widgets.phishing_parts import VerdictDelegate
from soc_copilot.ui.widgets.phishing_verdict import VerdictPane
from soc_copilot.ui.widgets.picture import picture_of, png_of
from soc_copilot.ui.widgets.progress_strip import ProgressStrip
from soc_copilot.ui.widgets.tables import desk_table
from soc_copilot.ui.workers import Job, JobControl

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

SPLIT: Final = (1, 1)  # table to verdict, as shares
GIVE_WAY: Final = (  # columns, and below what width of the table
    (CheckedColumn.REASON, 1_000), (CheckedColumn.FILE, 820), (CheckedColumn.KIND, 680),
    (CheckedColumn.SENDER, 580),
)  # fmt: skip
HINTS: Final = "J K move    T paste    Ctrl+O files    Ctrl+E export    ? all keys"
TAKE_S: Final = 0.25  # chosen: rows come in often enough to be watched, and cost little
LOADING: Final = "Loading the models, which may take a few seconds the first time …"
EXAMPLES: Final = ("sample", "phishing")  # below the bundled data


class PhishingPage(SplitPage):
    """A box to paste into on top, what was checked below, one verdict in full beside it.

    Args:
        desk: The desk.
        checker: Asks the pipeline; called in jobs alone.
        render: Draws a saved page; None for this machine's Chromium, in its sandbox.
        now: A clock for the rate of a long run, s.
    """

    name = "phishing"
    title = "Phishing"

    def __init__(
        self,
        desk: Desk,
        checker: Checker,
        now: Callable[[], float] = time.monotonic,
        render: Callable[[bytes], bytes] | None = None,
    ) -> None:
        super().__init__(desk, Qt.Orientation.Horizontal, 0)
        self._render = render or render_page
        self._checker, self._now = checker, now
        self._run: Job | None = None
        self._detail_job: Job | None = None
        self._export: Job | None = None
        self._done: deque[list[CheckedRow]] = deque()  # filled by the job, emptied here
        self._began_s = self._taken_s = 0.0
        self._is_moving = False  # a row is selected here, not by a person
        self._is_chosen = False  # until a person chooses a row, the page does: the worst
        self.model = CheckedModel(self)
        self._build()
        self._bind()

    # -- building

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self.input = PhishingInput(self.desk.theme, self.desk.actions)
        self.trouble = ElidedLabel("", "medium")
        self.trouble.hide()
        self.pane = VerdictPane(self.desk, can_draw=self._render is not render_page or can_render())
        self.pane.setMinimumWidth(400)
        self.splitter.addWidget(self._build_table())
        self.splitter.addWidget(self.pane)
        self.splitter.setSizes([500 * share for share in SPLIT])
        for place, share in enumerate(SPLIT):
            self.splitter.setStretchFactor(place, share)
        self.empty = EmptyState(
            self.desk.theme,
            "phishing",
            "Is it phishing?",
            "A verdict in words will appear here: why, who a message says it is from, where its "
            "links lead, what it carries, and which of your brands a page looks like. A folder or "
            "a mailbox becomes a table. Nothing was checked so far.",
            [self.desk.actions.action(f"phishing.{one}") for one in ("file", "example")],
        )
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.splitter)
        self.strip = ProgressStrip(HINTS)
        for widget in (self.input, self.trouble):
            column.addWidget(widget)
        column.addWidget(self.stack, 1)
        column.addWidget(self.strip)
        self.setAcceptDrops(True)
        self.setFocusProxy(self.input.edit)

    def _build_table(self) -> Card:
        self.card = Card("Checked", padding=12)
        self.card.setMinimumWidth(360)
        widths = {
            CheckedColumn.VERDICT: 116, CheckedColumn.SCORE: 72, CheckedColumn.KIND: 68,
            CheckedColumn.SENDER: 152, CheckedColumn.FILE: 136, CheckedColumn.REASON: 240,
        }  # fmt: skip
        self.table = desk_table(
            self.model, "Checked contents", widths, stretch=CheckedColumn.TITLE, sortable=True
        )
        self.table.sortByColumn(CheckedColumn.SCORE, Qt.SortOrder.DescendingOrder)
        self.table.setItemDelegateForColumn(
            CheckedColumn.VERDICT, VerdictDelegate(self.desk.theme, self.table)
        )
        for name, words in (("export", "Export…"), ("clear", "Clear")):
            button = link_button(words)
            button.clicked.connect(self.desk.actions.action(f"phishing.{name}").trigger)
            self.card.header.addWidget(button)
        self.card.body.addWidget(self.table, 1)
        return self.card

    def _bind(self) -> None:
        desk = self.desk
        for name, handler in (
            ("next", lambda: self._move(1)),
            ("previous", lambda: self._move(-1)),
            ("paste", self.focus_box),
            ("check", self.input.ask),
            ("file", self._ask_files),
            ("folder", self._ask_folder),
            ("example", self.check_examples),
            ("screenshot", self._ask_screenshot),
            ("brands", self.edit_brands),
            ("export", self._ask_export),
            ("escape", self._escape),
            ("clear", self.clear),
            ("again", self.check_again),
        ):
            desk.actions.bind(f"phishing.{name}", handler)
        self.input.wanted.connect(self.check_text)
        self.input.files_given.connect(self.check_paths)
        self.input.image_given.connect(self._on_image)
        self.table.selectionModel().currentRowChanged.connect(self._on_current)
        self.splitter.splitterMoved.connect(lambda _at, _index: self._fit_columns())
        self.pane.kind_wanted.connect(self.check_as)
        self.pane.screenshot_wanted.connect(self._ask_screenshot)
        self.pane.rendering_wanted.connect(self.draw)
        self.strip.cancelled.connect(self.cancel)
        desk.killswitch_changed.connect(lambda _state: self._show_trouble())
        self._show_emptiness()

    # -- the page's life

    @override
    def shown(self) -> None:
        self._show_trouble()

    @override
    def open(self, **args: Any) -> None:
        """Check something: `open(text="https://...")` or `open(paths=[Path(...)])`."""
        if "text" in args:
            self.input.take(str(args["text"]))
        if "paths" in args:
            self.check_paths(list(args["paths"]))

    @override
    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if local_paths(event.mimeData()):
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        if paths := local_paths(event.mimeData()):
            event.acceptProposedAction()
            self.check_paths(paths)

    def _fit_columns(self) -> None:
        width, has_senders = self.table.width(), any(row.sender for row in self.model.rows)
        for column, least in GIVE_WAY:
            is_empty = column == CheckedColumn.SENDER and not has_senders  # URLs, texts, pages
            self.table.setColumnHidden(column, width < least or is_empty)

    def _show_emptiness(self) -> None:
        has_any = bool(self.model.rowCount())
        self.stack.setCurrentIndex(1 if has_any else 0)
        # The page's keys act as soon as there is something for them to act on.
        self.setFocusProxy(self.table if has_any else self.input.edit)
        counts = self.model.counts
        told = [
            f"{n:,} {WORDS[one].lower()}"
            for one in ("phish", "suspicious", "benign", None)
            if (n := counts.get(one, 0))
        ]
        n_degraded = sum(row.is_degraded for row in self.model.rows)
        told += [f"{n_degraded:,} degraded"] if n_degraded else []
        self.card.hint.setText(" · ".join(told))
        for name in ("export", "clear"):
            self.desk.actions.action(f"phishing.{name}").setEnabled(has_any)

    def _show_trouble(self) -> None:
        is_halted = self.desk.killswitch.engaged
        self.trouble.setText("The kill switch is engaged: nothing is checked." if is_halted else "")
        self.trouble.setVisible(is_halted)

    # -- one content

    def check_text(self, text: str, kind: ContentType | None = None) -> None:
        """Check what was pasted."""
        self._check(Given("pasted", raw=text.encode("utf-8", "replace"), kind=kind))

    def check_paths(self, paths: Sequence[Path]) -> None:
        """Check a file, or go through mailboxes and folders."""
        if len(paths) == 1 and not holds_many(paths[0]):
            path = paths[0]
            self._check(Given(path.name, place=Place(path, path.name), kind=self.input.kind))
        elif paths:
            self.check_many(paths)

    def check_as(self, kind: ContentType) -> None:
        """Check what is selected again, as another kind."""
        self._check_selected(kind=kind)

    def check_again(self) -> None:
        """Check what is selected again: its file may have changed, or the brands."""
        self._check_selected()

    def add_screenshot(self, path: Path) -> None:
        """Check what is selected again, with a picture of the page."""
        detail = self.pane.detail
        if detail is None:
            return
        checker, row = self._checker, detail.row

        def run(governance: "Governance") -> tuple[Detail, Pictures]:
            png = read(Place(path, path.name))
            picture_of(png)  # refuses what is no PNG
            return checked(governance, checker, replace(row.given, screenshot=png), row)

        self._ask(run)

    def draw(self) -> None:
        """Draw the selected page here, and check it again with that picture."""
        detail = self.pane.detail
        if detail is None or detail.content is None:
            return
        checker, render, row, html = self._checker, self._render, detail.row, detail.content.raw

        def run(governance: "Governance") -> tuple[Detail, Pictures]:
            refuse_halted(halted_by(governance))
            changed = replace(row.given, screenshot=render(html))
            return checked(governance, checker, changed, row)

        self._ask(run)
        self.strip.show_done("Drawing the page without a network, which may take some seconds …")

    def _check_selected(self, kind: ContentType | None = None) -> None:
        detail = self.pane.detail
        if detail is not None:
            given = detail.row.given
            self._check(replace(given, kind=kind or given.kind), detail.row)

    def _check(self, given: Given, former: CheckedRow | None = None) -> None:
        checker = self._checker
        self._ask(lambda governance: checked(governance, checker, given, former))

    def _on_image(self, image: QImage) -> None:
        checker = self._checker
        self._ask(
            lambda governance: checked(
                governance, checker, Given("pasted picture", raw=png_of(image)), None
            )
        )

    def _ask(self, run: "Callable[[Governance], tuple[Detail, Pictures]]") -> None:
        self.input.show_problem("")
        self.input.show_asking(is_asking=True)
        if not self._checker.is_loaded:
            self.strip.show_done(LOADING)
        self.desk.jobs.submit_model(run, self._take_one, self._refused)

    def _take_one(self, found: tuple[Detail, Pictures]) -> None:
        detail, pictures = found
        self._end_asking()
        self.model.put(detail.row)
        self._show_emptiness()
        self._fit_columns()
        self._forget_detail()
        self._select(detail.row.number)
        self.input.edit.selectAll()  # the next one that is pasted takes its place
        self.pane.show_detail(detail, *pictures)

    def _refused(self, text: str) -> None:
        self._end_asking()
        self.input.show_problem(text)

    def _end_asking(self) -> None:
        self.input.show_asking(is_asking=False)
        if self._run is None:
            self.strip.show_done("")

    # -- what is selected

    def _select(self, number: int) -> None:
        place = self.model.place_of(number)
        if place is None:
            return
        self._is_moving, self._is_chosen = True, True  # its verdict is there already
        self.table.selectRow(place)
        self._is_moving = False
        self.table.scrollTo(self.model.index(place, 0))

    def _on_current(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if not self._is_moving:
            self._is_chosen = current.isValid()
            self._look_at(self.model.row(current.row()) if current.isValid() else None)

    def _look_at(self, row: CheckedRow | None) -> None:
        """Show a row's verdict, from what its place holds now."""
        self._forget_detail()
        if row is None:
            self.pane.show_detail(None)
            return
        if self.pane.detail is not None and self.pane.detail.row is row:
            return
        checker = self._checker
        self._detail_job = self.desk.jobs.submit_model(
            lambda governance: looked_at(governance, checker, row),
            lambda found: self.pane.show_detail(found[0], *found[1]),
            self.desk.error,
        )

    def _forget_detail(self) -> None:
        """Whoever holds a key down does not wait for every row that was passed."""
        if self._detail_job is not None:
            self._detail_job.cancel()
            self._detail_job = None

    def _move(self, step: int) -> None:
        last = self.model.rowCount() - 1
        place = min(max(self.table.currentIndex().row() + step, 0), last)
        if place >= 0:
            self.table.selectRow(place)
            self.table.scrollTo(self.model.index(place, 0))

    def focus_box(self) -> None:
        """Go to the box that takes what is pasted."""
        self.input.edit.setFocus()
        self.input.edit.selectAll()

    def _escape(self) -> None:
        if self.input.edit.hasFocus() and self.model.rowCount():
            self.table.setFocus()
        elif self._run is not None:
            self.cancel()

    def clear(self) -> None:
        """Forget everything that was checked."""
        self.cancel()
        self._forget_detail()
        self.model.clear()
        self.pane.show_detail(None)
        self.strip.show_done("")
        self._show_emptiness()

    # -- many contents

    def check_examples(self) -> None:
        """Check the messages that come with the program."""
        self.check_many([bundled("data").joinpath(*EXAMPLES)])

    def check_many(self, paths: Sequence[Path]) -> None:
        """Go through files, mailboxes and folders in a job; rows come in as they are done."""
        if self._run is not None:
            self.desk.info("A mailbox is being gone through. Cancel that, or wait for its end.")
            return
        checker, most = self._checker, MAX_ROWS - self.model.rowCount()
        done = self._done = deque()  # a run that was cancelled may still fill its own
        self._began_s = self._taken_s = self._now()
        self._is_chosen = self._is_chosen and bool(self.model.rowCount())

        def run(governance: "Governance", control: JobControl) -> int:
            return check_all(
                checker, paths, halted=lambda: halted_by(governance), take=done.append,
                report=control.report, most=most,
            )  # fmt: skip

        submit = self.desk.jobs.submit_long
        self._run = submit(run, self._on_run, self._on_run_failed, self._on_rows)
        words = "Looking for messages …" if checker.is_loaded else LOADING
        self.strip.show_work(words)

    def _on_rows(self, n_done: int, total: int) -> None:
        """Rows that are done, and how long the rest will take; at most ten times a second."""
        now_s = self._now()
        if now_s - self._taken_s >= TAKE_S:
            self._taken_s = now_s
            self._take_rows()
        if total:
            rate = n_done / max(self._now() - self._began_s, 1e-3)
            left_s = (total - n_done) / max(rate, 1e-3)
            left = f" · {left_s:,.0f} s left" if n_done < total else ""
            words = f"Checked {n_done:,} of {total:,} · {rate:,.0f}/s{left}"
            self.strip.show_work(words, n_done, total)

    def _take_rows(self, *, is_last: bool = False) -> None:
        rows: list[CheckedRow] = []
        while self._done:
            rows += self._done.popleft()
        is_first = bool(rows) and not self.model.rowCount()
        bar, at = self.table.verticalScrollBar(), self.table.verticalScrollBar().value()
        held = self.table.currentIndex().row()
        self._is_moving = True  # a table that gets the focus makes a row current
        self.model.add(rows)
        if rows:
            self._show_emptiness()
        if rows:
            self._fit_columns()
        if is_first and self.input.edit.hasFocus() and not self.input.text:
            self.table.setFocus()
        self._is_moving = False
        if not self._is_chosen:
            self._select_worst(is_shown=is_first or is_last)
        elif held >= 0 and at > 0:
            bar.setValue(at + self.table.currentIndex().row() - held)  # what is read stays there

    def _select_worst(self, *, is_shown: bool) -> None:
        """Select the first row; its verdict is not asked for with every row that comes in."""
        if not self.model.rowCount():
            return
        self._is_moving = True
        self.table.selectRow(0)
        self._is_moving = False
        if is_shown:
            self._look_at(self.model.row(0))

    def _on_run(self, n_found: int) -> None:
        self._run = None
        self._take_rows(is_last=True)
        took_s = max(self._now() - self._began_s, 1e-3)
        words = f"Checked {n_found:,} in {took_s:,.1f} s."
        if self.model.rowCount() >= MAX_ROWS:
            words = f"Stopped at {MAX_ROWS:,} rows. Clear the table, or use a terminal for more."
        self.strip.show_done(words if n_found else "There is no message in it.")

    def _on_run_failed(self, text: str) -> None:
        self._run = None
        self._take_rows(is_last=True)
        self.strip.show_done("")
        self.desk.error(text)

    def cancel(self) -> None:
        """End what goes on: the export, or the run; rows that are there stay."""
        if self._export is not None:
            self._export.cancel()
            self._export = None
            self.strip.show_done("The export was cancelled; no file was left.")
        elif self._run is not None:
            self._run.cancel()
            self._run = None
            self._take_rows(is_last=True)
            self.strip.show_done("Cancelled; what was checked so far is shown.")

    # -- files and brands

    def _ask_files(self) -> None:
        ask_paths(self, "Check files", self.check_paths, mode=Mode.ExistingFiles)

    def _ask_folder(self) -> None:
        ask_paths(self, "Check a folder or maildir", self.check_many, mode=Mode.Directory)

    def _ask_screenshot(self) -> None:
        if self.pane.detail is None:
            return
        ask_paths(
            self, "Add a screenshot of the page", lambda paths: self.add_screenshot(paths[0]),
            mode=Mode.ExistingFile, kinds=["Screenshots (*.png)"],
        )  # fmt: skip

    def edit_brands(self) -> None:
        """List, add, change and remove the brands that pages are compared with."""
        BrandsDialog(self.desk, self.window()).open()

    def _ask_export(self) -> None:
        ask_export(self, "Export what was checked", "phishing", self.export_to)

    def export_to(self, path: Path) -> None:
        """Write the table to a file with a job, in the order shown."""
        rows, name = tuple(self.model.rows), render_safe(path.name, 60)

        def run(_governance: "Governance", control: JobControl) -> int:
            return export_checked(rows, path, control.report)

        def done(count: int) -> None:
            self._export = None
            self.strip.show_done(f"Exported {count:,} rows to {name}.")

        def failed(text: str) -> None:
            self._export = None
            self.strip.show_done("")
            self.desk.error(text)

        self._export = self.desk.jobs.submit_long(
            run, done, failed, lambda count, _all: self.strip.show_work(f"Exporting {count:,} …")
        )
        self.strip.show_work("Exporting …")
