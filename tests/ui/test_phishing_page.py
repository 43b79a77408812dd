"""The Phishing page: what is pasted or dropped gets a verdict; mailboxes become a table."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QLabel, QPlainTextEdit
from pytestqt.qtbot import QtBot

from soc_copilot.domain.text import has_hidden
from soc_copilot.ui.dialogs.look import LookDialog
from soc_copilot.ui.models.phishing_tables import CheckedColumn
from soc_copilot.ui.pages.phishing import PhishingPage
from soc_copilot.ui.phishing_checks import Checker
from soc_copilot.ui.widgets.phishing_input import LARGE_CHARS
from tests.ui.desk_support import HOSTILE, DeskBench, desk_bench
from tests.ui.phishing_support import (
    HARMLESS,
    PHISH,
    LookPart,
    WordPart,
    checker,
    mails,
    png,
)

Make = Callable[..., PhishingPage]


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def make(bench: DeskBench, qtbot: QtBot) -> Iterator[Make]:
    pages: list[PhishingPage] = []
    checkers: list[Checker] = []

    def made(*parts: WordPart, missing: tuple[tuple[str, str], ...] = ()) -> PhishingPage:
        checkers.append(checker(*parts, missing=missing))
        page = PhishingPage(bench.desk, checkers[-1], lambda: 1.0, lambda html: png(len(html), 90))
        qtbot.addWidget(page)
        pages.append(page)
        bench.show(page)
        return page

    yield made
    for page in pages:
        page.cancel()
        page.hide()
    assert bench.desk.jobs.join(60_000)
    assert all(one.close() for one in checkers)


def answered(qtbot: QtBot, page: PhishingPage) -> None:
    """Wait until what was handed over has its verdict, or is refused."""
    qtbot.waitUntil(lambda: not page.input._is_asking)


def ended(qtbot: QtBot, page: PhishingPage) -> None:
    """Wait until the mailbox is gone through."""
    qtbot.waitUntil(lambda: page._run is None)


def titles(page: PhishingPage) -> list[str]:
    return [row.title for row in page.model.rows]


# -- one content


def test_an_empty_page_says_what_comes_and_offers_the_next_step(
    bench: DeskBench, make: Make
) -> None:
    page = make()
    assert page.stack.currentWidget() is page.empty
    assert not page.input.check_button.isEnabled()
    assert not bench.desk.actions.action("phishing.export").isEnabled()
    assert bench.desk.actions.action("phishing.file").isEnabled()


def test_a_pasted_mail_gets_its_verdict_off_the_gui_thread(
    bench: DeskBench, make: Make, qtbot: QtBot
) -> None:
    page = make()
    page.input.edit.setPlainText((PHISH % 1).decode())
    assert page.input.kind_box.itemText(0) == "Recognised: E-mail"
    bench.desk.actions.trigger("phishing.check")
    assert not page.input.check_button.isEnabled()
    answered(qtbot, page)
    pane = page.pane
    assert pane.badge.text == "Phishing"
    assert pane.score.text().startswith("0.900 · ")
    assert pane.summary.text() == "Its words speak for phishing."
    assert pane.reasons.texts == ["It asks to verify."]
    assert pane.head.texts[0] == ("From", "PayPal <x@evil.example>", "")
    assert pane.links.index(0, 1).data() == "hxxp[://]evil[.]example/a"
    assert "hxxp[://]evil[.]example/a" in pane.text.toPlainText()
    assert pane.degraded.isHidden()
    assert titles(page) == ["Verify 1"]


def test_who_sent_it_has_a_column_where_anything_was_sent(make: Make, qtbot: QtBot) -> None:
    page = make()
    page.resize(1_600, 800)
    page.open(text="https://a.example/verify")
    answered(qtbot, page)
    page.splitter.setSizes([900, 500])
    page._fit_columns()
    assert page.table.isColumnHidden(CheckedColumn.SENDER)  # its room is the URL's
    page.open(text=(PHISH % 1).decode())
    answered(qtbot, page)
    assert not page.table.isColumnHidden(CheckedColumn.SENDER)


def test_the_kind_can_be_changed(make: Make, qtbot: QtBot) -> None:
    page = make()
    page.open(text="https://a.example/verify")
    answered(qtbot, page)
    assert page.pane.kind_button.text().startswith("URL")
    page.pane.kind_wanted.emit("text")
    answered(qtbot, page)
    assert page.pane.kind_button.text().startswith("Text")
    assert page.model.rowCount() == 1


def test_what_is_not_read_is_said_below_the_box(
    bench: DeskBench, make: Make, qtbot: QtBot, tmp_path: Path
) -> None:
    page = make()
    path = tmp_path / "a.msg"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 9)
    page.check_paths([path])
    answered(qtbot, page)
    assert page.input.message.isVisible()
    assert ".msg" in page.input.message.text()
    assert page.model.rowCount() == 0
    page.input.edit.setPlainText("hello")
    assert page.input.message.isHidden()


def test_degraded_answers_say_so(make: Make, qtbot: QtBot) -> None:
    page = make(WordPart(), missing=(("visual", "No weights."),))
    page.open(text="hello")
    answered(qtbot, page)
    assert "Degraded" in page.pane.degraded.text()
    assert "No weights" in page.pane.degraded.text()
    assert page.card.hint.text() == "1 harmless · 1 degraded"


def test_nothing_is_checked_while_the_kill_switch_is_engaged(
    bench: DeskBench, make: Make, qtbot: QtBot
) -> None:
    part = WordPart()
    page = make(part)
    bench.governance.kill_switch.engage("a fire")
    bench.desk.set_killswitch(bench.governance.kill_switch.state())
    assert page.trouble.isVisible()
    page.open(text="hello")
    answered(qtbot, page)
    assert "a fire" in page.input.message.text()
    page.check_many([mails(bench.folder / "m", 1, 0)])
    ended(qtbot, page)
    assert any("a fire" in text for _, text in bench.messages)
    assert part.n_asked == 0


def test_hostile_text_is_shown_and_never_obeyed(make: Make, qtbot: QtBot) -> None:
    page = make()
    evil = f"From: {HOSTILE} <a@b.example>\nSubject: {HOSTILE}\nDate: x\n\n{HOSTILE}{'A' * 9_000}"
    page.check_text(evil)
    answered(qtbot, page)
    assert "<img" in page.pane.text.toPlainText()
    for label in page.findChildren(QLabel):
        assert label.textFormat() is Qt.TextFormat.PlainText or not label.text()
        assert not any(has_hidden(line) for line in label.text().split("\n"))
        assert "<img" not in label.toolTip()
    for box in page.pane.findChildren(QPlainTextEdit):
        assert not any(has_hidden(line) for line in box.toPlainText().split("\n"))
    for column in range(page.model.columnCount()):
        assert not has_hidden(str(page.model.index(0, column).data() or ""))
    assert page.minimumSizeHint().width() < 1_280
    page.pane.copy_text()
    copied = QGuiApplication.clipboard().text()
    assert "<img" in copied
    assert not any(has_hidden(line) for line in copied.split("\n"))


# -- pasting and dropping


def test_a_picture_a_file_or_a_large_text_is_handed_on(
    bench: DeskBench, make: Make, qtbot: QtBot, tmp_path: Path
) -> None:
    page = make(WordPart(), LookPart())
    image = QMimeData()
    image.setImageData(QImage.fromData(png()))
    page.input.edit.insertFromMimeData(image)
    answered(qtbot, page)
    (tmp_path / "a.eml").write_bytes(HARMLESS % 1)
    files = QMimeData()
    files.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.eml"))])
    page.input.edit.insertFromMimeData(files)
    answered(qtbot, page)
    large = QMimeData()
    large.setText("verify " * LARGE_CHARS)
    page.input.edit.insertFromMimeData(large)
    answered(qtbot, page)
    assert {row.kind for row in page.model.rows} == {"page", "email", "text"}
    assert page.input.text == ""


def test_a_dropped_file_is_checked_and_added_to_nothing_else(
    bench: DeskBench, make: Make, qtbot: QtBot, tmp_path: Path
) -> None:
    page = make()
    (tmp_path / "a.eml").write_bytes(PHISH % 7)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.eml"))])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0)
    enter = QDragEnterEvent(QPointF(5, 5).toPoint(), copy, data, left, none)
    page.dragEnterEvent(enter)
    assert enter.isAccepted()
    page.dropEvent(QDropEvent(QPointF(5, 5), copy, data, left, none))
    answered(qtbot, page)
    assert titles(page) == ["Verify 7"]


# -- the look of a page


def test_a_screenshot_stands_beside_the_brand_it_imitates(
    bench: DeskBench, make: Make, qtbot: QtBot, tmp_path: Path
) -> None:
    brand = bench.governance.brands.add("Example Bank", ["example.com"])
    known = bench.governance.brands.add_reference(brand.id, png(color="#aa0000"), b"1234")
    page = make(WordPart(), LookPart(known.id))
    page.open(text="https://evil.example/")
    answered(qtbot, page)
    assert page.pane.screenshot_button.isVisible()
    assert "cannot be compared" in page.pane.look_words.text()
    shot = tmp_path / "page.png"
    shot.write_bytes(png(300, 200))
    page.add_screenshot(shot)
    answered(qtbot, page)
    mine, theirs = (view.image for view in page.pane.pictures.pictures)
    assert mine is not None
    assert theirs is not None
    assert (mine.width(), theirs.pixelColor(1, 1).name()) == (300, "#aa0000")
    assert "Example Bank (97% alike)" in page.pane.look_words.text()
    assert not page.pane.screenshot_button.isVisible()
    page.pane.larger_button.click()  # both again, so that logos can be read
    dialog = bench.dialog(LookDialog, page)
    assert [view.image for view in dialog.pictures.pictures] == [mine, theirs]
    assert dialog.width() > page.pane.pictures.width()
    dialog.grab()
    dialog.accept_button.click()
    assert not dialog.isVisible()


def test_a_saved_page_is_drawn_when_that_is_asked_for(make: Make, qtbot: QtBot) -> None:
    page = make(WordPart(), LookPart())
    html = "<html><title>Sign in</title><p>hello</p>"
    page.open(text=html)
    answered(qtbot, page)
    assert page.pane.detail is not None
    assert page.pane.detail.match is None
    page.pane.render_button.click()
    answered(qtbot, page)
    (mine, _) = (view.image for view in page.pane.pictures.pictures)
    assert mine is not None
    assert mine.width() == len(html)
    assert "compare its address" in page.pane.look_words.text()
    assert page.model.rowCount() == 1


def test_what_is_no_png_is_no_screenshot(make: Make, qtbot: QtBot, tmp_path: Path) -> None:
    page = make()
    page.open(text="https://evil.example/")
    answered(qtbot, page)
    (tmp_path / "x.png").write_bytes(b"<html>")
    page.add_screenshot(tmp_path / "x.png")
    answered(qtbot, page)
    assert "no PNG" in page.input.message.text()


# -- many contents


def test_a_folder_becomes_a_table_worst_first(
    bench: DeskBench, make: Make, qtbot: QtBot, tmp_path: Path
) -> None:
    page = make()
    page.setFocus()
    page.check_paths([mails(tmp_path / "m", 3, 40)])
    ended(qtbot, page)
    assert not page._is_chosen
    assert page.model.rowCount() == 43
    assert [row.prediction for row in page.model.rows][:4] == ["phish", "phish", "phish", "benign"]
    assert page.card.hint.text() == "3 phishing · 40 harmless"
    assert "Checked 43" in page.strip.text.text()
    qtbot.waitUntil(lambda: page.pane.detail is not None)
    page.table.sortByColumn(CheckedColumn.TITLE, Qt.SortOrder.AscendingOrder)
    assert titles(page)[0] == "Lunch 0"
    chosen = page.model.row(page.table.currentIndex().row())
    assert chosen is not None
    assert chosen.prediction == "phish"  # it moved with its row


def test_a_second_run_begins_with_its_worst_as_well(
    bench: DeskBench, make: Make, qtbot: QtBot, tmp_path: Path
) -> None:
    page = make()
    page.check_many([mails(tmp_path / "m", 1, 20)])
    ended(qtbot, page)
    page.table.setFocus()
    page.clear()
    page.check_many([tmp_path / "m"])
    ended(qtbot, page)
    assert page.table.currentIndex().row() == 0
    assert page.model.rows[0].prediction == "phish"


def test_keys_move_and_the_verdict_follows(
    bench: DeskBench, make: Make, qtbot: QtBot, tmp_path: Path
) -> None:
    page = make()
    page.check_many([mails(tmp_path / "m", 1, 2)])
    ended(qtbot, page)
    for name in ("next", "next", "next", "previous"):
        bench.desk.actions.trigger(f"phishing.{name}")
    row = page.model.row(1)
    assert row is not None
    assert page.table.currentIndex().row() == 1

    def shows() -> bool:
        return page.pane.detail is not None and page.pane.detail.row.number == row.number

    qtbot.waitUntil(shows)
    assert page.pane.badge.text == "Looks harmless"


def test_a_run_can_be_cancelled_and_its_rows_stay(
    bench: DeskBench, make: Make, qtbot: QtBot, tmp_path: Path
) -> None:
    part = WordPart()
    page = make(part)
    page.check_many([mails(tmp_path / "m", 0, 400)])
    qtbot.waitUntil(lambda: part.n_asked > 20)
    part.may_go_on.clear()
    page.check_many([tmp_path / "m"])  # one at a time
    assert any("being gone through" in text for _, text in bench.messages)
    page.cancel()
    n_rows = page.model.rowCount()
    part.may_go_on.set()
    assert page._run is None
    assert "Cancelled" in page.strip.text.text()
    page.clear()
    assert n_rows < 400
    assert page.model.rowCount() == 0
    assert page.stack.currentWidget() is page.empty


def test_a_mailbox_that_is_not_there_is_said(
    bench: DeskBench, make: Make, qtbot: QtBot, tmp_path: Path
) -> None:
    page = make()
    page.check_many([tmp_path / "none"])
    ended(qtbot, page)
    assert "none" in page.model.rows[0].problem


def test_the_table_is_exported_in_its_order(
    bench: DeskBench, make: Make, qtbot: QtBot, tmp_path: Path
) -> None:
    page = make()
    page.check_many([mails(tmp_path / "m", 2, 2)])
    ended(qtbot, page)
    page.export_to(tmp_path / "a.csv")
    qtbot.waitUntil(lambda: page._export is None)
    assert "Exported 4 rows" in page.strip.text.text()
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert [line.split(",")[2] for line in lines[1:]] == ["phish", "phish", "benign", "benign"]


def test_columns_give_way_on_a_narrow_desk(make: Make, qtbot: QtBot) -> None:
    page = make()
    page.open(text="hello")
    answered(qtbot, page)
    page.resize(1_060, 700)
    page._fit_columns()
    assert page.table.isColumnHidden(CheckedColumn.REASON)
    page.resize(3_000, 900)
    qtbot.waitUntil(lambda: page.table.width() > 1_000)
    page._fit_columns()
    assert not page.table.isColumnHidden(CheckedColumn.REASON)
