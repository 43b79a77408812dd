"""Renders the planned pages into a folder, and reads such a folder."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soc_copilot.detection.phishing.training.visual.browser import Browser
from soc_copilot.detection.phishing.training.visual.pages import N_FAMILIES, SPLITS, plan
from soc_copilot.detection.phishing.training.visual.sheets import CELL, Sheet, plan_sheets
from soc_copilot.detection.phishing.training.visual.sheets import SIZE as SHEET_SIZE
from soc_copilot.detection.phishing.visual.pictures import Box
from soc_copilot.domain.errors import SourceError

logger = logging.getLogger(__name__)

INDEX: Final = "index.jsonl"
SHEETS: Final = "sheets.jsonl"
_QUALITY: Final = 88  # chosen: of JPEG
_LOG_EVERY: Final = 500
_SEEN: Final = 0.6  # chosen: a logo that stands out of the window more is not one to be found
_NONE: Final = (
    '"{}" holds no rendered pages ({}). Make them with: soc-copilot train phishing --visual DIR.'
)


@dataclass(frozen=True, slots=True)
class Shot:
    """A rendered page; fields as `pages.Page`, and where the page's own logos stand."""

    file: Path
    split: str
    kind: str
    brand: int
    shown: tuple[int, ...]
    noise: str
    layout: str
    size: tuple[int, int]
    logos: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class DrawnSheet:
    """A rendered sheet of logos.

    Attributes:
        file: The picture.
        logos: Each logo's identity, as `sheets.Sheet` has it, and where it stands.
    """

    file: Path
    logos: tuple[tuple[int, Box], ...]


def render_all(
    folder: Path,
    *,
    seed: int = 7,
    share: float = 1.0,
    marks: Path | None = None,
    make: Callable[[], Browser] = Browser,
) -> int:
    """Render every page and every sheet; the index is written last, so that it is whole.

    Args:
        folder: Made when missing.
        seed: Of everything random.
        share: Of the brands, for trials.
        marks: More marks for the sheets, as `sheets.plan_sheets` takes them.
        make: Starts the browser.

    Returns:
        How many pages.

    Raises:
        SourceError: There is no Chromium, or it fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    with make() as browser:
        _render_sheets(folder, browser, plan_sheets(seed, marks, share))
        for split in SPLITS:
            n_families = max(2, round(N_FAMILIES[split] * share))
            for page in plan(split, n_families, seed):
                name = f"{len(lines):06}.jpg"
                picture = browser.render(page.html, page.size, quality=_QUALITY)
                (folder / name).write_bytes(picture)
                row = {
                    "file": name, "split": page.split, "kind": page.kind, "brand": page.brand,
                    "shown": page.shown, "noise": page.noise, "layout": page.layout,
                    "size": page.size,
                    "logos": _within(browser.boxes(".own"), page.size),
                }  # fmt: skip
                lines.append(json.dumps(row))
                if len(lines) % _LOG_EVERY == 0:
                    logger.info("Pages are being rendered. n=%s", len(lines))
    (folder / INDEX).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


def _render_sheets(folder: Path, browser: Browser, sheets: Iterator[Sheet]) -> None:
    lines = []
    for n, sheet in enumerate(sheets):
        name = f"sheet{n:04}.jpg"
        (folder / name).write_bytes(browser.render(sheet.html, SHEET_SIZE, quality=_QUALITY))
        boxes = browser.boxes(".logo")
        wide = CELL[0]
        logos = [  # what is too wide is cut at its cell's end
            (identity, (box[0], box[1], min(box[2], (box[0] // wide + 1) * wide), box[3]))
            for identity, box in zip(sheet.identities, boxes, strict=True)
        ]
        lines.append(json.dumps({"file": name, "logos": logos}))
    (folder / SHEETS).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _within(boxes: Sequence[Box], size: Sequence[int]) -> list[Box]:
    """The boxes that are seen: what stands out of the window is cut off."""
    found = []
    for left, top, right, bottom in boxes:
        seen = (max(left, 0.0), max(top, 0.0), min(right, size[0]), min(bottom, size[1]))
        whole = max((right - left) * (bottom - top), 1.0)
        if (seen[2] - seen[0]) * (seen[3] - seen[1]) >= _SEEN * whole and seen[2] > seen[0]:
            found.append(seen)
    return found


def read_sheets(folder: Path) -> Iterator[DrawnSheet]:
    """The rendered sheets of logos.

    Raises:
        SourceError: The folder holds none.
    """
    try:
        for line in (folder / SHEETS).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            logos = tuple((int(identity), _box(box)) for identity, box in row["logos"])
            yield DrawnSheet(folder / Path(row["file"]).name, logos)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise SourceError(_NONE.format(folder, error)) from error


def _box(values: Sequence[float]) -> Box:
    left, top, right, bottom = values
    return left, top, right, bottom


def read_shots(folder: Path, split: str) -> Iterator[Shot]:
    """The rendered pages of one part.

    Raises:
        SourceError: The folder holds none.
    """
    try:
        lines = (folder / INDEX).read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        yield from (
            Shot(
                folder / Path(row["file"]).name, row["split"], row["kind"], row["brand"],
                tuple(row["shown"]), row["noise"], row["layout"],
                (row["size"][0], row["size"][1]),
                tuple(_box(box) for box in row["logos"]),
            )
            for row in rows
            if row["split"] == split
        )  # fmt: skip
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise SourceError(_NONE.format(folder, error)) from error
