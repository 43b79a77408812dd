"""The search language: from what a person types to a tree of conditions.

word                 the raw line has it, in any case       "several words"
/expression/         the raw line matches it (Rust's regular expressions, linear time)
field:value          the whole value is this, in any case; * stands for anything
field:>=500  bytes:10..20  time:2026-03-14..2026-03-15      ranges, both ends included
source.ip:10.0.0.0/8                                        networks
field:*              the event has the field
AND (or nothing), OR, NOT, parentheses
"""

import ipaddress
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Final

import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import to_us
from soc_copilot.domain.errors import PolicyError

MAX_CHARS: Final = 4_096  # chosen: a longer expression is no question of a person
MAX_PARTS: Final = 200  # chosen: conditions in one expression
MAX_DEPTH: Final = 30  # chosen: parentheses within each other
MAX_PATTERN_CHARS: Final = 1_000  # chosen; the engine also bounds the size of what it compiles

NUMBERS: Final = frozenset(
    {
        c.SOURCE_ID, c.GENERATION, c.OFFSET, c.LENGTH, c.SOURCE_PORT, c.PID, c.STATUS,
        c.BODY_BYTES, c.FILE_SIZE, c.FILE_OLD_SIZE, c.ENTROPY, c.OLD_ENTROPY, c.RECORD_ID,
        c.REPEAT, c.AUDIT_ID, c.WEB_SCORE, c.PHISH_SCORE,
        c.PREDICT_SCORE,
    }
)  # fmt: skip
FRACTIONS: Final = frozenset(
    {c.ENTROPY, c.OLD_ENTROPY, c.WEB_SCORE, c.PHISH_SCORE, c.PREDICT_SCORE}
)
TIMES: Final = frozenset({c.TIMESTAMP, c.INGESTED})
ADDRESSES: Final = frozenset({c.SOURCE_IP, c.DESTINATION_IP})
FIELDS: Final = tuple(
    dict.fromkeys(
        value
        for name, value in vars(c).items()
        if name.isupper() and isinstance(value, str) and ("." in value or value[0] in "@m")
    )
)
ALIASES: Final = {
    "time": c.TIMESTAMP, "timestamp": c.TIMESTAMP, "ip": c.SOURCE_IP, "client": c.SOURCE_IP,
    "dest": c.DESTINATION_IP, "user": c.USER, "host": c.HOST, "status": c.STATUS,
    "url": c.URL, "path": c.URL_PATH, "query": c.URL_QUERY, "method": c.METHOD,
    "agent": c.USER_AGENT, "referrer": c.REFERRER, "bytes": c.BODY_BYTES,
    "process": c.PROCESS, "pid": c.PID, "command": c.COMMAND, "port": c.SOURCE_PORT,
    "action": c.ACTION, "outcome": c.OUTCOME, "category": c.CATEGORY, "level": c.SEVERITY,
    "dataset": c.DATASET, "kind": c.KIND, "source": c.SOURCE_ID, "file": c.FILE_PATH,
    "raw": c.ORIGINAL, "msg": c.MESSAGE, "offset": c.OFFSET, "code": c.EVENT_CODE,
    "subject": c.EMAIL_SUBJECT, "sender": c.EMAIL_FROM,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """The raw line has this text, in any ASCII case."""

    text: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """The field, or the raw line, matches a regular expression somewhere."""

    field: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Equals:
    """The whole value of a text field is this, in any case; `*` stands for anything."""

    field: str
    text: str
    has_wildcards: bool


@dataclass(frozen=True, slots=True)
class Exists:
    """The event has a value in the field."""

    field: str


@dataclass(frozen=True, slots=True)
class Range:
    """The value lies between two ends, both included; None leaves an end open.

    Times are microseconds since 1970 UTC.
    """

    field: str
    low: float | int | None
    high: float | int | None


@dataclass(frozen=True, slots=True)
class Network:
    """The address lies in a network."""

    field: str
    network: ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold."""

    part: "Query"


@dataclass(frozen=True, slots=True)
class And:
    """All conditions hold; true without any."""

    parts: tuple["Query", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of the conditions holds."""

    parts: tuple["Query", ...]


Query = Text | Pattern | Equals | Exists | Range | Network | Not | And | Or
EVERYTHING: Final = And(())

_TOKEN: Final = re.compile(
    r"\s*(?:"
    r"(?P<paren>[()])"
    r"|(?P<field>[A-Za-z@_][A-Za-z0-9_.@]*):(?!//)"  # not the scheme of a URL
    r"|(?P<quoted>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<open>\".*)"  # a quote that does not end
    r"|(?P<regex>/(?:[^/\\]|\\.)+/)(?=[\s()]|$)"
    r"|(?P<word>[^\s()\"]+)"
    r")",
    re.DOTALL,
)
_VALUE: Final = re.compile(
    r"(?P<quoted>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<regex>/(?:[^/\\]|\\.)+/)(?=[\s()]|$)"
    r"|(?P<compare>>=|<=|>|<)(?P<end>[^\s()\"]*)"
    r"|(?P<word>[^\s()\"]+)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int  # characters before it


def parse(text: str) -> Query:
    """The conditions that an expression states; an empty one is met by every event.

    Raises:
        PolicyError: It cannot be understood; says where and what was expected.
    """
    if len(text) > MAX_CHARS:
        raise PolicyError(
            f"The search expression has {len(text):,} characters; at most {MAX_CHARS:,} are read."
        )
    return _Parser(text).whole()


def _wrong(at: int, what: str) -> PolicyError:
    return PolicyError(f"Cannot understand the search at character {at + 1}: {what}")


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._parts = 0
        self._next = self._read()

    def whole(self) -> Query:
        if self._next is None:
            return EVERYTHING
        found = self._either(0)
        if self._is("paren", ")"):
            raise _wrong(self._at - 1, 'found ")" without a "(" before it.')
        return found

    def _read(self) -> _Token | None:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        kind = str(found.lastgroup)
        at = found.start(kind)
        if kind == "open":
            raise _wrong(at, 'the quote is never closed. Expected another ".')
        return _Token(kind, found[kind], at)

    def _take(self) -> _Token:
        token = self._next
        assert token is not None  # noqa: S101 - callers looked first
        self._next = self._read()
        return token

    def _is(self, kind: str, *texts: str) -> bool:
        return self._next is not None and self._next.kind == kind and self._next.text in texts

    def _either(self, depth: int) -> Query:
        parts = [self._all(depth)]
        while self._is("word", "OR"):
            self._take()
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self, depth: int) -> Query:
        parts = [self._one(depth)]
        while self._next is not None and not self._is("paren", ")") and not self._is("word", "OR"):
            if self._is("word", "AND"):
                self._take()
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self, depth: int) -> Query:
        self._parts += 1
        if self._next is None:
            raise _wrong(len(self._text), "the expression ends where a condition was expected.")
        if self._parts > MAX_PARTS or depth > MAX_DEPTH:
            raise _wrong(self._next.at, f"more than {MAX_PARTS} conditions or {MAX_DEPTH} levels.")
        if self._is("word", "AND", "OR") or self._is("paren", ")"):
            raise _wrong(
                self._next.at,
                f'found "{self._next.text}" where a word, field:value or "(" was expected.',
            )
        if self._is("word", "NOT"):
            self._take()
            return Not(self._one(depth + 1))
        if self._is("paren", "("):
            return self._within(depth)
        if self._next.kind == "field":
            return self._condition()
        token = self._take()
        if token.kind == "regex":
            return Pattern(c.ORIGINAL, _pattern(token))
        return _text(token)

    def _within(self, depth: int) -> Query:
        opened = self._take()
        found = self._either(depth + 1)
        if not self._is("paren", ")"):
            raise _wrong(opened.at, 'this "(" is never closed. Expected a ")".')
        self._take()
        return found

    def _condition(self) -> Query:
        token = self._next
        assert token is not None  # noqa: S101 - callers looked first
        field = _field(token)
        value = _VALUE.match(self._text, self._at)
        if value is None:
            raise _wrong(self._at, f'expected a value after "{token.text}:".')
        at, self._at = self._at, value.end()
        self._next = self._read()
        kind = str(value.lastgroup)
        if kind == "end":
            return _compared(field, value["compare"], _Token("word", value["end"], at))
        found = _Token(kind, value[kind], at)
        if kind == "regex":
            if field in NUMBERS | TIMES:
                raise _wrong(at, f'"{field}" is no text, so it takes no regular expression.')
            return Pattern(field, _pattern(found))
        return _valued(field, found)


