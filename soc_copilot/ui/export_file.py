"""A file that leaves the program: whole, or not at all. No Qt here."""

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path


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
