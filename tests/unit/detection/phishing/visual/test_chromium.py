import os
import subprocess
import sys
from pathlib import Path

import pytest

from soc_copilot.detection.phishing.visual import chromium


def test_one_on_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "win32":
        pytest.skip("A program on the path has another form there.")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium.find_chromium() is None
    program = tmp_path / "google-chrome"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    assert chromium.find_chromium() == str(program)


def test_it_is_told_to_reach_nothing(tmp_path: Path) -> None:
    told = chromium.arguments(tmp_path, is_sandboxed=True)
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in told
    assert "--proxy-server=127.0.0.1:9" in told
    assert "--proxy-bypass-list=<-loopback>" in told  # nor this machine's own services
    assert f"--user-data-dir={tmp_path}" in told
    assert "--no-sandbox" not in told
    assert "--no-sandbox" in chromium.arguments(tmp_path, is_sandboxed=False)


def test_a_child_is_killed_with_what_it_started() -> None:
    if sys.platform == "win32":
        pytest.skip("Processes have no groups there.")
    script = "sleep 600 & echo $!; wait"
    process = subprocess.Popen(
        ["/bin/sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    grandchild = int(process.stdout.readline())
    chromium.end_group(process)
    assert process.returncode is not None
    # The pipe ends when the last process that holds it is gone.
    assert process.stdout.read() == b""
    process.stdout.close()
    chromium.end_group(process)  # again does no harm
    assert grandchild != os.getpid()
