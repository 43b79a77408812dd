"""From rows of the sets to the texts that the network learns."""

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from soc_copilot.detection.web.classes import NAMES
from soc_copilot.detection.web.request import Request
from soc_copilot.detection.web.training import synthetic
from soc_copilot.detection.web.training.augment import Placer, value_of, values_of
from soc_copilot.detection.web.training.data import Row
from soc_copilot.detection.web.training.fit import Example

# Sets whose rows are one value in one parameter: the place is the set's, not the world's.
SINGLE_VALUE: Final = frozenset({"httpparams", "payload_lists", "wcp", "modsec_learn"})
# Sets that label whole scanner runs or odd requests as attacks: many rows say nothing.
NOISY: Final = frozenset({"fwaf", "scanner_logs", "csic2010"})
_MUTE_WEIGHT: Final = 0.25  # chosen: of attacks that hold no sign of one
_ODD_WEIGHT: Final = 0.5  # chosen: of csic2010's attacks that are merely odd
_REAL_WEIGHT: Final = 2.0  # chosen: real harmless requests are few beside payloads
_SPEAKING: Final = re.compile(r"[<>'\"(){};|`$\\]|\.\.|://|%[0-7]", re.IGNORECASE)

KINDS: Final = {
    "sqli": "sqli", "sql-injection": "sqli", "community-sqli": "sqli", "sqli-sqlmap": "sqli",
    "sqli-kaggle": "sqli", "sqli-openappsec": "sqli", "xss": "xss", "xss-scripting": "xss",
    "community-xss": "xss", "traversal": "traversal", "path-traversal": "traversal",
    "lfi": "traversal", "community-lfi": "traversal", "community-lfi-multipart": "traversal",
    "rfi": "inclusion", "cmdi": "cmdi", "cmdexe": "cmdi", "shellshock": "cmdi",
    "shell-injection": "cmdi", "rce": "cmdi", "rce-urlparam": "cmdi", "rce-urlpath": "cmdi",
    "community-rce": "cmdi", "xxe": "xxe", "xml-injection": "xxe", "community-xxe": "xxe",
    "ssti": "ssti", "sst-injection": "ssti", "log4shell": "jndi", "nosql": "query",
    "nosql-injection": "query", "ldap": "query", "ldap-injection": "query", "xpath": "query",
    "crlf": "crlf", "mail-injection": "crlf", "ssi": "code", "ss-include": "code",
}  # fmt: skip


def main_text(request: Request) -> str:
    """Target and body, as the detector reads them."""
    return request.texts()[0]


def class_of(row: Row) -> int:
    """Index of the row's attack class, -1 when it is normal or unknown."""
    if not row.is_attack:
        return -1
    known = KINDS.get(row.kind)
    if known is not None:
        return NAMES.index(known)
    if row.dataset in NOISY and not _SPEAKING.search(main_text(row.request)):
        return NAMES.index("other" if row.dataset == "csic2010" else "probe")
    return -1


class Corpus:
    """Training texts: rows as they are, values put elsewhere, texts of our own making."""

    def __init__(self, rows: Sequence[Row], seed: int, n_synthetic: int = 40_000) -> None:
        self._rows = rows
        self._n_synthetic = n_synthetic
        normal = [r for r in rows if not r.is_attack and len(main_text(r.request)) <= 2000]
        whole = [r.request for r in normal if r.request.headers and r.dataset not in NOISY] or [
            r.request for r in normal
        ]
        agents = sorted({r.headers.get("User-Agent", "") for r in whole} - {""}) or ["Mozilla/5.0"]
        self._placer = Placer(whole or [Request()], agents, seed)
        self._rng = random.Random(seed + 1)  # noqa: S311 - not for secrets

    def examples(self) -> list[Example]:
        """Everything to learn from, in a fixed order."""
        texts = [*self._of_rows(), *self._of_headers(), *self._of_paths(), *self._made_up()]
        return [Example(t.encode("utf-8", "replace"), y, k, w) for t, y, k, w in texts]

    def _of_rows(self) -> Iterator[tuple[str, int, int, float]]:
        for row in self._rows:
            label, kind = int(row.is_attack), class_of(row)
            weight = _weight(row)
            values = self._values(row)
            text = main_text(row.request)
            if values is None:
                yield text, label, kind, weight
                values = values_of(row.request.query) if row.dataset == "deepxss" else []
                values = [v for v in values if not label or _SPEAKING.search(repr(v)[2:-1])]
                values = [self._rng.choice(values)] if values else []
            else:
                yield self._placer.simple(values[0]), label, kind, weight
            if values and self._rng.random() < 0.5 and _worth_moving(values[0], label):
                yield self._placer.anywhere(values[0]), label, kind, 1.0

    def _values(self, row: Row) -> list[bytes] | None:
        """The single value of a row that is nothing more; None for a whole request."""
        request = row.request
        lone = request.query or request.body
        if row.dataset not in SINGLE_VALUE or (request.query and request.body):
            return None
        if not re.match(r"^[pq]=", lone) or request.path != "/":
            return None
        return [value_of(lone)]

    def _of_headers(self) -> Iterable[tuple[str, int, int, float]]:
        harmless = [r.request for r in self._rows if not r.is_attack]
        seen = Counter(text for request in harmless for text in request.texts()[1:])
        picked = sorted(seen)
        self._rng.shuffle(picked)
        # Frequent values weigh more, but not as much more as they are frequent.
        real = [(text, 0, -1, seen[text] ** 0.25) for text in picked[:25_000]]
        made_up = [synthetic.header(self._rng) for _ in range(self._n_synthetic // 4)]
        return [*real, *((text, 0, -1, 1.0) for text in made_up)]

    def _of_paths(self) -> Iterable[tuple[str, int, int, float]]:
        return [(self._placer.path(), 0, -1, 1.0) for _ in range(self._n_synthetic // 2)]

    def _made_up(self) -> Iterator[tuple[str, int, int, float]]:
        rng = self._placer.rng
        for _ in range(self._n_synthetic):
            place = self._placer.simple if rng.random() < 0.4 else self._placer.anywhere
            yield place(synthetic.benign(rng).encode()), 0, -1, 1.0
            text, kind = synthetic.attack(rng)
            if kind == "probe":
                yield text, 1, NAMES.index(kind), 1.0
            else:
                yield place(text.encode()), 1, NAMES.index(kind), 1.0


def _weight(row: Row) -> float:
    if row.is_attack:
        if _SPEAKING.search(main_text(row.request)):
            return 1.0
        return _ODD_WEIGHT if row.dataset == "csic2010" else _MUTE_WEIGHT
    return _REAL_WEIGHT if row.request.headers and row.dataset not in NOISY else 1.0


def _worth_moving(value: bytes, label: int) -> bool:
    """False for attack values that are bare words: elsewhere they would be lies."""
    return not label or len(re.findall(rb"[^\w\s]", value)) >= 2
