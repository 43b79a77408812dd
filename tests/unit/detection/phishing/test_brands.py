import pytest

from soc_copilot.detection.phishing.brands import (
    Brands,
    known_brands,
    out_of_place,
    read_brands,
)
from soc_copilot.detection.phishing.urls import parse_url

OWN = Brands(
    read_brands("# note\nacmebank: acmebank.com acmebank.*\nbolt!: bolt.eu\nfoo: foo.org\nno line")
)


def names(url: str, brands: Brands = OWN) -> dict[str, list[tuple[str, str]]]:
    found = out_of_place(parse_url(url), brands)
    return {place: [(s.brand.name, s.how) for s in seen] for place, seen in found.items() if seen}


def test_lines_make_brands() -> None:
    assert [brand.name for brand in OWN.all] == ["acmebank", "bolt", "foo"]
    assert len(OWN) == 3


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://acmebank.com/login", {}),
        ("https://acmebank.de/login", {}),
        ("https://login.acmebank.com/acmebank", {}),
        ("https://acmebank.pages.dev/", {"label": [("acmebank", "whole")]}),
        ("https://acmebank.top/", {"label": [("acmebank", "whole")]}),
        ("https://acmebank-login.com/", {"label": [("acmebank", "whole")]}),
        ("https://myacmebank.com/", {"label": [("acmebank", "within")]}),
        ("https://acmebnak.com/", {"label": [("acmebank", "near")]}),
        ("https://4cmebank.com/", {"label": [("acmebank", "near")]}),
        ("https://acmebank.com.evil.net/", {"subdomain": [("acmebank", "whole")]}),
        ("https://evil.net/acmebank/", {"path": [("acmebank", "whole")]}),
        ("https://thunderbolt.net/", {}),
        ("https://bolt-pay.net/", {"label": [("bolt", "whole")]}),
        ("https://foobar.net/", {}),
        ("http://10.0.0.1/acmebank", {"path": [("acmebank", "whole")]}),
    ],
)
def test_a_brand_is_seen_where_it_is_not_at_home(
    url: str, found: dict[str, list[tuple[str, str]]]
) -> None:
    assert names(url) == found


def test_look_alike_letters_are_seen() -> None:
    assert names("http://\u0430cmebank.com/") == {"label": [("acmebank", "near")]}


def test_own_domains() -> None:
    assert OWN.is_owned("acmebank.com")
    assert OWN.is_owned("acmebank.fr")
    assert not OWN.is_owned("acmebank.tk")
    assert not OWN.is_owned("acmebank.pages.dev")


def test_the_list_that_comes_with_the_program_is_whole() -> None:
    brands = known_brands()
    assert len(brands) > 300
    assert all(brand.name == brand.name.lower() and brand.domains for brand in brands.all)
    assert names("https://www.paypal.com/signin", brands) == {}
    assert "label" in names("https://paypal-secure.com/", brands)
