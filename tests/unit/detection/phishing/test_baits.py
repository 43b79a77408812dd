import random
import re

import pytest

from soc_copilot.detection.phishing.baits import BaitFinder
from soc_copilot.detection.phishing.words import BAITS

FINDER = BaitFinder(BAITS)
PIECES = (
    "account ", "reaccount", "_verify", "update your ", "UPDATE", "24 hours", "within 3 h",
    "5% off", "log-in", "login ", "sign in", "limitation", "limited", "sehr geehrte kunden",
    "won", "won't", "至急", "対応至急", "\u30d1\u30b9\u30ef\u30fc\u30c9", "cart\u00e3o", "  ", "\n",
    ".", "-", "x", "re-activate", "click on", "deadline", "und", "entro", "free", "\u0301",
    "dear  customer", "dear customer",
)  # fmt: skip


def one_by_one(text: str) -> list[tuple[str, int, int]]:
    """Each kind's pattern tried everywhere: what the finder must agree with."""
    found = []
    for kind, stems in BAITS.items():
        for at in range(len(text) + 1):
            match = re.compile(stems).match(text, at)
            if match and not (at and text[at - 1].isalnum()):
                found.append((kind, match.start(), match.end()))
                break
    return found


@pytest.mark.parametrize("seed", range(15))
def test_what_is_found_is_what_patterns_find(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - made-up texts
    pieces = rng.choices(PIECES, k=rng.randrange(25))
    text = "".join(piece + rng.choice(("", " ", "")) for piece in pieces)
    expected = one_by_one(text)
    assert FINDER.places(text) == expected
    assert FINDER.kinds(text) == {kind for kind, _, _ in expected}


def test_every_plain_stem_is_found_at_a_words_beginning_alone() -> None:
    for kind, stems in BAITS.items():
        for stem in re.sub(r"\([^)]*\)", "?", stems).split("|"):
            if re.search(r"[\\?]", stem):
                continue
            assert kind in FINDER.kinds(f"so {stem} x"), stem
            if stem[0].isalnum():
                assert BaitFinder({kind: stem}).kinds(f"q{stem}") == set(), stem


def test_stems_of_every_shape_are_looked_up() -> None:
    finder = BaitFinder({"a": "colou?r|x?y|ab|% off|(?:big|small) win", "b": "abc"})
    assert finder.kinds("a colr") == set()
    assert finder.kinds("a color") == finder.kinds("colours") == {"a"}
    assert finder.kinds("y") == finder.kinds("xy") == finder.kinds("5 % off") == {"a"}
    assert finder.kinds("small wins") == {"a"}
    assert finder.kinds("cab") == set()
    assert finder.places("cab abc") == [("a", 4, 6), ("b", 4, 7)]
