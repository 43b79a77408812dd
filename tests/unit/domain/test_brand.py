import pytest

from soc_copilot.domain import brand
from soc_copilot.domain.errors import PolicyError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


def test_names_are_tidied_and_bounded() -> None:
    assert brand.checked_name("  North \n Bank ") == "North Bank"
    for name in ("", " \t", "x" * (brand.MAX_NAME_CHARS + 1)):
        with pytest.raises(PolicyError):
            brand.checked_name(name)


def test_domains_are_kept_as_dns_has_them() -> None:
    given = [" Bank.Example. ", "bank.example", "", "bücher.example", "a-b.co.example"]
    assert brand.checked_domains(given) == (
        *("bank.example", "xn--bcher-kva.example", "a-b.co.example"),
    )


@pytest.mark.parametrize(
    "text",
    ["https://a.example", "a.example/x", "localhost", "1.2.3.4", "-a.example", "a..example",
     "a b.example", "x" * 64 + ".example", "user@a.example", "a.example:8080"],
)  # fmt: skip
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(PolicyError, match="is no domain"):
        brand.checked_domains([text])


def test_there_are_not_too_many_domains() -> None:
    many = [f"n{n}.example" for n in range(brand.MAX_DOMAINS + 1)]
    assert len(brand.checked_domains(many[1:])) == brand.MAX_DOMAINS
    with pytest.raises(PolicyError, match="at most"):
        brand.checked_domains(many)


def test_pictures_are_bounded_pngs() -> None:
    brand.check_picture(PNG, b"1234")
    for png, embedding in (
        (b"GIF89a", b"1234"),
        (PNG + bytes(brand.MAX_PNG_BYTES), b"1234"),
        (PNG, b""),
        (PNG, bytes(brand.MAX_EMBEDDING_BYTES + 1)),
    ):
        with pytest.raises(PolicyError):
            brand.check_picture(png, embedding)


def test_own_domains_are_those_and_what_is_below() -> None:
    own = ("bank.example", "b.test")
    for host in ("bank.example", "login.bank.example", "b.test."):
        assert brand.is_own(host, own)
    for host in ("mybank.example", "bank.example.evil.test", "example", ""):
        assert not brand.is_own(host, own)
