"""Hostile text made visible and inert: for screens, terminals and exports."""

import unicodedata
from typing import Final

# C0 controls have pictures of their own in Unicode (U+2400...).
_C0: Final = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}


def _escape(char: str) -> str:
    code = ord(char)
    if code in _C0:
        return _C0[code]
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _is_hidden(char: str) -> bool:
    # Cc controls, Cf format characters (bidi overrides, zero width), Zl/Zp line and
    # paragraph separators, Cs lone surrogates, Co private use, Cn unassigned.
    return unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"}


def render_safe(text: str, limit: int | None = None) -> str:
    r"""Text with every hidden character replaced by a visible sign, on one line.

    Control characters become their Unicode pictures (ESC is shown as U+241B), other hidden
    characters `\\x9b`, `\\u202e` and the like. Nothing is interpreted; markup stays text.

    Args:
        text: Any string, lone surrogates included.
        limit: Characters of the result at most; a longer one ends in an ellipsis.
    """
    if limit is not None and len(text) > limit:
        text = text[: max(limit, 1)]  # the result is cut again below: escapes grow
        cut = True
    else:
        cut = False
    if not (text.isascii() and text.isprintable()):
        text = "".join(_escape(ch) if _is_hidden(ch) else ch for ch in text)
    if limit is not None and (cut or len(text) > limit):
        text = text[: limit - 1] + "…"
    return text


def has_hidden(text: str) -> bool:
    """True when the text holds characters that a screen would not show as they are."""
    return not (text.isascii() and text.isprintable()) and any(_is_hidden(ch) for ch in text)


def render_safe_spans(
    text: str, spans: tuple[tuple[int, int], ...]
) -> tuple[str, tuple[tuple[int, int], ...]]:
    """`render_safe` for text with highlighted ranges, whose places move as signs grow.

    Args:
        text: Any string.
        spans: [start, end) character ranges in `text`; those outside are clipped.

    Returns:
        The safe text, and the ranges in it.
    """
    places = [0]
    parts = []
    for char in text:
        shown = _escape(char) if _is_hidden(char) else char
        parts.append(shown)
        places.append(places[-1] + len(shown))
    last = len(text)
    moved = tuple(
        (places[min(max(start, 0), last)], places[min(max(end, 0), last)])
        for start, end in spans
        if start < end and start < last
    )
    return "".join(parts), moved


_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "%", "|")


def csv_cell(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula; hidden characters made visible.

    Source:
        CWE-1236; the signs are those on the OWASP page on CSV injection, plus "%" and "|".
    """
    guarded = f"'{text}" if text.startswith(_FORMULA_STARTS) else text
    return render_safe(guarded)
