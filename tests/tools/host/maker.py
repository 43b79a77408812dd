"""Makes labelled recordings: `python -m tests.tools.host.maker --out FOLDER --n 200 --seed 1`.

Each recording: a fresh tree, the recorder on it, a program in a child process, in half of them a
person at work beside it. The programs take turns, so that any first part of a run is balanced.
Runs add up: what the index has already is not made again, other seeds are added.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from soc_copilot.ingestion.recording import Recorder
from tests.tools.host import trees
from tests.tools.host.attacks import ATTACKS
from tests.tools.host.attacks_ground import make_place
from tests.tools.host.attacks_tampering import furnish
from tests.tools.host.attacks_work import PARAMETERS
from tests.tools.host.company import keep_company
from tests.tools.host.ordinary import ORDINARY
from tests.tools.host.scenario import EndedError, Place, Program

INDEX: Final = "index.jsonl"
COMPANY_ONLY: Final = "company_only"
_LEAD_S: Final = 0.5  # the recorder runs so long before anything happens
_HEAD_S: Final = 10.0  # a person is at work for up to this long before the program starts
_GRACE_S: Final = 8.0  # chosen: a tool's call, and a person's, may take so long to end
_FURNISHED: Final = 0.35  # how often logs and backups are put into a tree
_TREES: Final = 15  # of each kind and run: making one takes longer than recording on it
_SPEEDS: Final = {"flat": (0.0, 0.0), "fast": (0.1, 0.4), "slow": (0.4, 1.0)}


@dataclass(frozen=True)
class Job:
    """One recording to be made.

    Attributes:
        file: Its name in the output folder.
        label: attack or benign.
        program: Name of the program.
        family: The program's family.
        seed: All of the recording's chance comes from it.
        tree: Kind of tree.
        tree_seed: Which tree of that kind; some recordings share one.
        company: Whether a person is at work, too.
        speed: One of `_SPEEDS`.
        pace: Factor on the program's pauses.
        company_pace: Factor on the person's pauses.
        max_s: The program is told to end after this time.
    """

    file: str
    label: str
    program: str
    family: str
    seed: int
    tree: str
    tree_seed: int
    company: bool
    speed: str
    pace: float
    company_pace: float
    max_s: float


def jobs(programs: Sequence[tuple[str, Program]], n: int, seed: int, max_s: float) -> Iterable[Job]:
    """The recordings of a run: the programs in turns, all else by chance."""
    chance = random.Random(seed)  # noqa: S311  # repeatable, for recordings
    turn: list[tuple[str, Program]] = []
    for number in range(n):
        if not turn:
            turn = _mixed(programs, chance)
        label, program = turn.pop(0)
        speed = chance.choices(tuple(_SPEEDS), (15, 50, 35))[0]
        low, high = _SPEEDS[speed]
        yield Job(
            file=f"{program.name}_{seed}_{number:05d}.csv.gz",
            label=label,
            program=program.name,
            family=program.family,
            seed=seed * 1_000_003 + number,
            tree=program.tree or chance.choice(tuple(trees.KINDS)),
            tree_seed=seed * 1_000_003 + chance.randrange(_TREES),
            company=program.name == COMPANY_ONLY or chance.random() < 0.5,
            speed=speed,
            pace=round(low * (high / low) ** chance.random(), 4) if low else 0.0,
            company_pace=round(chance.uniform(0.15, 1.0), 3),
            max_s=max_s,
        )


def _mixed(
    programs: Sequence[tuple[str, Program]], chance: random.Random
) -> list[tuple[str, Program]]:
    """All programs once, shuffled, attacks and ordinary ones spread evenly."""
    places: list[tuple[float, tuple[str, Program]]] = []
    for label in ("attack", "benign"):
        group = [pair for pair in programs if pair[0] == label]
        chance.shuffle(group)
        places += [((n + chance.random()) / len(group), pair) for n, pair in enumerate(group)]
    return [pair for _, pair in sorted(places, key=lambda place: place[0])]


# In the child process: the program, and the person beside it.


def act(job: Job, place: Place, program: Program, link: Connection) -> None:
    """Wait for the word, play the recording's part, send back what happened, and end."""
    os.setsid()  # so that tools which it left behind can be ended with it
    link.recv()
    head_s = min(_HEAD_S, job.max_s / 2)
    threading.Timer(job.max_s, place.is_over.set).start()
    told: dict[str, Any] = {"error": "", "began": None}

    def tell() -> None:
        told.update(began=place.began, ended=place.ended, harmed=list(place.harmed))
        link.send(told)
        os._exit(0)

    late = threading.Timer(job.max_s + _GRACE_S, tell)
    late.start()
    person = threading.Thread(target=_keep_company, args=(job, place, told), daemon=True)
    try:
        if job.company:
            person.start()
        if job.program != COMPANY_ONLY:
            place.is_over.wait(place.rng.uniform(0.0, head_s) if job.company else 0.0)
            if not place.is_over.is_set():
                program.run(place)
        place.is_over.wait(_rest_s(job, place.rng))
    except EndedError:
        pass
    except Exception:  # noqa: BLE001  # told to the parent
        told["error"] = traceback.format_exc()
    place.is_over.set()
    if job.company:
        person.join()
    late.cancel()
    tell()


