"""Several folders in one text, as in the variable `PATH`."""

import os
from collections.abc import Iterable

from soc_copilot.domain.errors import SourceError


def split_folders(text: str) -> tuple[str, ...]:
    """The folders that a text names, empty names left out."""
    return tuple(part for part in text.split(os.pathsep) if part)


def join_folders(folders: Iterable[str]) -> str:
    """One text that `split_folders` takes apart again.

    Raises:
        SourceError: A folder's name holds the separator.
    """
    parts = list(folders)
    for part in parts:
        if os.pathsep in part:
            raise SourceError(
                f'"{part}" cannot be one of several folders, because its name holds '
                f'"{os.pathsep}", which separates them.'
            )
    return os.pathsep.join(parts)
