"""What the detector says of an hour, in fields and in words."""

import math
from dataclasses import dataclass
from typing import Any, Final

from soc_copilot.detection.load.intervals import Test
from soc_copilot.detection.load.series import clock
from soc_copilot.detection.load.templates import WORDS, Guess

# Source: the method's levels of deviation. They grade an alert; they do not raise one.
LEVELS: Final = ((0.50, "critical"), (0.40, "high"), (0.25, "medium"), (0.09, "low"))
LEAST_P: Final = 1e-15  # chosen: nobody weighs a smaller one, and the tail is a normal one's
_DIGITS: Final = 6  # chosen: decimals that are written


@dataclass(frozen=True, slots=True)
class HourVerdict:
    """What was found of one hour.

    Attributes:
        hour: Since 1970, on the series' clock, at which it begins.
        value: As it came; NaN where there was none.
        forecast: From before a suspected attack where there is one, else of an hour ago.
        lower, upper: 95% of the clean hours lie between.
        benchmark: What a typical day would have; NaN before there are any.
        scaling_ratio: Value over benchmark.
        deviation: Share by which the value is off the forecast.
        score: Chance that the hour is under attack, where one in seven is, as in training.
        severity: "normal", or low, medium, high, critical.
        is_threat: Whether the hour is flagged.
        event: What is odd about the value itself: "", missing, not_positive,
            duplicate, jump, unit_change.
        since: First hour of the suspected attack; -1 without one.
        guess: Which attack; None without one.
        test: Of the interval so far; None without one, or without a baseline.
    """

    hour: int
    value: float
    forecast: float
    lower: float
    upper: float
    benchmark: float
    scaling_ratio: float
    deviation: float
    score: float
    severity: str
    is_threat: bool
    event: str = ""
    since: int = -1
    guess: Guess | None = None
    test: Test | None = None

    def as_line(self, timestamp: str) -> dict[str, Any]:
        """One JSON line; what is not a number becomes null."""
        return {
            "timestamp": timestamp,
            "value": _number(self.value),
            "forecast": _number(self.forecast),
            "lower": _number(self.lower),
            "upper": _number(self.upper),
            "benchmark": _number(self.benchmark),
            "scaling_ratio": _number(self.scaling_ratio),
            "deviation": _number(self.deviation),
            "score": _number(self.score),
            "severity": self.severity,
            "is_threat": self.is_threat,
            "template": self.guess.template if self.guess else None,
            "probability": _number(self.guess.probability) if self.guess else None,
            "size": _number(self.guess.size) if self.guess else None,
            "since": clock(self.since) if self.since >= 0 else None,
            "p_value": float(f"{self.test.p_value:.3g}") if self.test else None,
            "effect_size": _number(self.test.effect_size) if self.test else None,
            "event": self.event or None,
            "reasons": list(reasons(self)),
        }


def _number(value: float) -> float | None:
    return round(value, _DIGITS) if math.isfinite(value) else None


def severity(deviation: float, *, is_threat: bool) -> str:
    """How grave a flagged hour is, by how far it is off; "normal" for others."""
    if not is_threat:
        return "normal"
    return next((name for least, name in LEVELS if abs(deviation) >= least), "low")


_EVENTS: Final = {
    "missing": "No value came for this hour; a stand-in took its place.",
    "not_positive": "The value is zero or less, which this series never is.",
    "duplicate": "Another row for the same hour; the first one counts.",
    "jump": "The value is more than ten times, or less than a tenth of, what was expected.",
    "unit_change": "The values stay on another level: taken for a change of unit from here on.",
}


def chance_words(p_value: float) -> str:
    """A p-value for people; below what doubles and a normal tail can tell, a bound."""
    return f"p < {LEAST_P:.0e}" if p_value < LEAST_P else f"p = {p_value:.2g}"


def reasons(verdict: HourVerdict) -> tuple[str, ...]:
    """Why, in words: what, since when, how large, which template, how sure."""
    found = []
    if verdict.event:
        found.append(_EVENTS[verdict.event])
    if verdict.is_threat and verdict.guess is not None:
        n = verdict.hour - verdict.since + 1
        way = "above" if verdict.deviation >= 0 else "below"
        found.append(
            f"{abs(verdict.deviation):.1%} {way} the forecast; suspected since "
            f"{clock(verdict.since)}, {n} h."
            if n > 1
            else f"{abs(verdict.deviation):.1%} {way} the forecast of an hour ago."
        )
        found.append(
            f"Looks like {WORDS[verdict.guess.template]} of {verdict.guess.size:+.1%} "
            f"(probability {verdict.guess.probability:.0%}); chance of an attack "
            f"{verdict.score:.0%}."
        )
    if verdict.is_threat and verdict.test is not None:
        found.append(
            f"Against {verdict.test.n_baseline} h before it: {chance_words(verdict.test.p_value)}, "
            f"effect {verdict.test.effect_size:+.1f} deviations."
        )
    return tuple(found)
