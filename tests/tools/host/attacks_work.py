"""One simulated attack at work: its victims, their order, its haste, its notes, its threads."""

import json
import os
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from tests.tools.host.attacks_ciphers import STRONG, Cipher, draw_cipher
from tests.tools.host.attacks_ground import Ground
from tests.tools.host.attacks_names import ANY, DOCUMENTS, Names, Note, draw_note
from tests.tools.host.scenario import EndedError, Place

T = TypeVar("T")
PARAMETERS: Final = "parameters.json"  # in the scratch folder: what chance gave this attack
_ORDERS: Final = (
    "depth", "depth", "breadth", "random", "random", "small_first", "large_first", "extension",
    "newest", "oldest", "reverse",
)  # fmt: skip
_CHUNKS: Final = (0, 0, 4096, 16_384, 65_536, 262_144, 1_048_576)  # 0: as a whole
_FEWEST: Final = 5  # a choice that leaves fewer files is none


@dataclass(frozen=True)
class Recipe:
    """What one kind of attack does; chance decides on the rest.

    Attributes:
        each: Done to one file after the other, if given.
        whole: Done once instead, with all of them.
        ciphers: Kinds to draw from.
        names: Kinds to draw from.
        has_threads: Several files at a time.
        note: How likely notes are.
        share: Smallest and largest part of the files it takes, drawn evenly.
    """

    each: "Callable[[Work, Path], None] | None" = None
    whole: "Callable[[Work], None] | None" = None
    ciphers: tuple[str, ...] = STRONG
    names: tuple[str, ...] = ANY
    has_threads: bool = False
    note: float = 0.65
    share: tuple[float, float] = (1.0, 1.0)


@dataclass
class Tempo:
    """How long an attack waits between two files.

    Attributes:
        kind: flat_out, steady, bursts or slow.
        pause_s: The mean of a pause, before the place's pace.
        burst: Files between two pauses.
    """

    kind: str
    pause_s: float
    burst: int

    def wait(self, place: Place, n_done: int) -> None:
        """Wait as it should after so many files."""
        jitter = place.rng.uniform(0.4, 1.6)
        is_due = self.kind != "flat_out" and n_done % self.burst == 0
        place.pause(self.pause_s * jitter if is_due else 0.0)


def draw_tempo(rng: random.Random) -> Tempo:
    """Flat out, at a steady rate, in bursts, or slow: 0.5 to 20 s for a file."""
    kind = rng.choices(("flat_out", "steady", "bursts", "slow"), (20, 50, 15, 15))[0]
    if kind == "slow":
        return Tempo(kind, 0.5 * 40 ** rng.random(), 1)
    if kind == "bursts":
        return Tempo(kind, rng.uniform(0.5, 6.0), rng.randint(3, 25))
    return Tempo(kind, 0.005 * 100 ** rng.random() if kind == "steady" else 0.0, 1)


@dataclass
class Work:
    """What an attack's steps have at hand.

    Attributes:
        ground: The only hands it has.
        rng: The recording's source of chance.
        cipher: For contents.
        names: For names.
        note: What it leaves behind.
        tempo: How it waits.
        victims: The files it goes for, in its order.
        chunk: Bytes in one write, 0 for all at once.
        block: Bytes in a block of partial methods.
        threads: How many files at a time.
        passes: How often wiping goes over a file.
    """

    ground: Ground
    rng: random.Random
    cipher: Cipher
    names: Names
    note: Note
    tempo: Tempo
    victims: list[Path]
    chunk: int
    block: int
    threads: int
    passes: int
    n_done: int = 0
    n_skipped: int = 0
    _noted: set[Path] = field(default_factory=set)
    habits: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def root(self) -> Path:
        """The folder it spoils."""
        return self.ground.place.root

    def habit(self, name: str, options: Sequence[T]) -> T:
        """One of the options, the same one for all files of this attack."""
        chosen: T = self.habits.setdefault(name, self.rng.choice(options))
        return chosen

    def harm(self, path: Path) -> None:
        """Say that what this file held is gone from there."""
        self.ground.place.harm(path)

    def write(self, fd: int, data: bytes, at: int = 0) -> None:
        """Write at an offset, in chunks."""
        chunk = self.chunk or max(1, len(data))
        for start in range(0, len(data), chunk):
            os.pwrite(fd, data[start : start + chunk], at + start)

    def create(self, path: Path, data: bytes) -> Path:
        """A new file with this in it."""
        with self.ground.opened(path, new=True) as fd:
            self.write(fd, data)
        return path

    def every(self, files: Sequence[Path], step: Callable[["Work", Path], None]) -> None:
        """Do a step to all of these files, with notes and pauses, in one thread or several."""
        if self.threads == 1:
            self._work_off(iter(files), step)
            return
        waiting, failures = iter(files), []

        def serve() -> None:
            try:
                self._work_off(waiting, step)
            except Exception as error:  # noqa: BLE001  # raised again below
                failures.append(error)

        crew = [threading.Thread(target=serve) for _ in range(self.threads)]
        for member in crew:
            member.start()
        for member in crew:
            member.join()
        # The end of the time is no fault; anything else comes first.
        for failure in sorted(failures, key=lambda error: isinstance(error, EndedError)):
            raise failure

    def _work_off(self, waiting: Iterator[Path], step: Callable[["Work", Path], None]) -> None:
        """Take files until there are none left."""
        while True:
            with self._lock:
                path = next(waiting, None)
            if path is None:
                return
            try:
                self._leave_note(path.parent)
                step(self, path)
            except OSError:  # a person at work removed or moved it
                self.n_skipped += 1
            self.n_done += 1
            self.tempo.wait(self.ground.place, self.n_done)

    def _leave_note(self, folder: Path) -> None:
        """Leave the note in a folder that has none yet."""
        folder = self.root if self.note.where == "root" else folder
        with self._lock:
            if self.note.where == "none" or folder in self._noted:
                return
            self._noted.add(folder)
        self.create(folder / self.note.name, self.note.text.encode())


