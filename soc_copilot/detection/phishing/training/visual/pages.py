"""The pages to render: for each part of the data its own brands and its own layouts."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from soc_copilot.detection.phishing.training.visual.brands import MadeUp, make_brands
from soc_copilot.detection.phishing.training.visual.layouts import TRAIN_LAYOUTS, Layout
from soc_copilot.detection.phishing.training.visual.layouts_free import free
from soc_copilot.detection.phishing.training.visual.layouts_unseen import (
    TEST_LAYOUTS,
    VALIDATION_LAYOUTS,
)
from soc_copilot.detection.phishing.training.visual.look import LANGUAGES, Look
from soc_copilot.detection.phishing.training.visual.others import SHOWING, UNRELATED

Split = Literal["train", "validation", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "validation", "test")
LAYOUTS: Final[dict[str, tuple[tuple[Layout, ...], tuple[Layout, ...]]]] = {
    "train": (TRAIN_LAYOUTS[:9], TRAIN_LAYOUTS[9:]),
    "validation": (VALIDATION_LAYOUTS[:4], VALIDATION_LAYOUTS[4:]),
    "test": (TEST_LAYOUTS[:5], TEST_LAYOUTS[5:]),
}
"""Of each part: layouts that are imitated, and those of a brand's other pages."""
DESKTOP: Final = ((1280, 800), (1366, 768), (1440, 900), (1024, 768))
PHONE: Final = ((390, 844), (412, 915))
N_FAMILIES: Final = {"train": 120, "validation": 35, "test": 45}  # chosen: of two brands each
_FREE: Final = 12  # chosen: pages put together at random, for each family of the training part
_SHOWS: Final = 3  # chosen: pages that show a registered brand's mark, for each brand and way


@dataclass(frozen=True, slots=True)
class Page:
    """One page to be rendered.

    Attributes:
        split: Part of the data.
        kind: "reference" (registered), "clone" (a reference's layout again), "altered" (another
            layout), "changed" (either, with a logo that is not quite its own), "no_mark" (a
            reference's layout, mark and name taken out), "own" (the brand's other pages), "sibling"
            (of a brand that looks alike and is not registered), "unrelated", "showing" (partner
            lists, articles), "sign_in_with", "free" (put together at random; teaches where logos
            stand).
        brand: Whose page it is.
        shown: Brands whose marks it shows besides.
        noise: What is not quite the brand's own about its logo: "text" (the mark is gone), "older"
            (another mark), "recoloured", or "".
        layout: Name of its layout.
        size: Of the window, CSS pixels.
        html: The page.
    """

    split: str
    kind: str
    brand: int
    shown: tuple[int, ...]
    noise: str
    layout: str
    size: tuple[int, int]
    html: str


def plan(split: Split, n_families: int, seed: int) -> Iterator[Page]:
    """Every page of one part.

    Args:
        split: Which part.
        n_families: Of brands; the first of each family is registered, its sibling is not.
        seed: Of everything random; each part makes other brands of it.
    """
    offset = SPLITS.index(split)
    rng = random.Random(seed * 10 + offset)  # noqa: S311 - no secret
    brands = make_brands(n_families, seed * 10 + offset)
    maker = _Maker(split, rng)
    for i in range(0, len(brands), 2):
        yield from maker.registered(brands[i], is_whole=True)
        # In training both of a family are looked for, so that each is told from the other.
        yield from maker.registered(brands[i + 1], is_whole=split == "train")
    yield from maker.bystanders(brands)
    if split == "train":
        yield from maker.free(round(n_families * _FREE))


