"""Values of chosen keys out of JSON lines."""

import polars as pl

from soc_copilot.parsing.json_values import FITS, JSON, JsonKeys, decode_by

KEYS = JsonKeys({"user": ("user.name", "account"), "size": ("size",)})


def test_first_name_that_a_line_has_is_taken():
    lines = ['{"account":"a","user":{"name":"b"}}', '{"account":"c"}', '{"size":3}', "[1]", "x"]
    found = KEYS.read(pl.Series(lines))
    assert found["user"].to_list() == ["b", "c", None, None, None]
    assert found["size"].to_list() == [None, None, "3", None, None]
    assert found[FITS].to_list() == [True, True, True, False, False]
    assert found[JSON].is_null().to_list() == [False, False, False, True, True]


def test_columns_do_not_depend_on_the_lines():
    empty = KEYS.read(pl.Series(dtype=pl.String))
    assert KEYS.read(pl.Series(['{"size":1}'])).schema == empty.schema
    assert set(empty.columns) == {FITS, JSON, "user", "size"}


def test_line_that_the_decoder_refuses_does_not_take_others_with_it():
    schema = pl.Struct({"message": pl.String()})
    found = decode_by(schema, pl.Series(['{"message":"a"}', '{"message"', '{"message":"b"}']))
    assert found.struct.field("message").to_list() == ["a", None, "b"]
