"""The brands editor: what is changed is stored and audited, what is refused is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from soc_copilot.ui.dialogs.brands import BrandsDialog
from soc_copilot.ui.models.brands import BrandColumn
from tests.ui.desk_support import DeskBench, desk_bench
from tests.ui.phishing_support import png


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def dialog(bench: DeskBench, qtbot: QtBot) -> Iterator[BrandsDialog]:
    window = QWidget()
    qtbot.addWidget(window)
    made = BrandsDialog(bench.desk, window, make_reference=lambda data: (data, b"1234"))
    made.open()
    bench.settle()
    yield made
    made.reject()


def fill(dialog: BrandsDialog, name: str, *domains: str) -> None:
    dialog.name_edit.setText(name)
    dialog.domains_edit.setPlainText("\n".join(domains))


def test_a_brand_is_added_changed_and_removed(bench: DeskBench, dialog: BrandsDialog) -> None:
    assert dialog.none_yet.isVisible()
    assert not dialog.save_button.isEnabled()
    fill(dialog, "Example Bank", "example.com", "")
    dialog.save_button.click()
    bench.settle()
    (stored,) = bench.governance.brands.all()
    assert (stored.name, stored.domains) == ("Example Bank", ("example.com",))
    assert dialog.model.index(0, BrandColumn.DOMAINS).data() == "example.com"
    fill(dialog, "Example Bank", "example.com", "example.net")
    assert dialog.save_button.text() == "Save"
    dialog.save_button.click()
    bench.settle()
    assert bench.governance.brands.all()[0].domains == ("example.com", "example.net")
    assert not dialog.save_button.isEnabled()
    dialog.remove_button.click()
    bench.settle()
    assert bench.governance.brands.all() == ()
    assert dialog.name_edit.text() == ""
    assert {"brand.added", "brand.changed", "brand.removed"} <= set(bench.actions_audited())


def test_what_is_refused_is_said(bench: DeskBench, dialog: BrandsDialog) -> None:
    fill(dialog, "Example Bank", "https://example.com/")
    dialog.save_button.click()
    bench.settle()
    assert "is no domain" in dialog.problem.text()
    assert dialog.problem.isVisible()
    assert dialog.save_button.isEnabled()
    assert bench.governance.brands.all() == ()


def test_screenshots_are_added_shown_and_removed(
    bench: DeskBench, dialog: BrandsDialog, qtbot: QtBot, tmp_path: Path
) -> None:
    shot = tmp_path / "a.png"
    shot.write_bytes(png(200, 100))
    dialog.strip.files_given.emit([shot])
    assert "Save the brand first" in dialog.problem.text()
    fill(dialog, "Example Bank", "example.com")
    dialog.save_button.click()
    bench.settle()
    dialog.strip.files_given.emit([shot])
    qtbot.waitUntil(lambda: dialog.strip.count() == 1)
    assert dialog.model.rows[0].n_references == 1
    dialog.strip.item(0).setSelected(True)
    dialog.unpicture_button.click()
    qtbot.waitUntil(lambda: dialog.model.rows[0].n_references == 0)
    assert dialog.strip.count() == 0


def test_another_brand_can_be_begun(bench: DeskBench, dialog: BrandsDialog) -> None:
    for name in ("First", "Second"):
        dialog.new_button.click()
        fill(dialog, name, "example.com")
        dialog.save_button.click()
        bench.settle()
    assert [one.name for one in dialog.model.rows] == ["First", "Second"]
    dialog.table.selectRow(0)
    assert dialog.name_edit.text() == "First"
