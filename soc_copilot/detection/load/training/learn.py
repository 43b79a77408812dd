"""The detector's training: trees and networks over signs, templates, the threshold, intervals."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from soc_copilot.detection.host.boosted import Boosted, from_sklearn
from soc_copilot.detection.load.base import SEASONS, Base, season, week_hour
from soc_copilot.detection.load.course import Course, joined
from soc_copilot.detection.load.evidence import N_STARTS, tables
from soc_copilot.detection.load.features import HORIZONS, REACH
from soc_copilot.detection.load.flags import flags as flagged
from soc_copilot.detection.load.flags import threshold_for
from soc_copilot.detection.load.injection import Attack
from soc_copilot.detection.load.intervals import ECHO_HOURS, HOLD
from soc_copilot.detection.load.model import LoadNet
from soc_copilot.detection.load.templates import NAMES as NAMES_OF_TEMPLATES
from soc_copilot.detection.load.templates import Templates
from soc_copilot.detection.load.training.corpus import Sample, stable_seed
from soc_copilot.detection.load.training.course import CourseRecipe, Lesson, fit_course
from soc_copilot.detection.load.training.fit import Table
from soc_copilot.detection.load.training.simulate import (
    FIRST_HOURS,
    Errors,
    course_of,
    draw_all,
    errors_of,
    looks,
    signs,
)

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

LATEST_HOURS: Final = 40_000  # chosen: of each series, hours that the detector learns from
CALIBRATION_HOURS: Final = 8_760  # chosen: the latest, kept from trees and networks: threshold
COURSE_HOURS: Final = 80_000  # chosen: of each series, hours that the networks learn from
_LONG_HOURS: Final = 20_000  # chosen: a shorter stretch is learned from twice in a turn
_SHIFT_HOURS: Final = 2_000  # chosen: so far a long one's pieces begin elsewhere in each turn
_CLEAN_HOURS: Final = 250  # chosen: mean of the clean hours between two attacks
_AFTER_HOURS: Final = 12  # chosen: hours after an attack that hardly count
_AFTER_WEIGHT: Final = 0.4  # measured: less finds more steps, and flags more ends
_LATER_HOURS: Final = 48  # chosen: hours after an attack all of which are learned from
_CLEAN_SHARE: Final = 0.25  # chosen: of the other clean hours
_OTHER_LOOKS: Final = 3  # chosen: hours of an attack at which it is looked at beside its last
_COVERED: Final = 0.95
_THRESHOLDS: Final = (-10.0, 15.0)  # chosen: log-odds between which the threshold is looked for


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is spent; chosen. Of the turns some serve the templates, too."""

    n_trees: int = 120
    n_leaves: int = 31
    n_turns: int = 3
    n_looked: int = 2
    n_template_trees: int = 60
    course: CourseRecipe = field(default_factory=CourseRecipe)
    budget: float = 0.0048


@dataclass(frozen=True, slots=True)
class Learned:
    """What comes of it; as in `saved.LoadModel`."""

    usual: Floats
    trees: Boosted
    course: Course
    templates: Templates
    threshold: float


@dataclass(frozen=True, slots=True)
class Judge:
    """What turns errors into log-odds."""

    usual: Floats
    answer: Floats
    shapes: Floats
    trees: Boosted
    course: Course

    def odds(self, errors: Errors) -> Floats:
        """Log-odds that each hour is under attack, shape (n,)."""
        found = signs(errors, self.usual, self.answer, self.shapes)
        outputs = self.course.run(course_of(errors, found))
        return joined(self.trees.logits(found).astype(np.float64), outputs[:, 0])


def learn(samples: Sequence[Sample], base: Base, effort: Effort, seed: int) -> Learned:
    """Learn from the years before those held out; the last of them only sets the threshold."""
    parts = [(s, *_span(s)) for s in samples]
    clean = [errors_of(s.ready, base, first, last) for s, first, last in parts]
    usual = usual_errors(clean)
    answer = base.answers(ECHO_HOURS)
    shapes = tables(answer)
    struck = [
        _strike(sample, base, first, last - _spared(first, last), seed, turn)
        for sample, first, last in parts
        for turn in range(effort.n_turns)
    ]
    lessons = []
    for one in struck:
        rng = np.random.default_rng(stable_seed("rows", seed))
        lessons.append(_lesson(one, signs(one.errors, usual, answer, shapes), rng))
    trees = _fit_trees([np.concatenate(p) for p in zip(*lessons, strict=True)], effort, seed)
    del lessons
    course = fit_course(
        lambda rng: [
            _course_lesson(sample, base, (usual, answer, shapes), rng)
            for sample, first, last in parts
            for _ in range(2 if last - first < _LONG_HOURS else 1)
        ],
        effort.course, seed,
    )  # fmt: skip
    judge = Judge(usual, answer, shapes, trees, course)
    odds = []
    for errors, (_, first, last) in zip(clean, parts, strict=True):
        kept = max(_spared(first, last), 1)
        odds.append(judge.odds(errors)[-kept:][errors.known[-kept:]])
    threshold = threshold_for(odds, effort.budget, *_THRESHOLDS)
    logger.info("Learned from signs. threshold=%.2f", threshold)
    seen, names = [], []
    for one in [one for at, one in enumerate(struck) if at % effort.n_turns < effort.n_looked]:
        rows, own = _looks(one, judge, threshold, seed)
        seen += rows
        names += own
    return Learned(usual, trees, course, fit_templates(seen, names, effort, seed), threshold)


