"""An ingesting process is killed at random moments; every line is stored exactly once.

`python -m tests.tools.kill_supervisor --kills 1000` does the same for longer.
"""

import json
import subprocess
import sys

import pytest

KILLS = 12


@pytest.mark.timeout(240)
def test_kills_at_random_moments_lose_and_repeat_nothing() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.tools.kill_supervisor", f"--kills={KILLS}", "--seed=11"],
        capture_output=True, text=True, timeout=220, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["kills"] == KILLS
    assert found["ended_by_themselves"] == 0  # each one was alive until it was killed
    assert found["stored_before_the_last_start"] > 0  # they were killed at work
    assert found["stored"] == found["written"] == found["ledger_lines"] > 1_000
    assert (found["lost"], found["repeated"], found["malformed"]) == (0, 0, 0)
    assert found["n_declared"] == 0, found["declared"]
    assert found["adds_up"]
    assert found["audit_ok"]
