"""The lines before and after an event in the same file."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from soc_copilot.archive.scan import Scanner
from soc_copilot.archive.segments import DAMAGE, Group
from soc_copilot.domain import columns as c
from soc_copilot.domain.archive import Segment

_KEYS: Final = (c.SOURCE_ID, c.GENERATION, c.OFFSET)
_Place = tuple[Segment, Group]


def around(
    scanner: Scanner,
    segments: Sequence[Segment],
    place: tuple[int, int, int],
    before: int,
    after: int,
) -> pl.DataFrame:
    """Events around one, in the order of their file, the event itself among them.

    Segments that cannot be read are passed over; their lines are missing.

    Args:
        scanner: Reads the segments.
        segments: Where to look.
        place: (source, generation, offset) of the event.
        before: How many events before it.
        after: How many after it.

    Raises:
        SegmentGoneError: A file is gone; ask again with a new list.
    """
    loose, ordered = _places(scanner, segments, place)
    pieces = [(at, _offsets(scanner, at, place)) for at in loose]
    n_left = sum(first is not None and first <= place[1:] for first in _firsts(ordered))
    # The nearest groups on either side first, until enough of each is known.
    left, right = ordered[:n_left][::-1], ordered[n_left:]
    while left or right:
        for side in (left, right):
            if side:
                at = side.pop(0)
                pieces.append((at, _offsets(scanner, at, place)))
        known = [offsets for _, offsets in pieces]
        has_left = not left or _count(known, place[2], -1) > before
        if has_left and (not right or _count(known, place[2], 1) > after):
            break
    chosen = _nearest([offsets for _, offsets in pieces], place[2], before, after)
    is_chosen = _of(place) & pl.col(c.OFFSET).is_in(chosen.to_list())
    frames = [
        scanner.read(*at, where=is_chosen)
        for at, offsets in pieces
        if offsets.is_in(chosen.to_list()).any()
    ]
    if not frames:
        return pl.DataFrame()
    return pl.concat(frames, how="diagonal_relaxed").sort(c.OFFSET)


def _firsts(places: Sequence[_Place]) -> list[tuple[int, int] | None]:
    return [group.first for _, group in places]


def _places(
    scanner: Scanner, segments: Sequence[Segment], place: tuple[int, int, int]
) -> tuple[list[_Place], list[_Place]]:
    """Groups that may hold lines of a file: those without an order, and those in order."""
    loose: list[_Place] = []
    ordered: list[tuple[tuple[int, int], int, _Place]] = []
    for i, segment in enumerate(segments):
        if place[0] not in segment.shares:
            continue
        try:
            groups = scanner.groups(segment)
        except DAMAGE:
            continue
        for group in groups:
            if group.first is None or group.last is None:
                loose.append((segment, group))
            elif group.first[0] <= place[1] <= group.last[0]:
                ordered.append((group.first, i, (segment, group)))
    return loose, [place for _, _, place in sorted(ordered, key=lambda entry: entry[:2])]


def _of(place: tuple[int, int, int]) -> pl.Expr:
    return (pl.col(c.SOURCE_ID) == place[0]) & (pl.col(c.GENERATION) == place[1])


def _offsets(scanner: Scanner, at: _Place, place: tuple[int, int, int]) -> pl.Series:
    try:
        return scanner.read(*at, columns=_KEYS, where=_of(place))[c.OFFSET]
    except DAMAGE:
        return pl.Series(c.OFFSET, [], dtype=pl.Int64)


def _count(pieces: Sequence[pl.Series], offset: int, side: int) -> int:
    return sum(int((keys < offset if side < 0 else keys > offset).sum()) for keys in pieces)


def _nearest(pieces: Sequence[pl.Series], offset: int, before: int, after: int) -> pl.Series:
    if not pieces:
        return pl.Series(c.OFFSET, [], dtype=pl.Int64)
    offsets = pl.concat(pieces).sort()
    up_to = offsets.filter(offsets < offset).tail(before)
    there = offsets.filter(offsets == offset)
    beyond = offsets.filter(offsets > offset).head(after)
    return pl.concat([up_to, there, beyond])
