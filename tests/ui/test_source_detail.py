from soc_copilot.domain.records import Checkpoint
from soc_copilot.ui.widgets.source_detail import Column, PositionModel
from tests.ui.desk_support import HOSTILE, SHOWN


def texts(model: PositionModel, row: int) -> list[str]:
    return [model.index(row, column).data() for column in Column]


def test_the_newest_generation_comes_first(qtmodeltester):
    model = PositionModel()
    qtmodeltester.check(model)
    old = Checkpoint(1, 1, "/var/log/a.log", 8_000, 8_000, finished=True)
    new = Checkpoint(1, 2, "/var/log/a.log", 250, 1_000)
    model.show_positions((old, new))
    assert texts(model, 0) == ["2", "a.log", "250", "1,000", "25%", "Open"]
    assert texts(model, 1) == ["1", "a.log", "8,000", "8,000", "100%", "Finished"]
    model.show_positions((old,))
    assert model.rowCount() == 1


def test_the_share_read_of_a_packed_or_empty_file_is_not_guessed():
    model = PositionModel()
    model.show_positions((Checkpoint(1, 1, "a.gz", 900, 100, compression="gzip"),))
    assert texts(model, 0)[Column.READ] == "-"
    model.show_positions((Checkpoint(1, 1, "a.log", 0, 0),))
    assert texts(model, 0)[Column.READ] == "-"


def test_a_hostile_file_name_is_shown_inert():
    model = PositionModel()
    model.show_positions((Checkpoint(1, 1, HOSTILE.replace("/", "_"), 0),))
    assert texts(model, 0)[Column.FILE] == SHOWN.replace("/", "_")