def _course_lesson(
    sample: Sample, base: Base, model: tuple[Floats, Floats, Floats], rng: np.random.Generator
) -> Lesson:
    """Years before the threshold's with attacks drawn anew, for the networks over the signs."""
    last = sample.cut - _spared(*_span(sample))
    first = max(sample.first, sample.cut - COURSE_HOURS)
    if last - first > _LONG_HOURS:
        first += int(rng.integers(_SHIFT_HOURS))
    change, attacks, owner = draw_all(last - first, rng, _CLEAN_HOURS)
    errors = errors_of(sample.ready, base, first, last, change)
    kinds = np.array([-1, *(NAMES_OF_TEMPLATES.index(a.template) for a in attacks)])[owner]
    labels = owner > 0
    is_after = ~labels & (_since(labels) <= _AFTER_HOURS)
    weights = np.where(is_after, _AFTER_WEIGHT, 1.0)
    weights[~errors.known] = 0.0
    weights[:FIRST_HOURS] = 0.0
    rows = course_of(errors, signs(errors, *model))
    return Lesson(rows, kinds, weights.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Struck:
    """A stretch of a series with attacks in it.

    Attributes:
        errors: Of the base.
        attacks: What was put where.
        owner: For each hour its attack's number from 1 on, else 0.
    """

    errors: Errors
    attacks: Sequence[Attack]
    owner: npt.NDArray[np.int64]


def _strike(sample: Sample, base: Base, first: int, last: int, seed: int, turn: int) -> Struck:
    rng = np.random.default_rng(stable_seed(f"{sample.name} {turn}", seed))
    change, attacks, owner = draw_all(last - first, rng, _CLEAN_HOURS)
    return Struck(errors_of(sample.ready, base, first, last, change), attacks, owner)


def _since(labels: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Hours since the last one under attack, 0 in one; before the first more than are asked for."""
    at = np.arange(len(labels))
    return np.asarray(at - np.maximum.accumulate(np.where(labels, at, -_LATER_HOURS - 1)))


def _lesson(
    struck: Struck, found: Singles, rng: np.random.Generator
) -> tuple[Singles, npt.NDArray[np.bool_], Floats]:
    """Rows for the trees, whether each is of an attack, and how much each counts.

    The end of an attack looks like the beginning of one the other way: hours after one count
    little. Of the clean hours a part stands for all.
    """
    labels = struck.owner > 0
    ago = _since(labels)
    is_after = ~labels & (ago <= _AFTER_HOURS)
    is_near = labels | (ago <= _LATER_HOURS)
    weights = np.where(is_near, 1.0, 1 / _CLEAN_SHARE)
    weights[is_after] = _AFTER_WEIGHT
    usable = struck.errors.known & (is_near | (rng.uniform(size=len(labels)) < _CLEAN_SHARE))
    usable[:FIRST_HOURS] = False
    return found[usable], labels[usable], weights[usable]


def _looks(
    struck: Struck, judge: Judge, threshold: float, seed: int
) -> tuple[list[Floats], list[str]]:
    """What the templates' trees see of each attack, at its last flagged hour and at others."""
    rng = np.random.default_rng(stable_seed("looks", seed))
    flags = flagged(judge.odds(struck.errors), threshold) & struck.errors.known
    stops: dict[int, int] = {}
    names: dict[int, str] = {}
    opened = openings(flags)
    for number, attack in enumerate(struck.attacks):
        mine = struck.owner == number + 1
        hours = np.flatnonzero(flags & mine)
        if not len(hours):
            hours = np.flatnonzero(mine)[-1:]  # a kind that is never flagged is learned, too
        others = rng.choice(hours, min(len(hours), _OTHER_LOOKS), replace=False)
        for at in (*others, hours[-1]):
            stops[int(at)], names[int(at)] = int(opened[at]), attack.template
    _, rows = looks(struck.errors, judge.usual, judge.answer, judge.shapes, stops)
    return [rows[at] for at in sorted(rows)], [names[at] for at in sorted(rows)]


def openings(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """For each hour the first flagged one of its suspicion; itself where it is not flagged."""
    found = np.arange(len(flags))
    first, last = -1, -HOLD - 1
    for at in np.flatnonzero(flags).tolist():
        if at - last > HOLD or at - first >= N_STARTS:
            first = at
        found[at], last = first, at
    return found


def fit_templates(
    rows: Sequence[Floats], names: Sequence[str], effort: Effort, seed: int
) -> Templates:
    """Trees for each template, over looks at attacks whose template is known."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    table, own = np.array(rows).astype(np.float32), np.array(names)
    found = []
    for name in NAMES_OF_TEMPLATES:
        trained = HistGradientBoostingClassifier(
            max_iter=effort.n_template_trees, learning_rate=0.1, max_leaf_nodes=12,
            min_samples_leaf=20, l2_regularization=1.0, early_stopping=False, random_state=seed,
        ).fit(table, own == name)  # fmt: skip
        found.append(from_sklearn(trained))
    return Templates(found)


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
        sizes = np.abs(errors.values[errors.known].T)
        place = (season(errors.hours[errors.known]), week_hour(errors.hours[errors.known]))
        mean = sizes.mean(1)
        means += mean / len(clean)
        np.add.at(counts, place, 1.0)
        for k in range(2):
            np.add.at(totals[k], place, np.minimum(sizes[k] / mean[k], 5.0))
    shares = np.where(counts > 0, totals / np.maximum(counts, 1), 1.0)
    return np.maximum(shares, 0.2) * means[:, None, None]


def _fit_trees(lessons: Sequence[npt.NDArray[Any]], effort: Effort, seed: int) -> Boosted:
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows, labels, weights = lessons
    trained = HistGradientBoostingClassifier(
        max_iter=effort.n_trees, learning_rate=0.12, max_leaf_nodes=effort.n_leaves,
        min_samples_leaf=60, l2_regularization=1.0, early_stopping=False, random_state=seed,
    ).fit(rows, labels, sample_weight=weights)  # fmt: skip
    return from_sklearn(trained)


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
