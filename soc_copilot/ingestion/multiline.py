"""Which lines make one event: rules, and where records begin among lines.

Where records begin depends on the bytes from a record's start on and on nothing else, so that
reading on from any record gives the same ones again.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import MAX_LINE_BYTES
from soc_copilot.ingestion.lines import Lines, Positions

OFF: Final = "off"
AUTO: Final = "auto"
MAX_RECORD_LINES: Final = 500  # chosen: deeper stack traces than any language prints by default

_TRACEBACK: Final = b"Traceback (most recent call last):"
_PREFIXES: Final = (b"Caused by:", b"Suppressed:", b"... ", _TRACEBACK)
_MORE: Final = re.compile(rb"\.\.\. \d+ (?:more|common frames omitted)")
_RAISED: Final = re.compile(rb"[A-Za-z_][\w.]*(?::|\r?$)")  # "ValueError: no" or "KeyError"
_LINKS: Final = (
    b"During handling of the above exception, another exception occurred:",
    b"The above exception was the direct cause of the following exception:",
)
# Lines of formats whose writers never let an event go on in the next line.
_SINGLE: Final = re.compile(
    rb"""
    \{.*\}\r?\n?$                                          # JSON
    | [^\["\n]{1,512}                                      # web access: host, user
      \[\d\d/[A-Z][a-z]{2}/\d{4}(?::\d\d){3}\ [+-]\d{4}\]\ "
    | (?:<\d{1,3}>)?                                      # syslog: priority
      (?:[A-Z][a-z]{2}\ [ \d]\d(?:\ \d{4})?\ \d\d:\d\d:\d\d
         |\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]{0,10}(?:Z|[+-]\d\d:?\d\d))
      \ (?!(?i:trace|debug|info|notice|warn|warning|error|fatal|critical)\ )  # a log level
      [\w.:-]{1,255}                                      # host
      \ [\w./()@-]{1,128}(?:\[\d{1,10}\])?:\               # program
    | <\d{1,3}>1\ [-\d]                                   # syslog, RFC 5424
    """,
    re.VERBOSE,
)
# Linux audit: lines with the same host, time and serial number tell one event.
_AUDIT: Final = (b"type=", b"node=")
_AUDIT_EVENT: Final = r"^(node=\S+ )?type=\S+ msg=(audit\([0-9.]+:[0-9]+\))"
# What a line's first byte says: it joins, or it may after a closer look.
_JOINS, _MAY_JOIN = 1, 2
_FIRST: Final = np.zeros(256, np.uint8)
_FIRST[[ord(" "), ord("\t")]] = _JOINS
_FIRST[[prefix[0] for prefix in (*_PREFIXES, *_AUDIT)]] = _MAY_JOIN


@dataclass(frozen=True, slots=True)
class MultilineRule:
    """How lines are put together to events.

    Attributes:
        mode: "auto", "off", "indent", "start" or "continue".
        pattern: Regular expression for "start" and "continue", searched in each line.
    """

    mode: str = AUTO
    pattern: str = ""

    def check(self) -> None:
        """Find out whether lines can be put together by this rule.

        Raises:
            SourceError: The pattern cannot be used.
        """
        if self.mode not in {"start", "continue"}:
            return
        try:
            pl.Series([""]).str.contains(self.pattern)
        except pl.exceptions.PolarsError as error:
            raise SourceError(
                'The "multiline_pattern" cannot be used to tell where events begin: '
                f"{str(error).splitlines()[-1]}. Write it in RE2 syntax, without look-around "
                f'and back-references. Found "{self.pattern}".'
            ) from error


class _Trace(Enum):
    """Where in a Python traceback a line stands."""

    OUTSIDE = 0
    MARK = 1  # the line that says that a traceback follows
    FRAMES = 2
    RAISED = 3  # after the line that names the exception
    GAP = 4
    LINK = 5  # after the line that says how the next traceback came about

    def after(self, text: bytes) -> "_Trace":
        """Where a line stands that does not join by its first bytes; OUTSIDE ends the record."""
        is_blank = not text.strip()
        if self is _Trace.FRAMES and _RAISED.match(text):
            return _Trace.RAISED
        if self is _Trace.RAISED and is_blank:
            return _Trace.GAP
        if self is _Trace.GAP and text.startswith(_LINKS):
            return _Trace.LINK
        return self if self is _Trace.LINK and is_blank else _Trace.OUTSIDE


class Grouper:
    """Puts lines together to records by one rule.

    Args:
        rule: Which lines belong together.
        max_lines: Lines of one record; the next one begins a record whatever the rule says.
        max_bytes: Bytes of one record in the file.

    Raises:
        SourceError: The rule's pattern cannot be used.
    """

    def __init__(
        self,
        rule: MultilineRule,
        max_lines: int = MAX_RECORD_LINES,
        max_bytes: int = MAX_LINE_BYTES,
    ) -> None:
        rule.check()
        self._rule = rule
        self._max_lines = max_lines
        self._max_bytes = max_bytes
        self.was_full = False

    def starts(self, lines: Lines) -> Positions:
        """int64, index of each record's first line; the first line always begins one."""
        joins = self._joins(lines)
        starts = np.flatnonzero(~joins).astype(np.int64, copy=False)
        if len(starts) == len(joins):
            return starts
        marks = self._marks(lines) if joins.any() else []
        if marks or self._is_any_too_large(lines, starts):
            return self._walk(lines, joins, starts, marks)
        return starts

    def is_over(self, lines: Lines, first: int, stop: int, unit_bytes: int) -> bool:
        """True when no line can join the last record, whatever it will be.

        Args:
            lines: Whole lines.
            first: Where the last record begins among them.
            stop: Offset in the file up to which bytes are there, those of a line without its
                line end included.
            unit_bytes: Bytes of a line end.
        """
        n_lines = len(lines) - first
        if self._rule.mode == AUTO and n_lines == 1 and _is_single(lines, first):
            return True
        too_much = stop + unit_bytes - int(lines.offsets[first]) > self._max_bytes
        is_full = n_lines >= self._max_lines or too_much
        self.was_full |= is_full and n_lines > 1
        return is_full

    def _joins(self, lines: Lines) -> npt.NDArray[np.bool_]:
        if self._rule.mode in {"start", "continue"}:
            found = self._matches(lines)
            matched: npt.NDArray[np.bool_] = ~found if self._rule.mode == "start" else found
            matched[0] = False
            return matched
        block = np.frombuffer(lines.data, np.uint8)
        starts = lines.starts
        kinds = _FIRST[block[starts]]
        joins: npt.NDArray[np.bool_] = kinds == _JOINS
        if self._rule.mode == AUTO and (kinds == _MAY_JOIN).any():
            for prefix in _PREFIXES:
                joins[_begin_with(prefix, lines, block, starts, kinds)] = True
            if any(len(_begin_with(prefix, lines, block, starts, kinds)) for prefix in _AUDIT):
                joins |= _go_on_with_event(_texts(lines))
        joins[0] = False
        if self._rule.mode == AUTO and joins.any():
            first_of_several = np.flatnonzero(joins[1:] & ~joins[:-1])
            for first in first_of_several.tolist():
                joins[first + 1] = not _is_single(lines, first)
        return joins

    def _matches(self, lines: Lines) -> npt.NDArray[np.bool_]:
        return _texts(lines).str.contains(self._rule.pattern).to_numpy().copy()

    def _marks(self, lines: Lines) -> list[int]:
        """The lines in which a Python traceback begins."""
        marks: list[int] = []
        if self._rule.mode != AUTO:
            return marks
        high = int(lines.ends[-1])
        place = lines.data.find(_TRACEBACK, lines.begin, high)
        while place >= 0:
            line = int(np.searchsorted(lines.ends, place, "right"))
            marks.append(line)
            place = lines.data.find(_TRACEBACK, int(lines.ends[line]), high)
        return marks

    def _is_any_too_large(self, lines: Lines, starts: Positions) -> bool:
        last = np.append(starts[1:], len(lines)) - 1
        sizes = lines.stops[last] - lines.offsets[starts]
        is_several = last > starts
        too_large = (last - starts >= self._max_lines) | (sizes > self._max_bytes)
        return bool((too_large & is_several).any())

    def _walk(
        self, lines: Lines, joins: npt.NDArray[np.bool_], starts: Positions, marks: list[int]
    ) -> Positions:
        """Record by record: within the limits, and with the last lines of tracebacks."""
        n, offsets, stops = len(lines), lines.offsets.tolist(), lines.stops.tolist()
        breaks = [*starts.tolist(), n]
        found, first = [], 0
        while first < n:
            found.append(first)
            room = bisect_right(stops, offsets[first] + self._max_bytes, first)
            cap = min(max(min(first + self._max_lines, room), first + 1), n)
            end = breaks[bisect_right(breaks, first)]
            self.was_full |= cap < end
            has_mark = bisect_right(marks, min(end, cap) - 1) > bisect_right(marks, first - 1)
            first = _traced(lines, first, cap, joins, marks) if has_mark else min(end, cap)
        return np.array(found, np.int64)


def _texts(lines: Lines) -> pl.Series:
    """Each line without its line end."""
    raw = lines.data[lines.begin : int(lines.ends[-1]) - 1]
    text = pl.Series([raw.decode("utf-8", "backslashreplace")])
    return text.str.split("\n").explode().str.strip_suffix("\r")


def _go_on_with_event(texts: pl.Series) -> npt.NDArray[np.bool_]:
    """The lines that tell of the same audit event as the line before."""
    parts = texts.str.extract_groups(_AUDIT_EVENT).struct.unnest()
    event = parts.select(pl.concat_str(pl.col("1").fill_null(""), "2")).to_series()
    found: npt.NDArray[np.bool_] = (event == event.shift(1)).fill_null(value=False).to_numpy()
    return found


def _is_single(lines: Lines, line: int) -> bool:
    low = int(lines.ends[line - 1]) if line else lines.begin
    return bool(_SINGLE.match(lines.data, low, int(lines.ends[line]) - 1))


def _begin_with(
    prefix: bytes,
    lines: Lines,
    block: npt.NDArray[np.uint8],
    starts: Positions,
    kinds: npt.NDArray[np.uint8],
) -> Positions:
    """The lines that begin with this; looks at ever fewer of them, byte by byte."""
    found = np.flatnonzero((kinds == _MAY_JOIN) & (starts + len(prefix) <= len(block)))
    for i, byte in enumerate(prefix):
        if not len(found):
            return found
        found = found[block[starts[found] + i] == byte]
    if prefix == b"... ":
        ends = lines.ends
        picked = [i for i in found.tolist() if _MORE.match(lines.data, starts[i], ends[i])]
        return np.array(picked, np.int64)
    return found


def _traced(
    lines: Lines, first: int, cap: int, joins: npt.NDArray[np.bool_], marks: list[int]
) -> int:
    """Where a record with a Python traceback ends, its last and chained lines included.

    Args:
        lines: All of them.
        first: Where the record begins.
        cap: Where it ends at the latest.
        joins: Lines that join by their first bytes alone.
        marks: Lines in which a traceback begins.
    """
    starts, ends = lines.starts, lines.ends
    state = _Trace.OUTSIDE
    for i in range(first, cap):
        text = lines.data[int(starts[i]) : int(ends[i])]
        if i > first and not joins[i]:
            state = state.after(text)
            if state is _Trace.OUTSIDE:
                return i
        at = bisect_right(marks, i) - 1
        if at >= 0 and marks[at] == i:
            state = _Trace.MARK
        elif state is _Trace.MARK:
            state = _Trace.FRAMES
    return cap
