"""All figures of the load detector, and as a table for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from soc_copilot.detection.load.detector import Shared
from soc_copilot.detection.load.saved import LoadModel
from soc_copilot.detection.load.training.corpus import Sample
from soc_copilot.detection.load.training.evaluate import attacks, begun, forecasts


def figures(
    samples: Sequence[Sample], model: LoadModel, rounds: int = 1, seed: int = 7
) -> dict[str, Any]:
    """Forecasts and attacks on the years held out, through the detector as it runs."""
    shared = Shared(model)
    states = {s.name: begun(s, shared) for s in samples}
    return {
        "model": model.version,
        "forecasts": {s.name: forecasts(s, shared, states[s.name]) for s in samples},
        "attacks": attacks(samples, shared, states, seed, rounds) if rounds else {},
    }


def table(found: Mapping[str, Any]) -> str:
    """Figures in columns."""
    lines = [
        f"{'series':<12} {'hour ahead':>10} {'day ahead':>10} {'last week':>10} {'yesterday':>10} "
        f"{'regr. hour':>10} {'regr. day':>10} {'flagged %':>10} {'alarms':>7}"
    ]
    for name, row in found["forecasts"].items():
        keys = (
            "hour_ahead", "day_ahead", "seasonal_naive", "yesterday", "regression_hour_ahead",
            "regression_day_ahead", "clean_flagged",
        )  # fmt: skip
        cells = " ".join(f"{row[key]:>10.2f}" for key in keys)
        lines.append(f"{name:<12} {cells} {row['clean_alarms']:>7.0f}")
    if found["attacks"]:
        lines.append("")
        lines.append(
            f"{'attacks':<22} {'n':>6} {'found':>7} {'hours P':>8} {'hours R':>8} {'delay h':>8} "
            f"{'template':>9} {'size err':>9}"
        )
    for name, row in found["attacks"].items():
        shown = (
            "event_recall", "hour_precision", "hour_recall", "median_delay_h", "template_right",
            "median_size_error",
        )  # fmt: skip
        cells = " ".join("        -" if row[k] is None else f"{row[k]:>8.3f}" for k in shown)
        lines.append(f"{name:<22} {row['attacks']:>6} {cells}")
    return "\n".join(lines)


def _nab_folders(folders: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    lines = []
    for name, first in folders["standard"].items():
        scores = (folder[name]["score"] for folder in folders.values())
        lines.append(
            f"  {name:<21}" + "".join(f" {score:>6.1f}" for score in scores)
            + f"   found {first['found']} of {first['windows']},"
            f" false alarms {first['false_alarms']}"
        )  # fmt: skip
    return lines


def nab_table(found: Mapping[str, Any]) -> str:
    """Scores of the Numenta Anomaly Benchmark in columns."""
    lines = [
        f"{found['files']} files, {found['windows']} anomalies",
        f"{'detector':<20} {'standard':>9} {'low FP':>9} {'low FN':>9} {'threshold':>10}",
    ]
    for name, row in found.items():
        if isinstance(row, Mapping):
            lines.append(
                f"{name:<20} {row['standard']:>9.2f} {row['low_false_positives']:>9.2f} "
                f"{row['low_false_negatives']:>9.2f} {row['threshold']:>10.4f}"
            )
            lines += _nab_folders(row["folders"])
    return "\n".join(lines)
