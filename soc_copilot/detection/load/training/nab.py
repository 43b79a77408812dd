"""The Numenta Anomaly Benchmark's own scoring, and its windowed Gaussian to compare with.

Source:
    Lavin and Ahmad, Evaluating real-time anomaly detection algorithms: the Numenta Anomaly
    Benchmark, 2015; the rules as in its code, version 1.1.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.load.rates import DAY_S, LEAST_STEP_S, watch_rows
from soc_copilot.domain.errors import SourceError

Floats = npt.NDArray[np.float64]

PROBATION_SHARE: Final = 0.15  # source: rows at a file's start that are not scored
PROBATION_ROWS: Final = 5_000  # source: of at most so many rows the share is taken
_STEEP: Final = 5.0  # source: of the sigmoid
_FAR: Final = 3.0  # source: widths behind a window from which on a false alarm costs all
_GAUSS_ROWS: Final = 6_400  # source: of the windowed Gaussian
_GAUSS_STEP: Final = 100  # source


@dataclass(frozen=True, slots=True)
class Profile:
    """What hits, misses and false alarms count."""

    hit: float = 1.0
    miss: float = 1.0
    false_alarm: float = 0.11


PROFILES: Final[Mapping[str, Profile]] = {
    "standard": Profile(), "low_false_positives": Profile(false_alarm=0.22),
    "low_false_negatives": Profile(miss=2.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labelled:
    """One file.

    Attributes:
        name: As in the labels.
        values: One per row.
        windows: First and last row of each anomaly's window.
        step_s: Seconds from row to row, usually.
    """

    name: str
    values: Floats
    windows: tuple[tuple[int, int], ...]
    step_s: float = 300.0

    @property
    def n_probation(self) -> int:
        """Rows that are not scored."""
        return int(PROBATION_SHARE * min(len(self.values), PROBATION_ROWS))


class Outcome(NamedTuple):
    """What comes of one file's alarms.

    Attributes:
        raised: Points, over those of silence.
        n_found: Windows with an alarm.
        n_false: Alarms outside of windows.
    """

    raised: float
    n_found: int
    n_false: int


def read_files(folder: Path) -> list[Labelled]:
    """The benchmark's files that are there.

    Args:
        folder: With data/*/*.csv(.gz) and labels/combined_windows.json.

    Raises:
        SourceError: The labels or a file cannot be read.
    """
    try:
        labels = json.loads((folder / "labels" / "combined_windows.json").read_bytes())
        paths = {
            str(path.relative_to(folder / "data")).removesuffix(".gz"): path
            for path in sorted((folder / "data").rglob("*.csv*"))
        }
        return [_read(name, paths[name], labels[name]) for name in sorted(labels) if name in paths]
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
        raise SourceError(f'Cannot read the benchmark in "{folder}": {error}.') from error


def _read(name: str, path: Path, windows: Sequence[Sequence[str]]) -> Labelled:
    frame = pl.read_csv(path, infer_schema=False)
    times = [datetime.fromisoformat(text) for text in frame["timestamp"]]
    values = frame["value"].cast(pl.Float64).to_numpy().astype(np.float64)
    found = []
    for first, last in windows:
        begin, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
        inside = [i for i, at in enumerate(times) if begin <= at <= end]
        found.append((inside[0], inside[-1]))
    seconds = [at.timestamp() for at in times]
    steps = [b - a for a, b in pairwise(seconds) if b > a]
    return Labelled(name, values, tuple(found), median(steps) if steps else 300.0)


def sigmoid(position: float) -> float:
    """What an alarm is worth by its place: -1 is a window's start, 0 its end, then behind it."""
    return -1.0 if position > _FAR else 2 / (1 + math.exp(_STEEP * position)) - 1


def worth(file: Labelled, profile: Profile) -> tuple[Floats, npt.NDArray[np.int64]]:
    """What an alarm at each row is worth, and the window that it is in (-1: none)."""
    n = len(file.values)
    found, owner = np.full(n, -profile.false_alarm), np.full(n, -1)
    best = sigmoid(-1.0)
    for number, (first, last) in enumerate(file.windows):
        width = max(last - first, 1)
        until = file.windows[number + 1][0] if number + 1 < len(file.windows) else n
        for row in range(last + 1, until):
            found[row] = profile.false_alarm * sigmoid((row - last) / width)
        for row in range(first, last + 1):
            found[row] = profile.hit * sigmoid(-(last - row + 1) / (width + 1)) / best
            owner[row] = number
    return found, owner


def score(
    files: Sequence[Labelled], scores: Sequence[Floats], profile: Profile | None = None
) -> tuple[float, float]:
    """The benchmark's score: 0 is what silence gets, 100 what a perfect detector gets.

    Args:
        files: What was watched.
        scores: Of each file's rows; higher is more abnormal.
        profile: What counts how much; the standard one by default.

    Returns:
        The score at the threshold that is best over all files, and that threshold.
    """
    rules = profile or Profile()
    n_windows = sum(len(file.windows) for file in files)
    rows: list[tuple[float, float, int]] = []  # score, worth, number of the window or -1
    total = 0
    for file, found in zip(files, scores, strict=True):
        values, owner = worth(file, rules)
        rows += [
            (float(found[i]), float(values[i]), total + int(owner[i]) if owner[i] >= 0 else -1)
            for i in range(file.n_probation, len(found))
        ]
        total += len(file.windows)
    rows.sort(key=lambda row: -row[0])
    best, best_at = _sweep(rows, rules)
    return 100 * best / ((rules.hit + rules.miss) * max(n_windows, 1)), best_at


def _sweep(rows: Sequence[tuple[float, float, int]], rules: Profile) -> tuple[float, float]:
    """The best sum over all thresholds: rows come with falling scores."""
    windows: dict[int, float] = {}
    raised = 0.0
    best, best_at = 0.0, math.inf  # relative to silence
    for at, (threshold, value, number) in enumerate(rows):
        if number < 0:
            raised += value
        else:
            before = windows.get(number, -rules.miss)
            windows[number] = max(before, value)
            raised += windows[number] - before
        is_last = at + 1 == len(rows) or rows[at + 1][0] != threshold
        if is_last and raised > best:
            best, best_at = raised, threshold
    return best, best_at


def outcome(file: Labelled, scores: Floats, threshold: float, rules: Profile) -> Outcome:
    """What comes of one file's alarms at a threshold."""
    values, owner = worth(file, rules)
    is_alarm = scores >= threshold
    is_alarm[: file.n_probation] = False
    best = [values[is_alarm & (owner == number)] for number in range(len(file.windows))]
    hits = [float(found.max()) + rules.miss for found in best if len(found)]
    outside = values[is_alarm & (owner < 0)]
    return Outcome(sum(hits) + float(outside.sum()), len(hits), len(outside))


def by_folder(
    files: Sequence[Labelled], scores: Sequence[Floats], threshold: float, rules: Profile
) -> dict[str, dict[str, float]]:
    """What each folder's files get at one threshold.

    Returns:
        For each folder its score (0 where it has no anomalies), its anomalies, how many of them
        were found, and false alarms.
    """
    found: dict[str, dict[str, float]] = {}
    for file, row in zip(files, scores, strict=True):
        one = outcome(file, row, threshold, rules)
        sums = found.setdefault(
            file.name.rpartition("/")[0],
            {"score": 0.0, "windows": 0, "found": 0, "false_alarms": 0},
        )
        sums["score"] += one.raised
        sums["windows"] += len(file.windows)
        sums["found"] += one.n_found
        sums["false_alarms"] += one.n_false
    for sums in found.values():
        most = (rules.hit + rules.miss) * sums["windows"]
        sums["score"] = round(100 * sums["score"] / most, 2) if most else 0.0
    return found


def windowed_gaussian(values: Floats) -> Floats:
    """The benchmark's simple detector: how far a value is out in the normal of those before."""
    found = np.zeros(len(values))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    squares = np.concatenate([[0.0], np.cumsum(values**2)])
    for at in range(1, len(values)):
        first, last = 0, at
        if at > _GAUSS_ROWS:
            first = (at - _GAUSS_ROWS) // _GAUSS_STEP * _GAUSS_STEP
            last = first + _GAUSS_ROWS
        n = last - first
        mean = (sums[last] - sums[first]) / n
        spread = math.sqrt(max((squares[last] - squares[first]) / n - mean * mean, 0.0)) or 1e-6
        found[at] = 1 - 0.5 * math.erfc(abs(values[at] - mean) / (spread * math.sqrt(2)))
    return found


def watched(file: Labelled) -> Floats:
    """The scores of our own watcher of any regular series, row after row."""
    step_s = min(max(file.step_s, LEAST_STEP_S), float(DAY_S))
    return np.array([verdict.score for verdict in watch_rows(file.values, step_s)])


def compare(
    folder: Path, detectors: Mapping[str, Callable[[Labelled], Floats]] | None = None
) -> dict[str, Any]:
    """Scores of detectors on the benchmark's files that are there.

    Args:
        folder: As for `read_files`.
        detectors: By name, what scores a file; ours and the windowed Gaussian by default.

    Returns:
        How many files and windows, and for each detector the score of each profile, at the
        threshold that is best for it over all files (as the benchmark has it); then what each
        folder gets at those thresholds.
    """
    files = read_files(folder)
    every = detectors or {
        "windowed_gaussian": lambda file: windowed_gaussian(file.values), "ours": watched,
    }  # fmt: skip
    found: dict[str, Any] = {
        "files": len(files), "windows": sum(len(file.windows) for file in files)
    }  # fmt: skip
    for name, detector in every.items():
        scores = [detector(file) for file in files]
        figures = {key: score(files, scores, profile) for key, profile in PROFILES.items()}
        found[name] = {key: round(value, 2) for key, (value, _) in figures.items()}
        found[name]["threshold"] = round(figures["standard"][1], 6)
        found[name]["folders"] = {
            key: by_folder(files, scores, figures[key][1], profile)
            for key, profile in PROFILES.items()
        }
    return found