def run(recipe: Recipe, place: Place) -> None:
    """Carry out an attack in a place that was made for it.

    Raises:
        OutsideError: The place was not made by `make_place`, or something leads out of it.
        EndedError: The recording's time is over.
    """
    work = draw_work(recipe, place)
    try:
        if recipe.whole is not None:
            recipe.whole(work)
        elif recipe.each is not None:
            work.every(work.victims, recipe.each)
    finally:
        _tell(work)


def draw_work(recipe: Recipe, place: Place) -> Work:
    """Draw everything that the recipe leaves open."""
    rng, ground = place.rng, Ground(place)
    few = rng.uniform(*recipe.share)
    work = Work(
        ground=ground,
        rng=rng,
        cipher=draw_cipher(rng, recipe.ciphers),
        names=Names(rng.choice(recipe.names), rng),
        note=draw_note(rng, recipe.note),
        tempo=draw_tempo(rng),
        victims=draw_victims(ground, rng, few),
        chunk=rng.choice(_CHUNKS),
        block=rng.choice((1024, 4096, 4096, 16_384, 65_536)),
        threads=rng.randint(2, 8) if recipe.has_threads else 1,
        passes=rng.choice((1, 1, 2, 3)),
    )
    _tell(work)
    return work


def _tell(work: Work) -> None:
    """Write down what was drawn, beside the tree, so that a miss can be understood."""
    told = {
        "cipher": work.cipher.kind,
        "names": work.names.kind,
        "note": work.note.where,
        "tempo": work.tempo.kind,
        "pause_s": round(work.tempo.pause_s, 3),
        "victims": len(work.victims),
        "chunk": work.chunk,
        "block": work.block,
        "threads": work.threads,
        "done": work.n_done,
        "skipped": work.n_skipped,
        "habits": {name: str(chosen) for name, chosen in work.habits.items()},
    }
    (work.ground.place.scratch / PARAMETERS).write_text(json.dumps(told))


def draw_victims(ground: Ground, rng: random.Random, share: float) -> list[Path]:
    """The files an attack goes for, in its order: all, documents, one subtree, few, by size."""
    files = ground.files()
    root = ground.place.root.resolve()
    if rng.random() < 0.6:  # what begins with a dot is left alone
        files = _enough([path for path in files if "/." not in f"/{path.relative_to(root)}"], files)
    kind = rng.choices(("all", "documents", "subtree", "few", "sizes"), (38, 27, 15, 12, 8))[0]
    chosen = files
    if kind == "documents":
        chosen = [path for path in files if path.suffix.lower() in DOCUMENTS]
    elif kind == "subtree" and (folders := sorted({path.parent for path in files} - {root})):
        folder = rng.choice(folders)
        chosen = [path for path in files if path.is_relative_to(folder)]
    elif kind == "few" and files:
        chosen = rng.sample(files, min(len(files), rng.randint(6, 30)))
    elif kind == "sizes":
        low, high = rng.choice(((0, 20_000), (2_000, 1_000_000), (8_000, 50_000_000)))
        chosen = [path for path in files if low <= _about(path)[0] <= high]
    chosen = _enough(chosen, files)
    if share < 1.0:
        chosen = _enough(rng.sample(chosen, int(len(chosen) * share)), chosen)
    return ordered(chosen, rng.choice(_ORDERS), rng)


def _enough(chosen: list[Path], others: list[Path]) -> list[Path]:
    """The first list, unless it is too short."""
    return chosen if len(chosen) >= _FEWEST else others


def ordered(files: Sequence[Path], order: str, rng: random.Random) -> list[Path]:
    """Files in the order of a walk: by folder, depth, size, extension, age or chance."""
    found = sorted(files)
    if order == "random":
        rng.shuffle(found)
    elif order == "breadth":
        found.sort(key=lambda path: len(path.parts))
    elif order in {"small_first", "large_first"}:
        found.sort(key=lambda path: _about(path)[0], reverse=order == "large_first")
    elif order == "extension":
        found.sort(key=lambda path: path.suffix.lower())
    elif order in {"newest", "oldest"}:
        found.sort(key=lambda path: _about(path)[1], reverse=order == "newest")
    elif order == "reverse":
        found.reverse()
    return found


def _about(path: Path) -> tuple[int, float]:
    """Size and time of change; zeros when a person at work just removed it."""
    try:
        about = path.lstat()
    except FileNotFoundError:
        return 0, 0.0
    return about.st_size, about.st_mtime
