"""Series to train on: read, made ready, and cut before the year that is held out."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soc_copilot.detection.load.features import REACH, Prepared, prepare
from soc_copilot.detection.load.series import Series, read
from soc_copilot.domain.errors import SourceError

YEAR_HOURS: Final = 8_760
SKIPPED_HOURS: Final = 504  # three weeks at a series' start: their lags are made up
_LEAST_HOURS: Final = 4 * 7 * 24 * 6  # chosen: about half a year before the year held out
_SUFFIXES: Final = (".csv", ".csv.gz", ".json", ".json.gz")


@dataclass(frozen=True, slots=True)
class Sample:
    """One series.

    Attributes:
        name: Its file's, without endings.
        series: As read.
        ready: Made ready; the hour of a stamp that ends it begins one before.
        cut: Index into `ready.logs` where the year held out begins.
    """

    name: str
    series: Series
    ready: Prepared
    cut: int

    @property
    def first(self) -> int:
        """Index of the first hour whose lags are all real."""
        return REACH + SKIPPED_HOURS


def files(places: Sequence[Path]) -> list[Path]:
    """Files of series in folders, and those named themselves, in order of their names."""
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = (p for p in place.rglob("*") if p.name.lower().endswith(_SUFFIXES))
            found += sorted(p for p in inside if p.is_file())
        else:
            found.append(place)
    if not found:
        raise SourceError(f"No series ({', '.join(_SUFFIXES)}) in: {', '.join(map(str, places))}.")
    return found


def read_samples(places: Sequence[Path], shift: int = -1) -> list[Sample]:
    """Read series.

    Args:
        places: Files and folders.
        shift: Hours from a row's stamp to where its hour begins: -1 where stamps end hours.

    Raises:
        SourceError: One cannot be read, or is too short.
    """
    return [sample(path.name.split(".")[0], read(path), shift) for path in files(places)]


def sample(name: str, series: Series, shift: int = -1) -> Sample:
    """A series made ready.

    Raises:
        SourceError: It is too short to hold a year out.
    """
    if len(series.values) < YEAR_HOURS + _LEAST_HOURS:
        raise SourceError(
            f'"{name}" has {len(series.values)} hours; training needs a year to hold out and '
            f"{_LEAST_HOURS} h before it. Leave it out."
        )
    ready = prepare(series.values, series.start + shift)
    return Sample(name, series, ready, len(ready.logs) - YEAR_HOURS)


def stable_seed(name: str, seed: int) -> int:
    """A seed of its own for each name, the same in every run."""
    return zlib.crc32(name.encode()) ^ seed
