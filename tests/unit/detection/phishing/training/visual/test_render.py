from pathlib import Path
from typing import Any, cast

import pytest

from soc_copilot.detection.phishing.training.visual import render
from soc_copilot.detection.phishing.training.visual.pages import SPLITS
from soc_copilot.detection.phishing.training.visual.render import (
    INDEX,
    read_sheets,
    read_shots,
    render_all,
)
from soc_copilot.domain.errors import SourceError
from tests.unit.detection.phishing.training.visual.made import FakeBrowser


def test_every_planned_page_is_rendered_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "N_FAMILIES", dict.fromkeys(SPLITS, 2))
    browser = FakeBrowser()
    n = render_all(tmp_path, share=0.01, make=cast("Any", lambda: browser))
    shots = [shot for split in SPLITS for shot in read_shots(tmp_path, split)]
    sheets = list(read_sheets(tmp_path))
    assert len(shots) == n == len(browser.rendered) - 1 - len(sheets)
    assert browser.rendered[-1][0] == "closed"
    for shot, (html, size) in zip(shots, browser.rendered[len(sheets) :], strict=False):
        assert shot.size == size
        assert shot.file.is_file()
        if shot.brand >= 0:
            assert ('class="logo own"' in html) == (shot.kind != "no_mark")
        assert len(shot.logos) == html.count('class="logo own"')
    drawn = [identity for sheet in sheets for identity, _ in sheet.logos]
    assert len(sheets) > 1
    assert {drawn.count(identity) for identity in drawn} == {5, 2}


def test_what_stands_out_of_the_window_is_no_logo_to_be_found(tmp_path: Path) -> None:
    seen = render._within([(-10, 0, 90, 20), (90, 10, 190, 30), (0, 90, 50, 130)], (100, 100))
    assert seen == [(0.0, 0.0, 90, 20)]


def test_a_folder_without_pages_is_told(tmp_path: Path) -> None:
    for text in (None, "no JSON\n", '{"file": "a.jpg"}\n'):
        if text is not None:
            (tmp_path / INDEX).write_text(text, encoding="utf-8")
        with pytest.raises(SourceError, match="holds no rendered pages"):
            list(read_shots(tmp_path, "train"))
    with pytest.raises(SourceError, match="holds no rendered pages"):
        list(read_sheets(tmp_path))


def test_a_file_outside_the_folder_is_not_named(tmp_path: Path) -> None:
    row = '{"file": "../../a.jpg", "split": "test", "kind": "own", "brand": 1, "shown": [], '
    (tmp_path / INDEX).write_text(
        row + '"noise": "", "layout": "x", "size": [1, 2], "logos": []}', encoding="utf-8"
    )
    (shot,) = read_shots(tmp_path, "test")
    assert shot.file == tmp_path / "a.jpg"
