"""What a source reads, written in one way, so that the same thing is never read twice."""

import os
from collections.abc import Collection

from soc_copilot.domain.addresses import format_address, parse_address
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.folders import join_folders, split_folders
from soc_copilot.domain.source_options import CHANNEL_PREFIX, KIND_TITLES, KINDS, LISTENERS

SYSTEM_JOURNAL = "system"
"""Path of the machine's own journal."""

SERVICE = "service"
"""Path of the one source that holds what the checking service was asked."""

_TCP = LISTENERS - {"syslog-udp"}
_PATHS = frozenset({"file", "directory", "replay"})


def place_of(kind: str, path: str | os.PathLike[str]) -> str:
    """The path or address of a source as it is stored.

    Args:
        kind: One of `KINDS`.
        path: A file or folder, made absolute. For a listener an address, for file activity one
            or several folders separated as in `PATH`, for a journal also "" or "system": the
            machine's own; for Windows events also "channel:NAME", a live channel. The checking
            service has one place, whatever is given.

    Raises:
        SourceError: The kind is unknown, nothing is named, or the address is none.
    """
    if kind not in KINDS:
        raise SourceError(f'A source is one of {", ".join(KINDS)}; found "{kind}".')
    text = os.fspath(path)
    if kind in LISTENERS:
        return format_address(*parse_address(text))
    if kind == SERVICE:
        return SERVICE
    if kind == "journald" and text in {"", SYSTEM_JOURNAL}:
        return SYSTEM_JOURNAL
    if kind == "evtx" and text.removeprefix(CHANNEL_PREFIX) not in {text, ""}:
        return text
    parts = split_folders(text) if kind == "activity" else (text,) if text else ()
    if not parts:
        raise SourceError("Give the path of the file or folder to read.")
    # Symbolic links are kept: logs are often links.
    places = list(dict.fromkeys(os.path.abspath(part) for part in parts))  # noqa: PTH100
    return join_folders(places) if kind == "activity" else places[0]


def name_of(kind: str, place: str) -> str:
    """A name for people for a source that was given none."""
    if kind in LISTENERS:
        return f"{KIND_TITLES[kind]} {place}"
    if place == SYSTEM_JOURNAL or kind == SERVICE:
        return KIND_TITLES[kind]
    return os.path.basename(place) or place  # noqa: PTH119 - of a name, not of a file


def rivals_of(kind: str) -> Collection[str]:
    """Kinds of which none may read the same place as one of this kind does."""
    if kind in _PATHS:
        return _PATHS
    return _TCP if kind in _TCP else (kind,)
