"""Small made-up recordings: four kinds of work, four of harm, two of each."""

import csv
import json
import random
from pathlib import Path

WORK = ("save", "copy", "tidy", "build")
HARM = ("in_place", "beside", "rename_after", "wipe")


def write(folder: Path, n_files: int = 25) -> Path:
    """A folder with sixteen recordings and their index."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for repeat in range(2):
        for kind in (*WORK, *HARM):
            rng = random.Random(f"{kind}{repeat}")  # noqa: S311 - not for secrets
            rows, harmed = _rows(kind, n_files, rng)
            name = f"{kind}_{repeat}.csv"
            with (folder / name).open("w", newline="") as file:
                csv.writer(file).writerows([("t", "event", "path", "size", "entropy4k"), *rows])
            is_attack = kind in HARM
            lines.append(
                {
                    "file": name, "label": "attack" if is_attack else "benign", "program": kind,
                    "family": kind, "seed": repeat, "company": False,
                    "began_s": harmed[0][0] - 0.02 if is_attack else None,
                    "ended_s": harmed[-1][0] if is_attack else None, "harmed": harmed,
                }
            )  # fmt: skip
    (folder / "index.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    return folder


def _rows(kind, n_files, rng):
    rows, harmed, t = [], [], 1.0
    for i in range(n_files):
        path = f"d{i % 5}/f{i}.{rng.choice(('txt', 'csv', 'html'))}"
        size = rng.randrange(4_096, 20_000)
        noise, text = round(7.95 + rng.random() / 200, 3), round(4.5 + rng.random() / 2, 3)
        done = _done(kind, path, size, noise, text)
        for event, where, bytes_, bits in done:
            t += rng.uniform(0.001, 0.01)
            rows.append((round(t, 4), event, where, bytes_, bits))
        if kind in HARM:
            harmed.append([round(t, 4), path])
        t += rng.uniform(0.05, 0.3)
    return rows, harmed


def _done(kind, path, size, noise, text):
    close = "CLOSE_WRITE,CLOSE"
    return {
        "save": [("MODIFY", path, size, text), (close, path, size, text)],
        "copy": [("CREATE", f"new/{path}", 0, 0.0), (close, f"new/{path}", size, text)],
        "tidy": [("MOVED_FROM", path, "", ""), ("MOVED_TO", f"old/{path}", size, text)],
        "build": [
            ("CREATE", f"{path}.o", 0, 0.0), ("MODIFY", f"{path}.o", size, 5.9),
            (close, f"{path}.o", size, 5.9),
        ],
        "in_place": [("MODIFY", path, size, noise), (close, path, size, noise)],
        "beside": [
            ("CREATE", f"{path}.locked", 0, 0.0), ("MODIFY", f"{path}.locked", size, noise),
            (close, f"{path}.locked", size, noise), ("DELETE", path, "", ""),
        ],
        "rename_after": [
            ("MODIFY", path, size, noise), (close, path, size, noise),
            ("MOVED_FROM", path, "", ""), ("MOVED_TO", f"{path}.gone", size, noise),
        ],
        "wipe": [
            ("MODIFY", path, size, noise), ("MODIFY", path, size, 0.0), (close, path, size, 0.0),
            ("DELETE", path, "", ""),
        ],
    }[kind]  # fmt: skip
