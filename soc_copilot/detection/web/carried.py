"""Verdicts that came with their requests: our own checking service has scored them already."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.web.classes import NAMES, OTHER
from soc_copilot.domain import columns as c

_NUMBERS = {name: number for number, name in enumerate(NAMES)}


class Carried(NamedTuple):
    """One entry for each row of a frame.

    Attributes:
        is_ours: A verdict of this version of the model came with it; the rest holds for these.
        scores: In [0, 1].
        is_threat: As the service decided, by its own threshold.
        kinds: Numbers of attack classes.
        texts: What scored highest; null where it is not told.
    """

    is_ours: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float32]
    is_threat: npt.NDArray[np.bool_]
    kinds: npt.NDArray[np.uint8]
    texts: pl.Series


def carried(frame: pl.DataFrame, version: str) -> Carried | None:
    """The verdicts in a frame; None where there is none of this version of the model."""
    if c.WEB_VERSION not in frame.columns:
        return None
    is_ours = (pl.col(c.WEB_VERSION) == version) & pl.col(c.WEB_SCORE).is_not_null()
    found = frame.select(
        is_ours.fill_null(value=False).alias("ours"),
        pl.col(c.WEB_SCORE).fill_null(0.0),
        pl.col(c.WEB_THREAT).fill_null(value=False),
        pl.col(c.WEB_CLASS).replace_strict(_NUMBERS, default=OTHER, return_dtype=pl.UInt8),
        c.WEB_TEXT,
    )
    if not found["ours"].any():
        return None
    return Carried(
        found["ours"].to_numpy(),
        found[c.WEB_SCORE].to_numpy(),
        found[c.WEB_THREAT].to_numpy(),
        found[c.WEB_CLASS].to_numpy(),
        found[c.WEB_TEXT],
    )
