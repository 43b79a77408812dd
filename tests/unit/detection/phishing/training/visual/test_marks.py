import xml.etree.ElementTree as ElementTree

from soc_copilot.detection.phishing.training.visual.marks import draw


def test_a_mark_is_well_formed_and_its_own() -> None:
    drawn = [draw(seed, "#112233", "#445566", "#ffffff", "A") for seed in range(300)]
    for one in drawn:
        assert ElementTree.fromstring(one).tag == "svg"  # noqa: S314 - our own
    assert len(set(drawn)) > 250
    assert draw(5, "#112233", "#445566", "#ffffff", "A") == drawn[5]


def test_in_one_colour_something_is_still_to_be_seen() -> None:
    for seed in range(100):
        one = draw(seed, "#ffffff", "#ffffff", "#102030", "A")
        assert "#ffffff" in one
