"""The pane about one source: what is set, where it listens, what its tabs count."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.domain.governance import (
    SourceLedger,
    SourceRow,
    StoredPartial,
    StoredSourceEvent,
)
from soc_copilot.domain.records import Checkpoint, LedgerDelta, PartialLine, SourceEvent
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.ui.source_facts import SourceFacts, SourceMore
from soc_copilot.ui.widgets.source_detail import TABS, SourceDetail, options_text
from tests.ui.desk_support import HOSTILE, SHOWN, desk_bench

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
ROW = SourceRow(7, "web", "file", "/var/log/web.log", "", "auto", True, True, NOON)


def facts(**changes: object) -> SourceFacts:
    row = replace(ROW, **changes)  # type: ignore[arg-type]
    return SourceFacts(SourceLedger(row, LedgerDelta(), 0, 0, 0, None))


def test_what_differs_from_the_defaults_is_told_in_one_line() -> None:
    assert options_text(facts()) == "as under Settings"
    changed = SourceOptions.checked("file", {"encoding": "utf-16-le", "retention_days": 30})
    assert options_text(facts(options=changed)) == "encoding utf-16-le, keep events for 30 days"


@pytest.mark.parametrize(
    ("kind", "connections", "text"),
    [
        ("syslog-tcp", 1, "tcp 127.0.0.1:5514 · 1 connection"),
        ("syslog-tcp", 3, "tcp 127.0.0.1:5514 · 3 connections"),
        ("syslog-udp", 0, "tcp 127.0.0.1:5514"),
    ],
)
def test_a_listener_says_where_and_who_is_there(
    qtbot: QtBot, tmp_path: Path, kind: str, connections: int, text: str
) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        detail = SourceDetail(bench.desk)
        qtbot.addWidget(detail)
        told = replace(
            facts(kind=kind, path="127.0.0.1:5514"),
            state="listening",
            address="tcp 127.0.0.1:5514",
            n_connections=connections,
        )
        detail.show_source(told)
        assert detail.values["Where"].text() == text
        assert detail.state.text() == "Listening"


def test_tabs_count_what_they_hold_and_losses_are_named(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        detail = SourceDetail(bench.desk)
        qtbot.addWidget(detail)
        detail.show_source(facts(name=HOSTILE))
        assert detail.title.text() == SHOWN
        loss = SourceEvent("overflow", "Gone.", 1, 0, True, 3)
        more = SourceMore(
            7,
            (Checkpoint(7, 1, "/var/log/web.log", 4),),
            (StoredSourceEvent(1, 7, loss),),
            (StoredPartial(7, 1, "/var/log/web.log", PartialLine(4, 2, "ab", 1)),),
        )
        detail.show_more(more)
        titles = [detail.tabs.tabText(place) for place in range(detail.tabs.count())]
        assert titles == ["Ledger", "What happened (1 loss)", "Files (1)", "Partial lines (1)"]
        assert not detail.tabs.tabIcon(1).isNull()
        detail.show_more(replace(more, source_id=8))  # of another source: came too late
        assert [detail.tabs.tabText(place) for place in range(4)] == titles
        detail.show_source(facts(id=8))
        assert [detail.tabs.tabText(place) for place in range(4)] == list(TABS)
        detail.show_source(None)
        assert detail.title.text() == "No source selected"
