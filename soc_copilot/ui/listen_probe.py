"""A look at an address, a journal or a folder before it becomes a source. No Qt."""

import errno
import os
import shutil
import socket
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soc_copilot.domain.addresses import format_address, parse_address
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.folders import split_folders
from soc_copilot.domain.source_options import CHANNEL_PREFIX
from soc_copilot.domain.text import render_safe
from soc_copilot.ingestion.drop_folder import files_in

# Ports tried first. 514 and 6514 are the registered ones (RFC 5426, RFC 5425), but a port
# below 1,024 needs rights that this program should not have.
FIRST_PORTS: Final = {
    "syslog-udp": 5514,
    "syslog-tcp": 5514,
    "syslog-tls": 6514,
    "json-tcp": 5170,
}
WSAEADDRINUSE: Final = 10_048  # Windows Sockets error code
TRIED: Final = 64  # chosen: ports tried one after the other


@dataclass(frozen=True, slots=True)
class PlaceLook:
    """What was found.

    Attributes:
        place: Address or path as it would be stored; empty while nothing is typed.
        problem: Why it cannot be added, one sentence; empty when it can.
        note: What else is worth knowing.
    """

    place: str = ""
    problem: str = ""
    note: str = ""


def free_port(kind: str, host: str) -> int:
    """A port that nobody listens on there now, the kind's usual one if it is free; 0 for none."""
    first = FIRST_PORTS[kind]
    return next((p for p in range(first, first + TRIED) if not _bind_problem(kind, host, p)), 0)


def look_at_address(kind: str, host: str, port: str) -> PlaceLook:
    """Whether a listener could be opened there; opens it for a moment. Worker thread."""
    if not host.strip() or not port.strip():
        return PlaceLook()
    shown = host.strip()
    bracketed = f"[{shown}]" if ":" in shown and not shown.startswith("[") else shown
    try:
        address, number = parse_address(f"{bracketed}:{port.strip()}")
    except SourceError as error:
        return PlaceLook(problem=str(error))
    problem = _bind_problem(kind, address, number)
    if problem and "taken" in problem and (other := free_port(kind, address)):
        problem = f"{problem} Port {other} is free."
    return PlaceLook(format_address(address, number), problem, reach_text(kind, address))


def reach_text(kind: str, host: str) -> str:
    """Who can send to an address, in a sentence."""
    if host.startswith("127.") or host == "::1":
        return "Only programs on this machine can send."
    if kind == "syslog-tls":
        return "Whoever reaches this machine can send, encrypted; ask for client certificates."
    return "Whoever reaches this machine can send, unencrypted and under any name."


def _bind_problem(kind: str, host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    how = socket.SOCK_DGRAM if kind == "syslog-udp" else socket.SOCK_STREAM
    with closing(socket.socket(family, how)) as probe:
        if how == socket.SOCK_STREAM and sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the listener does
        try:
            probe.bind((host, port))
        except PermissionError:
            return f"Port {port} needs special rights. Use one from 1024 on."
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, WSAEADDRINUSE}:
                return f"Port {port} is taken by another program."
            return f"Cannot listen on {format_address(host, port)}: {error.strerror or error}."
    return ""


def is_windows() -> bool:
    """True where there are event channels."""
    return sys.platform == "win32"


def look_at_folders(typed: str) -> PlaceLook:
    """Whether every folder named is one that can be watched. Worker thread."""
    folders = [str(Path(one.strip()).expanduser()) for one in split_folders(typed.strip())]
    if not folders:
        return PlaceLook()
    for folder in folders:
        if problem := _path_problem(folder, is_folder=True):
            return PlaceLook(problem=problem)
    more = f"{len(folders)} folders. " if len(folders) > 1 else ""
    note = f"{more}Files are never opened for writing; a sample is read to measure entropy."
    return PlaceLook(os.pathsep.join(folders), note=note)


def look_at_drop_folder(typed: str) -> PlaceLook:
    """Whether there is a folder that messages can be read from. Worker thread."""
    if not typed.strip():
        return PlaceLook()
    path = Path(typed.strip()).expanduser()
    if problem := _path_problem(str(path), is_folder=True):
        return PlaceLook(problem=problem)
    n_files = sum(1 for _ in files_in(path, recursive=False))
    files = "1 file" if n_files == 1 else f"{n_files:,} files"
    words = f"{files} now, each is read once. .eml, .msg, mailboxes, maildirs, saved pages."
    return PlaceLook(str(path), note=f"{words} Nothing is moved or deleted.")


def look_at_event_logs(typed: str) -> PlaceLook:
    """Whether there is an .evtx file, a folder for them, or a channel. Worker thread."""
    if not typed.strip():
        return PlaceLook()
    if typed.strip().startswith(CHANNEL_PREFIX):
        if not is_windows():
            return PlaceLook(problem="Only Windows has event channels; give an .evtx file.")
        return PlaceLook(typed.strip(), note="Followed while it grows; Security needs rights.")
    path = Path(typed.strip()).expanduser()
    if problem := _path_problem(str(path)):
        return PlaceLook(problem=problem)
    if path.is_dir():
        count = sum(1 for _ in path.glob("*.evtx"))
        files = "1 .evtx file" if count == 1 else f"{count:,} .evtx files"
        return PlaceLook(str(path), note=f"{files} now.")
    with path.open("rb") as file:
        if file.read(8) != b"ElfFile\0":  # the format's signature
            name = render_safe(path.name)
            return PlaceLook(problem=f'"{name}" is no Windows event log: it lacks the signature.')
    return PlaceLook(str(path))


def look_at_journal(typed: str) -> PlaceLook:
    """Whether a journal can be read: the machine's own when nothing is typed. Worker thread."""
    if shutil.which("journalctl") is None:
        return PlaceLook(problem="There is no journalctl on this machine, which reads journals.")
    if not typed.strip():
        note = "Messages of other users need membership in systemd-journal or adm."
        return PlaceLook("system", note=note)
    path = Path(typed.strip()).expanduser()
    return PlaceLook(str(path), _path_problem(str(path)))


def _path_problem(path: str, *, is_folder: bool = False) -> str:
    name = render_safe(path)
    if "\0" in path:
        return "A path cannot hold the NUL character."
    if not Path(path).is_absolute():
        return "Give the whole path, from the root on."
    try:
        found = Path(path)
        found.stat()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        reason = "there is none" if missing else error.strerror or str(error)
        return f'Cannot read "{name}": {reason}.'
    if is_folder and not found.is_dir():
        return f'"{name}" is not a folder.'
    if not os.access(path, os.R_OK):
        return f'Cannot read "{name}": access denied. Run as a user with read access.'
    return ""
