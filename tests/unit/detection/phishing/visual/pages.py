"""Pictures and models for tests, small and made in place."""

import io
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from soc_copilot.detection.phishing.visual.compare import FEATURES
from soc_copilot.detection.phishing.visual.embedder import NAME
from soc_copilot.detection.phishing.visual.finder import FinderNet, FinderShape
from soc_copilot.detection.phishing.visual.logos import LogoNet, LogoShape
from soc_copilot.detection.phishing.visual.model import PageNet, Shape
from soc_copilot.detection.phishing.visual.networks import Networks, from_tensors
from soc_copilot.detection.weights import save_model

SHAPE = Shape(widths=(4, 8), strides=(2, 2), n_heads=2, size=8)
FINDER_SHAPE = FinderShape(widths=(4, 8, 8), reach=(1, 2))
LOGO_SHAPE = LogoShape(widths=(4, 8), strides=(2, 2), narrow=2, size=8)


def screenshot(
    colour: str = "#3060c0", size: tuple[int, int] = (640, 400), kind: str = "PNG"
) -> bytes:
    """A page with a coloured header and a box."""
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, size[0], size[1] // 6), fill=colour)
    draw.ellipse((10, 5, 10 + size[1] // 8, 5 + size[1] // 8), fill="white")
    draw.rectangle((size[0] // 3, size[1] // 3, size[0] // 2, size[1] // 2), outline="black")
    return packed(picture, kind)


def packed(picture: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def networks(seed: int = 1) -> Networks:
    """Networks that nobody trained; the finder is sure of the header's left end."""
    torch.manual_seed(seed)
    finder = FinderNet(FINDER_SHAPE)
    assert finder.last.bias is not None
    torch.nn.init.constant_(finder.last.bias[:1], 3.0)
    made = Networks(PageNet(SHAPE), finder, LogoNet(LOGO_SHAPE))
    return from_tensors(made.tensors(), made.shapes())


def save(folder: Path, seed: int = 1, **changes: object) -> Path:
    """A model that nobody trained; its rule looks at looks alone."""
    made = networks(seed)
    card = {
        "name": NAME,
        "version": f"made-up-{seed}",
        "shapes": made.shapes(),
        "rule": {"weights": {**dict.fromkeys(FEATURES, 0.0), "look": 400.0}, "bias": -391.4},
        "thresholds": {"sure": 0.999, "near": 0.99},
        **changes,
    }
    save_model(folder, made.tensors(), card)
    return folder
