from soc_copilot.detection.phishing.training.visual.brands import make_brands
from soc_copilot.detection.phishing.training.visual.look import LANGUAGES, Look

BRAND, OTHER = make_brands(1, 5)


def test_a_page_is_the_same_for_the_same_seeds() -> None:
    def made(words: int) -> str:
        look = Look(BRAND, 1, words)
        return look.page(look.bar(look.title()) + look.text(20) + look.photo())

    assert made(2) == made(2)
    assert made(2) != made(3)


def test_without_logo_name_and_mark_are_gone() -> None:
    look = Look(BRAND, 1, 2, has_logo=False)
    shown = look.bar("x") + look.logo(40)
    assert "<svg" not in shown
    assert BRAND.name.lower() not in shown.lower()
    assert 'class="logo own"' in Look(BRAND, 1, 2).logo(40)


def test_other_brands_are_shown_where_asked() -> None:
    buttons = Look(BRAND, 1, 2, others=[OTHER], where="buttons")
    assert OTHER.name in buttons.button("sign_in")
    assert OTHER.name not in buttons.button("pay")
    assert OTHER.name not in Look(BRAND, 1, 2, others=[OTHER]).button("sign_in")
    footer = Look(BRAND, 1, 2, others=[OTHER], where="footer")
    assert "logo" in footer.links()


def test_every_language_has_every_word() -> None:
    said = [Look(BRAND, 1, 2, language=language).say for language in LANGUAGES]
    assert all(one.keys() == said[0].keys() and all(one.values()) for one in said)
    assert len({one["password"] for one in said}) == len(said)
