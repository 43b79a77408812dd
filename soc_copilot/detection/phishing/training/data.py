"""Labelled URLs, e-mails and texts from JSON lines, and the split that keeps groups together."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soc_copilot.detection.phishing.urls import parse_url
from soc_copilot.detection.web.training.data import json_rows
from soc_copilot.domain.errors import SourceError

SALT: Final = "phishing-validation-1"  # of our split; another than the data's makers used
VALIDATION_BYTES: Final = 51  # of 256: about 20% of the groups
KINDS: Final = ("url", "email", "text")
LABELS: Final = ("benign", "phish", "spam")
# Sets whose licence is non-commercial: measured on, never part of what is shipped.
NOT_FOR_SHIPPING: Final = frozenset({"openphish", "phishing_pot"})
_YEAR: Final = re.compile(r"^(?:19|20)\d\d")
_LETTERS: Final = re.compile(r"[^a-z]+")
GROUP_LETTERS: Final = 40  # of a text: as the data's makers grouped


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled content.

    Attributes:
        dataset: Source as the row says.
        group: Near-duplicates share it: registered domain, subject skeleton, first letters.
        label: One of `LABELS`.
        kind: One of `KINDS`.
        content: Hostile or unknown.
        year: None where unknown.
    """

    dataset: str
    group: str
    label: str
    kind: str
    content: str
    year: int | None

    @property
    def is_validation(self) -> bool:
        """True for rows that training never sees."""
        return hashlib.sha256(f"{SALT}{self.group}".encode()).digest()[0] < VALIDATION_BYTES


def read_rows(path: Path) -> Iterator[Row]:
    """Labelled contents of one file.

    Raises:
        SourceError: A line is malformed; the message names file and line.
    """
    for number, row in json_rows(path):
        label, kind, content = row.get("label"), row.get("content_type"), row.get("content")
        if label not in LABELS or kind not in KINDS or not isinstance(content, str):
            raise SourceError(
                f'"{path}", line {number}: "label" must be one of {", ".join(LABELS)}, '
                f'"content_type" one of {", ".join(KINDS)}, and "content" a text.'
            )
        year = _YEAR.match(str(row.get("date") or ""))
        yield Row(
            dataset=str(row.get("source") or path.name.split(".")[0]),
            group=_group(kind, content, str(row.get("id") or "")),
            label=label,
            kind=kind,
            content=content,
            year=int(year.group()) if year else None,
        )


def _group(kind: str, content: str, name: str) -> str:
    """The group of a row: of the content itself, so that it is the same in every file."""
    if kind == "url":
        return parse_url(content).registered_domain
    if kind == "text":
        return _LETTERS.sub("", content.lower())[:GROUP_LETTERS] or content
    pieces = name.rsplit("-", 2)  # source, group, number
    return pieces[1] if len(pieces) == 3 else content[:200]


def read_all(paths: Sequence[Path]) -> list[Row]:
    """Rows of all files, in order.

    Raises:
        SourceError: As `read_rows`.
    """
    return [row for path in paths for row in read_rows(path)]
