"""While the disk is full a band says so; it goes by itself once there is room."""

from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from soc_copilot.domain.governance import DiskState
from soc_copilot.ui.watch import _Watcher
from soc_copilot.ui.widgets.disk_band import DiskBand, band_text
from tests.ui.desk_support import HOSTILE, desk_bench

FULL = DiskState(Path("/srv/soc"), 1_200_000, 16_777_216, True)
ROOM = DiskState(Path("/srv/soc"), 9_000_000_000, 16_777_216, False)


def test_the_band_names_the_disk_what_is_left_and_the_way_out(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        band = DiskBand(bench.desk)
        qtbot.addWidget(band)
        assert band.isHidden()
        bench.desk.disk_changed.emit(FULL)
        assert band.isVisible()
        for words in ("1.2 MB left", "/srv/soc", "keep their positions", "Free some room"):
            assert words in band.text.text()
        opened = []
        bench.desk.page_requested.connect(lambda page, args: opened.append((page, args)))
        qtbot.mouseClick(band.settings_button, Qt.MouseButton.LeftButton)
        assert opened == [("settings", {"key": "archive.max_gib"})]
        bench.desk.disk_changed.emit(ROOM)
        assert band.isHidden()


def test_a_used_up_reserve_is_said(qtbot: QtBot) -> None:
    assert "is used up" in band_text(DiskState(Path("/srv"), 0, 0, True))
    assert "still work" in band_text(FULL)


def test_a_hostile_folder_is_shown_inert() -> None:
    assert "\x1b" not in band_text(DiskState(Path(HOSTILE.replace("\0", "")), 0, 0, True))


def test_the_watcher_tells_when_the_disk_fills_and_when_there_is_room(qtbot: QtBot) -> None:
    watcher = _Watcher(lambda: None)  # type: ignore[arg-type,return-value]  # never opened
    told = []
    watcher.disk.connect(told.append)
    for state in (ROOM, ROOM, FULL, FULL, ROOM, ROOM):
        watcher._look_at_disk(state)
    assert told == [FULL, ROOM]
