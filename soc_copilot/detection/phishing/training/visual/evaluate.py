"""How well brands are recognised, on brands and layouts that training never saw."""

import io
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

from soc_copilot.detection.phishing.training.visual.distort import distort
from soc_copilot.detection.phishing.training.visual.render import read_shots
from soc_copilot.detection.phishing.visual.compare import Floats, Rule, compare, gallery_of
from soc_copilot.detection.phishing.visual.embedder import Thresholds
from soc_copilot.detection.phishing.visual.networks import Networks
from soc_copilot.detection.phishing.visual.pictures import open_picture, small_png
from soc_copilot.domain.errors import SourceError

TO_FIND: Final = ("clone", "altered", "changed", "no_mark")
FOREIGN: Final = ("sibling", "unrelated", "showing", "sign_in_with")
_TIMES: Final = 2  # chosen: each page is distorted so often
SURE: Final = 0.001
NEAR: Final = 0.01


@dataclass(frozen=True, slots=True)
class Looked:
    """One part's pages beside its references, before any rule.

    Attributes:
        rows: Features of each page and each reference, shape (n, n_references, n_features).
        owners: Of each reference: its brand.
        brands: Of each page: the brand that is to be found; -1 where none is.
        kinds: Of each page.
    """

    rows: Floats
    owners: npt.NDArray[np.intp]
    brands: npt.NDArray[np.intp]
    kinds: npt.NDArray[np.str_]


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


def look(networks: Networks, folder: Path, split: str, seed: int = 1) -> Looked:
    """Register the references of one part, and look at all other pages of it beside them.

    Raises:
        SourceError: The folder holds no such pages.
    """
    shots = list(read_shots(folder, split))
    known = [shot for shot in shots if shot.kind == "reference"]
    asked = [shot for shot in shots if shot.kind in {*TO_FIND, *FOREIGN, "own"}]
    if not known or not asked:
        raise SourceError(f'"{folder}" holds no pages of the part "{split}".')
    kept = [small_png(open_picture(shot.file.read_bytes())) for shot in known]
    gallery = gallery_of([networks.see(open_picture(png)) for png in kept])
    rng = random.Random(seed)  # noqa: S311 - no secret
    rows, brands, kinds = [], [], []
    for shot in asked:
        picture = open_picture(shot.file.read_bytes())
        for _ in range(_TIMES):
            seen = networks.see(distort(picture, rng).picture)
            rows.append(compare(gallery, seen).features())
            brands.append(-1 if shot.kind in FOREIGN else shot.brand)
            kinds.append(shot.kind)
    owners = np.array([shot.brand for shot in known])
    return Looked(np.stack(rows), owners, np.array(brands), np.array(kinds))


def found_by(rule: Rule, looked: Looked) -> Found:
    """What a rule makes of what was looked at."""
    n, n_known, n_features = looked.rows.shape
    scores = rule.scores(looked.rows.reshape(-1, n_features)).reshape(n, n_known)
    at = scores.argmax(axis=1)
    return Found(scores[np.arange(n), at], looked.owners[at] == looked.brands, looked.kinds)


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


def ms_per_screenshot(networks: Networks, folder: Path, n: int = 60) -> dict[str, float]:
    """Time from a PNG of 1,280 by 800 pixels to all that is seen: median and 95th percentile."""
    took = []
    for shot in list(read_shots(folder, "test"))[:n]:
        picture = open_picture(shot.file.read_bytes()).resize((1280, 800))
        out = io.BytesIO()
        picture.save(out, "PNG")
        began = time.perf_counter()
        networks.see(open_picture(out.getvalue()))
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
