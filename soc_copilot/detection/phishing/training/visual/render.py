"""Renders the planned pages into a folder, and reads such a folder."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soc_copilot.detection.phishing.training.visual.browser import Browser
from soc_copilot.detection.phishing.training.visual.pages import N_FAMILIES, SPLITS, plan
from soc_copilot.domain.errors import SourceError

logger = logging.getLogger(__name__)

INDEX: Final = "index.jsonl"
_LOG_EVERY: Final = 500


@dataclass(frozen=True, slots=True)
class Shot:
    """A rendered page; fields as `pages.Page`."""

    file: Path
    split: str
    kind: str
    brand: int
    shown: tuple[int, ...]
    layout: str
    size: tuple[int, int]


def render_all(
    folder: Path,
    *,
    seed: int = 7,
    share: float = 1.0,
    make: Callable[[], Browser] = Browser,
) -> int:
    """Render every page of every part; the index is written last, so that it is whole.

    Args:
        folder: Made when missing.
        seed: Of everything random.
        share: Of the brands, for trials.
        make: Starts the browser.

    Returns:
        How many pages.

    Raises:
        SourceError: There is no Chromium, or it fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    with make() as browser:
        for split in SPLITS:
            n_families = max(2, round(N_FAMILIES[split] * share))
            for page in plan(split, n_families, seed):
                name = f"{len(lines):06}.jpg"
                (folder / name).write_bytes(browser.render(page.html, page.size))
                row = {
                    "file": name, "split": page.split, "kind": page.kind, "brand": page.brand,
                    "shown": page.shown, "layout": page.layout, "size": page.size,
                }  # fmt: skip
                lines.append(json.dumps(row))
                if len(lines) % _LOG_EVERY == 0:
                    logger.info("Pages are being rendered. n=%s", len(lines))
    (folder / INDEX).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


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
                tuple(row["shown"]), row["layout"], (row["size"][0], row["size"][1]),
            )
            for row in rows
            if row["split"] == split
        )  # fmt: skip
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise SourceError(
            f'"{folder}" holds no rendered pages ({error}). Make them with: '
            "soc-copilot train phishing --visual DIR."
        ) from error
