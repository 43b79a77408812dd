"""What a program at work is, for recordings: something that changes files under one folder."""

import random
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


class EndedError(Exception):
    """The recording's time is over."""


@dataclass
class Place:
    """Where a scenario works, and how.

    Attributes:
        root: A folder made for this recording; nothing outside it may be touched.
        rng: The only source of chance.
        pace: Factor on every pause; 0 is as fast as it goes.
        scratch: A folder beside `root` that is not recorded, for tools' homes and keys.
    """

    root: Path
    rng: random.Random
    scratch: Path
    pace: float = 1.0
    is_over: threading.Event = field(default_factory=threading.Event)
    began: float | None = None
    ended: float | None = None
    harmed: list[tuple[float, str]] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        """Wait so long, times `pace`.

        Raises:
            EndedError: The recording's time is over.
        """
        if self.is_over.wait(seconds * self.pace):
            raise EndedError

    def harm(self, path: Path) -> None:
        """An attack says: this file's content is gone from here now.

        Raises:
            EndedError: The recording's time is over.
        """
        now = time.monotonic()
        self.began = now if self.began is None else self.began
        self.ended = now
        self.harmed.append((now, str(path.relative_to(self.root))))
        if self.is_over.is_set():
            raise EndedError

    def attack_begins(self) -> None:
        """The attack's first change to the folder comes now."""
        self.began = time.monotonic() if self.began is None else self.began


@dataclass(frozen=True)
class Program:
    """One thing that can be recorded.

    Attributes:
        name: Lower case with underscores, unique.
        family: What it is alike to; data are split by it, so alike ones share it.
        run: Does the work in the place and returns when done.
        needs: Programs that must be on the path.
        tree: Kind of tree it works on (see `trees`); empty when any will do.
    """

    name: str
    family: str
    run: Callable[[Place], None]
    needs: tuple[str, ...] = ()
    tree: str = ""

    @property
    def is_there(self) -> bool:
        """True when everything it needs is installed."""
        return all(shutil.which(name) for name in self.needs)
