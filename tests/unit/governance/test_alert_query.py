from datetime import timedelta

import pytest

from soc_copilot.domain.alerts import AlertFilter, AlertStatus, Disposition
from soc_copilot.domain.findings import Severity
from soc_copilot.governance.alert_query import terms
from soc_copilot.governance.database import Governance
from tests.unit.governance.helpers import NOON, commit, finding, line, minutes

HARD = "a%b_c\\d\"e'f\0g\u202eé"


@pytest.fixture
def desk(governance: Governance) -> Governance:
    """Four alerts, 1 the oldest."""
    governance.batches.store(
        commit(
            [
                finding("192.0.2.1", severity=Severity.LOW, first_seen=minutes(1)),
                finding(
                    "deploy",
                    detector="auth",
                    rule="auth.bruteforce",
                    technique="T1110",
                    title="Brute force",
                    summary="Many failures.",
                    entity_type="user.name",
                    severity=Severity.CRITICAL,
                    first_seen=minutes(2),
                ),
                finding("100%_sure", severity=Severity.HIGH, first_seen=minutes(3)),
                finding(
                    "Ärger",
                    severity=Severity.HIGH,
                    first_seen=minutes(4),
                    last_seen=minutes(9),
                    evidence=(line(0, raw=f"before {HARD} after"),),
                ),
            ]
        )
    )
    governance.alerts.acknowledge([2])
    governance.alerts.close([3], Disposition.BENIGN)
    return governance


def ids(governance: Governance, **filter_: object) -> list[int]:
    wanted = AlertFilter(**filter_)  # type: ignore[arg-type]
    found = [row.id for row in governance.alerts.page(wanted)]
    assert governance.alerts.count(wanted) == len(found)
    return sorted(found)


def test_an_empty_filter_passes_everything(desk: Governance) -> None:
    assert ids(desk) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"severities": (Severity.HIGH, Severity.LOW)}, [1, 3, 4]),
        ({"statuses": (AlertStatus.NEW,)}, [1, 4]),
        ({"statuses": (AlertStatus.NEW, AlertStatus.ACKNOWLEDGED)}, [1, 2, 4]),
        ({"statuses": (AlertStatus.CLOSED,)}, [3]),
        ({"statuses": (AlertStatus.CLOSED, AlertStatus.ACKNOWLEDGED)}, [2, 3]),
        ({"statuses": tuple(AlertStatus)}, [1, 2, 3, 4]),
        ({"detectors": ("auth",)}, [2]),
        ({"detectors": ("auth", "web")}, [1, 2, 3, 4]),
        ({"entity": "deploy"}, [2]),
        ({"entity": "Deploy"}, []),
        ({"technique": "T1110"}, [2]),
        ({"since": minutes(3)}, [3, 4]),
        ({"since": minutes(9)}, [4]),
        ({"until": minutes(3)}, [1, 2]),
        ({"since": minutes(2), "until": minutes(4)}, [2, 3]),
        ({"since": NOON + timedelta(days=1)}, []),
        ({"severities": (Severity.HIGH,), "statuses": (AlertStatus.NEW,)}, [4]),
    ],
)
def test_each_part_narrows(
    desk: Governance, filter_: dict[str, object], expected: list[int]
) -> None:
    assert ids(desk, **filter_) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("brute", [2]),
        ("BRUTE force", [2]),
        ("brute sql", []),
        ("t1110", [2]),
        ("web.sqli", [1, 3, 4]),
        ("many FAILURES", [2]),
        ("100%_", [3]),
        ("%", [3, 4]),
        ("_", [3, 4]),
        ("a%b_c\\d", [4]),
        ("axb", []),
        ("'f", [4]),
        ("f\0g", [4]),
        ("g\u202eé", [4]),
        ("ärger", [4]),
        ("ÄRGER", [4]),
        ("entity:192.0.2", [1]),
        ("entity:before", []),
        ("detector:AUTH", [2]),
        ("technique:T1190", [1, 3, 4]),
        ("file:access.log", [4]),
        ("file:/no/such", []),
        ("status:closed", [3]),
        ("status:open", [1, 2, 4]),
        ("status:ack", [2]),
        ("status:nonsense", []),
        ("severity:crit", [2]),
        ("severity:nonsense", []),
        ('"injection in query"', [1, 3, 4]),
        ('"query in injection"', []),
        ('entity:"100%_sure"', [3]),
        ("ENTITY:deploy status:ack", [2]),
        ("'; DROP TABLE alert; --", []),
        ("   ", [1, 2, 3, 4]),
        ('"', [1, 2, 3, 4]),
        ("entity:", []),
    ],
)
def test_text_is_taken_literally(desk: Governance, text: str, expected: list[int]) -> None:
    assert ids(desk, text=text) == expected


def test_an_unknown_field_is_a_word() -> None:
    assert terms("http://x host:y") == [("", "http://x"), ("", "host:y")]


def test_terms_keep_their_order_and_quotes() -> None:
    assert terms('a entity:"b c" "d e" file:f') == [
        ("", "a"),
        ("entity", "b c"),
        ("", "d e"),
        ("file", "f"),
    ]


def test_an_unfinished_quote_reaches_to_the_end() -> None:
    assert terms('x "y z') == [("", "x"), ("", "y z")]
