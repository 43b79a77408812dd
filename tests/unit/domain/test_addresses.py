import pytest

from soc_copilot.domain.addresses import format_address, parse_address
from soc_copilot.domain.errors import SourceError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("5514", ("127.0.0.1", 5514)),
        (" 5514 ", ("127.0.0.1", 5514)),
        ("localhost:1", ("127.0.0.1", 1)),
        ("0.0.0.0:65535", ("0.0.0.0", 65535)),  # noqa: S104 - what a person may choose
        ("[::1]:5514", ("::1", 5514)),
        ("[0:0::1]:5514", ("::1", 5514)),
    ],
)
def test_an_address_is_understood(text: str, found: tuple[str, int]) -> None:
    assert parse_address(text) == found
    assert parse_address(format_address(*found)) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no address"),
        ("/var/log/a.log", "no address"),
        ("127.0.0.1", "no address"),
        ("127.0.0.1:", "no address"),
        ("127.0.0.1:-1", "no address"),
        ("127.0.0.1:\u0665", "no address"),
        ("127.0.0.1:000514", "no address"),
        ("0", "1 to 65535"),
        ("127.0.0.1:65536", "1 to 65535"),
        (":5514", "no IP address"),
        ("example.com:5514", "no IP address"),
        ("127.0.0.256:5514", "no IP address"),
        ("::1:5514", "brackets"),
        ("[127.0.0.1]:5514", "brackets"),
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(text: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        parse_address(text)
