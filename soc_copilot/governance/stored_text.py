"""Any Python text in a database column and back, exactly.

SQLite's LIKE ends at a NUL, PostgreSQL refuses one, and neither takes the lone surrogates that
stand for undecodable bytes in file names. Such characters are kept as private-use ones.
"""

import re
from typing import Any

from sqlalchemy import Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from typing_extensions import override

_SURROGATE_BASE = 0x10F000  # surrogate U+D800+n is kept as U+10F000+n
_NUL = "\U0010f800"
_LITERAL = "\U0010f801"  # the next character stands for itself
_TO_STORE = re.compile("[\0\ud800-\udfff\U0010f000-\U0010f801]")
_FROM_STORE = re.compile("\U0010f801(.)|[\U0010f000-\U0010f800]", re.DOTALL)


def to_stored(text: str) -> str:
    """The text as a column can hold it; valid Unicode without NUL."""
    if text.isascii() and "\0" not in text:
        return text
    return _TO_STORE.sub(lambda match: _hide(match[0]), text)


def from_stored(text: str) -> str:
    """What `to_stored` was given."""
    if text.isascii():
        return text
    return _FROM_STORE.sub(lambda match: match[1] or _reveal(match[0]), text)


def _hide(char: str) -> str:
    if char == "\0":
        return _NUL
    code = ord(char)
    return chr(_SURROGATE_BASE + code - 0xD800) if code <= 0xDFFF else _LITERAL + char


def _reveal(char: str) -> str:
    return "\0" if char == _NUL else chr(0xD800 + ord(char) - _SURROGATE_BASE)


class StoredText(TypeDecorator[str]):
    """A text column that takes any Python text; see the module."""

    impl = Text
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else to_stored(value)

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else from_stored(value)
