"""Mails of our own making, for what the training sets lack.

Their phish is English and their harmless mail is old. These sentences (see `sentences.json`,
written for this purpose, nothing copied) give both labels the same eight languages, and
harmless mail today's receipts, newsletters and notices.
"""

import json
import random
from pathlib import Path
from typing import Final

from soc_copilot.detection.phishing.brands import known_brands

_FILE: Final = Path(__file__).with_name("sentences.json")
_DAYS: Final = ("Monday", "Tuesday", "12.03.", "3/14", "2024-05-02", "Friday", "07/09/2025")
_PLACES: Final = ("Moscow", "Lagos", "Kyiv", "Paris", "an unknown location")
_NAMES: Final = ("anna", "jens", "maria", "tom", "yuki", "omar")


def _filled(sentence: str, brand: str, rng: random.Random) -> str:
    slots = {
        "{brand}": brand,
        "{n}": str(rng.choice((rng.randint(10, 99), rng.randint(1_000, 9_999_999)))),
        "{day}": rng.choice(_DAYS),
        "{month}": rng.choice(("Mai", "Juni", "Oktober")),
        "{place}": rng.choice(_PLACES),
        "{name}": rng.choice(_NAMES),
    }
    for slot, value in slots.items():
        sentence = sentence.replace(slot, value)
    return sentence


def synthetic(n_each: int, seed: int) -> list[tuple[str, str, bool, str]]:
    """Own mails: (subject, text, is phish, language).

    Args:
        n_each: Of each label.
        seed: Of everything random.
    """
    rng = random.Random(seed)  # noqa: S311 - no secrets
    sentences = json.loads(_FILE.read_text(encoding="utf-8"))
    names = [brand.name.capitalize() for brand in known_brands().all]
    found = []
    for i in range(2 * n_each):
        language = rng.choice(list(sentences))
        kind = "phish" if i % 2 else "benign"
        said = sentences[language][kind]
        brand = rng.choice(names)
        picked = rng.sample(said, min(rng.randint(1, 5), len(said)))
        body = "\n".join(_filled(sentence, brand, rng) for sentence in picked)
        subject = _filled(rng.choice(sentences[language][f"{kind}_subject"]), brand, rng)
        found.append((subject, body, kind == "phish", language))
    return found
