import base64
import math
import random
import zlib
from collections import Counter

import pytest

from soc_copilot.detection.host.noise import distance, letters, unlike_text, unreadable


def entropy(data):
    counts = Counter(data).values()
    return -sum(n / len(data) * math.log2(n / len(data)) for n in counts)


@pytest.mark.parametrize("n", [64, 200, 1_000, 4_096, 30_000])
def test_chance_lies_near_its_own_mean(n):
    rng = random.Random(n)  # noqa: S311 - test data
    found = [distance(entropy(rng.randbytes(n)), n) for _ in range(60)]
    assert abs(sum(found) / 60) < 0.6
    assert sum(unreadable(entropy(rng.randbytes(n)), n) for _ in range(20)) > 19


def test_text_is_readable_and_base64_of_chance_is_not_quite():
    rng = random.Random(1)  # noqa: S311 - test data
    text = (" ".join(rng.choice(["the", "log", "of", "a", "host"]) for _ in range(2_000))).encode()
    assert unreadable(entropy(text[:4_096]), 4_096) == 0.0
    written = base64.encodebytes(rng.randbytes(6_000))[:4_096]
    assert 0.3 < unreadable(entropy(written), 4_096) < 0.9


ALPHABETS = {
    "base64": (base64.b64encode, 0.8),
    "base32": (base64.b32encode, 0.5),
    "hexadecimal": (base64.b16encode, 0.7),
    "ascii85": (base64.a85encode, 0.6),
}


@pytest.mark.parametrize("n", [256, 1_000, 4_096])
@pytest.mark.parametrize("name", ALPHABETS)
def test_chance_in_letters_is_told_with_and_without_line_ends(name, n):
    encode, weight = ALPHABETS[name]
    rng = random.Random(n)  # noqa: S311 - test data
    for width in (64, 76):
        written = [encode(rng.randbytes(4 * n)) for _ in range(20)]
        lines = [b"\n".join(w[i : i + width] for i in range(0, len(w), width)) for w in written]
        plain = [letters(entropy(w[:n]), n) for w in written]
        folded = [letters(entropy(w[:n]), n) for w in lines]
        assert sum(share >= weight for share in plain) >= 18
        assert sum(share > 0 for share in folded) >= 17


def test_what_has_more_entropy_than_text_is_not_text():
    rng = random.Random(3)  # noqa: S311 - test data
    text = (" ".join(rng.choice(["the", "log", "of", "a", "host"]) for _ in range(2_000))).encode()
    mixed = text[:2_048] + rng.randbytes(2_048)
    assert unlike_text(entropy(text[:4_096]), 4_096) == 0.0
    assert 0.3 < unlike_text(entropy(mixed), 4_096) < 0.7
    assert unlike_text(entropy(rng.randbytes(4_096)), 4_096) == 1.0
    assert unlike_text(7.0, 100) == unlike_text(math.nan, 4_096) == 0.0


def test_packed_text_lies_below_chance():
    rng = random.Random(2)  # noqa: S311 - test data
    words = ["".join(rng.choices("abcdefgh", k=rng.randrange(3, 9))) for _ in range(300)]
    shares = []
    for _ in range(20):
        text = " ".join(rng.choice(words) for _ in range(6_000)).encode()
        packed = zlib.compress(text)[:4_096]
        shares.append(unreadable(entropy(packed), 4_096))
    assert sum(shares) / 20 < 0.9


@pytest.mark.parametrize(("bits", "n"), [(math.nan, 4_096), (8.0, 0), (5.0, 31), (0.0, 4_096)])
def test_what_cannot_be_told_is_readable(bits, n):
    assert unreadable(bits, n) == 0.0
