"""Which kinds of bait stand in a text, found by the beginnings of its words.

A pattern of all stems of a kind is tried at every letter, and there are a dozen kinds. Most
texts have few words that begin as any stem does, so the words are looked at once instead.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_RUN: Final = re.compile(r"[^\W_]+")
_BEGINNING: Final = 3  # letters that words are looked up by, chosen
_LEAST: Final = 2  # letters that a shorter stem must have, to be looked up at all
_OPTIONAL: Final = frozenset("?*{")


@dataclass(frozen=True, slots=True)
class _Stem:
    """One of a kind's stems.

    Attributes:
        start: The letters that it begins with for certain.
        is_word: It is nothing but these letters.
    """

    kind: str
    start: str
    is_word: bool
    pattern: re.Pattern[str]


class BaitFinder:
    """Finds kinds of bait, each stem at a word's beginning.

    Args:
        stems: For each kind a regular expression of alternatives, for lower-case text.

    Thread:
        Any; several at once.
    """

    def __init__(self, stems: Mapping[str, str]) -> None:
        self._patterns = {kind: re.compile(some) for kind, some in stems.items()}
        self._by_start: dict[str, list[_Stem]] = {}
        self._others: list[_Stem] = []
        for kind, some in stems.items():
            for said in _alternatives(some):
                one = _stem(kind, said)
                if len(one.start) < _LEAST:
                    self._others.append(one)
                else:
                    self._by_start.setdefault(one.start[:_BEGINNING], []).append(one)

    def kinds(self, text: str) -> set[str]:
        """The kinds that stand in a lower-case text."""
        found: set[str] = set()
        tried: set[int] = set()
        by_start = self._by_start
        runs = set(_RUN.findall(text))
        for run in runs:
            for size in (_BEGINNING, _LEAST):
                for stem in by_start.get(run[:size], ()):
                    if stem.kind in found:
                        continue
                    if stem.is_word:
                        if run.startswith(stem.start):
                            found.add(stem.kind)
                    elif id(stem) not in tried:
                        tried.add(id(stem))
                        if _at_word(stem.pattern, text) is not None:
                            found.add(stem.kind)
        for stem in self._others:
            if stem.kind not in found and _at_word(stem.pattern, text) is not None:
                found.add(stem.kind)
        return found

    def places(self, text: str) -> list[tuple[str, int, int]]:
        """The kinds in a lower-case text, in their order, and where each first stands."""
        found = self.kinds(text)
        seen = []
        for kind, pattern in self._patterns.items():
            if kind in found and (at := _at_word(pattern, text)) is not None:
                seen.append((kind, at.start(), at.end()))
        return seen


def _at_word(pattern: re.Pattern[str], text: str) -> "re.Match[str] | None":
    """The first match that begins no place within a word.

    Tried without saying so in the pattern, for whatever begins none is skipped at once then.
    """
    at = pattern.search(text)
    while at and at.start() and text[at.start() - 1].isalnum():
        at = pattern.search(text, at.start() + 1)
    return at


def _alternatives(stems: str) -> Iterator[str]:
    """What stands between the bars that are in no bracket."""
    depth = start = 0
    for at, sign in enumerate(stems):
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and not depth:
            yield stems[start:at]
            start = at + 1
    yield stems[start:]


def _stem(kind: str, said: str) -> _Stem:
    run = _RUN.match(said)
    start = run.group() if run else ""
    if said[len(start) : len(start) + 1] in _OPTIONAL:
        start = start[:-1]  # its last letter may be missing
    return _Stem(kind, start, start == said, re.compile(said))
