import numpy as np
import pytest

from soc_copilot.detection.host.training.traces import folds, labels, read_traces
from soc_copilot.domain.errors import SourceError


def test_recordings_come_with_what_the_index_says(traces):
    assert len(traces) == 16
    attack = next(t for t in traces if t.program == "wipe")
    assert attack.group == "attack:wipe"
    assert len(attack.harmed_s) == 25
    assert attack.began_s < attack.harmed_s[0]
    assert np.isnan(next(t for t in traces if not t.is_attack).began_s)


def test_an_attack_counts_from_its_first_harm_and_more_as_it_goes_on(traces):
    attack = next(t for t in traces if t.program == "beside")
    target, weight = labels(attack)
    assert (target == (attack.time >= attack.began_s)).all()
    during = weight[target > 0]
    assert 0 < during[0] < 0.2
    assert during[-1] == 1.0
    assert (np.diff(during) >= 0).all()
    quiet = next(t for t in traces if not t.is_attack)
    assert not labels(quiet)[0].any()
    assert labels(quiet)[1].all()


def test_alike_recordings_are_never_on_both_sides(traces):
    fold = folds(traces, 4)
    sides: dict[str, set[int]] = {}
    for trace, place in zip(traces, fold, strict=True):
        sides.setdefault(trace.group, set()).add(int(place))
    assert all(len(found) == 1 for found in sides.values())
    for label in ("attack", "benign"):
        assert {min(v) for k, v in sides.items() if k.startswith(label)} == {0, 1, 2, 3}
    assert (folds(traces[::-1], 4) == fold[::-1]).all()


def test_a_single_recording_can_be_named(recordings):
    found = read_traces([recordings / "wipe_1.csv"])
    assert [trace.name for trace in found] == ["wipe_1.csv"]
    (recordings / "stray.csv").write_text("t,event,path,size,entropy4k\n")
    with pytest.raises(SourceError, match="does not name"):
        read_traces([recordings / "stray.csv"])


def test_an_index_as_a_table_has_attacks_from_their_first_event_on(recordings, tmp_path):
    (tmp_path / "a.csv").write_bytes((recordings / "in_place_0.csv").read_bytes())
    (tmp_path / "index.csv").write_text("file,label,program\na.csv,encrypt_like,in_place\n")
    (trace,) = read_traces([tmp_path])
    assert trace.is_attack
    assert trace.began_s == trace.time[0]
    assert len(trace.harmed_s) == 25


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("other.txt", "", "no index of recordings"),
        ("index.jsonl", "{", "Cannot read the index"),
        ("index.jsonl", '{"file": "a.csv"}', "without file, label or program"),
    ],
)
def test_a_folder_without_a_good_index_is_refused(tmp_path, name, text, wanted):
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match=wanted):
        read_traces([tmp_path])
