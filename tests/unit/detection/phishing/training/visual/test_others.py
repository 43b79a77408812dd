import pytest

from soc_copilot.detection.phishing.training.visual.brands import make_brands
from soc_copilot.detection.phishing.training.visual.look import Look
from soc_copilot.detection.phishing.training.visual.others import SHOWING, UNRELATED

BRANDS = make_brands(4, 5)
SPLITS = ("train", "validation", "test")


@pytest.mark.parametrize("split", SPLITS)
def test_pages_show_the_other_brands(split: str) -> None:
    for layout in SHOWING[split]:
        own = layout(Look(BRANDS[0], 1, 2)).count("<svg")
        html = layout(Look(BRANDS[0], 1, 2, others=[b for b in BRANDS[1:] if b.has_mark]))
        assert html.count("<svg") > own or BRANDS[1].name in html, layout.__name__
        assert "http" not in html


@pytest.mark.parametrize("split", SPLITS)
def test_unrelated_pages_can_be_drawn(split: str) -> None:
    for layout in UNRELATED[split]:
        for is_phone in (False, True):
            assert "<body" in layout(Look(BRANDS[0], 1, 2, is_phone=is_phone))
