"""Disks that are full or broken: nothing is torn, and a person's change gets through."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tests" / "tools"
PATIENCE_S = 240.0  # measured: 2 s to 12 s each on two shared cores

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="lets libc's calls fail by LD_PRELOAD, as on Linux"
)

# What a program meets on a disk that fills up while it runs, from a really full disk.
SCENARIO = """
import sys
from pathlib import Path
from soc_copilot.domain.errors import DiskFullError
from soc_copilot.governance.database import Governance
from tests.unit.governance.helpers import commit, move
place = Path(sys.argv[1])

def fill(name):
    with (place / name).open("wb", buffering=0) as file:
        try:
            while file.write(bytes(65_536)):
                pass
        except OSError:
            pass

def is_refused(governance):
    at = governance.sources.checkpoints(1)[0].offset
    try:
        # More than the write-ahead log's file has room for as it is.
        governance.batches.store(commit(moves=[move(at, at + 10)], states={"x": bytes(1 << 20)}))
    except DiskFullError:
        return governance.sources.checkpoints(1)[0].offset == at
    return False

reserve = place / "g.db.reserve"
with Governance.open(place / "g.db", home=place) as governance:
    governance.sources.add("file", "/var/log/a.log")
    governance.batches.store(commit(moves=[move(-1, 100)]))
    assert reserve.stat().st_size == 16 << 20
    fill("filler")
    assert is_refused(governance)
    assert reserve.exists(), "a batch took the reserve"
    for n in range(300):
        governance.audit.record("test.done", f"row {n}", None, "x" * 4_000)
        if not reserve.exists():
            break
    assert not reserve.exists(), "the reserve was not needed: the disk is not full"
    governance.kill_switch.engage("the disk is full")
    assert governance.kill_switch.state().readable
    governance.kill_switch.release("seen")
    assert is_refused(governance), "a batch took what the reserve held"
    assert governance.disk_state().is_full
    assert governance.audit.verify().ok
# Once more from the start: what a person's command meets.
(place / "filler").unlink()
with Governance.open(place / "g.db", home=place):
    assert reserve.exists()
fill("filler")
with Governance.open(place / "g.db", home=place) as governance:
    assert governance.kill_switch.engage("still full").readable
    assert governance.audit.verify().ok
    (place / "filler").unlink()
    governance.kill_switch.release("room again")
    governance.batches.store(commit(moves=[move(100, 200)]))
    assert reserve.stat().st_size == 16 << 20
    assert not governance.disk_state().is_full
    assert governance.audit.verify().ok
print("well")
"""


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that lets writes fail, compiled here."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.fail("There is no C compiler. Install the packages gcc and libc6-dev.")
    library = tmp_path_factory.mktemp("shim") / "failing_writes.so"
    flags = ("-O1", "-Wall", "-Werror", "-shared", "-fPIC")
    source = TOOLS / "failing_writes.c"
    made = subprocess.run(
        [compiler, *flags, "-o", library, source, "-ldl"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.fail(
            "The C compiler does not work here. Are the packages gcc and libc6-dev installed?\n"
            + made.stderr
        )
    return library


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "fault", "step"),
    [
        ("batch", "full", 5),
        ("batch", "broken-once", 3),
        ("engage", "full", 1),
        ("engage", "full-once", 1),
        ("engage", "broken", 1),
        ("engage", "broken-once", 1),
        ("open-and-engage", "full", 1),
        ("release", "full", 1),
        ("release", "broken-once", 1),
        ("audit", "full", 1),
        ("audit", "broken", 1),
        ("compact", "full", 3),
        ("compact", "broken-once", 3),
        ("retire", "full", 3),
    ],
)
def test_a_change_whose_nth_write_fails_is_made_whole_or_not_at_all(
    shim: Path, tmp_path: Path, operation: str, fault: str, step: int
) -> None:
    tool = (sys.executable, "-m", "tests.tools.failing_writes")
    command = [*tool, tmp_path, operation, fault, str(step)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "LD_PRELOAD": str(shim)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["broken"] == []
    # Each met at least a journal page, its sync, and the head file with its sync.
    assert found["writes"] >= found["faults"] >= 6, found


def _may_mount() -> bool:
    try:
        asked = subprocess.run(
            # In a namespace of its own, gone with the child.
            ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],  # noqa: S607
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return asked.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "size",
    [pytest.param("64m", id="tmpfs-of-64-MiB")]
    if _may_mount()
    else [
        pytest.param(
            "0",
            id="mounts-are-not-allowed-here",
            marks=pytest.mark.skip(reason="only simulated faults: mounting a tmpfs is refused"),
        )
    ],
)
def test_a_full_disk_keeps_nobody_from_the_kill_switch(tmp_path: Path, size: str) -> None:
    script = f'mount -t tmpfs -o size={size} tmpfs "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", tmp_path, sys.executable, SCENARIO]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stdout) == (0, "well\n"), done.stderr
