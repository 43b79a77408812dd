from dataclasses import replace

from soc_copilot.detection.phishing.visual.embedder import Embedder
from soc_copilot.detection.phishing.visual.matching import Matcher, NoBrands
from soc_copilot.domain.brand import BrandReference
from tests.unit.detection.phishing.visual.made_up import Shelf
from tests.unit.detection.phishing.visual.pages import screenshot


def test_the_nearest_picture_tells_the_brand(embedder: Embedder) -> None:
    shelf, matcher = Shelf(), None
    red, blue = embedder.reference(screenshot("red")), embedder.reference(screenshot("blue"))
    shelf.put([("Red", ("red.example",), red), ("Blue", ("blue.example",), blue)])
    matcher = Matcher(embedder, shelf)
    match = matcher.match(embedder.see(screenshot("blue")), "login.blue.example")
    assert match is not None
    assert (match.brand, match.reference_id, match.is_own_domain) == ("Blue", 101, True)
    assert match.similarity > 0.999
    assert match.look > 0.999
    assert match.logo is not None
    assert match.logo > 0.999
    for host in ("", "red.example", "blue.example.evil.test"):
        other = matcher.match(embedder.see(screenshot("blue")), host)
        assert other is not None
        assert not other.is_own_domain


def test_pictures_are_read_once_until_something_changes(embedder: Embedder) -> None:
    shelf = Shelf()
    matcher = Matcher(embedder, shelf)
    page = embedder.see(screenshot())
    assert matcher.match(page, "") is None
    shelf.put([("A", (), embedder.reference(screenshot()))])
    for _ in range(3):
        match = matcher.match(page, "")
        assert match is not None
        assert match.brand == "A"
    assert shelf.n_read == 2
    shelf.put([])
    assert matcher.match(page, "") is None
    assert matcher.revision == "2"


def test_a_picture_of_no_brand_is_passed_over(embedder: Embedder) -> None:
    shelf = Shelf()
    kept = embedder.reference(screenshot())
    shelf.put([("A", (), kept)])
    stray = BrandReference(7, 99, *kept, 0)
    shelf.now = replace(shelf.now, references=(stray, *shelf.now.references))
    match = Matcher(embedder, shelf).match(embedder.see(screenshot()), "")
    assert match is not None
    assert match.reference_id == 100


def test_without_brands_nothing_is_like_anything(embedder: Embedder) -> None:
    matcher = Matcher(embedder, NoBrands())
    assert matcher.match(embedder.see(screenshot()), "a.example") is None
    assert matcher.revision == NoBrands().look()
