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
        found = distort(picture, rng)
        assert found.mode == "RGB"
        assert min(found.size) >= 64
        assert found.size[0] >= 0.4 * picture.size[0]
        sizes.add(found.size)
        middle = np.asarray(found).reshape(-1, 3).mean(axis=0)
        assert middle[2] > middle[0]  # still blue
    assert len(sizes) > 20
    assert picture.tobytes() == before


def test_the_same_seed_does_the_same() -> None:
    picture = Image.new("RGB", (640, 400), "#3060c0")
    rngs = [random.Random(5) for _ in range(2)]  # noqa: S311 - no secret
    first, second = (distort(picture, rng).tobytes() for rng in rngs)
    assert first == second
