import pytest

from soc_copilot.detection.host.activity import HostEvent, Operation, from_events
from soc_copilot.detection.host.formats import (
    EXTENSION_FORMATS,
    EXTENSION_KEYS,
    PLACE_KEYS,
    Format,
    key_of,
)


def test_the_tables_are_sorted_and_name_nothing_twice():
    assert (EXTENSION_KEYS[1:] > EXTENSION_KEYS[:-1]).all()
    assert (PLACE_KEYS[1:] > PLACE_KEYS[:-1]).all()
    assert len(EXTENSION_KEYS) == len(EXTENSION_FORMATS)


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("a.txt", Format.TEXT), ("a.PDF", Format.DOCUMENT), ("a.docx", Format.ZIPPED),
        ("a.jpg", Format.MEDIA), ("a.sqlite", Format.DATA), ("a.tar.gz", Format.SQUEEZED),
        ("a.zip", Format.PACKED),
        ("a.gpg", Format.SEALED), ("a.part", Format.PASSING), ("a.qzx7", Format.UNKNOWN),
        ("a", Format.NONE), (".profile", Format.NONE), ("a.", Format.NONE),
        ("a." + "x" * 40, Format.NONE),
    ],
)  # fmt: skip
def test_what_a_name_promises(name, format_):
    columns = from_events([HostEvent("0", 0.0, Operation.WRITE, f"d/{name}")])
    assert columns.path.format[0] == format_


def test_keys_are_those_of_the_standard():
    assert key_of("") == 0xCBF29CE484222325
    assert key_of("a") == 0xAF63DC4C8601EC8C
    assert key_of("foobar") == 0x85944171F73967E8
