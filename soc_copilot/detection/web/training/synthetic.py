"""Texts of our own making: attacks that the sets lack, and harmless oddities that they lack.

Everything is put together from parts at random, so the model sees the shape of a family and
not one string. The texts in the tests are written apart from these.
"""

import base64
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

_Templates = dict[str, dict[str, list[str]]]


def _read() -> tuple[_Templates, list[str], list[str]]:
    text = (Path(__file__).parent / "templates.json").read_text(encoding="utf-8")
    found = json.loads(text)
    return {k: found[k] for k in ("slots", "attacks", "words")}, found["benign"], found["headers"]


_TEMPLATES, BENIGN, HEADERS = _read()
ATTACKS: Final = _TEMPLATES["attacks"]
_SLOTS: Final = _TEMPLATES["slots"]
_WORDS: Final = _TEMPLATES["words"]


def _hex(rng: random.Random, digits: int) -> str:
    return f"{rng.getrandbits(4 * digits):0{digits}x}"


def _letters(rng: random.Random, alphabet: str, low: int, high: int) -> str:
    return "".join(rng.choices(alphabet, k=rng.randint(low, high)))


_LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
_PRINTABLE: Final = "".join(map(chr, range(32, 127)))
_B64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_MAKERS: Final[dict[str, Callable[[random.Random], str]]] = {
    "n": lambda r: str(r.randint(1, 10 ** r.randint(1, 5))),
    "b": lambda r: str(r.randint(0, 99)),
    "word": lambda r: _letters(r, _LOWER + _LOWER + "0123456789", 2, 9),
    "ip": lambda r: ".".join(str(r.randint(1, 254)) for _ in range(4)),
    "noun": lambda r: r.choice(_WORDS["noun"]),
    "verb": lambda r: r.choice(_WORDS["verb"]),
    "name": lambda r: r.choice(_WORDS["name"]),
    "tld": lambda r: r.choice(_WORDS["tld"]),
    "hex": lambda r: _hex(r, 8 if r.random() < 0.5 else 6),
    "uuid": lambda r: "-".join(_hex(r, d) for d in (8, 4, 4, 4, 12)),
    "b64": lambda r: _letters(r, _B64, 8, 80),
    "noise": lambda r: _letters(r, _PRINTABLE, 10, 10 ** r.randint(2, 3)),
    "b64text": lambda r: (
        base64.urlsafe_b64encode(fill(r.choice(BENIGN), r).encode()).decode().rstrip("=")
    ),
    "cjk": lambda r: "".join(chr(r.randint(0x4E00, 0x7FFF)) for _ in range(r.randint(1, 12))),
    "cyr": lambda r: "".join(chr(r.randint(0x430, 0x44F)) for _ in range(r.randint(2, 10))),
    "arab": lambda r: "".join(chr(r.randint(0x627, 0x64A)) for _ in range(r.randint(2, 12))),
    "emoji": lambda r: chr(r.randint(0x1F600, 0x1F64F)),
}


class _Filler(dict[str, str]):
    """Answers each slot of a template with a fresh random part."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng

    def __missing__(self, key: str) -> str:
        maker = _MAKERS.get(key)
        if maker is not None:
            return maker(self._rng)
        return fill(self._rng.choice(_SLOTS[key]), self._rng)


def fill(template: str, rng: random.Random) -> str:
    """The template with every slot filled."""
    return template.format_map(_Filler(rng))


_CUT_SHARE: Final = 0.15  # of the attacks whose class has a way to cut words, chosen
_QUOTED: Final = re.compile(r"'([A-Za-z0-9 /_.]{2,20})'")
_WORD: Final = re.compile(r"[A-Za-z]{4,12}")
_IN_STRINGS: Final[tuple[Callable[[str, str], str], ...]] = (
    lambda a, b: f"'{a}'||'{b}'",
    lambda a, b: f"'{a}'+'{b}'",
    lambda a, b: f"'{a}' '{b}'",
    lambda a, b: f"concat('{a}','{b}')",
    lambda a, b: "char(" + ",".join(str(ord(c)) for c in a + b) + ")",
    lambda a, b: "||".join(f"chr({ord(c)})" for c in a + b),
    lambda a, b: "0x" + (a + b).encode().hex(),
)
_IN_WORDS: Final = {
    "sqli": ("/**/", "/*!*/", "/*x*/", "/*1*/"),
    "cmdi": ("''", '""', "$@", "``"),
}


def cut(text: str, kind: str, rng: random.Random) -> str:
    """The text with one string or word in pieces, where the class has a way to do that."""
    quoted = list(_QUOTED.finditer(text)) if kind in {"sqli", "xss", "code"} else []
    words = list(_WORD.finditer(text)) if kind in _IN_WORDS else []
    if not quoted and not words:
        return text
    match = rng.choice([*quoted, *words])
    said = match[match.lastindex or 0]
    at = rng.randrange(1, len(said))
    first, last = said[:at], said[at:]
    if match.lastindex:
        new = rng.choice(_IN_STRINGS)(first, last)
    else:
        new = first + rng.choice(_IN_WORDS[kind]) + last
    return text[: match.start()] + new + text[match.end() :]


def attack(rng: random.Random) -> tuple[str, str]:
    """An attack text and its class; now and then cut into pieces."""
    kind = rng.choice(tuple(ATTACKS))
    while True:
        text = fill(rng.choice(ATTACKS[kind]), rng)
        if sum(not c.isalnum() for c in text) >= 2:  # an empty quote leaves a bare word
            return cut(text, kind, rng) if rng.random() < _CUT_SHARE else text, kind


def header(rng: random.Random) -> str:
    """A harmless header value as logs hold them."""
    return fill(rng.choice(HEADERS), rng)


def benign(rng: random.Random) -> str:
    """A harmless text; now and then several in a row."""
    parts = [fill(rng.choice(BENIGN), rng) for _ in range(1 if rng.random() < 0.75 else 3)]
    return rng.choice((" ", "\n", ", ")).join(parts)
