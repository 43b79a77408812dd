"""Sheets of logos: many brands, each drawn several times on different grounds."""

import gzip
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from soc_copilot.detection.phishing.training.visual.brands import MadeUp, is_light, make_brands
from soc_copilot.detection.phishing.visual.logos import PARTS
from soc_copilot.domain.errors import SourceError

_FAMILIES: Final = 900  # all chosen: of three brands that share typeface and colours
SIBLINGS: Final = 3
_TIMES: Final = {"whole": 5, "mark": 2, "word": 2}  # each brand is drawn so often
_COLUMNS: Final = 3
_ROWS: Final = 14
CELL: Final = (420, 90)
SIZE: Final = (_COLUMNS * CELL[0], _ROWS * CELL[1])
_TITLE: Final = re.compile(r"<title>.*?</title>", re.DOTALL)
_TRUE_COLOUR: Final = re.compile(r"[0-9A-Fa-f]{6}")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of logos.

    Attributes:
        html: The page; its logos are the elements of class "logo", in order.
        identities: Of each logo: three times its brand's number among all brands of all sheets,
            and the place of its part in `logos.PARTS`.
    """

    html: str
    identities: tuple[int, ...]


def plan_sheets(seed: int, marks: Path | None = None, share: float = 1.0) -> Iterator[Sheet]:
    """All sheets.

    Args:
        seed: Of everything random.
        marks: JSON lines (.gz) with "brand", "hex" and "svg": marks to draw with, too.
        share: Of the brands, for trials.

    Raises:
        SourceError: The file of marks cannot be read.
    """
    rng = random.Random(seed)  # noqa: S311 - no secret
    brands = make_brands(max(2, round(_FAMILIES * share)), seed + 1, size=SIBLINGS)
    if marks is not None:
        brands += list(_of_marks(marks, brands, rng))
    brands = [replace(brand, id=n) for n, brand in enumerate(brands)]
    todo = [
        (brand, part)
        for brand in brands
        for part, times in _TIMES.items()
        if brand.has_mark or part == "whole"
        for _ in range(times)
    ]
    rng.shuffle(todo)
    per_sheet = _COLUMNS * _ROWS
    for at in range(0, len(todo), per_sheet):
        some = todo[at : at + per_sheet]
        cells = [_cell(brand, part, rng) for brand, part in some]
        identities = (len(PARTS) * brand.id + PARTS.index(part) for brand, part in some)
        yield Sheet(_page(cells), tuple(identities))


def _of_marks(file: Path, styles: list[MadeUp], rng: random.Random) -> Iterator[MadeUp]:
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        for row in rows:
            style = rng.choice(styles)
            colour = row["hex"] if _TRUE_COLOUR.fullmatch(row["hex"]) else "222222"
            name = "".join(c for c in row["brand"] if c.isalnum() or c == " ")[:18] or "Brand"
            yield replace(
                style, name=name, seed=rng.getrandbits(30), first=f"#{colour}", has_mark=True,
                svg=_TITLE.sub("", row["svg"]),
            )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f'"{file}" holds no marks ({error}).') from error


def _cell(brand: MadeUp, part: str, rng: random.Random) -> str:
    height = rng.randint(18, 46)
    kind = rng.choice(("white", "white", "grey", "dark", "first", "dark plain", "plain"))
    paper, ink = {
        "white": ("#ffffff", "#20242a"), "grey": ("#f4f5f7", "#20242a"),
        "dark": ("#15181d", "#e8e8ea"), "dark plain": ("#20252c", "#e8e8ea"),
        "plain": ("#ffffff", rng.choice(("#20242a", "#6b7280"))),
    }.get(kind, (brand.first, "#1a1a1a" if is_light(brand.first) else "#ffffff"))  # fmt: skip
    if kind == "dark" and not is_light(brand.first, 90):
        kind = "dark plain"
    is_plain = kind in {"first", "dark plain", "plain"}
    if part == "mark":
        mark = brand.mark(paper, ink if is_plain else None)
        drawn = f'<span class="logo" style="width:{height}px;height:{height}px">{mark}</span>'
    else:
        shown = replace(brand, has_mark=False) if part == "word" else brand
        drawn = shown.logo(height, paper, ink, plain=is_plain)
    wide, tall = CELL
    place = rng.choice(("center", "flex-start"))
    return (
        f"<div style='width:{wide}px;height:{tall}px;background:{paper};color:{ink};display:flex;"
        f"align-items:center;justify-content:{place};padding:0 16px;overflow:hidden'>{drawn}</div>"
    )


def _page(cells: list[str]) -> str:
    style = (
        "*{box-sizing:border-box;margin:0;padding:0}body{display:grid;grid-template-columns:"
        f"repeat({_COLUMNS},{CELL[0]}px);overflow:hidden}}.logo{{display:inline-flex;"
        "align-items:center;gap:.4em;white-space:nowrap;line-height:1}.logo span,.mk{display:block}"
        ".mk{width:100%;height:100%}"
    )
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><style>{style}</style></head><body>'
        f"{''.join(cells)}</body></html>"
    )
