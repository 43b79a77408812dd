"""A watched drop folder: from a file to an alert, killed at work, and the kill switch."""

import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.integration.conftest import Terminal, wait_until
from tests.tools.archived import archived_lines

N_FILES, N_BOXED, N_ROUNDS = 40, 40, 10
WORDS = ("watch", "--batch-interval", "0.1")
PHISH = (
    "From: PayPal <service@paypal-help.example>\r\nReply-To: box@mail.example\r\n"
    "Subject: Your account is suspended {n}\r\nContent-Type: text/html\r\n\r\n"
    "<p>Dear customer, your account is suspended. Verify your password within 24 hours: "
    '<a href="http://paypal-login.secure-id.example/verify">paypal.com/login</a><form></form>'
)
HARMLESS = (
    "From: Ann <ann@work.example>\r\nSubject: Minutes {n}\r\n\r\n"
    "Here are the minutes of Tuesday's meeting. Bob, could you look at item four?\r\n"
)


def message(n: int) -> str:
    return (PHISH if n % 2 else HARMLESS).format(n=n)


def drop(folder: Path, name: str, text: str) -> None:
    """Put a whole file into the folder, as programs should."""
    part = folder / f"{name}.part"
    part.write_text(text, newline="")
    os.utime(part, (1, 1))
    part.rename(folder / name)


def told(terminal: Terminal) -> list[dict[str, Any]]:
    with terminal.governance() as governance:
        return [json.loads(line) for line in archived_lines(governance)]


def add(terminal: Terminal, folder: Path, *options: str) -> None:
    terminal.only("phishing")
    terminal.run("sources", "add", "--kind", "mail", folder, *options)


def test_killed_at_work_no_message_is_lost_or_alerted_twice(
    terminal: Terminal, tmp_path: Path
) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    add(terminal, folder, "-o", "max_size=3")
    drop(folder, "box.mbox", "".join(f"From x\n{message(n)}\n" for n in range(N_BOXED)))
    n_all = N_BOXED
    with terminal.governance() as governance:

        def n_stored() -> int:
            return governance.batches.totals().lines

        for _ in range(N_ROUNDS):  # until it is hit while messages are left
            for n in range(n_all, n_all + N_FILES):
                drop(folder, f"{n}.eml", message(n))
            n_all += N_FILES
            before = n_stored()
            child = terminal.start(*WORDS)
            wait_until(lambda before=before: n_stored() > before, "something is stored")  # type: ignore[misc]
            child.kill()
            child.communicate()
            if n_stored() < n_all:
                break
        assert n_stored() < n_all, "It was always done already: nothing was tested."
    (folder / "strange.pdf").write_bytes(b"%PDF-1.7")
    terminal.run(*WORDS, "--until-idle", "3")
    every = told(terminal)
    subjects = Counter(one["email.subject"] for one in every)
    assert len(every) == len(subjects) == n_all
    (alert,) = terminal.rows("alerts", "list")
    assert (alert["detector"], alert["rule"]) == ("phishing", "phishing.email")
    assert alert["entity"] == "service@paypal-help.example"
    assert alert["technique"] == "T1566.002"
    assert alert["count"] == n_all // 2  # each phish once
    ledger = terminal.ledger()
    assert ledger["lines"] == ledger["parsed"] == n_all
    with terminal.governance() as governance:
        kinds = [stored.event.kind for stored in governance.sources.events(limit=100)]
    assert kinds == ["refused"]  # what is no message is told, once
    assert terminal.rows("search", "subject:Minutes*", "--limit", "1000")
    terminal.run("audit", "verify")


def test_the_kill_switch_closes_the_drop_folder(terminal: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    add(terminal, folder)
    child = terminal.start(*WORDS)
    drop(folder, "1.eml", message(1))
    terminal.wait_for_lines(1)
    terminal.run("killswitch", "engage", "--reason", "test")
    drop(folder, "3.eml", message(3))
    with terminal.governance() as governance:
        time.sleep(4.0)  # twice as long as it takes for a file to count as whole
        assert governance.batches.totals().lines == 1
    terminal.run("killswitch", "release", "--reason", "test over")
    terminal.wait_for_lines(2)
    terminal.end(child)
    (alert,) = terminal.rows("alerts", "list")
    assert alert["count"] == 2
