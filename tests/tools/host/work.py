"""What ordinary programs have in common: which files, in which order, how fast, written how."""

import contextlib
import functools
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

from tests.tools.host import words
from tests.tools.host.contents import content
from tests.tools.host.scenario import EndedError, Place, Program

TEXTS = (
    "txt", "md", "rst", "csv", "json", "html", "htm", "xml", "py", "c", "h", "cpp", "js", "ts",
    "java", "go", "rs", "sh", "css", "php", "yaml", "toml", "ini", "cfg", "conf", "tex", "sql",
    "log", "svg", "srt", "tsv",
)  # fmt: skip
SOURCES = ("py", "c", "h", "cpp", "js", "ts", "java", "go", "rs", "css", "sh")
PICTURES = ("jpg", "JPG", "jpeg", "png")
OFFICE = ("docx", "xlsx", "odt", "ods", "pptx")
MEDIA = ("mp3", "m4a", "flac", "mp4", "mov", "mkv")
ENTROPY_RICH = (*PICTURES, *OFFICE, *MEDIA, "pdf", "zip", "gz", "kdbx", "heic")
_habits: WeakKeyDictionary[random.Random, int] = WeakKeyDictionary()
_TOOL_S = 60.0  # chosen: the longest that one call of a tool may take


def files(place: Place, extensions: Sequence[str] = (), least: int = 0) -> list[Path]:
    """Files of these extensions in an order by chance (by folder, name, size, age, or none).

    When there are fewer than `least`, as many are put in a folder of their own: the program
    brings its material along.
    """
    wanted = set(extensions)
    found = [
        path
        for path in walk(place.root)
        if not wanted or path.suffix[1:] in wanted
    ]  # fmt: skip
    if len(found) < least and extensions:
        folder = fresh(place, place.root, rng_name(place.rng))
        folder.mkdir()
        for _ in range(least - len(found)):
            extension = place.rng.choice(list(extensions))
            path = fresh(place, folder, words.stem(place.rng), extension)
            path.write_bytes(make(place, extension))
            found.append(path)
    return ordered(place, found)


def walk(root: Path) -> Iterator[Path]:
    """Regular files below a folder, links not followed; none of version control's own."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def ordered(place: Place, paths: Sequence[Path]) -> list[Path]:
    """The same paths in an order that programs take."""
    kind = place.rng.randrange(6)
    if kind == 0:
        return sorted(paths)
    if kind == 1:
        return sorted(paths, reverse=True)
    if kind == 2:
        return sorted(paths, key=_size)
    if kind == 3:
        return sorted(paths, key=_age)
    if kind == 4:
        return sorted(paths, key=lambda path: path.suffix)
    return place.rng.sample(list(paths), len(paths))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _age(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def some(place: Place, paths: Sequence[Path], least: int = 1, most: int = 10_000) -> list[Path]:
    """A part of them, of a size by chance, in their order."""
    if not paths:
        return []
    top = min(most, len(paths))
    count = place.rng.choice((top, place.rng.randint(min(least, top), top)))
    chosen = set(place.rng.sample(range(len(paths)), count))
    return [path for n, path in enumerate(paths) if n in chosen]


def present(paths: Sequence[Path]) -> Iterator[Path]:
    """Those of them that are still there when their turn comes."""
    return (path for path in paths if path.exists())


def one_folder(place: Place) -> Path:
    """Where a program is let loose: the whole tree, or a folder that holds files."""
    found = [path.parent for path in walk(place.root)]
    if not found or place.rng.random() < 0.35:
        return place.root
    folder = place.rng.choice(found)
    while folder != place.root and place.rng.random() < 0.5:
        folder = folder.parent
    return folder


def below(place: Place, folder: Path, extensions: Sequence[str] = ()) -> list[Path]:
    """The files of one folder tree, ordered by chance."""
    found = [p for p in walk(folder) if not extensions or p.suffix[1:] in extensions]
    return ordered(place, found)


def rng_name(rng: random.Random) -> str:
    return rng.choice(
        (rng.choice(words.PROJECTS), rng.choice(words.THINGS), f"{rng.choice(words.TOPICS)}s")
    )


def fresh(place: Place, folder: Path, stem: str, extension: str = "") -> Path:
    """A path that is not there yet."""
    ending = f".{extension}" if extension else ""
    path = folder / f"{stem}{ending}"
    while path.exists() or path.is_symlink():
        path = folder / f"{stem}-{place.rng.randint(2, 99999)}{ending}"
    return path


def make(place: Place, extension: str, middle: int = 20_000) -> bytes:
    """New content for a file of this extension."""
    size = round(place.rng.lognormvariate(0.0, 1.0) * middle)
    return content(extension, place.rng, max(30, min(size, 1_500_000)))


def beat(place: Place, count: int, longest_s: float = 20.0) -> Callable[[], None]:
    """A pause to be taken between `count` things, of a length by chance, uneven.

    The whole takes at most about `longest_s` at a pace of 1, often next to nothing.
    """
    whole = longest_s * place.rng.choice((0.0, 0.01, 0.05, 0.2, 0.5, 1.0)) * place.rng.random()
    mean = min(2.0, whole / max(1, count))

    def rest() -> None:
        place.pause(place.rng.expovariate(1 / mean) if mean > 0 else 0.0)

    return rest


def write(place: Place, path: Path, data: bytes, chunk: int = 0, *, synced: bool = False) -> None:
    """Write a file anew, whole or in pieces as programs' buffers are."""
    chunk = chunk or place.rng.choice((4_096, 8_192, 65_536, 1 << 20, len(data) or 1))
    with path.open("wb", buffering=0) as file:
        for at in range(0, len(data), max(chunk, 1_024)):
            file.write(data[at : at + max(chunk, 1_024)])
        if synced:
            os.fsync(file.fileno())
    if place.is_over.is_set():
        raise EndedError


