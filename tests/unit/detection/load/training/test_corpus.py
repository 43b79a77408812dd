import numpy as np
import pytest

from soc_copilot.detection.load.features import REACH
from soc_copilot.detection.load.training.corpus import (
    YEAR_HOURS,
    files,
    read_samples,
    stable_seed,
)
from soc_copilot.domain.errors import SourceError
from tests.unit.detection.load.making import MONDAY, as_csv, clean


def test_series_are_read_and_cut(tmp_path):
    (tmp_path / "a.csv").write_text(as_csv(clean(14_000)))
    (tmp_path / "notes.txt").write_text("no series")
    assert [p.name for p in files([tmp_path])] == ["a.csv"]
    (sample,) = read_samples([tmp_path])
    assert (sample.name, sample.cut) == ("a", REACH + 14_000 - YEAR_HOURS)
    assert sample.ready.hours[REACH] == MONDAY  # its first stamp ends Monday's first hour


def test_too_short_and_none(tmp_path):
    with pytest.raises(SourceError, match="No series"):
        files([tmp_path])
    (tmp_path / "a.csv").write_text(as_csv(np.ones(9_000)))
    with pytest.raises(SourceError, match="needs a year"):
        read_samples([tmp_path / "a.csv"])


def test_seeds_are_stable():
    assert stable_seed("a", 7) == stable_seed("a", 7) != stable_seed("b", 7)
