from dataclasses import replace

import pytest
from PIL import Image

from soc_copilot.detection.phishing.contents import content_of
from soc_copilot.detection.phishing.visual.analyser import VisualAnalyser, score_of
from soc_copilot.detection.phishing.visual.embedder import Embedder, Thresholds
from soc_copilot.domain.brand import BrandMatch
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.phishing import Analyser, Content, prediction_of
from tests.unit.detection.phishing.visual.made_up import Shelf
from tests.unit.detection.phishing.visual.pages import packed, screenshot

LIMITS = Thresholds(0.8, 0.6)


def page(url: str = "https://evil.test/login", shot: bytes | None = None) -> Content:
    return replace(content_of(url), screenshot=shot or screenshot())


@pytest.fixture
def shelf(embedder: Embedder) -> Shelf:
    made = Shelf()
    made.put([("Blue Bank", ("bank.example",), embedder.reference(screenshot()))])
    return made


def test_it_is_a_part_of_the_pipeline(embedder: Embedder, shelf: Shelf) -> None:
    part = VisualAnalyser(shelf, embedder)
    assert isinstance(part, Analyser)
    assert part.applies(page())
    assert not part.applies(content_of("https://evil.test/"))
    with pytest.raises(DetectorError):
        part.analyse(content_of("https://evil.test/"))
    before = part.version
    shelf.put([])
    assert part.version != before


def test_a_protected_look_in_a_foreign_place_is_phishing(embedder: Embedder, shelf: Shelf) -> None:
    result = VisualAnalyser(shelf, embedder).analyse(page())
    assert result.state == "ok"
    assert result.score is not None
    assert prediction_of(result.score) == "phish"
    assert result.match is not None
    assert (result.match.brand, result.match.reference_id) == ("Blue Bank", 100)
    (reason,) = result.reasons
    assert "Blue Bank" in reason.text
    assert "evil[.]test" in reason.text
    assert reason.weight > 0


def test_on_the_brands_own_domain_there_is_no_finding(embedder: Embedder, shelf: Shelf) -> None:
    result = VisualAnalyser(shelf, embedder).analyse(page("https://www.bank.example/login"))
    assert result.score == 0.0
    assert result.match is not None
    assert result.match.is_own_domain
    assert result.reasons[0].weight < 0


def test_where_the_place_is_not_known_it_is_suspicious(embedder: Embedder, shelf: Shelf) -> None:
    saved = replace(content_of(b"<html>Sign in</html>", "page"), screenshot=screenshot())
    result = VisualAnalyser(shelf, embedder).analyse(saved)
    assert result.score is not None
    assert prediction_of(result.score) == "suspicious"
    assert "not known" in result.reasons[0].text


def test_without_brands_or_likeness_it_has_nothing_to_say(embedder: Embedder, shelf: Shelf) -> None:
    part = VisualAnalyser(shelf, embedder)
    shelf.put([])
    result = part.analyse(page())
    assert (result.score, result.match, result.state) == (None, None, "ok")
    assert "No protected brand" in result.detail
    embedder._get()
    noise = Image.effect_noise((390, 844), 200).convert("RGB")
    shelf.put([("Noise", (), embedder.reference(packed(noise)))])
    result = part.analyse(page())
    assert (result.score, result.match, result.reasons) == (None, None, ())


def test_a_bad_picture_is_told_and_is_no_failure_of_the_model(
    embedder: Embedder, shelf: Shelf
) -> None:
    result = VisualAnalyser(shelf, embedder).analyse(page(shot=b"no picture"))
    assert (result.score, result.state) == (None, "skipped")
    assert "no PNG" in result.detail


@pytest.mark.parametrize(
    ("similarity", "is_own", "is_known", "said"),
    [(1.0, False, True, "phish"), (0.8, False, True, "phish"), (0.79, False, True, "suspicious"),
     (0.79, False, False, "suspicious"), (1.0, True, True, "benign")],
)  # fmt: skip
def test_scores_follow_the_thresholds(
    similarity: float, is_own: bool, is_known: bool, said: str
) -> None:
    match = BrandMatch("A", similarity, 1, is_own)
    assert prediction_of(score_of(match, LIMITS, is_place_known=is_known)) == said
    assert score_of(replace(match, similarity=1.0), LIMITS, is_place_known=is_known) <= 0.99
