import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.detection.phishing.urls import (
    is_mixed,
    parse_url,
    registered_domain,
    skeleton,
    unleeted,
    without_www,
)


@pytest.mark.parametrize(
    ("url", "registered", "icann", "subdomain", "is_tenant"),
    [
        ("https://a.b.example.co.uk/x", "example.co.uk", "example.co.uk", "a.b", False),
        ("shop.pages.dev", "shop.pages.dev", "pages.dev", "", True),
        ("HTTP://WWW.Example.COM", "example.com", "example.com", "www", False),
        ("http://user:pw@h.example.org:8080/", "example.org", "example.org", "h", False),
        ("//example.net/x", "example.net", "example.net", "", False),
        ("http:\\\\example.net\\x", "example.net", "example.net", "", False),
        ("localhost", "localhost", "localhost", "", False),
    ],
)
def test_domains_of_a_url(
    url: str, registered: str, icann: str, subdomain: str, is_tenant: bool
) -> None:
    found = parse_url(url)
    assert (found.registered_domain, found.icann_domain) == (registered, icann)
    assert (found.subdomain, found.is_tenant) == (subdomain, is_tenant)


def test_all_parts_of_a_url() -> None:
    found = parse_url("https://u:p@h.example.com:81/a/b?c=d#e")
    assert (found.scheme, found.user, found.host, found.port) == (
        "https",
        "u:p",
        "h.example.com",
        81,
    )
    assert (found.path, found.query, found.fragment) == ("/a/b", "c=d", "e")
    assert not found.is_bare


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://10.0.0.1/x", "10.0.0.1"),
        ("http://3232235777/", "192.168.1.1"),
        ("http://0xC0A80101", "192.168.1.1"),
        ("http://[2001:db8::1]:80/", "2001:db8::1"),
    ],
)
def test_addresses_in_every_writing(url: str, address: str) -> None:
    found = parse_url(url)
    assert found.is_ip
    assert found.host == address


@pytest.mark.parametrize("url", ["http://xn--pypal-4ve.com/", "http://p\u0430ypal.com/"])
def test_both_forms_of_a_host(url: str) -> None:
    found = parse_url(url)
    assert found.host == "p\u0430ypal.com"
    assert found.ascii_host == "xn--pypal-4ve.com"
    assert skeleton(found.host) == "paypal.com"
    assert is_mixed("p\u0430ypal")


def test_look_alikes_and_digits_read_as_letters() -> None:
    assert unleeted("paypa1") == "paypal"
    assert skeleton("caf\u00e9") == "cafe"
    assert not is_mixed("\u043f\u043e\u0447\u0442\u0430")


@pytest.mark.parametrize(
    ("host", "rest"),
    [("www.a.com", "a.com"), ("www2.a.com", "a.com"), ("www.com", "www.com"), ("a.com", "a.com")],
)
def test_a_leading_www_is_left_out(host: str, rest: str) -> None:
    assert without_www(host) == rest


def test_private_suffixes_make_domains_of_tenants() -> None:
    assert registered_domain("a.b.github.io") == "b.github.io"


@given(st.text(max_size=300))
def test_anything_is_taken(text: str) -> None:
    found = parse_url(text)
    assert found.raw == text
    assert len(found.host) <= 253 * 4


@pytest.mark.parametrize(
    "url", ["http://xn--/", "http://xn--\x80/", "http://[", "a@b@c", "http://%ff%fe/"]
)
def test_broken_hosts_are_taken(url: str) -> None:
    parse_url(url)


@pytest.mark.parametrize(
    ("host", "is_ip"),
    [("a.de", False), ("0xa.de", False), ("0xde", True), ("[::c]", True), ("[::f]", True),
     ("1.2.3.4", True), ("abcdef", False), ("1.2.3.c", False), ("3232235777", True)],
)  # fmt: skip
def test_addresses_are_told_from_names(host: str, is_ip: bool) -> None:
    assert parse_url(f"http://{host}/").is_ip is is_ip
