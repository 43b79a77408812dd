"""The detector's training: trees over signs, templates, the threshold, the intervals' width."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from soc_copilot.detection.host.boosted import Boosted, from_sklearn
from soc_copilot.detection.load.base import SEASONS, Base, season, week_hour
from soc_copilot.detection.load.evidence import NAMES, tables
from soc_copilot.detection.load.features import HORIZONS, REACH
from soc_copilot.detection.load.intervals import ECHO_HOURS, latched
from soc_copilot.detection.load.model import LoadNet
from soc_copilot.detection.load.templates import Templates, describe, effect_of, fit, undone
from soc_copilot.detection.load.training.corpus import Sample, stable_seed
from soc_copilot.detection.load.training.fit import Table
from soc_copilot.detection.load.training.simulate import (
    FIRST_HOURS,
    Errors,
    draw_all,
    errors_of,
    signs,
)

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

LATEST_HOURS: Final = 40_000  # chosen: of each series, hours that the detector learns from
CALIBRATION_HOURS: Final = 8_760  # chosen: the latest, kept from the trees for their threshold
_CLEAN_HOURS: Final = 250  # chosen: mean of the clean hours between two attacks
_SEEN_SHARE: Final = 0.5  # chosen: templates are learned from attacks seen so far and more
_COVERED: Final = 0.95


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is spent on the trees; chosen."""

    n_trees: int = 120
    n_leaves: int = 40
    n_turns: int = 2
    budget: float = 0.0025


@dataclass(frozen=True, slots=True)
class Learned:
    """What comes of it; as in `saved.LoadModel`."""

    usual: Floats
    trees: Boosted
    templates: Templates
    threshold: float


def learn(samples: Sequence[Sample], base: Base, effort: Effort, seed: int) -> Learned:
    """Learn from the years before those held out; the last of them only sets the threshold."""
    parts = [(s, *_span(s)) for s in samples]
    clean = [errors_of(s.ready, base, first, last) for s, first, last in parts]
    usual = usual_errors(clean)
    answer = base.answers(ECHO_HOURS)
    shapes = tables(answer)
    rows, labels, described, names = [], [], [], []
    for sample, first, last in parts:
        last -= _spared(first, last)
        for turn in range(effort.n_turns):
            rng = np.random.default_rng(stable_seed(f"{sample.name} {turn}", seed))
            change, attacks, owner = draw_all(last - first, rng, _CLEAN_HOURS)
            struck = errors_of(sample.ready, base, first, last, change)
            found = signs(struck, usual, answer, shapes)
            usable = struck.known.copy()
            usable[:FIRST_HOURS] = False
            rows.append(found[usable])
            labels.append(owner[usable] > 0)
            scales = np.exp(found[:, NAMES.index("scale")].astype(np.float64))
            for attack in attacks:
                described.append(_shape(struck, scales, answer, attack.start, attack.end, rng))
                names.append(attack.template)
    trees = _fit_trees(np.concatenate(rows), np.concatenate(labels), effort, seed)
    odds = []
    for errors, (_, first, last) in zip(clean, parts, strict=True):
        kept = max(_spared(first, last), 1)
        found = trees.logits(signs(errors, usual, answer, shapes))[-kept:]
        odds.append(found[errors.known[-kept:]].astype(np.float64))
    return Learned(usual, trees, fit(described, names), calibrate(odds, effort.budget))


def _span(sample: Sample) -> tuple[int, int]:
    """The latest hours before the year held out."""
    return max(sample.first, sample.cut - LATEST_HOURS), sample.cut


def _spared(first: int, last: int) -> int:
    """Hours kept from the trees: a year, or a third of a short series."""
    return min(CALIBRATION_HOURS, (last - first) // 3)


def usual_errors(clean: Sequence[Errors]) -> Floats:
    """Mean sizes of errors by season and hour of the week, each series counting alike."""
    totals, counts = np.zeros((2, SEASONS, 168)), np.zeros((SEASONS, 168))
    means = np.zeros(2)
    for errors in clean:
        sizes = np.abs(errors.values[:, errors.known])
        place = (season(errors.hours[errors.known]), week_hour(errors.hours[errors.known]))
        mean = sizes.mean(1)
        means += mean / len(clean)
        np.add.at(counts, place, 1.0)
        for k in range(2):
            np.add.at(totals[k], place, np.minimum(sizes[k] / mean[k], 5.0))
    shares = np.where(counts > 0, totals / np.maximum(counts, 1), 1.0)
    return np.maximum(shares, 0.2) * means[:, None, None]


def calibrate(odds: Sequence[Floats], budget: float) -> float:
    """The threshold above which this share of clean hours is flagged, on the mean of series."""
    low, high = -10.0, 15.0
    for _ in range(40):
        middle = (low + high) / 2
        share = np.mean([latched(o - middle).mean() for o in odds if len(o)])
        low, high = (middle, high) if share > budget else (low, middle)
    return high


def _fit_trees(rows: Singles, labels: npt.NDArray[np.bool_], effort: Effort, seed: int) -> Boosted:
    from sklearn.ensemble import HistGradientBoostingClassifier

    trained = HistGradientBoostingClassifier(
        max_iter=effort.n_trees, learning_rate=0.12, max_leaf_nodes=effort.n_leaves,
        min_samples_leaf=60, l2_regularization=1.0, early_stopping=False, random_state=seed,
    ).fit(rows, labels)  # fmt: skip
    return from_sklearn(trained)


def _shape(
    errors: Errors, scales: Floats, answer: Floats, start: int, end: int, rng: np.random.Generator
) -> Floats:
    """The shape of an attack as the detector may see it: not always up to its last hour."""
    seen = min(start + max(int((end - start) * rng.uniform(_SEEN_SHARE, 1.5)), 3), end)
    answers = answer[week_hour(errors.hours[start:seen])]
    near = errors.values[0, start:seen]
    effect = effect_of(answers)
    return describe(undone(effect, near), near, scales[start:seen], effect)


def spreads(
    samples: Sequence[Sample], tables_of: Sequence[Table], net: LoadNet
) -> tuple[float, ...]:
    """For each horizon, scales of the network within which 95% of the errors lie.

    Over the year before the one held out, which the network was trained on, too.
    """
    ratios: list[list[Floats]] = [[] for _ in HORIZONS]
    for sample, table in zip(samples, tables_of, strict=True):
        last = sample.cut - REACH
        first = max(last - CALIBRATION_HOURS, 0)
        with torch.no_grad():
            found, _ = net(
                torch.from_numpy(table.inputs[first:last])[None],
                [torch.from_numpy(rows[first:last])[None] for rows in table.rows],
            )
        for which in range(len(HORIZONS)):
            both = found[which][0, 168:].numpy()
            missed = np.abs(table.targets[which][first + 168 : last] - both[:, 0])
            usable = table.usable[which][first + 168 : last]
            ratios[which].append((missed / np.exp(both[:, 1]))[usable])
    return tuple(float(np.quantile(np.concatenate(r), _COVERED)) for r in ratios)
