import pytest
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from soc_copilot.domain.web import WebCount
from soc_copilot.ui.models.web_tables import (
    CountColumn,
    CountModel,
    ThreatColumn,
    ThreatModel,
    request_line,
)
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.delegates import ROLE_BAR
from tests.ui.web_support import TEXT, asked


@pytest.fixture
def counts(qtbot: QtBot) -> CountModel:
    return CountModel("Target", {"sqli": "SQL injection"})


@pytest.fixture
def threats(qtbot: QtBot) -> ThreatModel:
    return ThreatModel(TimeFormat("UTC"))


def test_counts_keep_the_rules(counts: CountModel, qtmodeltester: ModelTester) -> None:
    qtmodeltester.check(counts, force_py=True)
    counts.set_rows([WebCount("/a", 4, "sqli"), WebCount("/b", 1, "xss")])
    qtmodeltester.check(counts, force_py=True)


def test_threats_keep_the_rules(threats: ThreatModel, qtmodeltester: ModelTester) -> None:
    qtmodeltester.check(threats, force_py=True)
    threats.set_rows([asked(), asked()])
    qtmodeltester.check(threats, force_py=True)


def test_counts_show_name_class_and_share(counts: CountModel) -> None:
    counts.set_rows([WebCount("/a", 4_000, "sqli"), WebCount("/b", 1_000, "new")])
    texts = [counts.index(0, column).data() for column in CountColumn]
    assert texts == ["/a", "SQL injection", "", "4,000"]
    assert counts.index(1, CountColumn.KIND).data() == "new"
    assert counts.index(1, CountColumn.BAR).data(ROLE_BAR) == 0.25
    assert counts.place_of("/b") == 1
    assert counts.place_of("/c") is None


def test_a_threat_on_one_line(threats: ThreatModel) -> None:
    one = asked()
    threats.set_rows([one])
    assert threats.index(0, ThreatColumn.REQUEST).data() == f"GET {TEXT}"
    assert threats.index(0, ThreatColumn.KIND).data() == "SQL injection"
    assert threats.index(0, ThreatColumn.SCORE).data() == "0.990"
    assert threats.place_of(one) == 0
    assert threats.place_of(asked()) is None


def test_a_header_is_shown_by_the_target_it_came_with() -> None:
    assert request_line(asked(text="sqlmap/1.7")) == "GET /item"
