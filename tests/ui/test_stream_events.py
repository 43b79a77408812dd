"""The last events of a stream, newest first, as text."""

from datetime import UTC, datetime

from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from soc_copilot.domain.streams import StreamEvent
from soc_copilot.ui.models.rows import Role
from soc_copilot.ui.models.stream_events import Column, StreamEventsModel
from soc_copilot.ui.timeformat import TimeFormat
from tests.ui.desk_support import HOSTILE, SHOWN

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_it_is_sound_empty_full_and_replaced(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    model = StreamEventsModel(TimeFormat("UTC"))
    qtmodeltester.check(model, force_py=True)
    model.set_events(
        (
            StreamEvent(AT, "file-renamed", "/srv/first", 0.1),
            StreamEvent(AT, HOSTILE, f"/srv/{HOSTILE}", 0.95),
        )
    )
    texts = [str(model.index(0, column).data()) for column in Column]
    assert texts[0].endswith("12:00:00")
    assert texts[1].startswith(SHOWN[:12])
    assert texts[2:] == [f"/srv/{SHOWN}", "0.95"]
    assert [model.index(1, c).data() for c in (Column.WHAT, Column.FILE)] == [
        "renamed", "/srv/first",
    ]  # fmt: skip
    assert "<img" not in str(model.index(0, Column.FILE).data(Role.ToolTipRole))
    model.set_events(())
    assert model.rowCount() == 0
