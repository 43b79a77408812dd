"""Apache's error log."""

from soc_copilot.parsing.apache_error import ApacheErrorFormat
from tests.unit.parsing.golden import check


def test_sample_parses_to_its_golden_file():
    check("apache-error")


def test_access_lines_do_not_fit():
    line = '192.0.2.1 - - [10/Mar/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 5'
    assert ApacheErrorFormat().sniff([line]) == 0.0
    assert ApacheErrorFormat().sniff(["[Tue Mar 10 09:00:00 2026] [notice] up"]) == 1.0
