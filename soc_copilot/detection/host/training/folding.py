"""Leave-groups-out: every recording scored by parts that saw nothing of its group."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host import heuristics
from soc_copilot.detection.host.fusion import parts
from soc_copilot.detection.host.model import Shape
from soc_copilot.detection.host.training.baselines import (
    RULE_FILES,
    boosting_scores,
    fit_boosting,
    noisy_files,
)
from soc_copilot.detection.host.training.dataset import Sequence30, sequences, variants
from soc_copilot.detection.host.training.fit import (
    Recipe,
    fit_boosted,
    fit_forest,
    fit_net,
    net_logits,
)
from soc_copilot.detection.host.training.fuse import PartScores, fit_fusion
from soc_copilot.detection.host.training.metrics import Outcome, choose_threshold, outcome
from soc_copilot.detection.host.training.traces import Trace, folds

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]

HYBRID: Final = "hybrid"
DEEP: Final = "deep alone"
FOREST: Final = "forest alone"
RULE: Final = "rule alone"
BOOSTED: Final = "boosted trees alone"
BOOSTED_WINDOWS: Final = "boosting, windows"
NOISY: Final = "10 noisy files in 10 s"
_PARTS: Final = (DEEP, FOREST, RULE, BOOSTED)  # in the order of `fusion.parts`


@dataclass(frozen=True, slots=True)
class Plan:
    """How to split and train.

    Attributes:
        n_folds: Parts that the groups are dealt into.
        n_variants: Varied forms of each recording beside itself.
        budget: Share of ordinary recordings that may have an alarm.
        has_boosting: Train boosted trees on windows beside it.
    """

    n_folds: int = 5
    n_variants: int = 1
    budget: float = 0.04
    has_boosting: bool = True
    shape: Shape = field(default_factory=Shape)
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, slots=True)
class Scored:
    """All recordings with scores of parts that did not see their groups.

    Attributes:
        made: Varied forms of them.
        fold: Of each recording, shape (n_recordings,).
        columns: Scores by name, one array per recording.
        parts: The three parts' for the fusion.
    """

    found: list[Sequence30]
    made: list[Sequence30]
    fold: npt.NDArray[np.int64]
    columns: dict[str, list[Floats]]
    parts: list[PartScores]


def cross_scores(traces: Sequence[Trace], plan: Plan) -> Scored:
    """Train once without each fold, and score it."""
    fold, seed = folds(traces, plan.n_folds), plan.recipe.seed
    found = sequences(traces)
    columns: dict[str, list[Floats]] = {
        name: [np.zeros(0, np.float32)] * len(found)
        for name in (DEEP, FOREST, RULE, BOOSTED, BOOSTED_WINDOWS, NOISY)
    }
    # Company comes from the same fold, so that no variant carries a group into another one.
    made = [
        variants(
            [t for t, f in zip(traces, fold, strict=True) if f == k], plan.n_variants, seed + k
        )
        for k in range(plan.n_folds)
    ]
    for k in range(plan.n_folds):
        others = [s for j, some in enumerate(made) for s in some if j != k]
        _score_fold(k, found, others, fold, columns, plan)
    for i, s in enumerate(found):
        columns[RULE][i] = heuristics.score(s.rows)
        columns[NOISY][i] = noisy_files(s.trace.frame)
    scores = [PartScores(*row) for row in zip(*(columns[name] for name in _PARTS), strict=True)]
    columns |= part_columns(scores)
    if not plan.has_boosting:
        del columns[BOOSTED_WINDOWS]
    return Scored(found, [s for some in made for s in some], fold, columns, scores)


def part_columns(scores: Sequence[PartScores]) -> dict[str, list[Floats]]:
    """The parts' scores as the fusion adds them up, by name."""
    columns = [parts(s.deep, s.forest, s.rule, s.boosted) for s in scores]
    return {name: [x[:, i] for x in columns] for i, name in enumerate(_PARTS)}


def _score_fold(
    k: int,
    found: Sequence[Sequence30],
    made: list[Sequence30],
    fold: npt.NDArray[np.int64],
    columns: dict[str, list[Floats]],
    plan: Plan,
) -> None:
    seed = plan.recipe.seed
    mine = [i for i in range(len(found)) if fold[i] == k]
    learning = [s for s, f in zip(found, fold, strict=True) if f != k]
    net = fit_net(learning + made, plan.shape, plan.recipe)
    forest = fit_forest(learning, seed)
    for i in mine:
        columns[DEEP][i] = net_logits(net, found[i].rows)
        columns[FOREST][i] = forest.score(found[i].rows)
    boosted = fit_boosted(learning + made, seed)
    for i in mine:
        columns[BOOSTED][i] = boosted.logits(found[i].rows)
    if plan.has_boosting:
        model = fit_boosting(learning, has_windows=True, seed=seed)
        scores = boosting_scores(model, [found[i].rows for i in mine], has_windows=True)
        for i, score in zip(mine, scores, strict=True):
            columns[BOOSTED_WINDOWS][i] = score
    logger.info("Fold done. fold=%d of=%d", k + 1, plan.n_folds)


def judged(scored: Scored, plan: Plan) -> dict[str, list[Outcome]]:
    """What became of each recording, by column and for the hybrid.

    Thresholds and the fusion come from the other folds; the rule of thumb's is given.
    """
    results: dict[str, list[Outcome]] = {}
    columns = {**scored.columns, HYBRID: hybrid_scores(scored, plan)}
    for name, scores in columns.items():
        mine: list[Outcome | None] = [None] * len(scores)
        for k in range(plan.n_folds):
            threshold = {NOISY: RULE_FILES, HYBRID: 0.0}.get(name)
            if threshold is None:
                others = np.flatnonzero(scored.fold != k)
                threshold = choose_threshold(
                    [scored.found[i] for i in others], [scores[i] for i in others], plan.budget
                )
            for i in np.flatnonzero(scored.fold == k):
                mine[i] = outcome(scored.found[i], scores[i], threshold)
        results[name] = [o for o in mine if o is not None]
    return results


def hybrid_scores(scored: Scored, plan: Plan) -> list[Floats]:
    """Fused logits, each fold's by a fusion fitted on the other folds.

    Scores are counted from the threshold chosen there, in logits of its trained parts, so that
    those of different folds can be compared: 0 is an alarm.
    """
    fused = [np.zeros(0, np.float32)] * len(scored.found)
    for k in range(plan.n_folds):
        others = np.flatnonzero(scored.fold != k)
        found, scores = [scored.found[i] for i in others], [scored.parts[i] for i in others]
        fusion = fit_fusion(found, scores, plan.budget)
        threshold = np.float32(np.log(fusion.threshold / (1 - fusion.threshold)))
        for i in np.flatnonzero(scored.fold == k):
            s = scored.parts[i]
            above = fusion.raw(s.deep, s.forest, s.rule, s.boosted) - threshold
            fused[i] = above / np.float32(fusion.weights[0] + fusion.weights[3])
    return fused
