"""Findings in words: summaries, bars, and the lines that show what happened."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from soc_copilot.detection.auth import rules
from soc_copilot.detection.auth.rules import Rule
from soc_copilot.domain.clock import from_us, to_us
from soc_copilot.domain.events import event_id
from soc_copilot.domain.findings import Component, Evidence, Finding, Highlight, Severity

KEPT_RAW_CHARS: Final = 400  # chosen: of a line kept for an alert that may come
_PHRASES: Final = re.compile(
    r"Accepted \S+ for (?:invalid user )?\S*|Failed \S+ for(?: invalid user)?"
    r"|authentication failures?|FAILED \w+|incorrect password attempts?"
    r"|NOT in sudoers|command not allowed|COMMAND=.*|to (?:shadow )?group '[^']*'"
)


def highlights(raw: str, words: Iterable[str]) -> tuple[Highlight, ...]:
    """Where the telling phrases and the names stand in a line, sorted, not overlapping."""
    spans = [match.span() for match in _PHRASES.finditer(raw)]
    for word in filter(None, words):
        if found := re.search(rf"(?<!\w){re.escape(word)}(?!\w)", raw):
            spans.append(found.span())  # noqa: PERF401 - a comprehension would be no clearer
    merged: list[Highlight] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def keep_line(line: Evidence) -> list[Any]:
    """A raw line as JSON values, shortened."""
    return [
        line.source_id,
        line.generation,
        line.path,
        line.offset,
        line.length,
        to_us(line.timestamp),
        line.raw[:KEPT_RAW_CHARS],
        line.score,
    ]


def kept_line(values: list[Any], words: Iterable[str]) -> Evidence:
    """The line that `keep_line` kept."""
    source_id, generation, path, offset, length, ts, raw, score = values
    return Evidence(
        event_id=event_id(source_id, generation, offset),
        source_id=source_id,
        generation=generation,
        path=path,
        offset=offset,
        length=length,
        timestamp=from_us(ts),
        raw=raw,
        highlights=highlights(raw, words),
        score=score,
    )


def build(
    rule: Rule,
    entity: str,
    told: Mapping[str, Any],
    count: int,
    span_us: tuple[int, int],
    lines: tuple[Evidence, ...],
) -> Finding:
    """The finding for what has been said of an alert so far.

    Args:
        rule: The rule that was met.
        entity: Whom the alert is about.
        told: The alert's memory: `total`, `distinct`, `user`, `hosts`, `users`, `address`,
            `text`, `score`, `severity` (all at its strongest).
        count: Events that are new.
        span_us: Earliest and latest event time, microseconds since 1970.
        lines: Evidence, earliest first.
    """
    return Finding(
        detector="auth",
        rule=rule.id,
        entity=entity,
        entity_type=rule.entity_type,
        technique=rule.technique,
        title=rule.title,
        summary=summary(rule, entity, told),
        severity=Severity(told["severity"]),
        score=told["score"],
        threshold=rules.THRESHOLD,
        count=count,
        first_seen=from_us(span_us[0]),
        last_seen=from_us(span_us[1]),
        components=_components(rule, told),
        evidence=lines,
        next_steps=rule.next_steps,
        model_version=rules.VERSION,
    )


def summary(rule: Rule, entity: str, told: Mapping[str, Any]) -> str:
    """One plain sentence."""
    total, distinct = told["total"], told["distinct"]
    user, address, text = told["user"] or "an unknown user", told["address"], told["text"]
    at = f" on {_some(told['hosts'])}" if told["hosts"] else ""
    accounts = "one account" if distinct <= 1 else f"{distinct} accounts"
    names = [told["user"]] if distinct <= 1 else told["users"][:distinct]
    who = f" ({_some(names, distinct)})" if any(names) else ""
    sentences = {
        rules.BRUTE.id: f"{entity} failed to log in {total} times{at} within 5 minutes, "
        f"trying {accounts}{who}.",
        rules.SPRAY.id: f"{entity} tried {accounts}{who}{at} within 5 minutes, {total} times in "
        "all: few tries for each, to stay below lock-out.",
        rules.DISTRIBUTED.id: f"{distinct} addresses tried to log in as {entity}{at} within "
        f"5 minutes, {total} times in all.",
        rules.SUCCESS.id: (
            f"{entity} tried {accounts}{at} in 5 minutes and then logged in as {user}."
            if distinct > 1
            else f"{entity} failed to log in {total} times{at} in 5 minutes and then logged in "
            f"as {user}."
        ),
        rules.ORIGIN.id: f"{entity} logged in{at} from {address}, a network ({text}) never seen "
        "for this user before.",
        rules.ROOT.id: f"root logged in with a password from {entity}{at}.",
        rules.SUDO_REFUSED.id: f"sudo refused {entity}{at}: {text}.",
        rules.SUDO_GUESS.id: f"{entity} gave sudo {total} wrong passwords{at} within 5 minutes.",
        rules.SUDO_DANGER.id: f"{entity} used sudo{at} for a command that touches {text}.",
        rules.SU_GUESS.id: f"{entity} failed at su {total} times{at} within 5 minutes.",
        rules.ADMIN.id: f"{entity} was put into the group {text}{at}.",
        rules.NEW_ADMIN.id: f"{entity} was made{at} and put into the group {text} within "
        f"{rules.ADDED_MINUTES} minutes.",
    }
    return sentences[rule.id]


def _some(names: list[str], n_all: int = 0) -> str:
    """The names in words, three at most: "root and admin", "root, admin, test and 39 more"."""
    shown = names[:3]
    more = n_all - len(shown)
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _components(rule: Rule, told: Mapping[str, Any]) -> tuple[Component, ...]:
    """The score's parts as bars: full at four times the threshold."""
    total, distinct = told["total"], told["distinct"]
    failures = ("Failures, 5 min", total, rules.BRUTE_FAILURES)
    accounts = ("Accounts tried, 5 min", distinct, rules.SPRAY_ACCOUNTS)
    bars = {
        rules.BRUTE.id: (failures, accounts),
        rules.SPRAY.id: (accounts, failures),
        rules.SUCCESS.id: (("Failures before, 5 min", total, rules.SUCCESS_FAILURES), accounts),
        rules.DISTRIBUTED.id: (
            ("Addresses, 5 min", distinct, rules.DISTRIBUTED_ADDRESSES),
            failures,
        ),
        rules.SUDO_GUESS.id: (("Wrong passwords, 5 min", total, rules.LOCAL_FAILURES),),
        rules.SU_GUESS.id: (("Failures, 5 min", total, rules.LOCAL_FAILURES),),
    }
    if rule.id in bars:
        return tuple(
            Component(name, f"{value:,}", min(value / (4 * full), 1.0))
            for name, value, full in bars[rule.id]
        )
    return (Component(rule.title, told["text"] or told["address"] or "seen", told["score"]),)
