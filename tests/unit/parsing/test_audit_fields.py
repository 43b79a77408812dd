"""Values in audit records."""

import polars as pl
import pytest

from soc_copilot.parsing.audit_fields import bodies, body, decoded, field, tidy

EVENT = (
    'type=SYSCALL msg=audit(1.2:3): arch=c000003e pid=5 comm="a" key=(null)\x1dUID="ada"\n'
    'node=h type=PATH msg=audit(1.2:3): item=0 name="x"\n'
    'type=PATH msg=audit(1.2:3) : item=1 name="y"'
)


def first(expression, text=EVENT):
    return pl.DataFrame({"line": [text]}).select(expression).item()


def test_records_are_found_by_their_type():
    assert first(body(pl.col("line"), "PATH")) == 'item=0 name="x"'
    assert first(body(pl.col("line"), "CWD")) is None
    assert first(bodies(pl.col("line"), "PATH").list.len()) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("arch", "c000003e"), ("pid", "5"), ("comm", '"a"'), ("key", "(null)"), ("UID", '"ada"'),
     ("id", None), ("res|pid", "5")],
)  # fmt: skip
def test_fields_are_found_by_their_whole_name(name, value):
    assert first(field(pl.col("line"), name)) == value


def test_fields_of_programs_end_before_the_quote():
    text = "pid=1 msg='op=login acct=\"ada\" res=failed'"
    assert first(field(pl.col("line"), "res"), text) == "failed"
    assert first(field(pl.col("line"), "op"), text) == "login"


@pytest.mark.parametrize(
    ("raw", "name", "number"),
    [
        ('"a"', "a", "a"),
        ("2F61", "/a", "2F61"),
        ("C3A4", "\u00e4", "C3A4"),
        ("61FF", "a\\xff", "61FF"),
        ("610062", "a\0b", "610062"),
        ("2F6", "2F6", "2F6"),
        ("1000", "\x10\0", "1000"),
        ("(null)", None, None),
        ("?", None, None),
        ('""', "", ""),
        (None, None, None),
    ],
)
def test_names_are_decoded_and_numbers_are_not(raw, name, number):
    series = pl.Series("x", [raw, None], dtype=pl.String)
    assert decoded(series).to_list() == [name, None]
    assert decoded(series, is_name=False).to_list() == [number, None]


@pytest.mark.parametrize(
    ("path", "tidied"),
    [
        ("/a/b", "/a/b"),
        ("/a/./b//c", "/a/b/c"),
        ("/a/../../b", "/b"),
        ("//a", "/a"),
        ("/a/", "/a"),
        ("/a..b", "/a..b"),
        ("/", "/"),
        ("a/../b", "a/../b"),
        ("[fd:00 1]/../b", "[fd:00 1]/../b"),
        (None, None),
    ],
)
def test_absolute_paths_are_tidied(path, tidied):
    assert tidy(pl.Series([path, "/x"], dtype=pl.String)).to_list() == [tidied, "/x"]
