"""The three networks and the rule as one model: what they see in a screenshot."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from PIL import Image
from torch import Tensor

from soc_copilot.detection.phishing.visual.compare import FEATURES, Rule, Seen
from soc_copilot.detection.phishing.visual.finder import FinderNet, FinderShape, find_logos
from soc_copilot.detection.phishing.visual.logos import (
    LogoNet,
    LogoShape,
    embed_logos,
    parts_of,
    snapped,
    to_ink,
)
from soc_copilot.detection.phishing.visual.model import PageNet, Shape, embed
from soc_copilot.detection.phishing.visual.pictures import to_frame

S = TypeVar("S", Shape, FinderShape, LogoShape)


@dataclass(frozen=True, slots=True)
class Networks:
    """All that the model folder holds, ready to be asked.

    Attributes:
        pages: Embeds whole pages.
        finder: Finds a page's own logo.
        logos: Embeds logos.
    """

    pages: PageNet
    finder: FinderNet
    logos: LogoNet

    def see(self, picture: Image.Image) -> Seen:
        """What is seen in a screenshot.

        Thread:
            Any; several at once.
        """
        inks, sure, parts, places = [], [], [], []
        for place, one in enumerate(find_logos(self.finder, picture)):
            ink = to_ink(picture, snapped(picture, one.box))
            if ink.any():
                for part, shown in enumerate(parts_of(ink)):
                    inks.append(shown)
                    sure.append(one.sureness)
                    parts.append(part)
                    places.append(place)
        return Seen(
            embed(self.pages, [to_frame(picture)])[0],
            embed_logos(self.logos, inks),
            np.array(sure, np.float32),
            np.array(parts, np.int8),
            np.array(places, np.int8),
        )

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor under one name, rounded to 16 bits where that does no harm."""
        return {
            f"{part}.{name}": t.half() if t.is_floating_point() and t.dim() > 1 else t
            for part, net in (("pages", self.pages), ("finder", self.finder), ("logos", self.logos))
            for name, t in net.state_dict().items()
        }

    def shapes(self) -> dict[str, Any]:
        """What the card says to rebuild them."""
        return {
            "pages": asdict(self.pages.shape),
            "finder": asdict(self.finder.shape),
            "logos": asdict(self.logos.shape),
        }


def from_tensors(tensors: Mapping[str, Tensor], shapes: Mapping[str, Any]) -> Networks:
    """The networks of a model folder.

    Raises:
        KeyError, TypeError, ValueError: The card says no shapes.
        RuntimeError: Names or shapes are not these networks'.
    """
    pages = PageNet(_shape(Shape, shapes["pages"]))
    finder = FinderNet(_shape(FinderShape, shapes["finder"]))
    logos = LogoNet(_shape(LogoShape, shapes["logos"]))
    for part, net in (("pages", pages), ("finder", finder), ("logos", logos)):
        own = {
            name.removeprefix(f"{part}."): t.float() if t.is_floating_point() else t
            for name, t in tensors.items()
            if name.startswith(f"{part}.")
        }
        net.load_state_dict(own)
        net.eval().requires_grad_(False)
    return Networks(pages, finder, logos)


def _shape(kind: type[S], given: Mapping[str, Any]) -> S:
    named: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    return kind(**named)


def rule_of(card: Mapping[str, Any]) -> Rule:
    """The rule of a model's card.

    Raises:
        KeyError, TypeError, ValueError: It says none that fits.
    """
    weights = card["weights"]
    if set(weights) != set(FEATURES):
        raise ValueError(f"its rule weighs {sorted(weights)}, not {sorted(FEATURES)}")
    return Rule(tuple(float(weights[name]) for name in FEATURES), float(card["bias"]))
