import random

from soc_copilot.detection.phishing.brands import known_brands, read_brands
from soc_copilot.detection.phishing.training.synthetic_urls import (
    TENANTS,
    benign_tenant,
    misspelt,
    moved,
    own_pages,
    synthetic,
)
from soc_copilot.detection.phishing.urls import parse_url


def test_a_seed_gives_the_same_urls() -> None:
    assert synthetic(50, 1) == synthetic(50, 1)
    assert synthetic(50, 1) != synthetic(50, 2)


def test_both_labels_are_made_and_names_are_used() -> None:
    found = synthetic(60, 1, ["zzyzx"])
    assert sum(is_phish for _, is_phish, _ in found) == 90
    assert {name for _, _, name in found} == {"own-phish", "own-named", "own-tenants", "own-pages"}
    assert all(parse_url(url).host for url, _, _ in found)


def test_own_pages_stand_on_own_domains() -> None:
    (brand,) = read_brands("acmebank: acmebank.com acme.co.uk acmebank.*")
    rng = random.Random(1)  # noqa: S311 - no secrets
    domains = {parse_url(url).registered_domain for url in own_pages(brand, rng)}
    assert domains == {"acmebank.com", "acme.co.uk"}


def test_misspelt_names_are_others() -> None:
    rng = random.Random(1)  # noqa: S311 - no secrets
    found = [misspelt("paypal", rng) for _ in range(200)]
    assert sum(name != "paypal" for name in found) > 150
    assert max(map(len, found)) <= 7


def test_hosting_services_are_private_suffixes() -> None:
    hosted = [parse_url(f"name.{tenant}").is_tenant for tenant in TENANTS]
    assert sum(hosted) > len(hosted) / 2
    rng = random.Random(1)  # noqa: S311 - no secrets
    assert benign_tenant(rng)
    assert moved("name", rng, is_phish=True).startswith("name.")
    assert not parse_url(moved("name", rng, is_phish=False)).is_tenant
    assert len(known_brands()) > 300
