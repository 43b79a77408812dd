import io
import sys

import pytest
from PIL import Image

from soc_copilot.detection.phishing.training.visual import browser
from soc_copilot.detection.phishing.visual.chromium import find_chromium
from soc_copilot.domain.errors import SourceError

PAGE = "<body style='margin:0;background:{}'><script>document.body.remove()</script></body>"


@pytest.mark.skipif(
    find_chromium() is None or sys.platform == "win32", reason="No Chromium is found here."
)
def test_pages_are_rendered_one_after_another_without_scripts() -> None:
    with browser.Browser(scale=0.25) as opened:
        for colour, told, size in (
            ("red", (254, 0, 0), (400, 320)),
            ("blue", (0, 0, 254), (400, 320)),
            ("white", (255, 255, 255), (200, 400)),
        ):
            picture = Image.open(io.BytesIO(opened.render(PAGE.format(colour), size)))
            assert picture.size == (size[0] // 4, size[1] // 4)
            pixel = picture.getpixel((5, 5))
            assert isinstance(pixel, tuple)
            assert all(abs(a - b) < 6 for a, b in zip(pixel, told, strict=True))
    assert opened._process.returncode is not None


@pytest.mark.skipif(
    find_chromium() is None or sys.platform == "win32", reason="No Chromium is found here."
)
def test_places_of_elements_are_told() -> None:
    box = "<div class=x style='position:absolute;left:{}px;top:20px;width:40px;height:10px'></div>"
    with browser.Browser(scale=0.5) as opened:
        opened.render(f"<body>{box.format(30)}{box.format(100)}</body>", (400, 320))
        assert opened.boxes(".x") == [(30, 20, 70, 30), (100, 20, 140, 30)]
        assert opened.boxes(".none") == []


def test_without_a_chromium_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "find_chromium", lambda: None)
    with pytest.raises(SourceError, match="no Chromium is found"):
        browser.Browser()
