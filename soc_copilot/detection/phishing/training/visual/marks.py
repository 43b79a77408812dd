"""Marks of made-up brands, drawn as SVG from a number."""

import math
import random
from collections.abc import Callable
from typing import Final

_SIZE: Final = 64  # units of every mark
_MIDDLE: Final = _SIZE / 2


def draw(seed: int, first: str, second: str, paper: str, letter: str) -> str:
    """A mark as an SVG element of 64 by 64 units, the same for the same arguments.

    Args:
        seed: Which mark.
        first: Its main colour.
        second: Its other colour.
        paper: What is behind it.
        letter: The brand's first, for marks that show one.
    """
    rng = random.Random(seed)  # noqa: S311 - no secret
    is_filled = rng.random() < 0.7
    ground, ink = (first, rng.choice((paper, second, paper))) if is_filled else (paper, first)
    shape = rng.choice(_GROUNDS)(rng)
    style = f'fill="{ground}"' if is_filled else f'fill="none" stroke="{first}" stroke-width="5"'
    if not is_filled and rng.random() < 0.5:
        shape, style = "", ""
    if ink == ground:
        ink = paper
    inside = rng.choice(_GLYPHS)(rng, ink, second if ink == first else ink, letter)
    scale = 0.62 if shape else 1.0
    moved = f'transform="translate({_MIDDLE * (1 - scale)} {_MIDDLE * (1 - scale)}) scale({scale})"'
    back = f"<g {style}>{shape}</g>" if shape else ""
    return f'<svg viewBox="0 0 64 64" class="mk">{back}<g {moved}>{inside}</g></svg>'


def _points(pairs: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)


def _ring(n: int, radius: float, turn: float = 0.0) -> list[tuple[float, float]]:
    steps = [turn + 2 * math.pi * i / n for i in range(n)]
    return [(_MIDDLE + radius * math.sin(a), _MIDDLE - radius * math.cos(a)) for a in steps]


def _polygon(n: int, turn: float = 0.0) -> str:
    return f'<polygon points="{_points(_ring(n, 31, turn))}"/>'


_GROUNDS: Final[tuple[Callable[[random.Random], str], ...]] = (
    lambda rng: '<circle cx="32" cy="32" r="30"/>',
    lambda rng: f'<rect x="2" y="2" width="60" height="60" rx="{rng.choice((0, 6, 14, 22))}"/>',
    lambda rng: _polygon(6, rng.choice((0.0, math.pi / 6))),
    lambda rng: _polygon(8, math.pi / 8),
    lambda rng: '<path d="M32 2 60 12 V34 C60 50 44 58 32 62 20 58 4 50 4 34 V12Z"/>',
    lambda rng: '<polygon points="32,1 63,32 32,63 1,32"/>',
    lambda rng: '<path d="M32 2 C50 24 56 34 56 42 A24 22 0 0 1 8 42 C8 34 14 24 32 2Z"/>',
    lambda rng: '<path d="M4 4 H40 A20 20 0 0 1 60 24 V60 H24 A20 20 0 0 1 4 40Z"/>',
    lambda rng: '<path d="M2 8 H62 L50 32 62 56 H2Z"/>',
    lambda rng: '<ellipse cx="32" cy="32" rx="31" ry="21"/>',
)  # fmt: skip

_Glyph = Callable[[random.Random, str, str, str], str]


def _letter(rng: random.Random, ink: str, other: str, letter: str) -> str:
    face = rng.choice(("Nimbus Sans", "C059", "URW Gothic", "P052", "DejaVu Sans", "Z003"))
    slant = rng.choice(("normal", "normal", "italic"))
    return (
        f'<text x="32" y="54" text-anchor="middle" font-size="66" font-weight="700" fill="{ink}" '
        f'font-style="{slant}" font-family="{face}">{letter}</text>'
    )


def _bars(rng: random.Random, ink: str, other: str, letter: str) -> str:
    n = rng.randint(3, 5)
    wide = 64 / (2 * n - 1)
    heights = [rng.choice((24, 36, 48, 62)) for _ in range(n)]
    return "".join(
        f'<rect x="{2 * i * wide:.1f}" y="{64 - h}" width="{wide:.1f}" height="{h}" '
        f'fill="{other if i == n - 1 else ink}"/>'
        for i, h in enumerate(heights)
    )


def _rings(rng: random.Random, ink: str, other: str, letter: str) -> str:
    gap = rng.choice((0, 40, 90))
    rings = [(r, "none", ink if i % 2 == 0 else other) for i, r in enumerate((28, 16))]
    return "".join(
        f'<circle cx="32" cy="32" r="{r}" fill="{fill}" stroke="{colour}" stroke-width="7" '
        f'stroke-dasharray="{2 * math.pi * r - gap * r / 28:.1f} 200" '
        f'transform="rotate({rng.randrange(0, 360, 45)} 32 32)"/>'
        for r, fill, colour in rings
    )


