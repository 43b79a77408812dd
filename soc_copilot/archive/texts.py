"""Looking for a text as the archive understands it: ASCII letters in any case, others as given."""

import re

import polars as pl


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
