"""Looking for a text as the archive understands it: ASCII letters in any case, others as given."""

import re

import polars as pl


def formatted(layout: str, *values: pl.Expr | pl.Series | str) -> pl.Expr:
    """The layout with values, or the columns of these names, for each "{}"; null where one is.

    Instead of `pl.format`: that of Polars 2.1 panics where filtering left an empty chunk.
    """
    first, *others = layout.split("{}")
    parts: list[pl.Expr | pl.Series | str] = [pl.lit(first)]
    for value, text in zip(values, others, strict=True):
        parts += [value, pl.lit(text)]
    return pl.concat_str(parts)


def has_text(column: pl.Expr, text: str) -> pl.Expr:
    """True where the column has a text, in any ASCII case."""
    if not any(char.isalpha() for char in text):
        return column.str.contains(text, literal=True)
    return column.str.contains(_any_ascii_case(text))


def _any_ascii_case(text: str) -> str:
    """A pattern for the text in which ASCII letters fold among themselves, and nothing else.

    With Unicode's folding the Kelvin sign would equal a "k", which the tables of grams, made
    of bytes, know nothing of.
    """
    return "".join(
        f"(?i-u:{escaped(run)})" if run.isascii() else escaped(run)
        for run in re.findall(r"[\x00-\x7f]+|[^\x00-\x7f]+", text)
    )


def escaped(text: str) -> str:
    """The text as a pattern that matches it alone."""
    return re.sub(r"[\\.+*?()|\[\]{}^$#&\-~]", r"\\\g<0>", text)