def _rest_s(job: Job, rng: random.Random) -> float:
    """How long the recording goes on after the program's end."""
    if job.program == COMPANY_ONLY:
        return job.max_s * rng.uniform(0.3, 1.0)
    return rng.uniform(0.5, 5.0) if job.company else rng.uniform(0.3, 1.0)


def _keep_company(job: Job, place: Place, told: dict[str, Any]) -> None:
    """Be the person at work, with chance and pace of its own."""
    rng = random.Random(job.seed + 1)  # noqa: S311  # repeatable, for recordings
    own = replace(place, rng=rng, pace=job.company_pace, began=None, ended=None, harmed=[])
    try:
        keep_company(own)
    except EndedError:
        pass
    except Exception:  # noqa: BLE001  # told to the parent
        told["error"] = traceback.format_exc()


# In a worker: tree, recorder, child.


def record(job: Job, out: Path, store: Path) -> dict[str, Any]:
    """Make one recording; returns its line of the index, with "fault" when it is of no use."""
    parent = Path(tempfile.mkdtemp(prefix="recorded-"))
    try:
        return _record(job, out, parent, store)
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def _tree(job: Job, store: Path) -> Path:
    """A tree to copy, made by the first who wants it."""
    kept = store / f"{job.tree}_{job.tree_seed}"
    if not kept.exists():
        made = Path(tempfile.mkdtemp(dir=store))
        trees.make(job.tree, made, random.Random(job.tree_seed))  # noqa: S311  # repeatable
        with contextlib.suppress(OSError):  # another worker was faster
            made.rename(kept)
    return kept


def _hurry() -> None:
    """Let the recorder's thread go first, even in a run of low priority.

    Sizes and entropies are read when a notification is: late, they are of something else.
    """
    for thread in threading.enumerate():
        if thread.name == "recorder" and thread.native_id is not None:
            with contextlib.suppress(PermissionError):  # only root may
                os.setpriority(os.PRIO_PROCESS, thread.native_id, 0)


def _record(job: Job, out: Path, parent: Path, store: Path) -> dict[str, Any]:
    rng = random.Random(job.seed)  # noqa: S311  # repeatable, for recordings
    place = make_place(parent, rng, pace=job.pace)
    shutil.copytree(_tree(job, store), place.root, symlinks=True, dirs_exist_ok=True)
    pairs = programs_of("")
    program = next(
        found for label, found in pairs if (label, found.name) == (job.label, job.program)
    )
    if program.family == "tampering" or rng.random() < _FURNISHED:
        furnish(place.root, rng)
    written = parent / job.file
    recorder = Recorder(place.root, written)
    link, far = multiprocessing.Pipe()
    # Forked before the recorder's thread is there; the child waits for the word to begin.
    child = multiprocessing.get_context("fork").Process(target=act, args=(job, place, program, far))
    child.start()
    far.close()
    zero = recorder.start()
    _hurry()
    time.sleep(_LEAD_S)
    link.send("begin")
    told = _heard(link, job.max_s + 2 * _GRACE_S)
    _end(child)
    time.sleep(0.1)
    came_to = recorder.stop()
    line = _line(job, told, zero)
    line |= {"events": came_to.n_events, "seconds": round(came_to.seconds, 3)}
    line |= {"overflows": came_to.n_overflows}
    if (drawn := place.scratch / PARAMETERS).exists():
        line["parameters"] = json.loads(drawn.read_text())
    if not line["fault"] and came_to.n_events < 2:
        line["fault"] = "nothing happened"
    if not line["fault"]:
        shutil.move(written, out / job.file)
    return line


def _heard(link: Connection, timeout_s: float) -> dict[str, Any]:
    """What the child tells, or that it tells nothing."""
    with contextlib.suppress(EOFError):
        if link.poll(timeout_s):
            told: dict[str, Any] = link.recv()
            return told
    return {"error": "the child told nothing", "began": None, "ended": None, "harmed": []}


