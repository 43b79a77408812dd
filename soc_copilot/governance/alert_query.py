"""An analyst's filter as SQL conditions: every value bound, every pattern literal."""

import re
from collections.abc import Callable

from sqlalchemy import ColumnElement, false, not_, or_, select

from soc_copilot.domain.alerts import AlertFilter, AlertStatus
from soc_copilot.domain.clock import to_us
from soc_copilot.domain.findings import Severity
from soc_copilot.governance.schema import AlertModel, EvidenceModel

_ALERT = AlertModel.__table__.c
_EVIDENCE = EvidenceModel.__table__.c
_OPEN = frozenset({AlertStatus.NEW, AlertStatus.ACKNOWLEDGED})
_TERM = re.compile(
    r"""
    (?:(?P<field>-?[a-z]+):)?    # entity:, file:, ...; -entity: for all but these
    (?: "(?P<quoted>[^"]*)"?     # "several words"
      | (?P<word>[^\s"]\S*) )    # one word
    """,
    re.VERBOSE | re.IGNORECASE,
)

Condition = ColumnElement[bool]


def conditions(wanted: AlertFilter) -> list[Condition]:
    """What an alert must fulfil to pass the filter; all of it."""
    found = [*_status(frozenset(wanted.statuses), _is_narrow(wanted))]
    if wanted.suppressed is not None:
        found.append(_ALERT.is_suppressed == int(wanted.suppressed))
    if wanted.suppression is not None:
        found.append(_ALERT.suppressed_by == wanted.suppression)
    if wanted.severities:
        found.append(_ALERT.severity.in_(sorted(int(s) for s in set(wanted.severities))))
    if wanted.detectors:
        found.append(_ALERT.detector.in_(sorted(set(wanted.detectors))))
    if wanted.since is not None:
        found.append(_ALERT.last_us >= to_us(wanted.since))
    if wanted.until is not None:
        found.append(_ALERT.first_us < to_us(wanted.until))
    if wanted.entity is not None:
        found.append(_ALERT.entity == wanted.entity)
    if wanted.technique is not None:
        found.append(_ALERT.technique == wanted.technique)
    if wanted.mine is not None:
        found.append(or_(_ALERT.assignee == wanted.mine, _ALERT.assignee.is_(None)))
    return found + [_term(*term) for term in terms(wanted.text)]


def parts(wanted: AlertFilter) -> list[list[Condition]]:
    """The same as conditions of parts that share no alert, each read newest first by an index.

    The indexes of pages keep suppressed alerts apart: where both are wanted, or suppressed ones
    of any status, a page is put together of two.
    """
    found = conditions(wanted)
    statuses = frozenset(wanted.statuses)
    if _is_narrow(wanted):
        return [found]
    if wanted.suppressed and (not statuses or statuses == frozenset(AlertStatus)):
        return [[_ALERT.is_open == is_open, *found] for is_open in (1, 0)]
    if wanted.suppressed is None and (statuses == _OPEN or len(statuses) == 1):
        return [[*found, _ALERT.is_suppressed == hidden] for hidden in (0, 1)]
    return [found]


def _is_narrow(wanted: AlertFilter) -> bool:
    chosen = (wanted.entity, wanted.technique, wanted.suppression)
    return any(one is not None for one in chosen)


def terms(text: str) -> list[tuple[str, str]]:
    """(field, literal) pairs of a search text; field is "" for words sought everywhere."""
    found = []
    for match in _TERM.finditer(text):
        field = (match["field"] or "").lower()
        value = match["quoted"] if match["quoted"] is not None else match["word"]
        if field and field.removeprefix("-") not in _FIELDS:  # "http://x" is no field but a word
            field, value = "", f"{match['field']}:{value}"
        if value:
            found.append((field, value))
    return found


def contains(column: ColumnElement[str], text: str) -> Condition:
    """True where the column holds the text, in any case, every character literal."""
    escaped = re.sub(r"([\\%_])", r"\\\1", text)
    # SQLite folds the case of ASCII only; the other letters' usual cases are tried in turn.
    tries = {escaped} if text.isascii() else {escaped, escaped.lower(), escaped.upper()}
    return or_(*(column.ilike(f"%{one}%", escape="\\") for one in sorted(tries)))


def _status(statuses: frozenset[AlertStatus], narrow: bool) -> list[Condition]:
    """Conditions on the status, put so that a page is read by the index that fits best.

    Pages of open alerts and of a single status have an index each. When the filter names an
    entity or a technique, their indexes fit better, and the planner must not be tempted.
    """
    if not statuses or statuses == frozenset(AlertStatus):
        return []
    if statuses == _OPEN and not narrow:
        return [_ALERT.is_open == 1]
    if len(statuses) == 1 and not narrow:
        return [_ALERT.status == next(iter(statuses))]
    return [_ALERT.status.not_in(sorted(frozenset(AlertStatus) - statuses))]


def _term(field: str, value: str) -> Condition:
    if field.startswith("-"):
        return not_(_FIELDS[field[1:]](value))
    return _FIELDS[field](value)


def _anywhere(word: str) -> Condition:
    columns = (_ALERT.title, _ALERT.summary, _ALERT.entity, _ALERT.rule, _ALERT.technique)
    return or_(*(contains(column, word) for column in columns), _in_evidence("raw", word))


def _in_evidence(column: str, word: str) -> Condition:
    lines = select(_EVIDENCE.id).where(
        _EVIDENCE.alert_id == _ALERT.id, contains(_EVIDENCE[column], word)
    )
    return lines.exists()


def _status_term(word: str) -> Condition:
    word = word.lower()
    if word == "open":
        return _ALERT.is_open == 1
    named = [status.value for status in AlertStatus if status.value.startswith(word)]
    return _ALERT.status.in_(named) if named else false()


def _severity_term(word: str) -> Condition:
    named = [int(s) for s in Severity if s.name.startswith(word.upper())]
    return _ALERT.severity.in_(named) if named else false()


def _suppressed_term(word: str) -> Condition:
    word = word.lower()
    if word.isdecimal():
        return _ALERT.suppressed_by.is_not_distinct_from(int(word))
    if word and "yes".startswith(word):
        return _ALERT.is_suppressed == 1
    return _ALERT.is_suppressed == 0 if word and "no".startswith(word) else false()


_FIELDS: dict[str, Callable[[str], Condition]] = {
    "": _anywhere,
    "entity": lambda word: contains(_ALERT.entity, word),
    "detector": lambda word: contains(_ALERT.detector, word),
    "technique": lambda word: contains(_ALERT.technique, word),
    "file": lambda word: _in_evidence("path", word),
    "status": _status_term,
    "severity": _severity_term,
    "suppressed": _suppressed_term,
}
