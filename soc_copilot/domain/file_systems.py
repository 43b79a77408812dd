"""What kind of file system a path lies on, and which kinds are shared between machines."""

import os
import sys
from pathlib import Path

NETWORK_TYPES = frozenset(
    (
        *("9p", "afp", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gpfs"),
        *("lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "smb3", "smbfs"),
        *("fuse.ceph", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone"),
        *("fuse.s3fs", "fuse.sshfs"),
    )
)
"""Types whose locks, notifications and sizes do not hold between machines."""

_MOUNTS = Path("/proc/self/mountinfo")
_WINDOWS_REMOTE_DRIVE = 4  # DRIVE_REMOTE of GetDriveTypeW


def is_network(path: Path, mounts: Path = _MOUNTS) -> bool:
    """True when the path is known to lie on a network file system."""
    return file_system_type(path, mounts) in NETWORK_TYPES


def file_system_type(path: Path, mounts: Path = _MOUNTS) -> str:
    """Type of the file system that holds a path, "" where it cannot be told.

    A path that does not exist lies where its nearest existing folder does.
    """
    if sys.platform == "win32":
        return _windows_type(path)
    existing = next((p for p in (path, *path.parents) if os.path.lexists(p)), Path("/"))
    where = os.path.realpath(existing)
    best, kind = -1, ""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    for line in lines:
        left, _, right = line.partition(" - ")
        fields, types = left.split(), right.split()
        if len(fields) < 5 or not types:
            continue
        point = _unescape(fields[4])
        inside = where == point or where.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:  # the last of equal ones covers the others
            best, kind = len(point), types[0]
    return kind


def _unescape(text: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text


def _windows_type(path: Path) -> str:
    if path.drive.startswith("\\\\"):
        return "smb3"
    import ctypes

    windll = getattr(ctypes, "windll", None)
    drive = windll.kernel32.GetDriveTypeW(f"{path.drive}\\") if windll is not None else 0
    return "smb3" if drive == _WINDOWS_REMOTE_DRIVE else ""
