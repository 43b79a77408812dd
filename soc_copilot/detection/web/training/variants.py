"""Other ways to run the same weights: how fast each is, and what it changes."""

import copy
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from soc_copilot.detection.web.model import WebNet
from soc_copilot.detection.web.request import Request
from soc_copilot.detection.web.scorer import Scorer, as_series

DEFAULT: Final = "float32"
_TARGETS: Final = 5_000  # chosen: distinct targets timed
_ROUNDS: Final = 5  # chosen: each variant in turn, so that a busy moment hits all alike


def _int8_layers(net: WebNet) -> WebNet:
    """Matrix products in whole numbers of 8 bits, ranges found while running."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # says that it moves to another package
        quantize: Any = torch.ao.quantization.quantize_dynamic
        changed: WebNet = quantize(net, {nn.Linear}, torch.qint8)
    return changed


def _int8_table(net: WebNet) -> WebNet:
    """The table in whole numbers of 8 bits, with a scale for each row."""
    packed = torch.ops.quantized.embedding_bag_byte_prepack(net.table.weight.detach())

    def look_up(rows: Tensor, begins: Tensor) -> Tensor:
        found: Tensor = torch.ops.quantized.embedding_bag_byte_rowwise_offsets(packed, rows, begins)
        return found

    object.__setattr__(net, "look_up", look_up)
    return net


def _int8(net: WebNet) -> WebNet:
    return _int8_table(_int8_layers(net))


def _bfloat16(net: WebNet) -> WebNet:
    """Table and layers in 16 bits."""
    changed = net.to(torch.bfloat16)
    sums, head = changed.sums, changed.head
    object.__setattr__(changed, "sums", lambda found: sums(found).to(torch.bfloat16))
    object.__setattr__(changed, "head", lambda pooled: tuple(part.float() for part in head(pooled)))
    return changed


def _compiled(net: WebNet) -> WebNet:
    """Everything behind the table compiled; needs a C++ compiler where it runs."""
    for name in ("pool", "head"):
        object.__setattr__(net, name, torch.compile(getattr(net, name), dynamic=True))
    return net


VARIANTS: Final[dict[str, Callable[[WebNet], WebNet]]] = {
    DEFAULT: lambda net: net,
    "bfloat16": _bfloat16,
    "int8 layers": _int8_layers,
    "int8 table": _int8_table,
    "int8 table and layers": _int8,
    "compiled": _compiled,
}


def variants(
    net: WebNet,
    requests: Sequence[Request],
    threshold: float,
    names: Sequence[str] = tuple(VARIANTS),
) -> list[dict[str, Any]]:
    """Speed and changes of each variant on targets that were never met before.

    Args:
        net: Left as it is.
        requests: To score.
        threshold: Logit from which a target counts as a threat.
        names: Of `VARIANTS`, `DEFAULT` first.

    Returns:
        One row per variant: "us_per_new_target" (the lowest of a few runs), the largest
        change of a logit and the share of decisions changed; or why it does not run here.
    """
    targets = as_series(list(dict.fromkeys(r.target for r in requests if not r.body))[:_TARGETS])
    made: dict[str, WebNet] = {}
    failed: dict[str, str] = {}
    for name in names:
        try:
            made[name] = VARIANTS[name](copy.deepcopy(net).eval())
            Scorer(made[name]).logits(targets[:200])
        except Exception as error:  # noqa: BLE001 - what a platform lacks shows in many ways
            failed[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            made.pop(name, None)
    times: dict[str, list[float]] = {name: [] for name in made}
    logits = {}
    for _ in range(_ROUNDS):
        for name, changed in made.items():
            took, logits[name] = _timed(changed, targets)
            times[name].append(took)
    exact = logits[DEFAULT]
    rows: list[dict[str, Any]] = [
        {
            "variant": name,
            "us_per_new_target": round(1e6 * min(times[name]) / max(len(targets), 1), 1),
            "largest_change_of_logit": round(float(np.abs(found - exact).max(initial=0)), 4),
            "decisions_changed": round(
                float(((found >= threshold) != (exact >= threshold)).mean()), 5
            ),
        }
        for name, found in logits.items()
    ]
    return [*rows, *({"variant": name, "not_run": why} for name, why in failed.items())]


def _timed(net: WebNet, targets: pl.Series) -> tuple[float, np.ndarray[Any, Any]]:
    scorer = Scorer(net)
    began = time.process_time()
    found = scorer.logits(targets)[0]
    return time.process_time() - began, found
