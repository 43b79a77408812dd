import numpy as np
import pytest

from soc_copilot.detection.phishing.visual.compare import FEATURES, Rule
from soc_copilot.detection.phishing.visual.networks import from_tensors, rule_of
from soc_copilot.detection.phishing.visual.pictures import open_picture
from tests.unit.detection.phishing.visual.pages import LOGO_SHAPE, SHAPE, networks, screenshot


def test_whole_logos_and_sureness_are_seen() -> None:
    seen = networks().see(open_picture(screenshot()))
    assert seen.look.shape == (SHAPE.size,)
    assert seen.logos.shape == (len(seen.sure), LOGO_SHAPE.size)
    assert len(seen.sure) > 0
    assert (np.diff(seen.sure) <= 0).all()
    assert len(seen.parts) == len(seen.places) == len(seen.sure)
    assert (np.diff(seen.places) >= 0).all()


def test_a_blank_page_shows_no_logo() -> None:
    from PIL import Image

    assert len(networks().see(Image.new("RGB", (1280, 800), "white")).sure) == 0


def test_tensors_are_read_as_they_were_written() -> None:
    made = networks()
    picture = open_picture(screenshot())
    again = from_tensors(made.tensors(), made.shapes()).see(picture)
    seen = made.see(picture)
    assert again.look == pytest.approx(seen.look, abs=1e-6)
    assert again.logos == pytest.approx(seen.logos, abs=1e-6)


def test_tensors_of_other_shapes_are_refused() -> None:
    made = networks()
    wrong = made.shapes()
    wrong["finder"] = {**wrong["finder"], "reach": (1,)}
    with pytest.raises(RuntimeError):
        from_tensors(made.tensors(), wrong)
    with pytest.raises(KeyError):
        from_tensors(made.tensors(), {})


def test_a_rule_names_every_feature() -> None:
    weights = {name: float(n) for n, name in enumerate(FEATURES)}
    expected = Rule(tuple(float(n) for n in range(len(FEATURES))), -1.0)
    assert rule_of({"weights": weights, "bias": -1}) == expected
    with pytest.raises(ValueError, match="weighs"):
        rule_of({"weights": {"look": 1.0}, "bias": 0.0})
