import pytest

from soc_copilot.detection.phishing.training.visual.brands import make_brands
from soc_copilot.detection.phishing.training.visual.layouts import TRAIN_LAYOUTS, Layout
from soc_copilot.detection.phishing.training.visual.layouts_unseen import (
    TEST_LAYOUTS,
    VALIDATION_LAYOUTS,
)
from soc_copilot.detection.phishing.training.visual.look import Look

BRAND = make_brands(1, 5)[0]


def test_no_layout_is_in_two_parts() -> None:
    every = [*TRAIN_LAYOUTS, *VALIDATION_LAYOUTS, *TEST_LAYOUTS]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("layout", [*VALIDATION_LAYOUTS, *TEST_LAYOUTS])
@pytest.mark.parametrize("is_phone", [False, True])
def test_every_layout_draws_the_brand(layout: Layout, is_phone: bool) -> None:
    html = layout(Look(BRAND, 1, 2, is_phone=is_phone))
    shown = html.count('class="logo')
    assert shown == 1
    assert 'class="logo' not in layout(Look(BRAND, 1, 2, has_logo=False))
    assert "http" not in html
