import pytest
from PySide6.QtWidgets import QSplitter, QWidget

from soc_copilot.ui.widgets.kept_sizes import restore_sizes, sizes_text


@pytest.fixture
def splitter(qtbot):
    made = QSplitter()
    qtbot.addWidget(made)
    for _ in range(2):
        made.addWidget(QWidget())
    made.resize(600, 100)
    made.show()
    return made


def test_sizes_come_back_as_they_were(splitter):
    splitter.setSizes([100, 490])
    kept = sizes_text(splitter)
    splitter.setSizes([300, 290])
    restore_sizes(splitter, kept)
    assert sizes_text(splitter) == kept


@pytest.mark.parametrize("damaged", ["", "1", "a,b", "0,5", "-1,5", "1,2,3"])
def test_what_does_not_fit_is_ignored(splitter, damaged):
    before = splitter.sizes()
    restore_sizes(splitter, damaged)
    assert splitter.sizes() == before
