import json

import numpy as np
import polars as pl
import pytest

from soc_copilot.detection.host.prediction import Predictions, Scores, joined


def _scores(*values):
    score = np.array(values, np.float32)
    return Scores(score, score >= 0.5, score / 2, score / 4, score / 8, score / 16, score / 32)


@pytest.fixture
def predictions():
    asked = []

    def reasons(row):
        asked.append(row)
        return (f"Reason {row}.",)

    made = Predictions(
        pl.Series(["a", "b", "c"]), np.array([1.0, 2.0, 3.0]), _scores(0.1, 0.9, 0.6), 2.5, reasons
    )
    return made, asked


def test_a_prediction_is_made_from_the_columns_when_asked_for(predictions):
    made, asked = predictions
    second = made[1]
    assert (second.event_id, second.timestamp, second.latency_ms) == ("b", 2.0, 2.5)
    assert second.is_threat is True
    assert second.threat_score == pytest.approx(0.9)
    assert second.confidence == pytest.approx(0.45)
    assert second.components.isolation_forest == pytest.approx(0.9 / 8)
    assert second.reasons == ("Reason 1.",)
    assert made[0].reasons == ()
    assert asked == [1]


def test_it_is_a_sequence(predictions):
    made, _ = predictions
    assert len(made) == 3
    assert made[-1] == made[2]
    assert [p.event_id for p in made] == ["a", "b", "c"]
    assert [p.event_id for p in made[::2]] == ["a", "c"]
    with pytest.raises(IndexError):
        made[3]


def test_a_frame_has_a_row_for_each_event_and_reasons_of_threats(predictions):
    made, _ = predictions
    frame = made.to_frame()
    assert frame.columns == [
        "event_id", "timestamp", "threat_score", "is_threat", "confidence", "deep",
        "isolation_forest", "heuristic", "boosted_trees", "reasons",
    ]  # fmt: skip
    assert frame["reasons"].to_list() == [[], ["Reason 1."], ["Reason 2."]]
    assert frame["is_threat"].to_list() == [False, True, True]


def test_json_has_plain_values(predictions):
    made, _ = predictions
    said = json.loads(json.dumps(made[1].to_json()))
    assert said["components"].keys() == {
        "deep",
        "isolation_forest",
        "heuristic",
        "boosted_trees",
    }
    assert said["reasons"] == ["Reason 1."]


def test_scores_are_joined_and_reshaped():
    both = joined([_scores(0.1, 0.2), _scores(0.3, 0.4)])
    assert both.score.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert both.reshaped(2, 2).deep.shape == (2, 2)
    assert len(both) == 4