def replace(place: Place, path: Path, data: bytes, temporary: Path | None = None) -> None:
    """Write beside it, then rename over it, as careful programs do."""
    rng = place.rng
    if temporary is None:
        token = words.hash_name(rng, 6)
        name = rng.choice(
            (f".{path.name}.{token}", f"{path.name}.tmp", f"{path.name}~{token}", f"tmp{token}")
        )
        temporary = path.with_name(name)
    write(place, temporary, data, synced=rng.random() < 0.3)
    if path.exists() and rng.random() < 0.5:
        shutil.copymode(path, temporary)
    temporary.replace(path)


def overwrite_parts(path: Path, parts: Sequence[tuple[int, bytes]]) -> None:
    """Write pieces into a file that stays as long as it is, or grows."""
    with path.open("r+b", buffering=0) as file:
        for at, data in parts:
            file.seek(at)
            file.write(data)


def rewrite(place: Place, path: Path, data: bytes) -> None:
    """Give a file new content in one of the ways that programs have, always the same in a place."""
    kind = _habits.setdefault(place.rng, place.rng.randrange(4))
    if kind == 0:
        replace(place, path, data)
    elif kind == 1:  # over itself, then cut to the new length
        overwrite_parts(path, [(0, data)])
        os.truncate(path, len(data))
    else:
        write(place, path, data)


def keep_times(source: Path, target: Path) -> None:
    """Give a copy the dates of what it was made from."""
    found = source.stat()
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))


def remove(place: Place, path: Path) -> None:
    """Delete it if it is still there."""
    path.unlink(missing_ok=True)
    if place.is_over.is_set():
        raise EndedError


def home(place: Place) -> Path:
    """A home folder for tools, outside what is recorded."""
    found = place.scratch / "home"
    found.mkdir(exist_ok=True)
    return found


def tool(
    place: Place, *words_: str | Path, cwd: Path | None = None, data: bytes | None = None
) -> int:
    """Run a tool to its end; returns its exit code.

    Raises:
        EndedError: The recording's time is over; the tool was ended.
    """
    own = home(place)
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(own),
        "TMPDIR": str(place.scratch),
        "GNUPGHOME": str(own / ".gnupg"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
        "PYTHONNOUSERSITE": "1",
    }
    child = subprocess.Popen(
        [str(word) for word in words_],
        cwd=cwd or place.root,
        env=environment,
        stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if data is not None and child.stdin is not None:
            try:
                child.stdin.write(data)
                child.stdin.close()
            except BrokenPipeError:
                pass
        return _wait(place, child)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _wait(place: Place, child: subprocess.Popen[bytes]) -> int:
    end = time.monotonic() + _TOOL_S
    while True:
        try:
            return child.wait(0.25)
        except subprocess.TimeoutExpired:
            if place.is_over.is_set():
                raise EndedError from None
            if time.monotonic() > end:
                return -1


Run = Callable[[Place], None]


def shelf(programs: list[Program]) -> Callable[..., Callable[[Run], Run]]:
    """A decorator `@program(family, *needs, tree=...)` that puts functions on a list.

    On the list they end early, without complaint, when somebody who works beside them took a
    file away; `inspect.unwrap` gives what complains.
    """

    def program(family: str, *needs: str, tree: str = "") -> Callable[[Run], Run]:
        def add(run: Run) -> Run:
            @functools.wraps(run)
            def patient(place: Place) -> None:
                with contextlib.suppress(OSError):
                    run(place)

            programs.append(Program(run.__name__, family, patient, needs, tree))
            return run

        return add

    return program
