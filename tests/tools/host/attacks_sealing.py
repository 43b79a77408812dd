"""How simulated attacks make one file unreadable, in place, beside it, or by way of elsewhere."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.tools.host.attacks_ciphers import ARMOURS, PACKINGS, armoured, packed, parts
from tests.tools.host.attacks_work import Work

Step = Callable[[Work, Path], None]
_TEMPORARY: Final = ("", ".", "~", ".tmp", "tmp", ".~")


# In place.


def truncate_write(work: Work, path: Path) -> None:
    """Empty the file, then write its sealed contents into it."""
    sealed = work.cipher.seal(work.ground.read(path))
    put_back(work, path, sealed)


def put_back(work: Work, path: Path, data: bytes) -> None:
    """Empty the file and write this instead."""
    with work.ground.opened(path) as fd:
        os.ftruncate(fd, 0)
        work.write(fd, data)
    work.harm(path)


def overwrite(work: Work, path: Path, kind: str = "all") -> None:
    """Write sealed stretches over plain ones; the length stays but for a footer."""
    data = work.ground.read(path)
    stream = work.cipher.stream()
    spans = parts(len(data), kind, work.rng, work.block)
    if not spans:
        return
    with work.ground.opened(path) as fd:
        for start, end in spans:
            work.write(fd, stream(data[start:end]), start)
        if work.cipher.footer_bytes:
            os.pwrite(fd, work.rng.randbytes(work.cipher.footer_bytes), len(data))
    work.harm(path)


def overwrite_backwards(work: Work, path: Path) -> None:
    """Write sealed blocks over plain ones from the end to the start."""
    sealed = work.cipher.stream()(work.ground.read(path))
    with work.ground.opened(path) as fd:
        for at in reversed(range(0, len(sealed), work.block)):
            os.pwrite(fd, sealed[at : at + work.block], at)
    work.harm(path)


def overwrite_mapped(work: Work, path: Path, kind: str = "all") -> None:
    """Change the file through a memory map."""
    data = work.ground.read(path)
    stream = work.cipher.stream()
    pieces = [
        (start, stream(data[start:end]))
        for start, end in parts(len(data), kind, work.rng, work.block)
    ]
    if pieces:
        work.ground.overwrite_mapped(path, pieces)
        work.harm(path)


def header_bytes(work: Work, data: bytes) -> int:
    """How many of the first bytes are kept, so that the format still looks right."""
    return min(work.habit("header", (64, 128, 256, 512)), len(data) // 2)


def keep_header(work: Work, path: Path) -> bytes:
    """Contents sealed but for the first bytes."""
    data = work.ground.read(path)
    kept = header_bytes(work, data)
    return data[:kept] + work.cipher.stream()(data[kept:])


def overwrite_behind_header(work: Work, path: Path) -> None:
    """Overwrite in place all but the first bytes."""
    data = work.ground.read(path)
    kept = header_bytes(work, data)
    with work.ground.opened(path) as fd:
        work.write(fd, work.cipher.stream()(data[kept:]), kept)
    work.harm(path)


# New files.


def new_then(gone: Step, make: Callable[[Work, Path], bytes] | None = None) -> Step:
    """A step: a new file with sealed contents first, then the original goes in this way."""

    def step(work: Work, path: Path) -> None:
        data = work.cipher.seal(work.ground.read(path)) if make is None else make(work, path)
        work.create(another(work, path), data)
        gone(work, path)

    return step


def another(work: Work, path: Path) -> Path:
    """A name beside the file that is not its own."""
    target = work.names.new(path)
    return target if target != path else path.with_name(f"{path.name}.{work.names.word}")


def delete(work: Work, path: Path) -> None:
    """Remove the original."""
    work.ground.delete(path)
    work.harm(path)


def fill_and_delete(work: Work, path: Path, kind: str = "random") -> None:
    """Overwrite the original some times, then remove it."""
    size = path.stat().st_size
    with work.ground.opened(path) as fd:
        for _ in range(work.passes):
            work.write(fd, bytes(size) if kind == "zeros" else work.rng.randbytes(size))
    work.harm(path)
    work.ground.delete(path)


def shred_and_delete(work: Work, path: Path) -> None:
    """Let the tool `shred` overwrite the original and remove it."""
    options = (("-u",), ("-u", "-z"), ("-u", "-n", "1"), ("--remove=unlink",))
    flags = work.habit("flags", options)
    work.ground.tool("shred", *flags, path)
    work.harm(path)


def new_late(work: Work, *, by_folder: bool) -> None:
    """Make all the new files (of a folder) and only then remove the originals."""
    groups: dict[Path, list[Path]] = {}
    for path in work.victims:
        groups.setdefault(path.parent if by_folder else work.root, []).append(path)
    for group in groups.values():
        work.every(group, new_then(lambda work, path: None))
        work.every([path for path in group if path.exists()], delete)


def temporary(work: Work, path: Path) -> Path:
    """A short-lived random name beside the file."""
    mark = work.habit("temporary", _TEMPORARY)
    word = work.rng.randbytes(4).hex()
    return path.with_name(f"{mark}{word}" if mark in {"", ".", ".~"} else f"{word}{mark}")


def temp_over(make: Callable[[Work, Path], bytes] | None = None) -> Step:
    """A step: write sealed contents to a temporary file and rename it over the original."""

    def step(work: Work, path: Path) -> None:
        data = work.cipher.seal(work.ground.read(path)) if make is None else make(work, path)
        made = work.create(temporary(work, path), data)
        if work.habit(
            "keeps_times", (True, False, False)
        ):  # as tools do that keep the time of change
            work.ground.touch_times(made, path.stat().st_mtime)
        work.ground.rename(made, path)
        work.harm(path)

    return step


def backup_then(work: Work, path: Path) -> None:
    """Do as editors do on saving: a backup, the new contents, and the backup goes."""
    sealed = work.cipher.seal(work.ground.read(path))
    backup = path.with_name(path.name + work.habit("backup", ("~", ".bak", ".orig")))
    if work.habit("moves", (True, False)):
        work.ground.rename(path, backup)
        work.create(path, sealed)
    else:
        work.create(backup, work.ground.read(path))
        with work.ground.opened(path) as fd:
            os.ftruncate(fd, 0)
            work.write(fd, sealed)
    work.ground.delete(backup)
    work.harm(path)


# Renames around.


def rename_then(work: Work, path: Path) -> None:
    """Rename first, then overwrite under the new name."""
    moved = another(work, path)
    sealed = work.cipher.stream()(work.ground.read(path))
    is_whole = work.habit("truncates", (True, False))
    work.ground.rename(path, moved)
    with work.ground.opened(moved) as fd:
        if is_whole:
            os.ftruncate(fd, 0)
        work.write(fd, sealed)
    work.harm(path)


def then_rename(step: Step) -> Step:
    """A step, and a new name for the file after it."""

    def both(work: Work, path: Path) -> None:
        step(work, path)
        work.ground.rename(path, another(work, path))

    return both


def rename_late(work: Work) -> None:
    """Overwrite them all, and rename them all after that."""
    work.every(work.victims, overwrite)
    work.every(
        [path for path in work.victims if path.exists()],
        lambda work, path: work.ground.rename(path, another(work, path)),
    )


# By way of another folder.


def staging_folder(work: Work) -> Path:
    """A new folder in the tree for things on their way."""
    word = work.rng.choice(("tmp", ".cache", "work", "out", "_", "upload", "data", "export"))
    return work.ground.make_folder(work.root / f"{word}{work.rng.randrange(1000)}")


def back_from_staging(work: Work, *, is_moved: bool) -> None:
    """Seal in a folder of its own and move back over (or move away first)."""
    staging = staging_folder(work)

    def step(work: Work, path: Path) -> None:
        keeps_name = work.habit("keeps_name", (True, False))
        place = staging / (path.name if keeps_name else work.rng.randbytes(6).hex())
        if is_moved:
            work.ground.rename(path, place)
            with work.ground.opened(place) as fd:
                data = work.cipher.seal(work.ground.read(place))
                os.ftruncate(fd, 0)
                work.write(fd, data)
        else:
            work.create(place, work.cipher.seal(work.ground.read(path)))
        work.ground.rename(place, path)
        work.harm(path)

    work.every(work.victims, step)
    work.ground.remove_folder(staging)


def late_from_staging(work: Work) -> None:
    """Seal everything in a folder of its own first, then move it all back over."""
    staging = staging_folder(work)
    waiting: list[tuple[Path, Path]] = []

    def step(work: Work, path: Path) -> None:
        made = work.create(
            staging / work.rng.randbytes(8).hex(), work.cipher.seal(work.ground.read(path))
        )
        waiting.append((made, path))

    work.every(work.victims, step)
    for made, path in waiting:
        work.ground.rename(made, path)
        work.harm(path)
    work.ground.remove_folder(staging)


# What contents become.


def as_text(work: Work, path: Path) -> bytes:
    """Sealed contents as letters."""
    kind = work.habit("armour", ARMOURS)
    return armoured(work.cipher.seal(work.ground.read(path)), kind)


def as_packed(work: Work, path: Path) -> bytes:
    """Contents compressed, then sealed."""
    kind = work.habit("packing", PACKINGS)
    return work.cipher.seal(packed(work.ground.read(path), kind))


def written_back(make: Callable[[Work, Path], bytes]) -> Step:
    """A step: what is made of the contents replaces them in place."""
    return lambda work, path: put_back(work, path, make(work, path))


def swap_contents(work: Work) -> None:
    """Give every file the contents of another; nothing is sealed, all is lost."""
    others = list(work.victims)
    work.rng.shuffle(others)
    kept = work.ground.read(others[0]) if others else b""

    def step(work: Work, path: Path) -> None:
        nonlocal kept
        mine = work.ground.read(path)
        if mine != kept:
            given, kept = kept, mine
            put_back(work, path, given)

    work.every(others, step)


# With tools.


def openssl(work: Work, path: Path, target: Path) -> None:
    """Let openssl seal a file into another."""
    kinds = ("-aes-256-cbc", "-aes-128-ctr", "-aes-256-ctr", "-chacha20")
    kind = work.habit("kind", kinds)
    words = ["openssl", "enc", kind, "-salt", "-pbkdf2", "-iter", "10"]
    work.ground.tool(*words, "-pass", f"pass:{work.names.word}", "-in", path, "-out", target)


def openssl_back(work: Work, path: Path) -> None:
    """Seal with openssl outside the tree, and write the result over the original."""
    with_tool = work.ground.place.scratch / work.rng.randbytes(6).hex()
    openssl(work, path, with_tool)
    put_back(work, path, with_tool.read_bytes())
    with_tool.unlink()


def openssl_new(gone: Step) -> Step:
    """A step: openssl makes a new file, then the original goes in this way."""

    def step(work: Work, path: Path) -> None:
        openssl(work, path, another(work, path))
        gone(work, path)

    return step


def openssl_over(work: Work, path: Path) -> None:
    """Let openssl make a temporary file, renamed over the original."""
    made = temporary(work, path)
    openssl(work, path, made)
    work.ground.rename(made, path)
    work.harm(path)


def gpg(gone: Step, *flags: str) -> Step:
    """A step: gpg makes a new file under a password, then the original goes in this way."""

    def step(work: Work, path: Path) -> None:
        home = work.ground.place.scratch / "gnupg"
        home.mkdir(mode=0o700, exist_ok=True)
        words = ["gpg", "--batch", "--quiet", "--no-autostart", "--pinentry-mode", "loopback"]
        words += ["--passphrase", work.names.word, "--s2k-count", "65536", *flags]
        target = another(work, path)
        work.ground.tool(*words, "--homedir", home, "-o", target, "--symmetric", path)
        gone(work, path)

    return step
