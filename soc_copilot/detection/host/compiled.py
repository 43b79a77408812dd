"""Compiled loops: Numba in the one form that we use, with types for mypy."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
import platformdirs

Function = TypeVar("Function", bound=Callable[..., Any])

_TABLES: Final = ("features.py", "formats.py")  # whose numbers become part of the code
_KEPT_S: Final = 30 * 86_400.0  # chosen: code of another state of the sources is kept so long


def compiled(function: Function) -> Function:
    """The function as machine code, made at its first call; other threads run meanwhile.

    Exact arithmetic (no reordering of sums), so that results are the same whatever the batch.
    The machine code is kept on disk, where the source's folder or the user's cache can be
    written to; else it is made again in each process.
    """
    made: Any = numba.njit(cache=_IS_KEPT, nogil=True, fastmath=False)(function)
    return cast("Function", made)


def _kept() -> bool:
    """Choose where machine code is kept; False where there is no such place.

    A folder for each state of what is compiled: Numba itself looks only at the file of a
    function, not at those of the functions it calls, and would go on with their old code.
    """
    state = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        text = source.read_bytes()
        if b"@compiled" in text or source.name in _TABLES:
            state.update(text)
    beside = Path(__file__).parent / "__pycache__"
    for place in (beside, platformdirs.user_cache_path("soc-copilot")):
        folder = place / "compiled" / state.hexdigest()[:16]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError:
            continue
        os.utime(folder)
        _forget(folder)
        setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010 - made at run time by Numba
        return True
    return False


def _forget(folder: Path) -> None:
    for other in folder.parent.iterdir():
        if other != folder and time.time() - other.stat().st_mtime > _KEPT_S:
            shutil.rmtree(other, ignore_errors=True)


_IS_KEPT: Final = _kept()