def _end(child: multiprocessing.process.BaseProcess) -> None:
    """End the child, and what it started: they are a process group of their own."""
    child.join(1.0)
    if child.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    child.join()


def _line(job: Job, told: dict[str, Any], zero: float) -> dict[str, Any]:
    """The index's line: times are the recorder's."""
    line = asdict(job)
    is_attack = job.label == "attack"
    began = told["began"] if is_attack else None
    line["fault"] = told["error"]
    line["began_s"] = None if began is None else round(began - zero, 4)
    line["ended_s"] = None if began is None else round(told["ended"] - zero, 4)
    harmed = sorted(told["harmed"]) if is_attack else []
    line["harmed"] = [[round(at - zero, 4), path] for at, path in harmed]
    if is_attack and began is None and not line["fault"]:
        line["fault"] = "the attack changed nothing"
    return line


# The run.


def programs_of(only: str, names: Sequence[str] = ()) -> list[tuple[str, Program]]:
    """The programs that are there, with their labels: all, or of one kind, or by name or family."""
    alone = Program(COMPANY_ONLY, "company", lambda place: None)
    found = [("attack", program) for program in ATTACKS if only in {"", "attacks"}]
    found += [("benign", program) for program in (*ORDINARY, alone) if only in {"", "ordinary"}]
    if only == "company":
        found = [("benign", alone)]
    return [
        (label, program)
        for label, program in found
        if program.is_there and (not names or {program.name, program.family} & set(names))
    ]


def _serve(waiting: Any, done: Any, out: Path, store: Path) -> None:
    """A worker: record until there is nothing left."""
    while (job := waiting.get()) is not None:
        try:
            done.put(record(job, out, store))
        except Exception:  # noqa: BLE001  # counted and shown as a fault
            done.put(_line(job, {"error": traceback.format_exc(), "began": None, "harmed": []}, 0))


def make(
    todo: Sequence[Job], out: Path, n_workers: int, show: Callable[[str], None]
) -> Counter[str]:
    """Make the recordings and add their lines to the index; returns counts by label and family."""
    with tempfile.TemporaryDirectory(prefix="trees-") as store:
        return _make(todo, out, Path(store), n_workers, show)


def _make(
    todo: Sequence[Job], out: Path, store: Path, n_workers: int, show: Callable[[str], None]
) -> Counter[str]:
    context = multiprocessing.get_context("spawn")
    waiting, done = context.Queue(), context.Queue()
    for job in (*todo, *[None] * n_workers):
        waiting.put(job)
    crew = [
        context.Process(target=_serve, args=(waiting, done, out, store), name=f"recording-{n}")
        for n in range(n_workers)
    ]
    for member in crew:
        member.start()
    counts: Counter[str] = Counter()
    # Unbuffered: a line is one write, so that runs beside each other may add to one index.
    with (out / INDEX).open("ab", buffering=0) as index:
        for n in range(len(todo)):
            line = done.get()
            fault = line.pop("fault")
            counts[f"{'fault' if fault else line['label']} {line['family']}"] += 1
            if fault:
                show(f"FAULT {line['program']} seed={line['seed']}: {fault.strip()[-2000:]}")
                continue
            index.write(f"{json.dumps(line)}\n".encode())
            if n % 20 == 19:
                show(f"{n + 1} of {len(todo)}")
    for member in crew:
        member.join()
    return counts


def made_already(out: Path) -> set[str]:
    """The files that the index has."""
    index = out / INDEX
    if not index.exists():
        return set()
    return {json.loads(line)["file"] for line in index.read_text("utf-8").splitlines()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Make recordings and print how many there are of each family."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--n", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", choices=("ordinary", "attacks", "company"), default="")
    parser.add_argument("--programs", default="", help="names or families, joined by commas")
    parser.add_argument("--max-seconds", type=float, default=20.0)
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    names = [name for name in chosen.programs.split(",") if name]
    programs = programs_of(chosen.only, names)
    if not programs:
        parser.error("none of these programs is there")
    there = made_already(chosen.out)
    todo = [
        job
        for job in jobs(programs, chosen.n, chosen.seed, chosen.max_seconds)
        if job.file not in there
    ]
    began = time.monotonic()
    counts = make(todo, chosen.out, chosen.workers, _say)
    for name, count in sorted(counts.items()):
        _say(f"{count:6d}  {name}")
    _say(f"{len(todo)} recordings in {time.monotonic() - began:.0f} s")


def _say(text: str) -> None:
    """A line on the terminal, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
