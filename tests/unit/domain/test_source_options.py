import pytest

from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.source_options import BY_KEY, KINDS, SourceOptions, options_of


def test_defaults_are_left_out() -> None:
    options = SourceOptions.checked("file", {"encoding": "auto", "max_size": "500"})
    assert options.changed == {"max_size": 500}
    assert options.text("encoding") == "auto"
    assert options.number("batch_interval_s", otherwise=5.0) == 5.0


@pytest.mark.parametrize(
    ("kind", "values", "found"),
    [
        ("file", {"tls_key": "x"}, "tls_key"),
        ("file", {"encodign": "utf-8"}, "encodign"),
        ("file", {"encoding": "klingon"}, "klingon"),
        ("file", {"encoding": "base64"}, "base64"),
        ("file", {"multiline": "start"}, "multiline_pattern"),
        ("syslog-tcp", {"max_connections": 0}, "max_connections"),
    ],
)
def test_a_bad_option_is_named(kind: str, values: dict[str, object], found: str) -> None:
    with pytest.raises(PolicyError, match=found):
        SourceOptions.checked(kind, values)


def test_every_option_belongs_to_a_kind_that_exists() -> None:
    assert all(kinds and kinds <= set(KINDS) for _, kinds in BY_KEY.values())
    assert {o.key for o in options_of("syslog-tls")} >= {"tls_certificate", "tls_key"}
