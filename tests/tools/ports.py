"""Ports for tests that tell another program where to listen."""

import random
import socket

_FIRST, _LAST = 15_000, 30_000  # below those that Linux gives away by itself: nobody gets ours
_TRIES = 200


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that is free, and that no other socket is given by chance."""
    for port in random.sample(range(_FIRST, _LAST), _TRIES):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"None of {_TRIES} ports is free.")
