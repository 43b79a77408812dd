"""Labelled requests from JSON lines, and the split that keeps near-duplicates together."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from soc_copilot.detection.web.request import Request, from_row
from soc_copilot.domain.errors import SourceError

SALT: Final = "web-validation-1"  # of our split; another salt than any the data's makers used
VALIDATION_BYTES: Final = 51  # of 256: about 20% of the groups


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled request.

    Attributes:
        dataset: Name of the file it came from, without endings.
        group: Near-duplicates share it, within and between files.
        is_attack: The label.
        kind: The class that the source gives, lower case, "" for none.
    """

    dataset: str
    group: str
    is_attack: bool
    kind: str
    request: Request

    @property
    def is_validation(self) -> bool:
        """True for rows that training never sees."""
        return hashlib.sha256(f"{SALT}{self.group}".encode()).digest()[0] < VALIDATION_BYTES


def open_text(path: Path) -> IO[str]:
    """Open a plain or gzip'd UTF-8 file; which one, its first bytes tell."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    if packed:
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and JSON objects of a file; blank lines are passed over.

    Raises:
        SourceError: The file cannot be read, or a line is no JSON object.
    """
    number = 0
    try:
        with open_text(path) as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise SourceError(f'"{path}", line {number}: a JSON object is needed.')
                yield number, row
    except json.JSONDecodeError as error:
        raise SourceError(f'"{path}", line {number}: not JSON ({error.msg}).') from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(f'Cannot read "{path}" after line {number}: {reason}.') from error
    except (EOFError, UnicodeDecodeError) as error:
        raise SourceError(f'Cannot read "{path}" after line {number}: {error}.') from error


def read_rows(path: Path) -> Iterator[Row]:
    """Labelled requests of one file.

    Raises:
        SourceError: A line is malformed; the message names file and line.
    """
    dataset = path.name.split(".")[0]
    for number, row in json_rows(path):
        if row.get("label") not in {"normal", "attack"}:
            raise SourceError(f'"{path}", line {number}: "label" must be "normal" or "attack".')
        try:
            request = from_row(row)
        except ValueError as error:
            raise SourceError(f'"{path}", line {number}: {error}.') from error
        yield Row(
            dataset=dataset,
            group=str(row.get("id", number)).split("~")[0],
            is_attack=row["label"] == "attack",
            kind=str(row.get("kind") or "").lower(),
            request=request,
        )


def data_files(folder: Path) -> list[Path]:
    """The data files of a folder, by name.

    Raises:
        SourceError: There is none.
    """
    found = sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])
    if not found:
        raise SourceError(f'No *.jsonl or *.jsonl.gz file in "{folder}". Give the data folder.')
    return found
