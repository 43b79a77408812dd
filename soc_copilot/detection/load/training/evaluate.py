"""Figures of the load detector: forecasts on a year held out, and attacks put into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.load.detector import RealTimeDetector, Shared
from soc_copilot.detection.load.features import HORIZONS, REACH
from soc_copilot.detection.load.injection import TEMPLATES, Attack, draw, inject
from soc_copilot.detection.load.intervals import HOLD
from soc_copilot.detection.load.templates import FAMILIES
from soc_copilot.detection.load.training.corpus import YEAR_HOURS, Sample, stable_seed
from soc_copilot.detection.load.verdict import HourVerdict

Floats = npt.NDArray[np.float64]

SIZES: Final = (0.05, 0.10, 0.20, 0.50)  # source: the sizes that the aims are stated for
_CONTEXT_HOURS: Final = 8_760  # chosen: history before the year held out, a year
_CLEAN_HOURS: Final = 250  # chosen: mean of the clean hours between two attacks


def begun(sample: Sample, shared: Shared) -> bytes:
    """A detector that was given the history before the year held out; see `to_bytes`."""
    values = sample.series.values
    first = len(values) - YEAR_HOURS - _CONTEXT_HOURS
    detector = RealTimeDetector(shared)
    shift = int(sample.ready.hours[0]) + REACH - sample.series.start
    history = values[max(first, 0) : -YEAR_HOURS]
    detector.initialise(history, sample.series.start + shift + max(first, 0))
    return detector.to_bytes()


def forecasts(sample: Sample, shared: Shared, state: bytes) -> dict[str, Any]:
    """Mean absolute percentage errors on the year held out, in %, clean hours flagged, alarms.

    Beside the forecasts: last week's value, yesterday's, and a linear regression on the lags
    (hour and day ahead: 1, 24, 168 and 24, 168 hours), fitted before the year.
    """
    values = sample.series.values
    detector = RealTimeDetector.from_bytes(shared, state)
    near, far, flags = [], [], []
    for value in values[-YEAR_HOURS:]:
        log, _, day_log, _ = detector.engine.raw()
        near.append(np.exp(log))
        far.append(np.exp(day_log))
        flags.append(detector.step(float(value)).is_threat)
    held, raw = values[-YEAR_HOURS:], sample.ready
    found = {
        "hour_ahead": mape(np.array(near), held),
        "day_ahead": mape(np.array(far), held),
        "seasonal_naive": mape(values[-YEAR_HOURS - 168 : -168], held),
        "yesterday": mape(values[-YEAR_HOURS - 24 : -24], held),
    }
    for horizon, lags in ((1, (1, 24, 168)), (HORIZONS[1], (24, 168))):
        name = "hour" if horizon == 1 else "day"
        found[f"regression_{name}_ahead"] = mape(_regression(raw.logs, lags), held)
    known = np.array(flags)[np.isfinite(held)]
    found["clean_flagged"] = 100 * float(np.mean(known))
    found["clean_alarms"] = n_alarms(known)
    found["hours"] = int(np.isfinite(held).sum())
    return {k: round(v, 4) for k, v in found.items()}


def n_alarms(flags: npt.NDArray[np.bool_]) -> int:
    """Alarms that flagged hours are: those with short pauses between are one."""
    hours = np.flatnonzero(flags)
    return int((np.diff(hours, prepend=-HOLD - 1) > HOLD).sum())


def mape(forecast: Floats, values: Floats) -> float:
    """Mean absolute error as a share of the values, in %, where both are known."""
    known = np.isfinite(forecast) & np.isfinite(values) & (values > 0)
    return 100 * float(np.abs(forecast[known] / values[known] - 1).mean())


def _regression(logs: Floats, lags: Sequence[int]) -> Floats:
    """Forecasts of the last year by ordinary least squares on lags of the values."""
    values = np.exp(logs)
    first = REACH + max(lags)
    rows = np.stack([values[first - lag : len(values) - lag] for lag in lags], 1)
    rows = np.concatenate([rows, np.ones((len(rows), 1))], 1)
    targets = values[first:]
    weights, *_ = np.linalg.lstsq(rows[:-YEAR_HOURS], targets[:-YEAR_HOURS], rcond=None)
    found: Floats = rows[-YEAR_HOURS:] @ weights
    return found


@dataclass(slots=True)
class Tally:
    """What came of the attacks of one kind and size."""

    attacks: int = 0
    found: int = 0
    hours: int = 0
    hours_found: int = 0
    clean_hours: int = 0
    clean_flagged: int = 0
    right: int = 0
    right_family: int = 0
    delays: list[int] = field(default_factory=list)
    size_errors: list[float] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take in another's counts."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def figures(self) -> dict[str, Any]:
        """Recall of attacks, precision and recall of hours, and the rest."""
        flagged = self.hours_found + self.clean_flagged
        return {
            "attacks": self.attacks,
            "event_recall": _share(self.found, self.attacks),
            "hour_precision": _share(self.hours_found, flagged),
            "hour_recall": _share(self.hours_found, self.hours),
            "clean_flagged": _share(self.clean_flagged, self.clean_hours),
            "median_delay_h": float(np.median(self.delays)) if self.delays else None,
            "template_right": _share(self.right, self.found),
            "family_right": _share(self.right_family, self.found),
            "median_size_error": (
                round(float(np.median(self.size_errors)), 4) if self.size_errors else None
            ),
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def attacks(
    samples: Sequence[Sample],
    shared: Shared,
    states: Mapping[str, bytes],
    seed: int = 7,
    rounds: int = 1,
) -> dict[str, dict[str, Any]]:
    """Attacks put into the values of the years held out, forecast again and judged live.

    `states` are of `begun`, by the series' names. Each series is gone through once for each size
    and round, with an attack of a random kind, length, sign and place about every
    `_CLEAN_HOURS` hours.

    Returns:
        Figures by size, and by size and template ("20%", "20% scaling").
    """
    tallies: dict[str, Tally] = {}
    for size in SIZES:
        for sample in samples:
            for turn in range(rounds):
                rng = np.random.default_rng(stable_seed(f"{sample.name} {size} {turn}", seed))
                for name, tally in _year(sample, shared, states[sample.name], size, rng).items():
                    for key in (f"{size:.0%}", f"{size:.0%} {name}"):
                        tallies.setdefault(key, Tally()).add(tally)
    return {name: tally.figures() for name, tally in sorted(tallies.items())}


def _year(
    sample: Sample, shared: Shared, state: bytes, size: float, rng: np.random.Generator
) -> Mapping[str, Tally]:
    part = sample.series.values[-YEAR_HOURS:]
    placed = place(len(part), size, rng)
    labels = np.full(len(part), -1)
    for number, attack in enumerate(placed):
        part, mask = inject(part, attack)
        labels[mask] = number
    detector = RealTimeDetector.from_bytes(shared, state)
    verdicts = [detector.step(float(value)) for value in part]
    return tally(placed, verdicts, labels, np.isfinite(part))


def place(n: int, size: float, rng: np.random.Generator) -> list[Attack]:
    """Attacks in a stretch of n hours."""
    found, at = [], 24
    while at + 100 < n:
        name = list(TEMPLATES)[int(rng.integers(len(TEMPLATES)))]
        attack = draw(rng, at, at + 72, name, size)
        found.append(attack)
        at = attack.end + int(rng.integers(_CLEAN_HOURS // 2, _CLEAN_HOURS * 3 // 2))
    return found


def tally(
    placed: Sequence[Attack],
    verdicts: Sequence[HourVerdict],
    labels: npt.NDArray[np.int64],
    known: npt.NDArray[np.bool_],
) -> dict[str, Tally]:
    """Count what came of each attack, by template; clean hours go to the attack before them."""
    found: dict[str, Tally] = {}
    flags = np.array([v.is_threat for v in verdicts]) & known
    owner = np.maximum(np.maximum.accumulate(labels), 0)
    for number, attack in enumerate(placed):
        mine = found.setdefault(attack.template, Tally())
        hours = np.flatnonzero((labels == number) & known)
        clean = (owner == number) & (labels < 0) & known
        mine.attacks += 1
        mine.hours += len(hours)
        mine.clean_hours += int(clean.sum())
        mine.clean_flagged += int((flags & clean).sum())
        hits = hours[flags[hours]]
        mine.hours_found += len(hits)
        if not len(hits):
            continue
        mine.found += 1
        mine.delays.append(int(hits[0] - hours[0]))
        guess = verdicts[hits[-1]].guess
        if guess is not None:
            mine.right += guess.template == attack.template
            mine.right_family += FAMILIES[guess.template] == FAMILIES[attack.template]
            mine.size_errors.append(abs(guess.size - attack.size))
    return found
