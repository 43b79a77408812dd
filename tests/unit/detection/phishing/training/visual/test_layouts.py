import pytest

from soc_copilot.detection.phishing.training.visual.brands import make_brands
from soc_copilot.detection.phishing.training.visual.layouts import TRAIN_LAYOUTS, Layout
from soc_copilot.detection.phishing.training.visual.look import Look

BRAND, OTHER = make_brands(1, 5)


@pytest.mark.parametrize("layout", TRAIN_LAYOUTS)
@pytest.mark.parametrize("is_phone", [False, True])
def test_every_layout_draws_the_brand(layout: Layout, is_phone: bool) -> None:
    html = layout(Look(BRAND, 1, 2, is_phone=is_phone, is_dark=is_phone))
    assert html.startswith("<!doctype html>")
    assert 'class="logo own"' in html
    assert BRAND.first in html
    assert 'class="logo' not in layout(Look(BRAND, 1, 2, has_logo=False))
    assert "http" not in html
    assert layout(Look(OTHER, 1, 2, is_phone=is_phone)) != html
