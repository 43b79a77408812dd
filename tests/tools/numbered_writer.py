"""A process that writes numbered lines through one of Python's own rotating handlers.

Run as `python -m tests.tools.numbered_writer HANDLER PATH FIRST COUNT`, HANDLER being
"rotating", "watched" or "plain"; it writes as fast as the handler allows and ends.
"""

import logging
import logging.handlers
import sys
import time

PAUSE_EVERY, PAUSE_S = 100, 0.03  # load comes in bursts, and lasts for some rotations


def handler_for(name: str, path: str) -> logging.Handler:
    """The handler, told to write the bare message."""
    if name == "rotating":
        return logging.handlers.RotatingFileHandler(path, maxBytes=20_000, backupCount=400)
    if name == "watched":
        return logging.handlers.WatchedFileHandler(path)
    return logging.FileHandler(path)


def main() -> None:
    """Write and end."""
    name, path, first, count = sys.argv[1:]
    logger = logging.getLogger("numbered")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    handler = handler_for(name, path)
    logger.addHandler(handler)
    for n in range(int(first), int(first) + int(count)):
        logger.info("line %09d %s", n, "y" * (n % 90))
        if n % PAUSE_EVERY == 0:
            time.sleep(PAUSE_S)
    handler.close()


if __name__ == "__main__":
    main()
