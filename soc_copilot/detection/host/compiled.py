"""Compiled loops: Numba in the one form that we use, with types for mypy."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """The function as machine code, made at its first call; other threads run meanwhile.

    Exact arithmetic (no reordering of sums), so that results are the same whatever the batch.
    The machine code is kept on disk, where the source's folder or the user's cache can be
    written to; else it is made again in each process.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": False}
    try:
        made: Function = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # "cannot cache function": no source file or no folder to write to
        made = numba.njit(**options)(function)
    return made
