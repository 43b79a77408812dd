"""The verdict pane shows what is known, and nothing that is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from soc_copilot.ui.phishing_checks import CheckedRow, Detail, Given
from soc_copilot.ui.widgets.phishing_verdict import MOST_ROWS, SHOWN_LINES, VerdictPane
from tests.ui.desk_support import desk_bench
from tests.ui.phishing_support import checker

MAIL = (
    b"From: a@b.example\nSubject: Verify\nMIME-Version: 1.0\n"
    b'Content-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/plain\n\n'
    + b"".join(b"http://evil.example/%d\n" % n for n in range(20))
    + b'--x\nContent-Type: application/zip; name="a.zip"\n\nzip\n--x--\n'
)


@pytest.fixture
def pane(qtbot: QtBot, tmp_path: Path) -> Iterator[VerdictPane]:
    with desk_bench(qtbot, tmp_path) as bench:
        made = VerdictPane(bench.desk)
        qtbot.addWidget(made)
        made.resize(600, 800)
        made.show()
        yield made
        made.hide()


def detail(raw: bytes) -> Detail:
    made = checker()
    found = made.check(Given("x", raw=raw))
    made.close()
    return found


def test_links_and_attachments_are_listed(pane: VerdictPane) -> None:
    pane.show_detail(detail(MAIL))
    assert pane.links.rowCount() == 20
    assert pane.link_table.height() < (MOST_ROWS + 2) * 40
    assert [pane.attachments.index(0, column).data() for column in range(2)] == [
        "a.zip", "application/zip",
    ]  # fmt: skip
    assert len(str(pane.attachments.index(0, 3).data())) == 64
    assert pane.look.isHidden()
    pane.copy_button.click()
    copied = QGuiApplication.clipboard().text()
    assert "link: hxxp[://]evil[.]example/3" in copied
    assert "attachment: a.zip application/zip" in copied


def test_what_a_link_shows_cannot_be_followed_either(pane: VerdictPane) -> None:
    page = b"<html><a href='http://evil.example/'>https://good.example/</a>" + b"x" * 40
    head = b"From: a@b.example\nSubject: x\nContent-Type: text/html\nDate: x\n\n"
    pane.show_detail(detail(head + page))
    shown = [pane.links.index(0, column).data() for column in range(2)]
    assert shown == ["hxxps[://]good[.]example/", "hxxp[://]evil[.]example/"]


def test_nothing_is_cut_at_the_side_of_a_narrow_pane(pane: VerdictPane) -> None:
    pane.resize(400, 800)
    pane.show_detail(detail(MAIL))
    inside = pane._scroll.widget()
    assert inside is not None
    assert inside.minimumSizeHint().width() <= pane._scroll.viewport().width()


def test_a_text_has_no_sender_and_a_long_one_is_cut(pane: VerdictPane) -> None:
    pane.show_detail(detail(b"verify\n" * 2 * SHOWN_LINES))
    assert pane.head.isHidden()
    assert pane.link_table.isHidden()
    assert "the rest is not shown" in pane.text.toPlainText()
    assert pane.text.document().blockCount() <= SHOWN_LINES + 2


def test_what_could_not_be_read_says_why(pane: VerdictPane) -> None:
    pane.show_detail(
        Detail(CheckedRow(1, Given("a.msg"), None, None, title="a.msg", problem="Not read."))
    )
    assert pane.badge.text == "Not read"
    assert pane.summary.text() == "Not read."
    assert pane.kind_button.isHidden()
    assert pane.bar.isHidden()
    pane.show_detail(None)
    assert pane.detail is None
