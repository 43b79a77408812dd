from pathlib import Path
from typing import Any, cast

import pytest

from soc_copilot.detection.phishing.training.visual import render
from soc_copilot.detection.phishing.training.visual.pages import SPLITS
from soc_copilot.detection.phishing.training.visual.render import INDEX, read_shots, render_all
from soc_copilot.domain.errors import SourceError
from tests.unit.detection.phishing.training.visual.made import FakeBrowser


def test_every_planned_page_is_rendered_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "N_FAMILIES", dict.fromkeys(SPLITS, 2))
    browser = FakeBrowser()
    n = render_all(tmp_path, make=cast("Any", lambda: browser))
    shots = [shot for split in SPLITS for shot in read_shots(tmp_path, split)]
    assert len(shots) == n == len(browser.rendered) - 1
    assert browser.rendered[-1][0] == "closed"
    for shot, (html, size) in zip(shots, browser.rendered, strict=False):
        assert shot.size == size
        assert shot.file.is_file()
        if shot.brand >= 0:
            assert ('class="logo"' in html) == (shot.kind != "no_mark")


def test_a_folder_without_pages_is_told(tmp_path: Path) -> None:
    for text in (None, "no JSON\n", '{"file": "a.jpg"}\n'):
        if text is not None:
            (tmp_path / INDEX).write_text(text, encoding="utf-8")
        with pytest.raises(SourceError, match="holds no rendered pages"):
            list(read_shots(tmp_path, "train"))


def test_a_file_outside_the_folder_is_not_named(tmp_path: Path) -> None:
    row = '{"file": "../../a.jpg", "split": "test", "kind": "own", "brand": 1, "shown": [], '
    (tmp_path / INDEX).write_text(row + '"layout": "x", "size": [1, 2]}', encoding="utf-8")
    (shot,) = read_shots(tmp_path, "test")
    assert shot.file == tmp_path / "a.jpg"
