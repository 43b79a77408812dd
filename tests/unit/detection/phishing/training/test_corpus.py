from pathlib import Path

import pytest

from soc_copilot.detection.phishing.training.corpus import OWN, build, is_varied, own_rows
from soc_copilot.detection.phishing.training.data import read_all
from soc_copilot.detection.phishing.training.train import N_FIELDS
from tests.unit.detection.phishing.training.rows import write


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", ["url", "email", "text"])
def test_own_rows_stand_behind_those_of_files(tmp_path: Path, kind: str) -> None:
    rows = read_all(sorted(write(tmp_path).iterdir()))
    corpus = build(kind, rows, N_FIELDS[kind], 12, 1)
    assert corpus.n_real == sum(row.kind == kind for row in rows)
    assert all(row.dataset.startswith(OWN) for row in corpus.rows[corpus.n_real :])
    assert len(corpus.samples) == len(corpus.rows) == len(corpus.weights)
    assert not corpus.is_validation[corpus.n_real :].any()
    assert set(corpus.targets[[row.label == "phish" for row in corpus.rows]]) <= {1.0}
    assert set(corpus.targets[[row.label == "benign" for row in corpus.rows]]) == {0.0}


@pytest.mark.usefixtures("quick")
def test_varied_urls_keep_group_and_time(tmp_path: Path) -> None:
    rows = [row for row in read_all(sorted(write(tmp_path).iterdir())) if row.kind == "url"]
    groups = {(row.group, row.label, row.year) for row in rows}
    varied = [row for row in own_rows("url", rows, 1) if is_varied(row)]
    assert varied
    assert all((row.group, row.label, row.year) in groups for row in varied)


@pytest.mark.usefixtures("quick")
def test_names_of_held_out_sites_are_not_imitated(tmp_path: Path) -> None:
    rows = [row for row in read_all(sorted(write(tmp_path).iterdir())) if row.kind == "url"]
    held = {
        r.group.partition(".")[0] for r in rows if r.dataset == "brandpages" and r.is_validation
    }
    assert held
    named = [row.content for row in own_rows("url", rows, 1) if row.dataset == "own-named"]
    assert named
    assert not any(name in content for name in held for content in named)
