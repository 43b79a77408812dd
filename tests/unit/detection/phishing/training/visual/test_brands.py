from soc_copilot.detection.phishing.training.visual.brands import is_light, make_brands


def test_siblings_differ_in_name_and_mark_alone() -> None:
    brands = make_brands(20, 3)
    assert [brand.id for brand in brands] == list(range(40))
    assert len({brand.name for brand in brands}) == 40
    for one, other in zip(brands[::2], brands[1::2], strict=True):
        assert one.family == other.family
        assert (one.font, one.radius, one.has_bar) == (other.font, other.radius, other.has_bar)
        assert one.seed != other.seed
        near = [
            abs(int(one.first[i : i + 2], 16) - int(other.first[i : i + 2], 16)) for i in (1, 3, 5)
        ]
        assert max(near) <= 10
    assert make_brands(20, 3) == brands
    assert make_brands(20, 4) != brands


def test_logos_show_the_name() -> None:
    for brand in make_brands(30, 1, size=1):
        shown = brand.logo(40, "#ffffff", "#000000")
        letters = "".join(c for c in brand.name if c.isalpha()).lower()
        told = shown.split("<b ")[-1].replace("</i>", "").lower()
        assert letters[0] in told
        assert ("<svg" in shown) == brand.has_mark
        assert brand.first not in brand.logo(40, "#ffffff", "#000000", plain=True) or (
            brand.first == "#000000"
        )


def test_light_colours_are_told() -> None:
    assert is_light("#ffffff")
    assert not is_light("#0000ff")
    assert is_light("#808080", 90)
