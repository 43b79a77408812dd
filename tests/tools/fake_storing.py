"""Stands in for the process that stores: keeps frames in a file, and dies as it is told to.

`python -m tests.tools.fake_storing FOLDER BEHAVIOUR...`, one behaviour for each start, the last
one for all further starts.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from soc_copilot.service.frames import StorePlan, read_frame


def tell(**told: Any) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def main() -> int:
    folder, behaviours = Path(sys.argv[1]), sys.argv[2:]
    starts = folder / "starts"
    n = int(starts.read_text()) if starts.exists() else 0
    starts.write_text(str(n + 1))
    behaviour = behaviours[min(n, len(behaviours) - 1)]
    if behaviour == "break":
        return 9
    found = read_frame(sys.stdin.buffer)
    assert found is not None
    plan = StorePlan.from_bytes(found[1])
    with (folder / "plans").open("a") as file:
        file.write(json.dumps([os.getpid(), plan.end]) + "\n")
    if behaviour == "fail":
        tell(kind="failed", message="There is no room.")
        return 2
    tell(kind="ready")
    tell(kind="status", trouble="It is slow.", lag_bytes=3)
    tell(kind="open", end=100)
    sys.stdout.write("nonsense\n")
    with (folder / "frames").open("a") as file:
        while (found := read_frame(sys.stdin.buffer)) is not None:
            number, data = found
            file.write(json.dumps([number, data.decode("ascii")]) + "\n")
            file.flush()
            if behaviour == "die":
                os._exit(7)
            if behaviour != "mute":
                tell(kind="taken", number=number, end=100 + number)
            if behaviour == "die-later":
                os._exit(7)
    if behaviour == "hang":
        time.sleep(600)
    return 0


if __name__ == "__main__":
    sys.exit(main())
