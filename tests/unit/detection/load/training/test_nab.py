import gzip
import json
import math

import numpy as np
import pytest

from soc_copilot.detection.load.training.nab import (
    Labelled,
    Profile,
    by_folder,
    compare,
    outcome,
    read_files,
    score,
    sigmoid,
    windowed_gaussian,
    worth,
)
from soc_copilot.detection.load.training.report import nab_table
from soc_copilot.domain.errors import SourceError


@pytest.fixture
def file():
    return Labelled("a", np.zeros(1_000), ((400, 449), (700, 749)))


def marks(*rows):
    found = np.zeros(1_000)
    found[list(rows)] = 1
    return found


def test_the_sigmoid_is_the_benchmarks():
    assert sigmoid(-1.0) == pytest.approx(0.98661, abs=1e-5)
    assert sigmoid(0.0) == 0
    assert sigmoid(3.1) == -1


def test_silence_gets_nothing_and_perfection_everything(file):
    assert score([file], [np.zeros(1_000)])[0] == 0
    found, threshold = score([file], [marks(400, 700)])
    assert found == pytest.approx(100)
    assert threshold == 1


def test_late_hits_are_worth_less_and_only_the_first_counts(file):
    early, late = score([file], [marks(400)])[0], score([file], [marks(440)])[0]
    assert early == pytest.approx(50)
    assert 25 < late < early
    assert score([file], [marks(400, 410, 440)])[0] == pytest.approx(early)


def test_false_alarms_cost_and_probation_is_free(file):
    with_one = score([file], [marks(400, 700, 300)])[0]
    assert with_one == pytest.approx(100 * (4 - 0.11) / 4)
    assert score([file], [marks(400, 700, 100)])[0] == pytest.approx(100)
    values, owner = worth(file, Profile())
    assert values[300] == -0.11
    assert -0.05 < values[455] < 0  # just behind a window
    assert values[699] == -0.11
    assert owner[400] == 0


def test_the_threshold_is_the_best_over_all_files(file):
    found = marks(400) * 0.9 + marks(700) * 0.8 + marks(300) * 0.7
    assert score([file], [found])[1] == 0.8


def test_the_windowed_gaussian():
    rng = np.random.default_rng(0)
    values = rng.normal(5, 1, 8_000)
    values[7_000] = 15
    found = windowed_gaussian(values)
    assert found[0] == 0
    assert found[100:].argmax() == 6_900
    at, past = 6_750, values[300:6_700]  # the window moves in steps of a hundred
    wanted = 1 - 0.5 * math.erfc(abs(values[at] - past.mean()) / (past.std() * math.sqrt(2)))
    assert found[at] == pytest.approx(wanted)


def test_what_a_folder_gets(file):
    rows = [marks(390, 400, 410), marks(100)]
    found = by_folder([file, file], rows, 0.5, Profile())
    assert found == {"": {"score": pytest.approx(23.62), "windows": 4, "found": 1,
                          "false_alarms": 1}}  # fmt: skip
    raised, _ = score([file, file], rows)
    assert found[""]["score"] == pytest.approx(raised, abs=0.01)
    assert outcome(file, marks(390), 2.0, Profile()) == (0, 0, 0)


def test_files_are_read_and_compared(tmp_path):
    (tmp_path / "data" / "x").mkdir(parents=True)
    (tmp_path / "labels").mkdir()
    rows = [f"2014-01-01 {i // 60:02d}:{i % 60:02d}:00,{1 + (i == 500)}" for i in range(1_000)]
    text = "timestamp,value\n" + "\n".join(rows)
    (tmp_path / "data" / "x" / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    labels = {"x/a.csv": [["2014-01-01 08:00:00", "2014-01-01 08:59:00.000000"]], "x/none.csv": []}
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(labels))
    (found,) = read_files(tmp_path)
    assert found.windows == ((480, 539),)
    assert found.step_s == 60
    scores = compare(tmp_path)
    assert (scores["files"], scores["windows"]) == (1, 1)
    assert scores["windowed_gaussian"]["standard"] > 80
    assert scores["ours"]["standard"] > 80
    assert scores["ours"]["folders"]["standard"]["x"]["found"] == 1
    assert "found 1 of 1" in nab_table(scores)
    silent = compare(tmp_path, {"silent": lambda file: np.zeros(len(file.values))})["silent"]
    assert silent["standard"] == silent["low_false_negatives"] == 0
    with pytest.raises(SourceError, match="Cannot read the benchmark"):
        read_files(tmp_path / "nowhere")
