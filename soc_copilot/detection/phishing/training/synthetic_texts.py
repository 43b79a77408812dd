"""Short texts of our own making, for what the training sets lack.

Their texts are mostly British and from one decade. These patterns (see `texts.json`, written for
this purpose, nothing copied) speak of money, numbers and operators as nine parts of the world do:
friends, wishes, notices of banks and schools as benign, operators and shops as spam, fraud as
phish. Capitals, shorthand and punctuation vary alike for all of them, so that none is a label.
"""

import json
import random
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

_FILE: Final = Path(__file__).with_name("texts.json")
_CHOICE: Final = re.compile(r"\[([^\[\]]*)\]")
_SLOT: Final = re.compile(r"<(\w+)>")
_BLANKS: Final = re.compile(r"\s+([,.!?:]|$)|\s{2,}")
_MOST_SLOTS: Final = 4  # chosen: slots within slots
# What each kind of pattern is called, and how often it is taken: chosen.
_KINDS: Final[dict[str, tuple[str, int]]] = {
    "chat": ("benign", 8),
    "wishes": ("benign", 3),
    "notice": ("benign", 3),
    "operator": ("spam", 5),
    "promo": ("spam", 3),
    "scam": ("phish", 4),
}
_SHORT: Final[dict[str, str]] = {
    "you": "u", "your": "ur", "are": "r", "please": "pls", "to": "2", "for": "4", "and": "n",
    "tomorrow": "2moro", "today": "2day", "tonight": "2nite", "because": "cos", "great": "gr8",
    "later": "l8r", "the": "d", "that": "dat", "have": "av", "good": "gud", "with": "wit",
    "before": "b4", "thanks": "thanx", "message": "msg", "text": "txt", "see": "c", "be": "b",
    "what": "wat", "my": "ma", "love": "luv", "free": "fre", "now": "nw", "people": "ppl",
}  # fmt: skip


def synthetic(n_texts: int, seed: int) -> list[tuple[str, str, str]]:
    """Own texts: (text, label, kind and part of the world).

    Args:
        n_texts: How many.
        seed: Of everything random.
    """
    rng = random.Random(seed)  # noqa: S311 - no secrets
    said = _patterns()
    kinds, shares = list(_KINDS), [share for _, share in _KINDS.values()]
    found = []
    for _ in range(n_texts):
        kind = rng.choices(kinds, shares)[0]
        place = rng.choice(list(said["places"]))
        wanted = rng.choice((1, 1, 2, 2, 3, 4)) if kind == "chat" else 1
        picked = rng.sample(said[kind], wanted)
        pieces = [_filled(one, said, place, rng) for one in picked]
        found.append((_written(pieces, kind, rng), _KINDS[kind][0], f"{kind}-{place}"))
    return found


@lru_cache(maxsize=1)
def _patterns() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


def _filled(pattern: str, said: dict[str, Any], place: str, rng: random.Random) -> str:
    """A pattern with one of each choice, slots filled and digits drawn."""
    while _CHOICE.search(pattern):
        pattern = _CHOICE.sub(lambda m: rng.choice(m.group(1).split("|")), pattern)
    for _ in range(_MOST_SLOTS):
        pattern = _SLOT.sub(lambda m: _slot(m.group(1), said, place, rng), pattern)
    pattern = re.sub("~", lambda _: str(rng.randint(0, 9)), pattern)
    return _BLANKS.sub(lambda m: m.group(1) or ("" if m.group(1) == "" else " "), pattern).strip()


def _slot(name: str, said: dict[str, Any], place: str, rng: random.Random) -> str:
    if name[0] == "n" and name[1:].isdigit():
        digits = int(name[1:])
        return str(rng.randint(10 ** (digits - 1), 10**digits - 1))
    return str(rng.choice(said["places"][place].get(name) or said["slots"][name]))


def _written(pieces: list[str], kind: str, rng: random.Random) -> str:
    """The pieces as one text, as somebody may have typed it."""
    joint = rng.choice((". ", ". ", " ", ", ", "... ", "! ", "\n"))
    text = joint.join(pieces)
    shorthand = rng.choice((0.0, 0.3, 0.8)) if kind == "chat" else rng.choice((0.0, 0.0, 0.0, 0.3))
    if shorthand:
        text = re.sub(
            r"[A-Za-z]+",
            lambda m: (
                _SHORT.get(m.group().lower(), m.group()) if rng.random() < shorthand else m.group()
            ),
            text,
        )
    style = rng.random()
    if style < 0.25:  # chosen, as are the next two
        return text.lower()
    if style < 0.35:
        return text.upper()
    if style < 0.7:
        text = text[:1].upper() + text[1:]
    return text + rng.choice(("", "", ".", "!"))
