"""Where a replay's spool files lie, and what becomes a source."""

from pathlib import Path

import pytest

from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.ui.replaying import SAMPLES, prepare_replay


def opened(path: Path) -> Governance:
    return Governance.open(path, actor=Actor("ana", "window"), home=path.parent)


def test_two_databases_in_one_folder_share_no_spool(tmp_path: Path) -> None:
    spools: list[set[str]] = []
    for name in ("a.db", "b.db"):
        with opened(tmp_path / name) as governance:
            prepare_replay(governance, 10.0)
            spools.append({source.path for source in governance.sources.list()})
    assert all(len(paths) == len(SAMPLES) for paths in spools)
    assert not spools[0] & spools[1]


@pytest.mark.parametrize("times", [1, 2])
def test_preparing_again_adds_no_source_and_enables_what_was_off(
    tmp_path: Path, times: int
) -> None:
    with opened(tmp_path / "a.db") as governance:
        prepare_replay(governance, 10.0)
        for source in governance.sources.list():
            governance.sources.set_enabled(source.id, False)
        for _ in range(times):
            prepare_replay(governance, 10.0)
        sources = governance.sources.list()
    assert [(source.kind, source.enabled) for source in sources] == [("replay", True)] * 2