def _unquoted(token: _Token) -> str:
    if token.kind != "quoted":
        return token.text
    return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)


def _text(token: _Token) -> Query:
    text = _unquoted(token)
    if not text:
        raise _wrong(token.at, "the quotes hold nothing. Expected a text.")
    return Text(text)


def _field(token: _Token) -> str:
    name = ALIASES.get(token.text.lower(), token.text)
    if name in FIELDS:
        return name
    near = get_close_matches(token.text, [*FIELDS, *ALIASES], n=3)
    meant = f" Did you mean {', '.join(near)}?" if near else ""
    raise _wrong(
        token.at,
        f'there is no field "{token.text}".{meant} To search for a text with a colon, quote it.',
    )


def _pattern(token: _Token) -> str:
    pattern = token.text[1:-1].replace("\\/", "/")
    if len(pattern) > MAX_PATTERN_CHARS:
        raise _wrong(token.at, f"the expression has more than {MAX_PATTERN_CHARS:,} characters.")
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.PolarsError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = next((line for line in lines if line.startswith("error:")), lines[-1])
        raise _wrong(
            token.at, f"no regular expression: {reason.removeprefix('error: ')}."
        ) from None
    return pattern


def _valued(field: str, token: _Token) -> Query:
    text = _unquoted(token)
    if text == "*" and token.kind == "word":
        return Exists(field)
    if field in NUMBERS | TIMES:
        low, dots, high = text.partition("..")
        if dots:
            return Range(field, _low(field, low, token), _high(field, high, token))
        return Range(field, _low(field, text, token), _high(field, text, token))
    if field in ADDRESSES and "/" in text:
        try:
            return Network(field, ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise _wrong(
                token.at, f'"{text}" is no network. Expected one such as 10.0.0.0/8.'
            ) from None
    if field == c.ORIGINAL and token.kind == "quoted":
        return Text(text)
    return Equals(field, text, token.kind == "word" and "*" in text)


def _compared(field: str, sign: str, token: _Token) -> Query:
    if field not in NUMBERS | TIMES:
        raise _wrong(token.at, f'"{field}" is a text, which has no "{sign}".')
    if not token.text:
        raise _wrong(token.at, f'expected a number or time after "{sign}".')
    low, high = _low(field, token.text, token), _high(field, token.text, token)
    if low is None or high is None:
        raise _wrong(token.at, f'expected a number or time after "{sign}".')
    is_whole = field not in FRACTIONS
    if sign == ">=":
        return Range(field, low, None)
    if sign == ">":
        return Range(field, _step(high, math.inf, is_whole=is_whole), None)
    if sign == "<=":
        return Range(field, None, high)
    return Range(field, None, _step(low, -math.inf, is_whole=is_whole))


def _step(number: float | int, towards: float, *, is_whole: bool) -> float | int:
    """The next number in a direction, of those that the field can hold."""
    if is_whole and isinstance(number, int):
        return number + (1 if towards > 0 else -1)
    return math.nextafter(number, towards)


def _low(field: str, text: str, token: _Token) -> float | int | None:
    if not text or text == "*":
        return None
    return _time(text, token)[0] if field in TIMES else _number(text, token)


def _high(field: str, text: str, token: _Token) -> float | int | None:
    if not text or text == "*":
        return None
    return _time(text, token)[1] if field in TIMES else _number(text, token)


def _number(text: str, token: _Token) -> float | int:
    try:
        return int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else _finite(text)
    except ValueError:
        raise _wrong(token.at, f'"{text}" is no number.') from None


def _finite(text: str) -> float:
    found = float(text)
    if not abs(found) < 1e18:
        raise ValueError(text)
    return found


_SPANS: Final = ((10, timedelta(days=1)), (13, timedelta(hours=1)), (16, timedelta(minutes=1)))


def _time(text: str, token: _Token) -> tuple[int, int]:
    """First and last microsecond that a time means; a date means its whole day, UTC."""
    try:
        found = datetime.fromisoformat(text)
        moment = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        start = to_us(moment)
    except (ValueError, OverflowError):
        raise _wrong(
            token.at, f'"{text}" is no time. Expected one such as 2026-03-14T10:30 or 2026-03-14.'
        ) from None
    bare = re.sub(r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$", "", text) if "T" in text else text
    if "." in bare:
        return start, start
    span = next((span for chars, span in _SPANS if len(bare) <= chars), timedelta(seconds=1))
    return start, start + int(span.total_seconds() * 1_000_000) - 1
