"""Figures of the host detector, its parts and its rivals, as data and as tables."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host import heuristics
from soc_copilot.detection.host.features import FEATURES
from soc_copilot.detection.host.saved import load
from soc_copilot.detection.host.training.baselines import RULE_FILES, noisy_files
from soc_copilot.detection.host.training.dataset import Sequence30, sequences
from soc_copilot.detection.host.training.fit import net_logits
from soc_copilot.detection.host.training.folding import (
    BOOSTED,
    DEEP,
    FOREST,
    HYBRID,
    NOISY,
    RULE,
    part_columns,
)
from soc_copilot.detection.host.training.fuse import PartScores
from soc_copilot.detection.host.training.metrics import Outcome, by_group, figures, outcome
from soc_copilot.detection.host.training.traces import read_traces
from soc_copilot.detection.weights import load_card

Floats = npt.NDArray[np.float32]

_HEAD: Final = (
    "scored by", "win AUC", "TPR@0.1%", "TPR@1%", "rec AUC", "found", "clean", "alarmed",
    "per hour", "harmed", "p95", "lost",
)  # fmt: skip


def evaluate(places: Sequence[Path], model: Path) -> dict[str, Any]:
    """Figures of a stored model and its parts on recordings, at the thresholds on its card.

    Args:
        places: Folders with an index, or single recordings in one.
        model: The model's folder.

    Raises:
        SourceError: A recording or an index cannot be read.
        DetectorError: The model cannot be read.
    """
    stored = load(model, tuple(f.name for f in FEATURES))
    said = load_card(model)["thresholds"]
    found = sequences(read_traces(places))
    scores = [
        PartScores(
            net_logits(stored.net, s.rows),
            stored.forest.score(s.rows),
            heuristics.score(s.rows),
            stored.boosted.logits(s.rows),
        )
        for s in found
    ]
    columns: dict[str, list[Floats]] = {
        HYBRID: [stored.fusion.score(s.deep, s.forest, s.rule, s.boosted) for s in scores],
        **part_columns(scores),
        NOISY: [noisy_files(s.trace.frame) for s in found],
    }
    limits = {name: float(said[name]) for name in (DEEP, FOREST, RULE, BOOSTED)}
    limits |= {HYBRID: stored.fusion.threshold, NOISY: RULE_FILES}
    results = {
        name: [outcome(s, x, limits[name]) for s, x in zip(found, column, strict=True)]
        for name, column in columns.items()
    }
    return {"model": stored.version, **report(found, columns, results)}


def report(
    found: Sequence[Sequence30],
    columns: Mapping[str, Sequence[Floats]],
    results: Mapping[str, Sequence[Outcome]],
) -> dict[str, Any]:
    """Figures of every column, and the hybrid's by family and program."""
    return {
        "figures": {
            name: figures(found, column, results[name]).as_dict()
            for name, column in columns.items()
        },
        "groups": by_group(results[HYBRID]),
    }


def table(found: Mapping[str, Any]) -> str:
    """A report as tables for terminals."""
    lines: list[tuple[str, ...]] = [_HEAD]
    for name, f in found["figures"].items():
        lines.append(
            (
                name, _shown(f["window_auc"]), _shown(f["tpr_001"]), _shown(f["tpr_01"]),
                _shown(f["episode_auc"]), f"{f['found']}/{f['attacks']}", str(f["clean"]),
                f"{f['alarmed']}/{f['ordinary']}", _shown(f["per_hour"], 1),
                _shown(f["harmed_median"], 1), _shown(f["harmed_p95"], 1),
                _shown(f["harmed_share"]),
            )
        )  # fmt: skip
    kinds: list[tuple[str, ...]] = [("kind", "name", "recordings", "found", "clean", "alarmed")]
    for g in found["groups"]:
        cells = (g.get(k, "") for k in ("recordings", "found", "clean", "alarmed"))
        kinds.append((g["kind"], g["name"], *map(str, cells)))
    return _laid_out(lines, 1) + "\n\n" + _laid_out(kinds, 2)


def _laid_out(lines: Sequence[tuple[str, ...]], n_left: int) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(_line(line, widths, n_left) for line in lines)


def _line(cells: Iterable[str], widths: Sequence[int], n_left: int) -> str:
    shown = [
        cell.ljust(width) if i < n_left else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(shown).rstrip()


def _shown(value: float | None, places: int = 4) -> str:
    return "-" if value is None else f"{value:.{places}f}"
