import json
import math
from dataclasses import replace

import pytest

from soc_copilot.detection.load.intervals import Test as Outcome
from soc_copilot.detection.load.templates import Guess
from soc_copilot.detection.load.verdict import HourVerdict, chance_words, reasons, severity

FLAGGED = HourVerdict(
    420_000, 120.0, 100.0, 95.0, 105.0, 101.0, 1.188, 0.2, 0.97, "low", True, "", 419_990,
    Guess("scaling", 0.9, 0.2, {"scaling": 0.9}), Outcome(1e-9, 3.2, 500),
)  # fmt: skip


@pytest.mark.parametrize(
    ("deviation", "name"),
    [(0.02, "low"), (0.1, "low"), (-0.3, "medium"), (0.41, "high"), (-0.5, "critical")],
)
def test_severities(deviation, name):
    assert severity(deviation, is_threat=True) == name
    assert severity(deviation, is_threat=False) == "normal"


def test_a_line_has_all_fields_and_is_json():
    line = FLAGGED.as_line("2017-11-30 01:00")
    wanted = {
        "timestamp", "value", "forecast", "lower", "upper", "benchmark", "scaling_ratio",
        "deviation", "score", "severity", "is_threat", "template",
    }  # fmt: skip
    assert wanted <= set(line)
    assert (line["template"], line["size"], line["is_threat"]) == ("scaling", 0.2, True)
    quiet = HourVerdict(
        420_000, math.nan, 100.0, 95.0, 105.0, math.nan, math.nan, math.nan, 0.1, "normal", False,
        "missing",
    )  # fmt: skip
    line = json.loads(json.dumps(quiet.as_line("x"), allow_nan=False))
    assert (line["value"], line["template"], line["event"]) == (None, None, "missing")


def test_words():
    text = " ".join(reasons(FLAGGED))
    for part in ("20.0% above", "11 h.", "a constant share of +20.0%", "90%", "p = 1e-09"):
        assert part in text


def test_a_chance_that_is_too_small_to_tell_has_a_floor():
    assert chance_words(0.04) == "p = 0.04"
    assert chance_words(2e-15) == "p = 2e-15"
    assert chance_words(1e-300) == "p < 1e-15"
    sure = replace(FLAGGED, test=Outcome(1e-300, 9.0, 500))
    assert "500 h before it: p < 1e-15, effect" in " ".join(reasons(sure))
    assert sure.as_line("x")["p_value"] == 1e-300  # for programs it is as it was computed
