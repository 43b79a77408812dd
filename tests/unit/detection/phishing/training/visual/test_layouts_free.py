from soc_copilot.detection.phishing.training.visual.brands import make_brands
from soc_copilot.detection.phishing.training.visual.layouts_free import free
from soc_copilot.detection.phishing.training.visual.look import Look

BRAND, *OTHERS = make_brands(2, 5)


def test_pages_differ_and_most_show_their_own_logo() -> None:
    pages = [
        free(Look(BRAND, 1, n, is_phone=n % 2 == 0, is_dark=n % 3 == 0, others=OTHERS))
        for n in range(40)
    ]
    assert len(set(pages)) == 40
    for html in pages:
        assert html.startswith("<!doctype html>")
        assert "http" not in html
    n_without = sum('class="logo own"' not in html for html in pages)
    assert 0 < n_without < 10  # pages without a logo are learnt from, too
    assert any(html.count('class="logo"') >= len(OTHERS) for html in pages)


def test_without_a_logo_there_is_none() -> None:
    for n in range(10):
        assert 'class="logo' not in free(Look(BRAND, 1, n, has_logo=False))


def test_the_look_is_left_as_it_was_but_for_its_ground() -> None:
    look = Look(BRAND, 1, 3)
    before = look.card, look.ink
    free(look)
    assert (look.card, look.ink) == before
