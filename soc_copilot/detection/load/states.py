"""What is stored of all watched series together: one head in JSON, then each series' own bytes."""

import json
import math
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from soc_copilot.domain.load import Standing

_FORMAT: Final = 1
_DRIFT: Final = ("mae", "mape", "baseline_mape", "ratio", "is_drifting")


def pack(
    parts: Iterable[tuple[Mapping[str, Any], bytes]], standing: Standing, times_us: list[int]
) -> bytes:
    """Everything in one piece.

    Args:
        parts: Facts, with the series' key among them, and the bytes of each series.
        standing: Of what judges, for those who only look.
        times_us: Times of the latest hours, in microseconds.
    """
    head, blobs = [], []
    for facts, data in parts:
        packed = zlib.compress(data, 1)
        head.append({**facts, "n": len(packed)})
        blobs.append(packed)
    told = {name: v for name, v in asdict(standing).items() if name not in _DRIFT}
    whole = {"format": _FORMAT, "series": head, "standing": told, "times": times_us}
    text = json.dumps(whole).encode()
    return struct.pack("<I", len(text)) + text + b"".join(blobs)


def unpack(state: bytes) -> tuple[dict[str, Any], list[tuple[dict[str, Any], bytes]]]:
    """The head, and for each series its facts and its packed bytes.

    Raises:
        ValueError: It is damaged, or of another version.
    """
    try:
        (n,) = struct.unpack_from("<I", state)
        told = json.loads(state[4 : 4 + n])
        if told["format"] != _FORMAT:
            raise ValueError("of another version")
        at, parts = 4 + n, []
        for facts in told["series"]:
            parts.append((facts, state[at : at + facts["n"]]))
            at += facts["n"]
    except (KeyError, TypeError, IndexError, struct.error) as error:
        raise ValueError(f"damaged: {error}") from error
    return told, parts


def standings(state: bytes) -> dict[str, Standing]:
    """How each series' forecast and the detector stood when this was stored, by key.

    Nothing is known of a state that cannot be read, or that is from before it was told.
    """
    try:
        told, parts = unpack(state)
        common = Standing(**told.get("standing", {}))
        return {facts["key"]: _with_drift(common, facts.get("drift")) for facts, _ in parts}
    except (ValueError, TypeError, KeyError):
        return {}


def _with_drift(common: Standing, drift: Mapping[str, Any] | None) -> Standing:
    if not drift:
        return common
    known = {name: drift[name] for name in _DRIFT}
    if not all(math.isfinite(value) for value in known.values()):
        return common
    return replace(common, **known)
