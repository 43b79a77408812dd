"""Plain text."""

from soc_copilot.domain import columns as c
from soc_copilot.parsing.plain import PlainFormat
from tests.unit.parsing.golden import check, row_of


def test_sample_parses_to_its_golden_file():
    check("plain")


def test_stamp_within_the_line_is_not_its_time():
    assert c.TIMESTAMP not in row_of("plain", "at 2026-03-10 09:00:00 it rained")


def test_sniff_takes_everything_but_blank_lines():
    assert PlainFormat().sniff(["x"]) == 1.0
    assert PlainFormat().sniff(["", "  "]) == 0.0
