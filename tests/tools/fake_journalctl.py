"""Stands in for journalctl: reads JSON lines from the --file and honours what we ask of it.

Beside the file, FILE.error holds words for the error output and an exit status.
"""

import json
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    options = dict(a.removeprefix("--").partition("=")[::2] for a in arguments)
    path = Path(options["file"])
    trouble = path.with_suffix(".error")
    if trouble.exists():
        status, words = trouble.read_text().split(" ", 1)
        sys.stderr.write(words)
        return int(status)
    lines = path.read_text().splitlines()
    if "cursor" in options:
        wanted = _number(options["cursor"])
        lines = [x for x in lines if _number(json.loads(x)["__CURSOR"]) >= wanted]
    if "after-cursor" in options:
        wanted = _number(options["after-cursor"])
        lines = [x for x in lines if _number(json.loads(x)["__CURSOR"]) > wanted]
    if "lines" in options:
        lines = lines[-int(options["lines"]) :]
    for line in lines:
        entry = json.loads(line)
        if "all" not in options:  # as journalctl does with large fields
            entry = {k: None if len(str(v)) > 4096 else v for k, v in entry.items()}
        sys.stdout.write(json.dumps(entry) + "\n")
    return 0


def _number(cursor: str) -> int:
    return int(dict(part.split("=") for part in cursor.split(";"))["i"], 16)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
