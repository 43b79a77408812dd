"""A file that leaves the program: whole, or not at all. No Qt here."""

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from soc_copilot.domain.errors import StoreError


def write_lines(path: Path, lines: Iterable[str], progress: Callable[[int], None]) -> int:
    """Write lines to a file that appears when it is complete, or not at all.

    Args:
        path: Where; ".csv" has a header line, which is not counted.
        lines: Each with its line end.
        progress: Called every 100 lines with their number; when it raises, nothing is left.

    Returns:
        Number of lines written, a header left out.

    Raises:
        OSError: The file cannot be written.
    """
    count = 0
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            for line in lines:
                file.write(line)
                count += 1
                if count % 100 == 0:
                    progress(count)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return count - (path.suffix.lower() == ".csv")


def export_lines(path: Path, lines: Iterable[str], progress: Callable[[int], None]) -> int:
    """As `write_lines`, with words for the analyst.

    Raises:
        StoreError: The file cannot be written.
    """
    try:
        return write_lines(path, lines, progress)
    except OSError as error:
        raise StoreError(
            f'Cannot write "{path.name}": {error.strerror or error}. Choose another folder.'
        ) from error