def _chevrons(rng: random.Random, ink: str, other: str, letter: str) -> str:
    turn = rng.choice((0, 90, 180, 270))
    n = rng.randint(2, 3)
    lines = "".join(
        f'<polyline points="6,{18 + 18 * i} 32,{2 + 18 * i} 58,{18 + 18 * i}" fill="none" '
        f'stroke="{other if i else ink}" stroke-width="9"/>'
        for i in range(n)
    )
    return f'<g transform="rotate({turn} 32 32)">{lines}</g>'


def _waves(rng: random.Random, ink: str, other: str, letter: str) -> str:
    n = rng.randint(2, 3)
    tall = rng.choice((10, 18))
    return "".join(
        f'<path d="M0 {16 + 17 * i} C16 {16 + 17 * i - tall} 16 {16 + 17 * i + tall} 32 '
        f'{16 + 17 * i} S48 {16 + 17 * i + tall} 64 {16 + 17 * i}" fill="none" '
        f'stroke="{ink if i % 2 == 0 else other}" stroke-width="8"/>'
        for i in range(n)
    )


def _star(rng: random.Random, ink: str, other: str, letter: str) -> str:
    n = rng.choice((4, 5, 6, 8, 12))
    outer, inner = _ring(n, 31), _ring(n, rng.choice((10, 14, 20)), math.pi / n)
    mixed = [point for pair in zip(outer, inner, strict=True) for point in pair]
    return f'<polygon points="{_points(mixed)}" fill="{ink}"/>'


def _petals(rng: random.Random, ink: str, other: str, letter: str) -> str:
    n = rng.choice((3, 4, 5, 6))
    return "".join(
        f'<ellipse cx="32" cy="15" rx="{rng.choice((8, 11))}" ry="15" '
        f'fill="{ink if i % 2 == 0 else other}" transform="rotate({360 * i / n:.0f} 32 32)"/>'
        for i in range(n)
    )


def _bolt(rng: random.Random, ink: str, other: str, letter: str) -> str:
    flip = rng.choice((1, -1))
    return (
        f'<polygon points="36,0 10,38 30,38 24,64 54,24 34,24" fill="{ink}" '
        f'transform="translate({0 if flip > 0 else 64} 0) scale({flip} 1)"/>'
    )


def _dots(rng: random.Random, ink: str, other: str, letter: str) -> str:
    kept = [(x, y) for x in range(3) for y in range(3) if rng.random() < 0.7]
    return "".join(
        f'<circle cx="{11 + 21 * x}" cy="{11 + 21 * y}" r="{rng.choice((7, 9))}" '
        f'fill="{ink if (x + y) % 2 == 0 else other}"/>'
        for x, y in kept or [(1, 1)]
    )


def _arrow(rng: random.Random, ink: str, other: str, letter: str) -> str:
    turn = rng.choice((0, 45, 90, 180))
    return (
        f'<g transform="rotate({turn} 32 32)"><polygon points="2,32 36,2 36,62" fill="{ink}"/>'
        f'<rect x="36" y="{rng.choice((20, 24))}" width="26" height="18" fill="{other}"/></g>'
    )


def _blocks(rng: random.Random, ink: str, other: str, letter: str) -> str:
    cells = [(x, y) for x in range(2) for y in range(2)]
    rounds = [rng.choice((0, 14, 28)) for _ in cells]
    return "".join(
        f'<rect x="{2 + 32 * x}" y="{2 + 32 * y}" width="28" height="28" rx="{r}" '
        f'fill="{ink if i % 3 == 0 else other}"/>'
        for i, ((x, y), r) in enumerate(zip(cells, rounds, strict=True))
    )


def _moon(rng: random.Random, ink: str, other: str, letter: str) -> str:
    turn = rng.randrange(0, 360, 30)
    return (
        f'<g transform="rotate({turn} 32 32)"><path d="M32 2 A30 30 0 1 0 62 32 A22 22 0 1 1 32 '
        f'2Z" '
        f""
        f'fill="{ink}"/><circle cx="44" cy="18" r="8" fill="{other}"/></g>'
    )


def _cross(rng: random.Random, ink: str, other: str, letter: str) -> str:
    wide, turn = rng.choice((12, 18, 24)), rng.choice((0, 45))
    at = 32 - wide / 2
    return (
        f'<g transform="rotate({turn} 32 32)"><rect x="{at}" y="2" width="{wide}" height="60" '
        f'fill="{ink}"/><rect x="2" y="{at}" width="60" height="{wide}" fill="{other}"/></g>'
    )


_GLYPHS: Final[tuple[_Glyph, ...]] = (
    _letter, _letter, _bars, _rings, _chevrons, _waves, _star, _petals, _bolt, _dots, _arrow,
    _blocks, _moon, _cross,
)  # fmt: skip
