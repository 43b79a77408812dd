"""A listener on a free port of this machine with a spool behind it, for the listeners' tests."""

import socket
import time

from soc_copilot.ingestion.spool import SpoolWriter

PATIENCE_S = 30.0  # far above what anything here takes: only a hang reaches it


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"Waited in vain until {what}."
        time.sleep(0.002)
    return found


class Wire:
    """A listener and what came through it."""

    def __init__(self, listener, folder, max_bytes=1 << 30):
        self.listener = listener
        self.spool = SpoolWriter(folder, max_bytes)
        self.events = []
        try:
            listener.start(self.spool)
        except BaseException:
            self.spool.close()
            raise

    @property
    def port(self):
        return int(self.listener.status().address.rpartition(":")[2])

    def connect(self, data=b"", host="127.0.0.1"):
        sock = socket.create_connection((host, self.port), PATIENCE_S)
        sock.sendall(data)
        return sock

    def content(self):
        return b"".join(s.path.read_bytes() for s in self.spool.segments())

    def messages(self):
        """Messages without their senders."""
        return [line.partition(b"\t")[2] for line in self.content().split(b"\n")[:-1]]

    def wait_for(self, n):
        wait_until(lambda: self.content().count(b"\n") >= n, f"{n} messages came")
        return self.messages()

    def stop(self, timeout_s=5.0):
        done = self.listener.stop(timeout_s)
        self.events += self.listener.take_events()
        return done

    def close(self):
        self.stop()
        self.spool.close()

    def lost(self):
        """What was counted as gone, by kind."""
        self.events += self.listener.take_events()
        return {e.kind: e.n_lost for e in self.events if e.is_loss}
