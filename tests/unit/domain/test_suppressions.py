from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from soc_copilot.domain.alerts import AlertRow, AlertStatus
from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.suppressions import (
    LENGTHS,
    LONGEST,
    Alike,
    DryRun,
    End,
    Field,
    Subject,
    Suppression,
    alike_of,
    checked_end,
    is_own,
    offer_of,
)

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
SUBJECT = Subject("web", "web.sqli", "192.0.2.7", "source.ip", "T1190", Severity.HIGH)


def row(number: int = 1, **changes: Any) -> AlertRow:
    values: dict[str, Any] = {
        **{"id": number, "severity": Severity.HIGH, "first_seen": NOW, "last_seen": NOW},
        **{"detector": "web", "rule": "web.sqli", "entity": "192.0.2.7"},
        **{"entity_type": "source.ip", "technique": "T1190", "title": "SQL", "count": 1},
        **{"status": AlertStatus.NEW, "disposition": None, "assignee": None, "score": 0.9},
        "raised_at": NOW,
    }
    return AlertRow(**(values | changes))


@pytest.mark.parametrize(
    ("alike", "covered"),
    [
        (Alike(rule="web.sqli", entity="192.0.2.7", entity_type="source.ip"), True),
        (Alike(rule="web.xss", entity="192.0.2.7"), False),
        (Alike(entity="192.0.2.7", entity_type="host.name"), False),
        (Alike(rule="web.sqli", up_to=Severity.HIGH), True),
        (Alike(rule="web.sqli", up_to=Severity.MEDIUM), False),
        (Alike(detector="web"), True),
        (Alike(technique="T1110"), False),
        (Alike(rule="web.sqli", source_id=1), False),  # nobody knows where it came from
    ],
)
def test_every_part_that_is_named_must_be_the_same(alike: Alike, covered: bool) -> None:
    assert alike.covers(SUBJECT) is covered


def test_a_source_is_alike_only_when_all_lines_came_from_it() -> None:
    alike = Alike(rule="web.sqli", source_id=1)
    assert alike.covers(replace(SUBJECT, source_ids=frozenset({1})))
    assert not alike.covers(replace(SUBJECT, source_ids=frozenset({1, 2})))


@pytest.mark.parametrize(
    "own",
    [
        replace(SUBJECT, detector="service"),
        replace(SUBJECT, detector="audit"),
        replace(SUBJECT, detector="governance"),
        replace(SUBJECT, detector="load", entity_type="log.source"),
        replace(SUBJECT, detector="load", rule="load.exercise"),
        replace(SUBJECT, detector="host", entity="/srv/soc-copilot-demonstration-abc"),
    ],
)
def test_what_the_program_says_about_itself_is_never_alike(own: Subject) -> None:
    assert is_own(own.detector, own.rule, own.entity, own.entity_type)
    everything = Alike(detector=own.detector)
    assert not everything.covers(own)
    mine = row(7, detector=own.detector, rule=own.rule, entity=own.entity)
    with pytest.raises(PolicyError, match="Alert 7 is about SOC Copilot itself"):
        offer_of([row(), replace(mine, entity_type=own.entity_type)], ())


def test_an_offer_names_what_alerts_have_in_common() -> None:
    offer = offer_of([row(), row(2, severity=Severity.CRITICAL, technique="")], {3})
    assert offer.ids == (1, 2)
    assert dict(offer.values) == {
        **{Field.RULE: "web.sqli", Field.ENTITY: "192.0.2.7"},
        **{Field.DETECTOR: "web", Field.SOURCE: "3"},
    }
    assert offer.highest is Severity.CRITICAL
    user = row(2, entity="192.0.2.7", entity_type="user.name")
    assert Field.ENTITY not in dict(offer_of([row(), user], ()).values)
    with pytest.raises(PolicyError, match="No alert is chosen"):
        offer_of([], ())


def test_alike_takes_the_fields_asked_for_and_stops_above_the_highest_severity() -> None:
    offer = offer_of([row()], {3})
    chosen = {Field.RULE, Field.ENTITY}
    alike = alike_of(offer, "source.ip", chosen, any_severity=False)
    assert alike == Alike("web.sqli", "192.0.2.7", "source.ip", up_to=Severity.HIGH)
    assert alike.words() == "rule web.sqli, entity 192.0.2.7, up to high"
    every = alike_of(offer, "source.ip", {Field.SOURCE}, any_severity=True)
    assert every == Alike(source_id=3)
    assert every.words() == "source 3"


def test_nothing_in_common_is_refused() -> None:
    offer = offer_of([row(technique="")], ())
    with pytest.raises(PolicyError, match="hide every alert"):
        alike_of(offer, "source.ip", (), any_severity=False)
    with pytest.raises(PolicyError, match="no technique in common, but rule, entity, detector"):
        alike_of(offer, "source.ip", {Field.TECHNIQUE}, any_severity=False)


@pytest.mark.parametrize(
    ("end", "without", "words"),
    [
        (None, False, "Say until when"),
        (NOW, False, "not in the future"),
        (NOW + LONGEST + timedelta(hours=1), False, "366 days away"),
        (NOW + timedelta(hours=1), True, "either has an end or none"),
    ],
)
def test_an_end_is_asked_for(end: datetime | None, without: bool, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        checked_end(end, NOW, without_end=without)


def test_ends_that_fit_are_taken() -> None:
    for length in LENGTHS.values():
        checked_end(NOW + length, NOW, without_end=False)
    checked_end(None, NOW, without_end=True)


def test_it_stops_at_the_moment_of_its_end() -> None:
    end = NOW + timedelta(hours=1)
    made = Suppression(1, Alike(rule="x"), "", (1,), "ana", "cli", NOW, end)
    assert made.is_active(end - timedelta(microseconds=1))
    assert not made.is_active(end)
    assert not replace(made, ended_at=NOW, ended=End.LIFTED).is_active(NOW)
    assert replace(made, expires_at=None).is_active(NOW + timedelta(days=9_999))


def test_a_dry_run_says_how_much_and_what_to_think_about() -> None:
    run = DryRun(Alike(rule="x"), (0, 0, 199, 12, 3), 3_020, 5, 0, 6, 0)
    assert run.n_alerts == 214
    assert run.words() == "Would have hidden 214 alerts (3,020 occurrences) of the last 7 days."
    assert run.warning() == "Among them: 3 critical, 12 high, 5 still open."
    one = DryRun(Alike(rule="x"), (1, 0, 0, 0, 0), 1, 0, 0, 0, 0)
    assert one.words() == "Would have hidden 1 alert (1 occurrence) of the last 7 days."
    assert one.warning() == ""
