"""Room for connections: each is an open file, and many systems allow 1,024 by default."""

import logging
import sys
from typing import Final

logger = logging.getLogger(__name__)

_OTHERS: Final = 256  # chosen: databases, spools, models and logs


def allow_connections(n: int) -> bool:
    """Have the system let this process open so many connections, as far as it may be asked.

    For a process that does nothing else.

    Returns:
        False where fewer are allowed; the log says how many.
    """
    if sys.platform == "win32":  # it has no such limit
        return True
    import resource

    wanted = n + _OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return True
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):
        most = soft
    if most < wanted:
        logger.warning("Fewer connections can be open than set. files=%s wanted=%s", most, wanted)
    return most >= wanted
