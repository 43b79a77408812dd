import json
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from soc_copilot.cli import main, record
from soc_copilot.ingestion.recording import Recorded, Recorder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux' own")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "tree"
    found.mkdir()
    return found


def test_changes_are_recorded_for_as_long_as_asked(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    is_over = threading.Event()

    def write() -> None:  # again and again: some of it falls into the recording
        n = 0
        while not is_over.wait(0.02):
            n += 1
            (folder / f"a{n}").write_text("x")

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert main(["record", str(folder), "--output", str(out), "--seconds", "0.6", "--json"]) == 0
    is_over.set()
    writer.join()
    lines = out.read_text().splitlines()
    assert lines[0] == "t,event,path,size,entropy4k"
    assert any(re.search(r',"CLOSE_WRITE,CLOSE",a\d+,1,0\.0$', line) for line in lines)
    said = capsys.readouterr()
    assert json.loads(said.out)["n_events"] == len(lines) - 1
    assert "Ctrl+C" in said.err


def test_ctrl_c_ends_it_cleanly(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    arguments = ["record", str(folder), "--output", str(out)]
    child = subprocess.Popen(
        [sys.executable, "-m", "soc_copilot.cli", *arguments], stderr=subprocess.PIPE, text=True
    )
    assert child.stderr is not None
    assert "Recording" in child.stderr.readline()
    (folder / "a").touch()
    child.send_signal(signal.SIGINT)
    said = child.stderr.read()
    child.stderr.close()
    assert child.wait(60) == 0
    assert "2 events in" in said
    assert len(out.read_text().splitlines()) == 3


def test_a_recording_with_gaps_is_no_success(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stop = Recorder.stop

    def lossy(self: Recorder) -> Recorded:
        stop(self)
        return Recorded(7, 1.0, 2, 3)

    monkeypatch.setattr(record.Recorder, "stop", lossy)
    out = str(tmp_path / "out.csv")
    assert main(["record", str(folder), "--output", out, "--seconds", "0.01"]) == 1
    said = capsys.readouterr().err
    assert "ran over 2 times" in said
    assert "3 folders could not be watched" in said


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "inf", "nan"])
def test_a_time_that_is_none_is_refused(
    seconds: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["record", str(folder), "--output", str(tmp_path / "o"), f"--seconds={seconds}"])
    assert "is no time" in capsys.readouterr().err


def test_no_such_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", str(tmp_path / "no"), "--output", str(tmp_path / "o")]) == 2
    assert "There is no folder" in capsys.readouterr().err
