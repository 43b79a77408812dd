"""The palette finds what was meant."""

from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from soc_copilot.ui.actions import ACTIONS, ActionTable
from soc_copilot.ui.palette import Entry, PaletteModel, entries_of, fuzzy_score
from soc_copilot.ui.theme import Theme


def test_whole_words_come_before_scattered_letters() -> None:
    whole = fuzzy_score("stop", "Stop ingestion")
    scattered = fuzzy_score("stop", "Show the top")
    assert whole is not None
    assert scattered is not None
    assert whole > scattered
    assert fuzzy_score("zzz", "Stop ingestion") is None


def test_the_list_follows_what_is_typed(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    model = PaletteModel()
    names = ("Start ingestion", "Stop ingestion", "Dark theme")
    model.set_entries([Entry(name, "", "", lambda: None) for name in names])
    qtmodeltester.check(model, force_py=True)
    model.search("stop")
    entry = model.entry(0)
    assert entry is not None
    assert entry.text == "Stop ingestion"


def test_entries_that_cannot_run_come_last(qtbot: QtBot) -> None:
    actions = ActionTable(Theme("dark"))
    actions.bind("ingestion.stop", lambda: None)
    model = PaletteModel()
    model.set_entries(entries_of(actions, "overview"))
    entry = model.entry(0)
    assert entry is not None
    assert entry.text == "Stop ingestion"


def test_no_two_actions_of_a_page_share_a_key() -> None:
    for page in {spec.page for spec in ACTIONS}:
        keys = [key for spec in ACTIONS if spec.page in {"", page} for key in spec.shortcuts]
        assert len(keys) == len(set(keys)), page


def test_action_ids_are_unique_and_dotted() -> None:
    ids = [spec.id for spec in ACTIONS]
    assert len(ids) == len(set(ids))
    assert all("." in name for name in ids)
