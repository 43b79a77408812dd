"""Made-up brands: a name, a palette, a typeface, a mark. Siblings share all but name and mark."""

import colorsys
import random
from dataclasses import dataclass, replace
from typing import Final

from soc_copilot.detection.phishing.training.visual.marks import draw

# What Debian's fonts-urw-base35 and fonts-dejavu hold; another system shows others, no harm.
FONTS: Final = (
    "Nimbus Sans", "Nimbus Sans Narrow", "DejaVu Sans", "URW Gothic", "Inter", "Noto Sans",
    "Nimbus Roman", "C059", "P052", "URW Bookman", "DejaVu Serif",
)  # fmt: skip
_BODY: Final = ("Nimbus Sans", "DejaVu Sans", "Inter", "Nimbus Sans", "Nimbus Roman")
_STARTS: Final = (
    "nor", "vel", "kra", "lum", "tes", "bri", "oma", "pax", "zen", "fid", "alto", "quo", "ser",
    "mon", "gly", "hav", "ista", "jor", "cal", "dru", "wex", "yul", "ark", "eno", "rig", "sol",
)  # fmt: skip
_ENDS: Final = (
    "ta", "vio", "nix", "lia", "dor", "sy", "quo", "mark", "pay", "post", "net", "ra", "bank",
    "go", "tel", "box", "via", "mo", "cast", "lane", "ex", "line", "hub", "ia", "um", "ette",
)  # fmt: skip
_HUES: Final = (0.0, 0.01, 0.04, 0.08, 0.12, 0.3, 0.36, 0.48, 0.55, 0.58, 0.6, 0.62, 0.65, 0.75,
                0.82, 0.92)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A brand of our own making.

    Attributes:
        id: Number among all brands.
        family: Brands of one family share palette, typefaces and style.
        name: Made of syllables.
        seed: Of its mark.
        art: Seed of its pictures and patterns.
        first: Main colour.
        second: Other colour.
        head_font: Of the wordmark and headings.
        font: Of the text.
        radius: Of boxes, pixels.
        has_bar: Its header is a bar in the main colour.
        word: How the wordmark is written.
        has_mark: Shows a mark beside the wordmark.
        svg: Its mark as an SVG element in one colour; "" for one that is drawn from the seed.
    """

    id: int
    family: int
    name: str
    seed: int
    art: int
    first: str
    second: str
    head_font: str
    font: str
    radius: int
    has_bar: bool
    word: str
    has_mark: bool
    svg: str = ""

    def mark(self, paper: str = "#ffffff", ink: str | None = None) -> str:
        """The mark alone, as SVG.

        Args:
            paper: What is behind it.
            ink: One colour for all of it, None for its own.
        """
        if self.svg:
            return self.svg.replace("<svg ", f'<svg class="mk" fill="{ink or self.first}" ', 1)
        first, second = (ink, ink) if ink else (self.first, self.second)
        return draw(self.seed, first, second, paper, self.name[0].upper())

    def logo(self, height: int, paper: str, ink: str, *, plain: bool = False) -> str:
        """Mark and wordmark as HTML.

        Args:
            height: Pixels.
            paper: What is behind it.
            ink: Colour of text on it.
            plain: All in the colour of the text.
        """
        mark = ""
        if self.has_mark:
            drawn = self.mark(paper, ink if plain else None)
            mark = f'<span style="width:{height}px;height:{height}px">{drawn}</span>'
        colour = ink if plain or self.word == "plain" else self.first
        size = int(height * (0.62 if self.has_mark else 0.85))
        style = f"font:{_WORDS[self.word]} {size}px '{self.head_font}';color:{colour}"
        spaced = ";letter-spacing:.18em" if self.word == "caps" else ";letter-spacing:-.02em"
        text = self.name.upper() if self.word in {"caps", "heavy"} else self.name
        if self.word == "two":
            cut = len(text) // 2
            other = ink if plain else self.second
            text = f'{text[:cut]}<i style="font-style:normal;color:{other}">{text[cut:]}</i>'
        if self.word == "lower":
            text = text.lower()
        return f'<span class="logo">{mark}<b style="{style}{spaced}">{text}</b></span>'


_WORDS: Final = {
    "plain": "600", "caps": "600", "heavy": "800", "two": "700", "lower": "700",
    "italic": "italic 700",
}  # fmt: skip


def make_brands(n_families: int, seed: int, size: int = 2) -> list[MadeUp]:
    """Brands in families of `size` that look alike but for name and mark."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    brands: list[MadeUp] = []
    names: set[str] = set()
    for family in range(n_families):
        first = _style(family, rng)
        for i in range(size):
            name = _name(rng, names)
            own = replace(
                first,
                id=len(brands),
                name=name,
                seed=rng.getrandbits(30),
                art=rng.getrandbits(30) if i else first.art,
            )
            if i:  # close, but not the same to the last bit
                own = replace(own, first=_near(first.first, rng), second=_near(first.second, rng))
            brands.append(own)
    return brands


def _style(family: int, rng: random.Random) -> MadeUp:
    hue = (rng.choice(_HUES) + rng.uniform(-0.015, 0.015)) % 1.0
    first = _colour(hue, rng.uniform(0.55, 1.0), rng.uniform(0.35, 0.85))
    turned = (hue + rng.choice((0.0, 0.08, 0.33, 0.5, 0.6))) % 1.0
    second = _colour(turned, rng.uniform(0.4, 1.0), rng.uniform(0.2, 0.95))
    if rng.random() < 0.1:
        first = rng.choice(("#111111", "#222833", "#0b1b2b"))
    font = rng.choice(_BODY)
    return MadeUp(
        id=0, family=family, name="", seed=0, art=rng.getrandbits(30), first=first, second=second,
        head_font=rng.choice(FONTS), font=font, radius=rng.choice((0, 0, 3, 6, 10, 18, 26)),
        has_bar=rng.random() < 0.4, word=rng.choice(tuple(_WORDS)), has_mark=rng.random() < 0.85,
    )  # fmt: skip


def _name(rng: random.Random, taken: set[str]) -> str:
    while True:
        name = (rng.choice(_STARTS) + rng.choice((*_ENDS, *_STARTS))).capitalize()
        if rng.random() < 0.25:
            name += " " + rng.choice(("Bank", "Mail", "Post", "Cloud", "Pay", "Shop", "One"))
        if name not in taken:
            taken.add(name)
            return name


def _colour(hue: float, saturation: float, value: float) -> str:
    return "#" + "".join(
        f"{round(255 * c):02x}" for c in colorsys.hsv_to_rgb(hue, saturation, value)
    )


def _near(colour: str, rng: random.Random) -> str:
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    moved = [min(255, max(0, part + rng.randint(-10, 10))) for part in parts]
    return "#" + "".join(f"{part:02x}" for part in moved)


def is_light(colour: str, limit: int = 150) -> bool:
    """True when dark text reads well on it, or it is lighter than another limit (0 to 255)."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red * 0.299 + green * 0.587 + blue * 0.114 > limit
