"""A folder of pages as the browser would have rendered them, drawn without one."""

import io
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from PIL import Image, ImageDraw

from soc_copilot.detection.phishing.training.visual.pages import SPLITS, plan
from soc_copilot.detection.phishing.training.visual.render import INDEX, SHEETS

BRANDS = (*range(6), 27, 28, 29)
"""Of the sheet; the last three are a family that is held out."""
LOGO = (10.0, 5.0, 60.0, 35.0)


def picture(brand: int, kind: str, seed: int, size: tuple[int, int] = (320, 200)) -> bytes:
    """A page: its colours are the brand's, what is in it is random."""
    rng = random.Random(brand * 31 + 7)  # noqa: S311 - no secret
    colours = [tuple(rng.randrange(256) for _ in range(3)) for _ in range(3)]
    page = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    if brand >= 0:
        draw.rectangle((0, 0, size[0], 40), fill=colours[0])
        if kind != "no_mark":
            draw.polygon([(10, 35), (10 + brand % 7 * 5, 5), (60, 35)], fill=colours[1])
    rng = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(4):
        at = rng.randrange(size[0]), rng.randrange(50, size[1])
        draw.rectangle((*at, at[0] + 60, at[1] + 20), outline="black")
    out = io.BytesIO()
    page.save(out, "JPEG")
    return out.getvalue()


def make_folder(folder: Path, n_families: int = 2, most: int | None = None) -> Path:
    """The planned pages, drawn by `picture`; of each brand at most so many of a kind."""
    taken: Counter[tuple[str, str, int]] = Counter()
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for split in SPLITS:
        for page in plan(split, n_families, 7):
            taken[split, page.kind, page.brand] += 1
            if most is not None and taken[split, page.kind, page.brand] > most:
                continue
            name = f"{len(lines):06}.jpg"
            size = (320, 200) if page.size[0] > page.size[1] else (160, 340)
            (folder / name).write_bytes(picture(page.brand, page.kind, len(lines), size))
            row = {
                "file": name, "split": page.split, "kind": page.kind, "brand": page.brand,
                "shown": page.shown, "noise": page.noise, "layout": page.layout, "size": page.size,
                "logos": [] if page.kind == "no_mark" else [LOGO],
            }  # fmt: skip
            lines.append(json.dumps(row))
    (folder / INDEX).write_text("\n".join(lines), encoding="utf-8")
    (folder / "sheet.jpg").write_bytes(picture(3, "sheet", 1))
    boxes = [
        (3 * brand + part, (10 + 50 * (brand % 3), 5, 50 + 50 * (brand % 3), 35))
        for brand in BRANDS
        for part in range(3)
    ]
    row = {"file": "sheet.jpg", "logos": boxes * 2}
    (folder / SHEETS).write_text(json.dumps(row) + "\n", encoding="utf-8")
    return folder


class FakeBrowser:
    """Draws the same for every page."""

    def __init__(self) -> None:
        self.rendered: list[tuple[str, tuple[int, int]]] = []

    def render(self, html: str, size: Sequence[int], *, quality: int) -> bytes:
        self.rendered.append((html, (size[0], size[1])))
        return picture(1, "clone", len(self.rendered))

    def boxes(self, selector: str) -> list[tuple[float, float, float, float]]:
        n = self.rendered[-1][0].count('class="logo' + (" own" if selector == ".own" else ""))
        return [LOGO] * n

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.rendered.append(("closed", (0, 0)))
