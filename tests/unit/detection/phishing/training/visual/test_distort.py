import random

import numpy as np
from PIL import Image

from soc_copilot.detection.phishing.training.visual.distort import distort


def test_a_page_stays_a_page() -> None:
    rng = random.Random(1)  # noqa: S311 - no secret
    picture = Image.new("RGB", (640, 400), "#3060c0")
    before = picture.tobytes()
    sizes = set()
    for _ in range(100):
        found = distort(picture, rng).picture
        assert found.mode == "RGB"
        assert min(found.size) >= 64
        assert found.size[0] >= 0.5 * picture.size[0]
        sizes.add(found.size)
        middle = np.asarray(found).reshape(-1, 3).mean(axis=0)
        assert middle[2] > middle[0]  # still blue
    assert len(sizes) > 20
    assert picture.tobytes() == before


def test_the_same_seed_does_the_same() -> None:
    picture = Image.new("RGB", (640, 400), "#3060c0")
    rngs = [random.Random(5) for _ in range(2)]  # noqa: S311 - no secret
    first, second = (distort(picture, rng).picture.tobytes() for rng in rngs)
    assert first == second


def test_places_are_followed() -> None:
    rng = random.Random(2)  # noqa: S311 - no secret
    picture = Image.new("RGB", (640, 400), "white")
    picture.paste("#d01010", (200, 60, 300, 100))
    for _ in range(60):
        found = distort(picture, rng, [(200, 60, 300, 100)])
        (box,) = found.boxes
        inside = (box[0] + 6, box[1] + 6, box[2] - 6, box[3] - 6)
        red = np.asarray(found.picture.crop(inside), np.int16).reshape(-1, 3)
        assert (red[:, 0] - red[:, 1]).mean() > 60, box
        outside = found.picture.crop((box[2] + 8, inside[1], box[2] + 30, inside[3]))
        ground = np.asarray(outside, np.int16).reshape(-1, 3)
        assert abs((ground[:, 0] - ground[:, 1]).mean()) < 60, box
