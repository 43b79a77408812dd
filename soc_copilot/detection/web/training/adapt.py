"""`soc-copilot train web --normal`: thresholds for one site, from its own harmless requests."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from soc_copilot.detection.web.request import from_row
from soc_copilot.detection.web.scorer import load
from soc_copilot.detection.web.training.data import json_rows
from soc_copilot.detection.web.training.evaluate import request_scores
from soc_copilot.detection.web.training.metrics import threshold_at
from soc_copilot.detection.weights import load_model, save_model
from soc_copilot.domain.errors import SourceError

MIN_ROWS: Final = 1_000  # chosen: fewer say nothing of a budget of 0.1%
# chosen: above it nothing but payloads on their own would be found. What a site sends that
# scores higher is for its analyst to look at, not for a threshold to hide.
CEILING: Final = 0.995


def adapt(model: Path, normal: Path, out: Path) -> dict[str, Any]:
    """Write a copy of a model whose thresholds keep each budget on a site's own requests.

    Thresholds are only ever raised, and to `CEILING` at most; the weights stay as they are.

    Args:
        model: Folder of the model to start from.
        normal: JSON lines, one harmless request each.
        out: Folder to write.

    Returns:
        The new card; its key "adapted" says what changed.

    Raises:
        DetectorError: The model cannot be loaded.
        SourceError: The file cannot be read, or holds too few requests.
    """
    requests = []
    for number, row in json_rows(normal):
        try:
            requests.append(from_row(row))
        except ValueError as error:
            raise SourceError(f'"{normal}", line {number}: {error}.') from error
    if len(requests) < MIN_ROWS:
        raise SourceError(
            f'"{normal}" holds {len(requests):,} requests; {MIN_ROWS:,} are needed for thresholds.'
        )
    scores = request_scores(load(model), requests)
    tensors, card = load_model(model)
    thresholds, said = {}, {}
    for name, before in card["thresholds"].items():
        wanted = threshold_at(scores, float(name.rstrip("%")) / 100)
        after = max(before, min(wanted, CEILING))
        thresholds[name] = round(float(np.ceil(after * 1e7) / 1e7), 7)
        said[name] = {
            "before": before,
            "after": thresholds[name],
            "share_flagged_before": round(float((scores >= before).mean()), 5),
            "share_flagged_after": round(float((scores >= thresholds[name]).mean()), 5),
        }
    new = {
        **card,
        "version": f"{card['version']}+site",
        "thresholds": thresholds,
        "adapted": {"requests": len(requests), "budgets": said},
    }
    save_model(out, tensors, new)
    return new
