"""Who may call: the bearer token, and the Host and Origin headers."""

import contextlib
import hmac
import os
import re
import secrets
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from soc_copilot.domain.errors import PolicyError
from soc_copilot.service.wire import RefusedError

TOKEN_BYTES: Final = 32  # chosen: 256 bits
_TOKEN: Final = re.compile(rb"[A-Za-z0-9_-]{32,256}")
_ONCE: Final = (b"host", b"origin", b"authorization", b"content-length", b"content-type")

Headers = Sequence[tuple[bytes, bytes]]


def read_token(path: Path) -> bytes:
    """The bearer token in a file; a new one, for the user alone, where there is no file.

    Raises:
        PolicyError: The file cannot be made or read, others may read it, or it holds no token.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            token = file.read(1024).strip()
    except OSError as error:
        raise PolicyError(f'Cannot use the token file "{path}": {error.strerror}.') from error
    mode = stat.S_IMODE(found.st_mode)
    if sys.platform == "win32":  # the folder's own rights hold there
        mode = 0o600
    elif found.st_uid != os.geteuid():
        raise PolicyError(
            f'The token file "{path}" belongs to another user (id {found.st_uid}), who may read '
            "and change it. Name a file of your own as token_file."
        )
    if mode & 0o077:
        raise PolicyError(
            f'Others may read the token file "{path}" (mode {mode:04o}). '
            f'Run: chmod 600 "{path}", or delete it and start again for a new token.'
        )
    if _TOKEN.fullmatch(token) is None:
        raise PolicyError(
            f'"{path}" holds no token: 32 to 256 letters, digits, "-" or "_". '
            "Delete it; the next start makes a new one."
        )
    return token


def _make(path: Path) -> None:
    """Put a new token there, whole at once and never in place of another.

    Raises:
        OSError: It cannot be written.
    """
    name = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(name, flags, 0o600), "w", encoding="ascii") as made:
            made.write(secrets.token_urlsafe(TOKEN_BYTES) + "\n")
            made.flush()
            os.fsync(made.fileno())
        with contextlib.suppress(FileExistsError):  # another start was quicker: its token holds
            if sys.platform == "win32":
                name.rename(path)  # fails where there is one
            else:
                path.hardlink_to(name)
    finally:
        name.unlink(missing_ok=True)


class Guard:
    """Decides by its headers whether a call may come in.

    Args:
        token: That every call but those to open paths must show.
        hosts: Names that Host may have, lower case.
        origins: Web pages that may call, lower case.
    """

    def __init__(self, token: bytes, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self._authorization = b"Bearer " + token
        self._hosts = frozenset(host.encode("ascii", "replace") for host in hosts)
        self._origins = frozenset(origin.encode("ascii", "replace") for origin in origins)
        self._good_hosts: set[bytes] = set()

    def check(self, headers: Headers, found: dict[bytes, bytes], *, is_open: bool) -> None:
        """Let the call in.

        Args:
            headers: As sent, names in lower case.
            found: The same by name.
            is_open: No token is needed.

        Raises:
            RefusedError: It may not come in (400, 401, 403 or 421).
        """
        if len(found) != len(headers):
            for name in _ONCE:
                if sum(key == name for key, _ in headers) > 1:
                    raise RefusedError(
                        400, "bad_request", f'The header "{name.decode()}" stands twice.'
                    )
        host = found.get(b"host", b"")
        if host not in self._good_hosts:
            self._check_host(host)
        origin = found.get(b"origin")
        if origin is not None and origin.lower() not in self._origins:
            raise RefusedError(
                403, "bad_origin", "Web pages of this origin may not call; see allowed_origins."
            )
        if is_open:
            return
        given = found.get(b"authorization", b"")
        # Compared in constant time: the answer's delay must not tell how much of it is right.
        if not hmac.compare_digest(given, self._authorization):
            words = "is missing" if not given else "is not the right one"
            raise RefusedError(401, "bad_token", f"The bearer token {words}.")

    def _check_host(self, host: bytes) -> None:
        """Refuse names that are not ours: a page elsewhere may have its name point here."""
        name = host.lower()
        head, colon, port = name.rpartition(b":")
        if colon and port.isdigit() and not head.endswith(b":"):
            name = head
        if name not in self._hosts:
            raise RefusedError(
                421, "bad_host", "The Host header names no host of this service; see allowed_hosts."
            )
        if len(self._good_hosts) < 64:  # chosen: ports differ, names are few
            self._good_hosts.add(host)
