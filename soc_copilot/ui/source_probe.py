"""A look at a path before it becomes a source: is it readable, and what are its lines? No Qt."""

import os
import stat
import zlib
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from soc_copilot.domain.errors import ParseError, SourceError
from soc_copilot.domain.text import render_safe

if TYPE_CHECKING:
    from soc_copilot.parsing.batch import Preview

HEAD_BYTES = 64 * 1024  # chosen: as much of a file as is read to tell its format
MAX_ENTRIES = 20_000  # chosen: entries of a folder looked at, so that a huge one cannot stall us
HEAD_LINE_BYTES = 4_096  # chosen: of a first line with the names of columns
MAX_COMPLETIONS = 50  # chosen: more nobody reads
BINARY_SHARE = 0.1  # chosen: control bytes in the head from which a file is no log
GZIP_MAGIC = b"\x1f\x8b"
# Control bytes that no text log holds in number (TAB, LF, CR, FF and ESC it may).
_CONTROLS = bytes({*range(32)} - {0x09, 0x0A, 0x0C, 0x0D, 0x1B})


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found at a path.

    Attributes:
        path: As typed, home folder filled in.
        kind: "file", "directory", or "" when there is nothing that could be a source.
        problem: Why it cannot be added, one sentence; empty when it can.
        note: What else is worth knowing, one sentence or empty.
        preview: The first lines, parsed; None when there are none yet.
        sample: Path of the file that the preview comes from.
        n_files: Files that match, for a directory.
        more_files: True when the folder holds more entries than were looked at.
        size_bytes: Of the file, or of all that match.
        completions: Paths that what was typed may become.
        head: The file's first line.
    """

    path: str
    kind: str = ""
    problem: str = ""
    note: str = ""
    preview: "Preview | None" = None
    sample: str = ""
    n_files: int = 0
    more_files: bool = False
    size_bytes: int = 0
    completions: tuple[str, ...] = ()
    head: str = ""


def probe_source(typed: str, pattern: str = "*.log", format_name: str = "auto") -> Probe:
    """Look at a path that a person typed; reads at most `HEAD_BYTES` of one file.

    Args:
        typed: A path; "~" is the home folder.
        pattern: Which files of a folder count.
        format_name: Format to parse the first lines with, "auto" to find out.
    """
    path = str(Path(typed.strip()).expanduser()) if typed.strip() else ""
    found = Probe(path=path)
    if not path:
        return found
    found = replace(found, completions=_completions(typed.strip()))
    if "\0" in path:
        return replace(found, problem="A path cannot hold the NUL character.")
    if not Path(path).is_absolute():
        return replace(found, problem="Give the whole path, from the root on.")
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        return replace(found, problem=_sentence(path, error))
    try:
        if stat.S_ISDIR(mode):
            return _probe_folder(replace(found, kind="directory"), pattern, format_name)
        if stat.S_ISREG(mode):
            return _probe_file(replace(found, kind="file", n_files=1), path, format_name)
    except OSError as error:
        return replace(found, problem=_sentence(path, error))
    name = render_safe(path)
    return replace(found, problem=f'"{name}" is neither a file nor a folder but a device or pipe.')


def format_choices() -> tuple[tuple[str, str], ...]:
    """Every log format as (name, title); call it in a job."""
    from soc_copilot.parsing.registry import formats  # late: Polars need not delay the window

    return tuple((one.name, one.title) for one in formats())


def _probe_file(found: Probe, path: str, format_name: str) -> Probe:
    from soc_copilot.ingestion.encodings import first_lines  # late, as for the preview below

    raw, size = _head(path)
    try:
        raw = first_lines(raw) if raw else raw
    except SourceError as error:
        return replace(found, sample=path, size_bytes=size, problem=str(error))
    found = replace(found, sample=path, size_bytes=size)
    if not raw:
        note = "This file is empty. Its format will be decided at the first lines."
        return replace(found, note=note)
    if _is_binary(raw):
        name = render_safe(Path(path).name)
        return replace(found, problem=f'"{name}" holds binary data, not lines of text.')
    return _with_preview(found, raw, format_name)


def _probe_folder(found: Probe, pattern: str, format_name: str) -> Probe:
    if not pattern.strip():
        return replace(found, problem="Say which files of the folder count, such as *.log.")
    names, size, newest, seen = 0, 0, (-1.0, ""), 0
    with os.scandir(found.path) as entries:
        for seen, entry in enumerate(islice(entries, MAX_ENTRIES + 1), 1):
            if seen > MAX_ENTRIES or not fnmatch(entry.name, pattern.strip()):
                continue
            if entry.is_file():
                names += 1
                facts = entry.stat()
                size += facts.st_size
                newest = max(newest, (facts.st_mtime if facts.st_size else 0.0, entry.path))
    found = replace(found, n_files=names, size_bytes=size, more_files=seen > MAX_ENTRIES)
    if not names:
        note = "No file matches yet. New ones are picked up as they appear."
        return replace(found, note=note)
    sampled = _probe_file(found, newest[1], format_name)
    if sampled.problem:  # one odd file among others does not rule the folder out
        return replace(sampled, problem="", note=f"{sampled.problem} Change the pattern?")
    if sampled.note:
        note = "The files are empty. Their format will be decided at the first lines."
        return replace(sampled, note=note)
    return sampled


def _with_preview(found: Probe, raw: bytes, format_name: str) -> Probe:
    from soc_copilot.parsing.batch import preview  # late: Polars need not delay the window
    from soc_copilot.parsing.series import PREFIX as SERIES
    from soc_copilot.parsing.series import document_words, is_document

    head = raw.split(b"\n", 1)[0][:HEAD_LINE_BYTES].decode("utf-8", "replace").strip("\r\ufeff")
    found = replace(found, head=head)
    if format_name == SERIES and is_document(raw):
        return replace(found, problem=document_words(Path(found.sample).name))
    try:
        return replace(found, preview=preview(raw, format_name))
    except ParseError as error:
        return replace(found, problem=str(error))


def _head(path: str) -> tuple[bytes, int]:
    """The file's first bytes (unpacked, if gzip), and its size."""
    with Path(path).open("rb") as file:
        raw = file.read(HEAD_BYTES)
        size = os.fstat(file.fileno()).st_size
    if raw.startswith(GZIP_MAGIC):
        try:
            raw = zlib.decompressobj(wbits=31).decompress(raw, HEAD_BYTES)
        except zlib.error as error:
            raise OSError(0, "damaged gzip data") from error
    return raw, size


def _is_binary(raw: bytes) -> bool:
    kept = raw.translate(None, delete=_CONTROLS)
    return len(raw) - len(kept) > BINARY_SHARE * len(raw)


def _sentence(path: str, error: OSError) -> str:
    name = render_safe(path)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return f'There is no file or folder "{name}".'
    if isinstance(error, PermissionError):
        return (
            f'Cannot read "{name}": access denied. Run as a user with read access, or let a '
            "group of yours read it (for system logs that is often adm)."
        )
    return f'Cannot read "{name}": {error.strerror or error}.'


def _completions(typed: str) -> tuple[str, ...]:
    """Entries of the folder typed so far that begin with the rest; folders end in a slash."""
    folder, start = os.path.split(typed)
    if not folder:
        return ()
    try:
        with os.scandir(Path(folder).expanduser()) as entries:
            fitting = [
                str(Path(folder) / entry.name) + (os.sep if entry.is_dir() else "")
                for entry in islice(entries, MAX_ENTRIES)
                if entry.name.startswith(start) and (start or not entry.name.startswith("."))
            ]
    except (OSError, ValueError):
        return ()
    return tuple(sorted(fitting)[:MAX_COMPLETIONS])
