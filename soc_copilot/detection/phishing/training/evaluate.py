"""Figures of the phishing models on labelled rows, each hard part of them apart."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.phishing.training.data import Row
from soc_copilot.detection.phishing.urls import parse_url
from soc_copilot.detection.web.training.metrics import Figures, figures

Scores = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
THRESHOLD: Final = 0.5  # what "flagged" means in the tables
_NAME_WIDTH: Final = 56
_HEADS: Final = (
    f"{'':<{_NAME_WIDTH}}{'rows':>8}{'phish':>8}{'AUC':>8}{'F1':>7}{'@0.1%':>8}{'@1%':>7}{'FPR.5':>8}"
    f"{'TPR.5':>8}"
)


def evaluate(
    rows: Sequence[Row], score: Callable[[str, Sequence[str]], Scores]
) -> dict[str, Figures]:
    """Figures by name.

    Args:
        rows: Labelled, of any kinds.
        score: Scores in [0, 1] of contents of a kind.
    """
    found: dict[str, Figures] = {}
    for kind in ("url", "email", "text"):
        some = [row for row in rows if row.kind == kind]
        if some:
            scores = score(kind, [row.content for row in some])
            found.update(of_kind(kind, some, scores))
    return found


def of_kind(kind: str, rows: Sequence[Row], scores: Scores) -> dict[str, Figures]:
    """Figures of scored rows of one kind, by name."""
    labels = np.array([row.label for row in rows])
    datasets = np.array([row.dataset for row in rows])
    # Spam is neither: of e-mails it is left out and shown apart; of texts it counts as unwanted.
    wanted = labels != "spam" if kind == "email" else np.ones(len(rows), bool)
    positive = labels == "phish" if kind == "email" else labels != "benign"
    parts: dict[str, Flags] = {f"{kind}: all": wanted}
    if kind == "url":
        bare = np.array([parse_url(row.content).is_bare for row in rows])
        brand = datasets == "brandpages"
        parts["url: bare hosts"] = bare
        parts["url: with a path"] = ~bare
        parts["url: brand pages, bare"] = brand & bare
        parts["url: brand pages, with a path"] = brand & ~bare
        years = np.array([row.year or 0 for row in rows])
        parts["url: of 2024 and later"] = years >= 2024
    elif kind == "email":
        hard = np.char.find(datasets, "hard_ham") >= 0
        parts["email: hard ham"] = hard & wanted
        parts["email: phish against hard ham"] = (hard | positive) & wanted
        parts["email: spam, for comparison"] = labels == "spam"
    else:
        parts["text: phish alone"] = labels != "spam"
    for name in sorted(set(datasets.tolist())):
        parts[f"{kind}: {name}"] = (datasets == name) & wanted
    return {
        name: figures(scores[part], positive[part], THRESHOLD)
        for name, part in parts.items()
        if part.any()
    }


def table(found: Mapping[str, Figures | dict[str, Any]]) -> str:
    """Figures as aligned columns."""
    lines = [_HEADS]
    for name, one in found.items():
        said = one.as_dict() if isinstance(one, Figures) else one
        cells = [
            _cell(said[key], width)
            for key, width in (
                ("auc", 8), ("f1", 7), ("tpr_001", 8), ("tpr_01", 7), ("fpr_here", 8),
                ("tpr_here", 8),
            )
        ]  # fmt: skip
        start = f"{name[: _NAME_WIDTH - 1]:<{_NAME_WIDTH}}{said['rows']:>8}{said['attacks']:>8}"
        lines.append(start + "".join(cells))
    lines.append(
        "@0.1%, @1%: share of phish found where that share of benign rows is flagged. "
        f"FPR.5, TPR.5: flagged at {THRESHOLD}."
    )
    return "\n".join(lines)


def _cell(value: float | int | None, width: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width}.3f}"
