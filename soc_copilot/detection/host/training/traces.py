"""Recordings of file activity with what is known of them: whose work, and when harm was done.

A folder of recordings holds CSV files (`t,event,path,size,entropy4k`, see `reading`) and
index.jsonl, one object for each: {"file", "label": "benign" or "attack", "program", "family",
"company", "began_s", "ended_s", "harmed": [[t, path], ...]}. A folder with index.csv (`file`,
`label`, `program`; a label other than benign is an attack, from the first event on) is read, too.
"""

import csv
import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.host.reading import ENTROPY, PATH, TIME, read_csv
from soc_copilot.domain.errors import SourceError

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

SPLIT_KEY: Final = b"host-groups-1"
_LEAD_S: Final = 0.5  # chosen: a file is in the making for so long before it counts as harmed
_TAIL_S: Final = 5.0  # chosen: so long after the last harm, events still belong to it
_FULL: Final = 6.0  # chosen: harmed files from which an attack's events weigh fully
_NOISE_BITS: Final = 7.2  # bits per byte; only where a recording does not say what was harmed


@dataclass(frozen=True, slots=True)
class Trace:
    """One recording.

    Attributes:
        name: File name, or what it was made of.
        program: What ran.
        family: What it is alike to.
        is_attack: Harm is done in it.
        frame: `reading.SCHEMA`, in the order of the file.
        began_s: When the attack began; NaN in ordinary recordings.
        harmed_s: When each file was gone, ascending, shape (n_harmed,).
        ended_s: When the attack ended; NaN in ordinary recordings.
        has_company: Somebody worked beside it.
    """

    name: str
    program: str
    family: str
    is_attack: bool
    frame: pl.DataFrame
    began_s: float
    harmed_s: Doubles
    ended_s: float
    has_company: bool = False

    @property
    def group(self) -> str:
        """The unit of every split: recordings of one group are never on both sides."""
        return f"{'attack' if self.is_attack else 'benign'}:{self.family}"

    @property
    def time(self) -> Doubles:
        """Of each event, seconds."""
        found: Doubles = self.frame[TIME].to_numpy()
        return found


def read_traces(places: Sequence[Path]) -> list[Trace]:
    """All recordings of folders, or single ones by file, in the order of their index.

    Raises:
        SourceError: A folder has no index, or the index is not one; a recording cannot be read.
    """
    found: list[Trace] = []
    for place in places:
        folder = place if place.is_dir() else place.parent
        rows = _index(folder)
        if not place.is_dir():
            rows = [row for row in rows if row["file"] == place.name]
            if not rows:
                raise SourceError(f'The index of "{folder}" does not name "{place.name}".')
        found += [trace for row in rows if (trace := _trace(folder, row)) is not None]
    return found


def labels(trace: Trace) -> tuple[Floats, Floats]:
    """What the sequence model should say at each event, and how much that counts.

    0 before the attack; 1 from its first harm to a few seconds after its last, counting more
    the more files are gone. What lies between (preparations) and behind counts nothing.

    Returns:
        Targets and weights, each of shape (n_events,); weights in [0, 1].
    """
    time = trace.time
    if not trace.is_attack:
        return np.zeros(len(time), np.float32), np.ones(len(time), np.float32)
    first = trace.harmed_s[0] if len(trace.harmed_s) else trace.began_s
    last = max(trace.harmed_s[-1], first) if len(trace.harmed_s) else trace.ended_s
    target = time >= trace.began_s
    gone = np.searchsorted(trace.harmed_s, time, "right")
    weight = np.where(target, np.minimum((1.0 + gone) / _FULL, 1.0), 1.0)
    weight[target & ((time < first - _LEAD_S) | (time > last + _TAIL_S))] = 0.0
    return target.astype(np.float32), weight.astype(np.float32)


def folds(traces: Sequence[Trace], n_folds: int) -> npt.NDArray[np.int64]:
    """A fold for each recording, the same for all of a group.

    Attack families and ordinary ones are dealt out apart, in the order of a keyed hash.
    """
    groups = sorted({trace.group for trace in traces}, key=_rank)
    place: dict[str, int] = {}
    for kind in ("attack:", "benign:"):
        place |= {g: i % n_folds for i, g in enumerate(g for g in groups if g.startswith(kind))}
    return np.array([place[trace.group] for trace in traces], np.int64)


def _rank(group: str) -> bytes:
    return hashlib.blake2b(group.encode(), key=SPLIT_KEY, digest_size=16).digest()


def _index(folder: Path) -> list[dict[str, Any]]:
    lines, table = folder / "index.jsonl", folder / "index.csv"
    try:
        if lines.exists():
            text = lines.read_text(encoding="utf-8")
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        elif table.exists():
            with table.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
        else:
            raise SourceError(
                f'There is no index of recordings in "{folder}": neither index.jsonl nor '
                "index.csv. Make recordings with labels, or name another folder."
            )
    except (OSError, ValueError) as error:
        raise SourceError(f'Cannot read the index of "{folder}": {error}.') from error
    for row in rows:
        if not isinstance(row, dict) or not {"file", "label", "program"} <= row.keys():
            raise SourceError(
                f'The index of "{folder}" has an entry without file, label or program.'
            )
    return rows


def _trace(folder: Path, row: dict[str, Any]) -> Trace | None:
    frame = read_csv(folder / str(row["file"]))
    if not len(frame):
        logger.warning("Recording without events left out. file=%s", row["file"])
        return None
    is_attack = str(row["label"]) != "benign"
    began, ended, harmed = float("nan"), float("nan"), np.zeros(0)
    if is_attack and row.get("began_s") is not None:
        began = float(row["began_s"])
        ended = float(row.get("ended_s") or frame[TIME].to_numpy().max())
        harmed = np.sort(np.array([float(t) for t, _ in row.get("harmed") or []]))
    elif is_attack:
        began, ended = float(frame[TIME][0]), float(frame[TIME][-1])
        harmed = _first_noise(frame)
    program = str(row["program"])
    return Trace(
        str(row["file"]), program, str(row.get("family") or program), is_attack, frame,
        began, harmed, ended, bool(row.get("company")),
    )  # fmt: skip


def _first_noise(frame: pl.DataFrame) -> Doubles:
    """When each path was first seen with noise in it: for recordings that say nothing."""
    noise = frame.filter(pl.col(ENTROPY).fill_nan(0.0) >= _NOISE_BITS)
    found: Doubles = noise.group_by(PATH).agg(pl.col(TIME).min())[TIME].sort().to_numpy()
    return found
