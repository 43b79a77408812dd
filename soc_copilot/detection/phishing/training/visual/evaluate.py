"""How well brands are recognised, on brands and layouts that training never saw."""

import math
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from soc_copilot.detection.phishing.training.visual.distort import distort
from soc_copilot.detection.phishing.training.visual.render import Shot, read_shots
from soc_copilot.detection.phishing.visual.embedder import Thresholds
from soc_copilot.detection.phishing.visual.model import Floats, PageNet, embed
from soc_copilot.detection.phishing.visual.pictures import open_picture, small_png, to_frame
from soc_copilot.domain.errors import SourceError

TO_FIND: Final = ("clone", "altered", "no_mark")
FOREIGN: Final = ("sibling", "unrelated", "showing", "sign_in_with")
_TIMES: Final = 2  # chosen: each page is distorted so often
_SEEN_SIDE: Final = 448  # chosen: pixels, while it is distorted; more than a frame has
SURE: Final = 0.001
NEAR: Final = 0.01

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one part's pages.

    Attributes:
        best: Similarity to the nearest registered picture.
        is_right: The nearest picture is of the page's own brand.
        kinds: Of each page.
    """

    best: Floats
    is_right: npt.NDArray[np.bool_]
    kinds: npt.NDArray[np.str_]

    def of(self, *kinds: str) -> npt.NDArray[np.bool_]:
        """Which pages are of these kinds."""
        return np.isin(self.kinds, kinds)


def look(net: PageNet, folder: Path, split: str, seed: int = 1) -> Found:
    """Register the references of one part, and compare all other pages of it with them.

    Raises:
        SourceError: The folder holds no such pages.
    """
    shots = list(read_shots(folder, split))
    known = [shot for shot in shots if shot.kind == "reference"]
    asked = [shot for shot in shots if shot.kind in {*TO_FIND, *FOREIGN, "own"}]
    if not known or not asked:
        raise SourceError(f'"{folder}" holds no pages of the part "{split}".')
    kept = [small_png(open_picture(shot.file.read_bytes())) for shot in known]
    gallery = embed(net, [to_frame(open_picture(png)) for png in kept])
    owners = np.array([shot.brand for shot in known])
    rng = random.Random(seed)  # noqa: S311 - no secret
    best, right, kinds = [], [], []
    for shot in asked:
        for _ in range(_TIMES):
            similar = gallery @ _seen(net, shot, rng)
            at = int(np.argmax(similar))
            best.append(float(similar[at]))
            right.append(bool(owners[at] == shot.brand) and shot.kind not in FOREIGN)
            kinds.append(shot.kind)
    return Found(np.array(best, np.float32), np.array(right), np.array(kinds))


def _seen(net: PageNet, shot: Shot, rng: random.Random) -> Floats:
    with Image.open(shot.file, formats=("JPEG",)) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((_SEEN_SIDE, _SEEN_SIDE), Image.Resampling.BILINEAR)
    picture = distort(picture, rng)
    found: Floats = embed(net, [to_frame(picture)])[0]
    return found


def thresholds_of(found: Found) -> Thresholds:
    """Similarities that 0.1% and 1% of the foreign pages reach."""
    foreign = found.best[found.of(*FOREIGN)].astype(np.float64)
    found_at = [float(np.quantile(foreign, 1.0 - share)) for share in (SURE, NEAR)]
    return Thresholds(*(math.ceil(at * 1e4 + 0.01) / 1e4 for at in found_at))


def figures(found: Found, limits: Thresholds) -> dict[str, Any]:
    """Figures at thresholds, and at those that the part's own foreign pages would give."""
    own = thresholds_of(found)
    told: dict[str, Any] = {}
    for kind in (*TO_FIND, "own", *FOREIGN):
        chosen = found.of(kind)
        if not chosen.any():
            continue
        hit = found.is_right if kind not in FOREIGN else np.ones(len(chosen), bool)
        told[kind] = {
            "pages": int(chosen.sum()),
            **{
                name: round(float((hit & (found.best >= limit))[chosen].mean()), 4)
                for name, limit in (
                    ("at_sure", limits.sure), ("at_near", limits.near),
                    ("at_fpr_0.1%", own.sure), ("at_fpr_1%", own.near),
                )
            },
        }  # fmt: skip
    return told


def merged(told: dict[str, Any], kinds: Sequence[str]) -> dict[str, float]:
    """The figures of several kinds together."""
    total: dict[str, float] = defaultdict(float)
    n = sum(told[kind]["pages"] for kind in kinds if kind in told)
    for kind in kinds:
        for name, value in told.get(kind, {}).items():
            total[name] += value if name == "pages" else value * told[kind]["pages"] / n
    return {name: round(value, 4) for name, value in total.items()}


def ms_per_screenshot(net: PageNet, folder: Path, n: int = 60) -> dict[str, float]:
    """Time from a PNG of 1,280 by 800 pixels to its embedding: median and 95th percentile."""
    import io

    took = []
    for shot in list(read_shots(folder, "test"))[:n]:
        with Image.open(shot.file, formats=("JPEG",)) as opened:
            picture = opened.convert("RGB").resize((1280, 800))
        out = io.BytesIO()
        picture.save(out, "PNG")
        began = time.perf_counter()
        embed(net, [to_frame(open_picture(out.getvalue()))])
        took.append((time.perf_counter() - began) * 1e3)
    return {
        "median": round(float(np.median(took)), 2),
        "p95": round(float(np.quantile(took, 0.95)), 2),
    }


def table(told: dict[str, Any]) -> str:
    """Figures as aligned columns."""
    names = ("at_sure", "at_near", "at_fpr_0.1%", "at_fpr_1%")
    lines = [f"{'':<16}{'pages':>8}" + "".join(f"{name:>13}" for name in names)]
    for kind, one in told.items():
        cells = "".join(f"{one[name]:>13.4f}" for name in names)
        lines.append(f"{kind:<16}{int(one['pages']):>8}{cells}")
    lines.append(
        "Share that is found (right brand) or, of foreign pages, flagged; at the model's "
        "thresholds, "
        "and at those that this part's own foreign pages give."
    )
    return "\n".join(lines)
