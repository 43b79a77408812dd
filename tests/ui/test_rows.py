"""What every table model inherits."""

from typing import ClassVar

from PySide6.QtCore import Qt

from soc_copilot.ui.models.rows import GivenRows, RowModel

HORIZONTAL, VERTICAL = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
Role = Qt.ItemDataRole


class Letters(RowModel):
    headers = ("Letter", "Place")
    header_tips: ClassVar = {1: "From the left."}
    numbers = frozenset({1})

    def data(self, index, role=Role.DisplayRole):
        return self._rows[index.row()] if role == Role.DisplayRole else None


def test_it_keeps_a_models_promises_empty_full_and_while_it_changes(qtmodeltester):
    model = Letters()
    qtmodeltester.check(model)
    model.replace_rows(("a", "b"))
    model.replace_rows(("c", "d"))
    assert model.index(1, 0).data() == "d"
    model.replace_rows(())
    assert model.rowCount() == 0


def test_headers_numbers_and_tips_follow_the_declaration(qapp):
    model = Letters()
    assert model.columnCount() == 2
    assert model.headerData(1, HORIZONTAL) == "Place"
    assert "From the left." in model.headerData(1, HORIZONTAL, Role.ToolTipRole)
    assert model.headerData(0, HORIZONTAL, Role.ToolTipRole) == ""
    assert model.alignment(1) & Qt.AlignmentFlag.AlignRight
    assert model.alignment(0) & Qt.AlignmentFlag.AlignLeft
    for outside in (-1, 2):
        assert model.headerData(outside, HORIZONTAL) is None
    assert model.headerData(0, VERTICAL) is None


def test_rows_of_the_same_number_stay_selected_and_none_are_told_of_when_empty(qapp):
    model = Letters()
    told, resets = [], []
    model.dataChanged.connect(lambda first, last: told.append((first.row(), last.row())))
    model.modelReset.connect(lambda: resets.append(True))
    model.repaint()
    model.replace_rows(("a", "b", "c"))
    model.replace_rows(("x", "y", "z"))
    assert (told, resets) == ([(0, 2)], [True])


class Words(GivenRows):
    headers = ("Word", "Length")

    def cell(self, row, column, role):
        return (row, len(row))[column] if role == Role.DisplayRole else None


def test_given_rows_are_shown_and_the_same_ones_change_nothing(qtmodeltester):
    model = Words()
    told = []
    qtmodeltester.check(model)
    model.set_rows(["one", "three"])
    model.dataChanged.connect(lambda *_: told.append(True))
    model.modelReset.connect(lambda: told.append(True))
    model.set_rows(("one", "three"))
    assert told == []
    assert model.rows == ("one", "three")
    assert [model.row(place) for place in (-1, 0, 1, 2)] == [None, "one", "three", None]
    assert (model.index(1, 0).data(), model.index(1, 1).data()) == ("three", 5)
    assert model.data(model.index(5, 0)) is None
    model.set_rows(["two", "three"])
    assert told == [True]
    assert model.index(0, 0).data() == "two"
