from dataclasses import replace

import pytest

from soc_copilot.domain.records import PartialLine, PositionMove, SourceEvent
from soc_copilot.governance.database import Governance
from tests.unit.governance.helpers import commit, move

HOSTILE = 'File "/var/log/\0\udcff\u202e\'; DROP TABLE source;--" was truncated.'


@pytest.fixture(autouse=True)
def _sources(governance: Governance) -> None:
    for name in ("a", "b"):
        governance.sources.add("directory", f"/var/log/{name}")


def happened(kind: str, at_ns: int = 1, **rest: object) -> SourceEvent:
    return replace(SourceEvent(kind, f"{kind}.", at_ns), **rest)  # type: ignore[arg-type]


def waiting(start: int, end: int, text: str | None, **where: int) -> PositionMove:
    partial = None if text is None else PartialLine(end, len(text), text, 10**18 + end)
    return replace(move(start, end, **where), partial=partial)


def test_events_come_back_exactly_newest_first(governance: Governance) -> None:
    lost = SourceEvent("lost", HOSTILE, 1_700_000_000_123_456_789, 3, True, 2**40, 10, 2**41)
    first, second, other = happened("rotated"), happened("lost", is_loss=True), happened("note")
    governance.batches.store(
        commit(
            moves=[
                replace(move(-1, 10), events=(first, second)),
                replace(move(-1, 10, source_id=2), events=(other,)),
            ]
        )
    )
    governance.batches.store(commit(moves=[replace(move(10, 20), events=(lost,))]))
    everything = governance.sources.events()
    assert [(e.id, e.source_id, e.event) for e in everything] == [
        *((4, 1, lost), (3, 2, other), (2, 1, second), (1, 1, first)),
    ]
    assert governance.sources.events(2) == (everything[1],)
    assert governance.sources.events(limit=2) == everything[:2]
    assert governance.sources.events(1, limit=5, before_id=4) == everything[2:]


def test_events_of_a_refused_batch_are_not_stored(governance: Governance) -> None:
    governance.kill_switch.engage("test")
    with pytest.raises(Exception, match="engaged"):
        governance.batches.store(
            commit(moves=[replace(waiting(-1, 10, "half"), events=(happened("note"),))])
        )
    assert governance.sources.events() == ()
    assert governance.sources.partials() == ()


def test_a_partial_line_is_kept_until_the_position_moves_on(governance: Governance) -> None:
    governance.batches.store(
        commit(moves=[waiting(-1, 10, "half"), waiting(-1, 5, "other \0", generation=2)])
    )
    first, second = governance.sources.partials()
    assert (first.source_id, first.generation, first.path) == (1, 1, "/var/log/access.log")
    assert first.partial == PartialLine(10, 4, "half", 10**18 + 10)
    assert second.partial.text == "other \0"
    assert governance.sources.ledger(1)[0].n_partial == 2
    # It grows where it stands, then its line end comes.
    governance.batches.store(commit(moves=[waiting(10, 10, "half a line")]))
    assert governance.sources.partials(1)[0].partial.text == "half a line"
    governance.batches.store(commit(moves=[waiting(10, 30, None)]))
    assert governance.sources.partials() == (second,)
    assert governance.sources.partials(2) == ()


def test_partial_lines_of_a_removed_source_are_listed_for_it_only(governance: Governance) -> None:
    governance.batches.store(commit(moves=[waiting(-1, 10, "half")]))
    governance.sources.remove(1)
    assert governance.sources.partials() == ()
    assert len(governance.sources.partials(1)) == 1