class _Maker:
    def __init__(self, split: Split, rng: random.Random) -> None:
        self._split, self._rng = split, rng
        self._imitated, self._own = LAYOUTS[split]

    def registered(self, brand: MadeUp, *, is_whole: bool) -> Iterator[Page]:
        """A brand's references, its clones and its other pages; of siblings a few pages alone."""
        rng = self._rng
        # Of a family the same layouts, designed the same way.
        family = random.Random(brand.family * 7 + 1)  # noqa: S311 - no secret
        chosen = family.sample(self._imitated, 2)
        others = [layout for layout in self._imitated if layout not in chosen]
        if not is_whole:
            for layout in (*chosen, rng.choice(others), rng.choice(self._own)):
                for is_phone in (False, True):
                    yield self._page("sibling", brand, layout, is_phone=is_phone)
            return
        # Training needs many brands more than many pages of each.
        is_short = self._split == "train"
        known = ((chosen[0], False), (chosen[0], True), (chosen[1], False))
        again = ((chosen[0], False), (chosen[1], True), (chosen[1], False), (chosen[0], True))
        for layout, is_phone in known[:2] if is_short else known:
            yield self._page("reference", brand, layout, is_phone=is_phone, is_plain=True)
        for layout, is_phone in again[:2] if is_short else again:
            yield self._page("clone", brand, layout, is_phone=is_phone)
        for layout in rng.sample(others, 2):
            yield self._page("altered", brand, layout, is_phone=False)
            if not is_short:
                yield self._page("altered", brand, layout, is_phone=True)
        if not is_short:
            for noise in ("text", "older", "recoloured"):
                if brand.has_mark or noise == "recoloured":
                    layout = rng.choice((chosen[0], others[0]))
                    yield self._page("changed", brand, layout, noise=noise)
        for layout in chosen[:1] if is_short else chosen:
            yield self._page("no_mark", brand, layout, is_phone=rng.random() < 0.3)
        for _ in range(2):
            yield self._page("own", brand, rng.choice(self._own), is_phone=rng.random() < 0.3)

    def bystanders(self, brands: Sequence[MadeUp]) -> Iterator[Page]:
        """Pages that imitate nobody, with and without marks of registered brands."""
        rng = self._rng
        registered = brands if self._split == "train" else brands[::2]
        strangers = make_brands(len(registered), rng.getrandbits(30), size=1)
        for brand in registered:
            for _ in range(_SHOWS if self._split != "train" else 1):
                stranger = rng.choice(strangers)
                shown = [brand, *rng.choices(registered, k=rng.randint(2, 9))]
                layout = rng.choice(SHOWING[self._split])
                yield self._page("showing", stranger, layout, shown=shown)
                stranger = rng.choice(strangers)
                shown = [brand, *rng.choices(registered, k=rng.randint(0, 2))]
                where = rng.choice(("buttons", "buttons", "footer"))
                layout = rng.choice(self._imitated)
                yield self._page("sign_in_with", stranger, layout, shown=shown, where=where)
            for _ in range(4 if self._split != "train" else 1):
                stranger, layout = rng.choice(strangers), rng.choice(UNRELATED[self._split])
                yield self._page("unrelated", stranger, layout)
            for _ in range(4 if self._split != "train" else 1):
                layout = rng.choice((*self._imitated, *self._own))
                yield self._page("unrelated", rng.choice(strangers), layout)

    def free(self, n: int) -> Iterator[Page]:
        """Pages put together at random, of brands that no other page shows."""
        rng = self._rng
        brands = make_brands(n, rng.getrandbits(30), size=1)
        for brand in brands:
            shown = rng.sample(brands, rng.choice((0, 0, 2, 5, 8)))
            where = rng.choice(("", "", "buttons", "footer"))
            yield self._page("free", brand, free, shown=shown, where=where)

    def _page(
        self,
        kind: str,
        brand: MadeUp,
        layout: Layout,
        *,
        is_phone: bool | None = None,
        is_plain: bool = False,
        shown: Sequence[MadeUp] = (),
        where: str = "",
        noise: str = "",
    ) -> Page:
        rng = self._rng
        is_phone = rng.random() < 0.3 if is_phone is None else is_phone
        others = list(dict.fromkeys(shown))
        rng.shuffle(others)
        sizes = PHONE if is_phone else DESKTOP
        size = sizes[0] if is_plain else sizes[rng.randrange(len(sizes))]
        # A layout is designed once for a family: its siblings' pages differ in mark and name.
        design = brand.family * 1_000 + sum(layout.__name__.encode())
        look = Look(
            brand,
            design,
            rng.getrandbits(30),
            language="en" if is_plain else rng.choice(LANGUAGES),
            is_dark=not is_plain and rng.random() < 0.2,
            is_phone=is_phone,
            has_logo=kind != "no_mark",
            others=others,
            where=where,
            drawn=_changed(brand, noise, rng) if noise else None,
        )
        return Page(
            self._split, kind, brand.id if kind in _OF_BRAND else -1,
            tuple(other.id for other in others), noise, layout.__name__, size, layout(look),
        )  # fmt: skip


def _changed(brand: MadeUp, noise: str, rng: random.Random) -> MadeUp:
    """The brand with a logo that is not quite its own."""
    if noise == "text":
        return replace(brand, has_mark=False)
    if noise == "older":
        return replace(brand, seed=rng.getrandbits(30))
    other = make_brands(1, rng.getrandbits(30))[0]
    return replace(brand, first=other.first, second=other.second)


_OF_BRAND: Final = {"reference", "clone", "altered", "no_mark", "own", "sibling", "changed"}
