import numpy as np
import pytest

from soc_copilot.detection.host import findings
from soc_copilot.detection.host.detector import HostScorer, HybridThreatDetector
from soc_copilot.detection.host.features import Feature
from soc_copilot.detection.host.prediction import Components
from soc_copilot.detection.host.rules import ENCRYPTION, RULES, TAMPERING, UNUSUAL
from soc_copilot.domain.findings import Severity
from tests.unit.detection.host.making import attack, model, write


def _row(**files):
    row = np.zeros(30, np.float32)
    for name, n in files.items():
        row[Feature[name]] = np.log1p(n)
    return row


@pytest.mark.parametrize(
    ("files", "places", "rule"),
    [
        ({"OVERWRITTEN": 8}, 0, "host.encryption"),
        ({"REPLACED": 8, "WIPED": 8}, 0, "host.encryption"),
        ({"RENAMED": 20}, 0, "host.encryption"),
        ({"HARM_SLOW": 4}, 0, "host.encryption"),
        ({"WIPED": 8}, 0, "host.wiping"),
        ({"DELETED": 30}, 0, "host.wiping"),
        ({"DELETED": 5}, 5, "host.tampering"),
        ({"OVERWRITTEN": 30}, 2, "host.encryption"),
        ({}, 0, "host.unusual"),
    ],
)
def test_the_strongest_evidence_chooses_the_rule(files, places, rule):
    (found,) = findings.choose(_row(**files)[None], np.array([places], np.float32))
    assert RULES[found].id == rule


def test_losing_many_files_is_critical():
    few, many = _row(OVERWRITTEN=2), _row(OVERWRITTEN=40)
    few[Feature.HARM_SHARE] = many[Feature.HARM_SHARE] = 1.0
    assert findings.severity(ENCRYPTION, few) is Severity.HIGH
    assert findings.severity(ENCRYPTION, many) is Severity.CRITICAL
    assert findings.severity(UNUSUAL, many) is Severity.MEDIUM


@pytest.fixture(scope="module")
def window():
    scorer = HostScorer(HybridThreatDetector(model=model(), device="cpu"), n_files=1_024)
    for event in attack(14):
        scorer.process_one(event)
    return scorer.memory.windows.buffer("web01").window()


def test_facts_name_the_place_the_files_and_the_doer(window):
    parts = Components(0.9, 0.6, 0.8, 0.7)
    told = findings.facts(ENCRYPTION, window.features[-1], parts, window, "ann", "/usr/bin/gpg")
    assert told["summary"].startswith(
        "Under /srv/docs: 14 files that were there hold unreadable content now, in 5 folders"
    )
    assert told["summary"].endswith("; by user ann and /usr/bin/gpg.")
    assert any("as ann (/usr/bin/gpg)" in step for step in told["steps"])
    assert any("under /srv/docs" in step for step in told["steps"])
    bars = findings.components(told["components"])
    weights = [bar.weight for bar in bars]
    assert weights == sorted(weights, reverse=True)
    assert {"Sequence of events", "Unlike ordinary work", "Rule: files lost"} <= {
        bar.name for bar in bars
    }
    assert all(0 <= weight <= 1 for weight in weights)


def test_without_a_doer_none_is_named(window):
    told = findings.facts(TAMPERING, window.features[-1], Components(0, 0, 0, 0), window, "", "")
    assert "by user" not in told["summary"]
    assert "Find the program that does this: note" in told["steps"][1]


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        (["/srv/a/1.txt", "/srv/b/2.txt"], "/srv"),
        (["/srv/a/1.txt"], "/srv/a"),
        (["/srv/a/1.txt", "/home/b"], "/"),
        (["C:\\Users\\ann\\a.txt", "C:\\Users\\bob\\b.txt"], "C:\\Users"),
        (["a.txt", "b.txt"], "/"),
    ],
)
def test_the_folder_that_holds_all_harmed_files(paths, folder):
    scorer = HostScorer(HybridThreatDetector(model=model(), device="cpu"), n_files=1_024)
    for i, path in enumerate(paths):
        scorer.process_one(write(i, path, i, entropy=7.95, before=4.6))
    assert findings.folder_of(scorer.memory.windows.buffer("web01").window()) == folder
