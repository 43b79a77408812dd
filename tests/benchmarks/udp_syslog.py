"""Syslog over UDP under load: what was sent, stored and counted, and what it cost.

    python -m tests.benchmarks.udp_syslog --rate 20000 --seconds 60 [--busy 1] [--json]

A sender in a process of its own keeps a steady rate on the loopback interface; here a
listener receives, its spool is read and let go as if every line were stored at once.
`--busy` adds threads that compute in Python without end, as a loaded pipeline would.
"""

import argparse
import json
import multiprocessing
import os
import socket
import tempfile
import threading
import time
from pathlib import Path

from soc_copilot.ingestion.datagrams import UdpListener
from soc_copilot.ingestion.spooled import SpooledSource

_STEP_S = 0.001  # the sender's bursts: a thousandth of the rate
_SETTLE_S = 2.0


def send(port: int, rate: int, seconds: float) -> None:
    """Send numbered messages at a steady rate; a late burst is made up for."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        head = "<134>1 2026-11-20T10:00:00Z host app 1 - - a request of ordinary length, number "
        began, sent = time.perf_counter(), 0
        while (passed := time.perf_counter() - began) < seconds:
            while sent < passed * rate:
                sock.send(f"{head}{sent} in all".encode())
                sent += 1
            time.sleep(_STEP_S)
        while sent < rate * seconds:
            sock.send(f"{head}{sent} in all".encode())
            sent += 1


def spin(stop: threading.Event) -> None:
    """Compute in Python, holding the interpreter's lock as long as it may."""
    n = 0
    while not stop.is_set():
        for i in range(10_000):
            n += i * i % 7


def measure(rate: int, seconds: float, n_busy: int = 0) -> dict[str, float]:
    """Run once; counts of messages, and CPU seconds of the receiving process by wall second."""
    with tempfile.TemporaryDirectory() as folder:
        listener = UdpListener("127.0.0.1:0")
        source = SpooledSource(Path(folder) / "spool", listener, max_bytes=1 << 30)
        source.poll()
        port = int(listener.status().address.rpartition(":")[2])
        stop = threading.Event()
        threads = [threading.Thread(target=spin, args=(stop,)) for _ in range(n_busy)]
        for thread in threads:
            thread.start()
        sender = multiprocessing.get_context("spawn").Process(
            target=send, args=(port, rate, seconds)
        )
        sender.start()
        stored = counted = 0
        began = quiet = time.monotonic()
        cpu = time.process_time()
        while sender.is_alive() or time.monotonic() - quiet < _SETTLE_S:
            for chunk in source.poll():
                stored += chunk.n_lines
                counted += sum(event.n_lost or 0 for event in chunk.events)
                source.committed(chunk.checkpoint)
                quiet = time.monotonic() if chunk.n_lines else quiet
            time.sleep(0.05)
        took_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
        stop.set()
        for thread in threads:
            thread.join()
        source.close()
        for chunk in source.poll():  # what was told at the end
            stored += chunk.n_lines
            counted += sum(event.n_lost or 0 for event in chunk.events)
        source.close()
    return {
        "rate": rate,
        "seconds": seconds,
        "busy_threads": n_busy,
        "sent": int(rate * seconds),
        "stored": stored,
        "counted": counted,
        "dropped_by_kernel": listener.n_dropped,
        "refused_by_spool": listener.n_refused,
        "cpu_share_of_a_core": round(cpu_s / took_s, 3),
        "cores": os.cpu_count() or 0,
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.rate, given.seconds, given.busy)
    if given.json:
        print(json.dumps(found))  # noqa: T201 - a command's answer
    else:
        for key, value in found.items():
            print(f"{key:24} {value:,}")  # noqa: T201 - a command's answer


if __name__ == "__main__":
    main()
