"""A person at work: saves, downloads, renames and deletes at human pace, until told to stop."""

import contextlib
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.tools.host import words
from tests.tools.host.contents import content
from tests.tools.host.scenario import Place
from tests.tools.host.work import (
    OFFICE,
    TEXTS,
    fresh,
    make,
    overwrite_parts,
    replace,
    rng_name,
    walk,
    write,
)

_THINKING_S = 2.5  # chosen: mean time between two things that a busy person does
_SAVED = (*OFFICE, *TEXTS, "doc", "xls", "rtf", "dwg", "psd", "kdbx")


class Person:
    """Somebody with a folder tree and habits.

    Others' files are only saved over, and copied; what is renamed and deleted is the person's
    own, so that a program beside it seldom misses a file.
    """

    def __init__(self, place: Place) -> None:
        self._place, self._rng = place, place.rng
        self._own: list[Path] = []
        self._downloads = self._folder("Downloads")
        self._cache = place.root / ".cache" / rng_name(self._rng)
        habits: tuple[tuple[Callable[[], None], int], ...] = (
            (self._save, 8),
            (self._browse, 6),
            (self._begin, 4),
            (self._download, 4),
            (self._rename, 3),
            (self._screenshot, 2),
            (self._delete, 2),
            (self._copy, 2),
            (self._unzip, 2),
            (self._zip, 1),
            (self._tidy, 1),
            (self._picture, 2),
            (self._vault, 1),
        )
        # People differ: each habit may be strong, weak or missing.
        self._habits = [act for act, _ in habits]
        self._weights = [n * self._rng.choice((0, 0.5, 1, 1, 2)) for _, n in habits]
        self._weights[0] += 1

    def act(self) -> None:
        """Do one thing."""
        with contextlib.suppress(OSError):  # somebody else took the file away
            self._rng.choices(self._habits, self._weights)[0]()

    def _folder(self, name: str) -> Path:
        found = self._place.root / name
        found.mkdir(exist_ok=True)
        return found

    def _somewhere(self) -> Path:
        folders = {path.parent for path in walk(self._place.root)} or {self._place.root}
        return self._rng.choice(sorted(folders))

    def _mine(self) -> Path | None:
        self._own = [path for path in self._own if path.exists()]
        return self._rng.choice(self._own) if self._own else None

    def _think(self, mean_s: float = 0.6) -> None:
        self._place.pause(self._rng.expovariate(1 / mean_s))

    def _save(self) -> None:
        """Open a document and save it a few times, in its program's manner."""
        found = [path for path in walk(self._place.root) if path.suffix[1:] in _SAVED]
        if not found:
            return self._begin()
        path = self._rng.choice(found)
        kind = self._rng.randrange(3)
        for _ in range(self._rng.randint(1, 4)):
            data = make(self._place, path.suffix[1:])
            if kind == 0:
                replace(self._place, path, data)
            elif kind == 1:
                write(self._place, path, data)
            else:
                lock = path.with_name(f".~lock.{path.name}#")
                write(self._place, lock, b",me,host")
                self._think()
                write(self._place, path, data)
                lock.unlink(missing_ok=True)
            self._think(1.5)
        return None

    def _begin(self) -> None:
        kind = self._rng.choice(("docx", "xlsx", "txt", "md", "odt", "csv", "py"))
        path = fresh(self._place, self._somewhere(), words.stem(self._rng), kind)
        for _ in range(self._rng.randint(1, 3)):
            write(self._place, path, make(self._place, kind))
            self._think(1.0)
        self._own.append(path)

    def _browse(self) -> None:
        """Pages come with many small packed files; history is a database."""
        self._cache.mkdir(parents=True, exist_ok=True)
        for _ in range(self._rng.randint(1, 4)):
            for _ in range(self._rng.randint(2, 15)):
                kind = self._rng.choice(("gz", "jpg", "webp", "js", "br", "woff2", "png"))
                entry = self._cache / words.hash_name(self._rng, 16)
                write(self._place, entry, make(self._place, kind, 15_000))
            history = self._cache.parent / "history.sqlite"
            if history.exists():
                page = self._rng.randint(0, 4) * 4_096
                overwrite_parts(history, [(page, content("txt", self._rng, 4_096))])
            else:
                write(self._place, history, make(self._place, "sqlite"))
            self._think()
        for old in sorted(self._cache.iterdir())[60:]:
            old.unlink(missing_ok=True)

    def _download(self) -> None:
        kind = self._rng.choice(("pdf", "zip", "jpg", "docx", "mp3", "exe", "csv", "gz", "png"))
        self._downloads.mkdir(exist_ok=True)
        final = fresh(self._place, self._downloads, words.stem(self._rng), kind)
        part = final.with_name(f"{final.name}{self._rng.choice(('.part', '.crdownload'))}")
        data = make(self._place, kind, 120_000)
        with part.open("wb", buffering=0) as file:
            for at in range(0, len(data), 65_536):
                file.write(data[at : at + 65_536])
                self._think(0.05)
        part.rename(final)
        self._own.append(final)

    def _rename(self) -> None:
        path = self._mine()
        if path is not None:
            folder = path.parent if self._rng.random() < 0.6 else self._somewhere()
            target = fresh(self._place, folder, words.stem(self._rng), path.suffix[1:])
            path.rename(target)
            self._own.append(target)

    def _screenshot(self) -> None:
        folder = self._folder("Screenshots")
        path = fresh(self._place, folder, f"Screenshot {words.date(self._rng)}", "png")
        write(self._place, path, make(self._place, "png", 90_000))
        self._own.append(path)

    def _delete(self) -> None:
        path = self._mine()
        if path is None:
            return
        if self._rng.random() < 0.5:
            path.unlink()
        else:
            trash = self._place.root / ".Trash" / "files"
            trash.mkdir(parents=True, exist_ok=True)
            path.rename(fresh(self._place, trash, path.stem, path.suffix[1:]))

    def _copy(self) -> None:
        found = list(walk(self._place.root))
        target = self._folder(f"{rng_name(self._rng)} copies")
        for path in self._rng.sample(found, min(len(found), self._rng.choice((1, 1, 3, 15)))):
            new = fresh(self._place, target, path.stem, path.suffix[1:])
            shutil.copy2(path, new)
            self._own.append(new)
            self._think(0.05)

    def _unzip(self) -> None:
        folder = fresh(self._place, self._downloads, rng_name(self._rng))
        folder.mkdir(parents=True)
        for _ in range(self._rng.randint(2, 20)):
            kind = self._rng.choice(("txt", "jpg", "csv", "docx", "png", "html"))
            path = fresh(self._place, folder, words.stem(self._rng), kind)
            write(self._place, path, make(self._place, kind))
            self._own.append(path)

    def _zip(self) -> None:
        found = list(walk(self._somewhere()))[:15]
        target = fresh(self._place, self._downloads, rng_name(self._rng), "zip")
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
            for path in found:
                file.write(path, path.name)
        self._own.append(target)

    def _tidy(self) -> None:
        for path in self._own[: self._rng.randint(1, 10)]:
            path.unlink(missing_ok=True)
            self._think(0.1)

    def _picture(self) -> None:
        """A picture comes in and is worked on a few times."""
        kind = self._rng.choice(("jpg", "png", "psd"))
        path = fresh(self._place, self._somewhere(), words.photo_stem(self._rng), kind)
        for _ in range(self._rng.randint(1, 3)):
            write(self._place, path, make(self._place, kind, 90_000))
            self._think(1.0)
        self._own.append(path)

    def _vault(self) -> None:
        path = self._downloads / "passwords.kdbx"
        replace(self._place, path, make(self._place, "kdbx"), path.with_name("passwords.kdbx.tmp"))


def keep_company(place: Place) -> None:
    """Be a person at work until the recording's time is over.

    Raises:
        EndedError: It is over.
    """
    person = Person(place)
    mean_s = _THINKING_S * place.rng.uniform(0.4, 1.6)
    while not place.is_over.is_set():
        person.act()
        place.is_over.wait(0.02)  # nobody is faster, whatever the pace
        place.pause(place.rng.expovariate(1 / mean_s))
