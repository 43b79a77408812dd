"""Ordinary work of programs on the net: browsers, downloads, chats, sync, vaults, backups."""

import os
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from tests.tools.host import words
from tests.tools.host.contents import content
from tests.tools.host.scenario import Place, Program
from tests.tools.host.work import (
    ENTROPY_RICH,
    OFFICE,
    PICTURES,
    TEXTS,
    beat,
    below,
    files,
    fresh,
    keep_times,
    make,
    one_folder,
    overwrite_parts,
    present,
    remove,
    replace,
    rewrite,
    rng_name,
    shelf,
    some,
    walk,
    write,
)

NET: list[Program] = []
program = shelf(NET)


@program("cache")
def browser_cache(place: Place) -> None:
    """Hash-named entries of packed content come by the hundred; old ones are thrown out."""
    folder = fresh(place, place.root, ".cache")
    count = place.rng.randint(60, 300)
    shards = place.rng.choice((1, 16, 256))
    entries: list[Path] = []
    rest = beat(place, count)
    for _ in range(count):
        name = words.hash_name(place.rng, place.rng.choice((16, 32)))
        shard = folder / (f"{place.rng.randrange(shards):02x}" if shards > 1 else "entries")
        shard.mkdir(parents=True, exist_ok=True)
        path = fresh(place, shard, f"{name}_0")
        kind = place.rng.choice(("br", "gz", "jpg", "webp", "js", "woff2", "html"))
        write(place, path, place.rng.randbytes(24) + make(place, kind, 12_000))
        entries.append(path)
        if place.rng.random() < 0.1:
            replace(place, folder / "index", place.rng.randbytes(8_000))
        while len(entries) > 100:
            remove(place, entries.pop(place.rng.randrange(20)))
        rest()
    if place.rng.random() < 0.3:
        shutil.rmtree(folder)


@program("database")
def browser_profile(place: Place) -> None:
    """History, cookies and places: small databases with journals, settings by temp and rename."""
    folder = fresh(place, place.root, "profile.default")
    folder.mkdir()
    names = place.rng.sample(("History", "Cookies", "Favicons", "places", "Login Data"), 3)
    bases = [sqlite3.connect(folder / name) for name in names]
    try:
        for base in bases:
            base.execute(f"pragma journal_mode={place.rng.choice(('wal', 'delete', 'truncate'))}")
            base.execute("create table visit (id integer primary key, url, data blob)")
        count = place.rng.randint(20, 80)
        rest = beat(place, count)
        for _ in range(count):
            base = place.rng.choice(bases)
            row = (words.stem(place.rng), place.rng.randbytes(300))
            base.execute("insert into visit (url, data) values (?, ?)", row)
            base.commit()
            if place.rng.random() < 0.3:
                state = folder / place.rng.choice(("Preferences", "sessionstore.jsonlz4"))
                replace(place, state, make(place, "json", 8_000))
            rest()
    finally:
        for base in bases:
            base.close()


@program("download")
def downloads(place: Place) -> None:
    folder = place.root / "Downloads"
    folder.mkdir(exist_ok=True)
    count = place.rng.randint(4, 30)
    rest = beat(place, count * 4)
    for _ in range(count):
        kind = place.rng.choice(("zip", "pdf", "mp4", "jpg", "gz", "exe", "docx", "epub", "7z"))
        final = fresh(place, folder, words.stem(place.rng), kind)
        part = final.with_name(
            place.rng.choice((f"{final.name}.part", f"Unconfirmed {place.rng.randint(1, 999999)}"))
        )
        data = make(place, kind, 150_000)
        with part.open("wb", buffering=0) as file:
            for at in range(0, len(data), 65_536):
                file.write(data[at : at + 65_536])
                rest()
        part.rename(final)


@program("download")
def web_pages_saved(place: Place) -> None:
    for _ in range(place.rng.randint(3, 12)):
        page = fresh(place, one_folder(place), words.stem(place.rng), "html")
        write(place, page, make(place, "html"))
        parts = page.with_name(f"{page.stem}_files")
        parts.mkdir(exist_ok=True)
        for _ in range(place.rng.randint(3, 20)):
            kind = place.rng.choice(("js", "css", "png", "jpg", "webp", "svg"))
            write(
                place, fresh(place, parts, words.hash_name(place.rng, 12), kind), make(place, kind)
            )
        place.pause(place.rng.random())


@program("cache")
def chat_media(place: Place) -> None:
    """Pictures and voices arrive encrypted under hash names and are unpacked beside."""
    folder = fresh(place, place.root, "chat media")
    folder.mkdir()
    count = place.rng.randint(20, 100)
    rest = beat(place, count)
    for n in range(count):
        kind = place.rng.choice(("jpg", "jpg", "m4a", "mp4", "webp", "pdf"))
        sealed = folder / f"{words.hash_name(place.rng, 32)}.enc"
        data = make(place, kind, 30_000)
        write(place, sealed, place.rng.randbytes(len(data) + 26))
        write(place, folder / f"WA{n:04}.{kind}", data)
        remove(place, sealed)
        rest()


@program("cloud_sync")
def cloud_downloads_changes(place: Place) -> None:
    """Many files that exist are brought up to date: new content over the old, by rename."""
    chosen = some(place, below(place, one_folder(place)), least=10, most=250)
    store = fresh(place, place.root, ".sync")
    store.mkdir()
    rest = beat(place, len(chosen))
    is_central = place.rng.random() < 0.5
    for path in present(chosen):
        part = (
            store / words.hash_name(place.rng, 16)
            if is_central
            else path.with_name(f".{path.name}.{words.hash_name(place.rng, 6)}.~tmp")
        )
        kind = path.suffix[1:]
        write(place, part, content(kind, place.rng, max(50, path.stat().st_size)))
        keep_times(path, part)
        part.replace(path)
        rest()
        if place.rng.random() < 0.1:
            write(place, store / "state.db", make(place, "db", 12_000))


@program("cloud_sync")
def cloud_conflicts(place: Place) -> None:
    """Copies "(conflict of ...)" appear beside files that two people changed."""
    for path in present(some(place, below(place, one_folder(place)), most=60)):
        copy = f"{path.stem} ({words.person(place.rng)}'s conflicted copy {words.date(place.rng)})"
        path.rename(fresh(place, path.parent, copy, path.suffix[1:]))
        write(place, path, make(place, path.suffix[1:]))
        place.pause(place.rng.random() * 0.1)


@program("cloud_sync")
def cloud_first_download(place: Place) -> None:
    """A whole account comes down into an empty folder."""
    top = fresh(place, place.root, "Cloud")
    count = place.rng.randint(40, 200)
    rest = beat(place, count)
    for _ in range(count):
        folder = top / rng_name(place.rng)
        folder.mkdir(parents=True, exist_ok=True)
        kind = place.rng.choice((*ENTROPY_RICH, "txt", "csv", "md"))
        replace(place, fresh(place, folder, words.stem(place.rng), kind), make(place, kind))
        rest()


@program("cloud_sync")
def placeholders_freed(place: Place) -> None:
    """Files that are safe in the cloud become empty place-holders, and some come back."""
    chosen = some(place, below(place, one_folder(place)), least=10, most=150)
    kept = {path: path.read_bytes() for path in chosen}
    ending = place.rng.choice((".cloud", ".cloudf", ".placeholder"))
    for path in present(chosen):
        holder = path.with_name(path.name + ending)
        write(place, holder, f'{{"id": "{words.hash_name(place.rng, 24)}"}}'.encode())
        remove(place, path)
    for path in place.rng.sample(chosen, len(chosen) // 3):
        replace(place, path, kept[path])
        remove(place, path.with_name(path.name + ending))


@program("versioning")
def syncthing_versions(place: Place) -> None:
    """Before a newer state comes, the old file goes to .stversions with a time in its name."""
    versions = place.root / ".stversions"
    chosen = some(place, below(place, one_folder(place)), least=8, most=150)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        if versions in path.parents:
            continue
        part = path.with_name(f".syncthing.{path.name}.tmp")
        write(place, part, make(place, path.suffix[1:]))
        old = versions / path.relative_to(place.root)
        old.parent.mkdir(parents=True, exist_ok=True)
        path.rename(old.with_name(f"{old.stem}~20250{place.rng.randint(1, 9)}01-1200{old.suffix}"))
        part.rename(path)
        rest()


def _sealed_name(place: Place) -> str:
    return f"{words.hash_name(place.rng, 30).upper()}.c9r"


def _seal(place: Place, size: int) -> bytes:
    return place.rng.randbytes(88 + size + 28 * (size // 32_768 + 1))


@program("vault")
def vault_filled(place: Place) -> None:
    """Copies of files go into an encrypted vault: random names, all high entropy."""
    vault = fresh(place, place.root, "vault")
    for _ in range(6):
        name = words.hash_name(place.rng, 30).upper()
        (vault / "d" / name[:2] / name[2:]).mkdir(parents=True)
    write(place, vault / "masterkey.cryptomator", make(place, "json", 600))
    folders = list(vault.glob("d/*/*"))
    chosen = some(place, files(place), least=20, most=200)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        if path.exists() and vault not in path.parents:
            target = place.rng.choice(folders) / _sealed_name(place)
            write(place, target, _seal(place, path.stat().st_size), 32_796)
            rest()


@program("vault")
def vault_at_work(place: Place) -> None:
    """Encrypted files are changed in place, renamed, made and deleted as their owner works."""
    vault = fresh(place, place.root, "vault")
    vault.mkdir()
    for _ in range(place.rng.randint(15, 60)):
        write(place, vault / _sealed_name(place), _seal(place, place.rng.randint(100, 90_000)))
    count = place.rng.randint(30, 120)
    rest = beat(place, count)
    for _ in range(count):
        path = place.rng.choice(sorted(vault.iterdir()))
        kind = place.rng.randrange(5)
        if kind == 0:
            overwrite_parts(path, [(68, place.rng.randbytes(4_124))])
        elif kind == 1:
            replace(place, path, _seal(place, 20_000))
        elif kind == 2:
            path.rename(vault / _sealed_name(place))
        elif kind == 3 and len(list(vault.iterdir())) > 8:
            remove(place, path)
        else:
            write(place, vault / _sealed_name(place), _seal(place, 9_000))
        rest()


@program("vault")
def vault_key_change(place: Place) -> None:
    """A vault gets a new key: all of it is written anew, in place or by temp and rename."""
    vault = fresh(place, place.root, "private.enc")
    vault.mkdir()
    for _ in range(place.rng.randint(15, 80)):
        write(place, vault / _sealed_name(place), _seal(place, place.rng.randint(100, 60_000)))
    chosen = below(place, vault)
    how = place.rng.choice((replace, rewrite, write))
    rest = beat(place, len(chosen))
    for path in present(chosen):
        how(place, path, _seal(place, path.stat().st_size))
        rest()


@program("backup_repository")
def chunk_backup(place: Place) -> None:
    """Files go as encrypted chunks with hash names into a repository; then an index."""
    store = fresh(place, place.root, "backup.repo")
    for name in ("data", "index", "snapshots", "locks", "keys"):
        (store / name).mkdir(parents=True)
    for _ in range(place.rng.randint(1, 3)):
        lock = store / "locks" / words.hash_name(place.rng, 64)
        write(place, lock, place.rng.randbytes(160))
        chosen = some(place, files(place), least=15, most=300)
        rest = beat(place, len(chosen))
        for path in [path for path in chosen if path.exists() and store not in path.parents]:
            _chunk(place, store / "data", path.read_bytes())
            rest()
        for kind in ("index", "snapshots"):
            write(place, store / kind / words.hash_name(place.rng, 64), place.rng.randbytes(3_000))
        remove(place, lock)


def _chunk(place: Place, data: Path, content_: bytes) -> None:
    name = words.hash_name(place.rng, 64)
    folder = data / name[:2]
    folder.mkdir(exist_ok=True)
    part = folder / f"{name}-tmp-{place.rng.randint(1, 99999)}"
    write(place, part, place.rng.randbytes(len(content_) // 2 + 64))
    part.rename(folder / name)


@program("backup_repository")
def chunk_prune(place: Place) -> None:
    """Old chunks are packed anew or deleted, most of the repository."""
    store = fresh(place, place.root, "backup.repo")
    (store / "data").mkdir(parents=True)
    for _ in range(place.rng.randint(40, 120)):
        _chunk(place, store / "data", bytes(place.rng.randint(500, 60_000)))
    place.pause(place.rng.random() * 3)
    chunks = below(place, store)
    rest = beat(place, len(chunks))
    for path in chunks[: place.rng.randint(len(chunks) // 3, len(chunks) - 2)]:
        if place.rng.random() < 0.2:
            _chunk(place, store / "data", path.read_bytes())
        remove(place, path)
        rest()


@program("backup_update")
def mirror_updated(place: Place) -> None:
    """A mirror of the tree: what changed is copied over the copies, in place or by rename."""
    source = one_folder(place)
    mirror = fresh(place, place.root, "mirror")
    found = list(walk(source))
    for path in found:
        target = mirror / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    how = place.rng.choice((replace, write))
    chosen = some(place, found, most=150)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        write(place, path, make(place, path.suffix[1:], 12_000))
        rest()
    for path in present(chosen):
        how(place, mirror / path.relative_to(source), path.read_bytes())
        rest()


def _linked(place: Place, name: str, source: Sequence[Path], old: Path | None) -> Path:
    """A snapshot: unchanged files are hard links into the one before."""
    new = fresh(place, place.root, name)
    for path in source:
        target = new / path.relative_to(place.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        before = old / path.relative_to(place.root) if old is not None else None
        if before is not None and before.exists() and place.rng.random() < 0.8:
            os.link(before, target)
        else:
            shutil.copy2(path, target)
    return new


@program("versioning")
def link_snapshots(place: Place) -> None:
    """Snapshots by hard links, the oldest deleted, the others rotated by renaming."""
    source = some(place, files(place), least=15, most=100)
    old = None
    snapshots = []
    for n in range(place.rng.randint(2, 5)):
        old = _linked(place, f"snapshot.{n}", source, old)
        snapshots.append(old)
        place.pause(place.rng.random() * 3)
    if place.rng.random() < 0.7:
        shutil.rmtree(snapshots.pop(0))
        for n, path in enumerate(snapshots):
            path.rename(place.root / f"daily.{n}")


@program("restore")
def restore_in_place(place: Place) -> None:
    """A backup is written back over the files that are there, whatever they hold now."""
    chosen = some(place, below(place, one_folder(place)), least=10, most=250)
    how = place.rng.choice((replace, write, rewrite))
    rest = beat(place, len(chosen))
    for path in present(chosen):
        data = path.read_bytes()
        if place.rng.random() < 0.3:
            data = make(place, path.suffix[1:])
        how(place, path, data)
        rest()


@program("decrypt_own")
def own_files_decrypted(place: Place) -> None:
    """The owner's sealed files become plain ones again; the sealed ones go or stay."""
    folder = fresh(place, place.root, "sealed")
    folder.mkdir()
    ending = place.rng.choice(("gpg", "enc", "age", "aes", "axx"))
    for _ in range(place.rng.randint(15, 80)):
        kind = place.rng.choice((*OFFICE, *PICTURES, *TEXTS, "pdf"))
        name = f"{words.stem(place.rng)}.{kind}.{ending}"
        (folder / name).write_bytes(content("gpg", place.rng, place.rng.randint(500, 40_000)))
    place.pause(place.rng.random() * 3)
    is_deleted = place.rng.random() < 0.7
    sealed = below(place, folder)
    rest = beat(place, len(sealed))
    for path in sealed:
        plain = path.with_suffix("")
        write(place, plain, make(place, plain.suffix[1:]))
        if is_deleted:
            remove(place, path)
        rest()


@program("torrent")
def torrent(place: Place) -> None:
    """Files are made at full length, pieces come in any order, the end is a rename."""
    folder = fresh(place, place.root, "Torrents")
    folder.mkdir()
    for _ in range(place.rng.randint(2, 8)):
        kind = place.rng.choice(("mkv", "mp4", "flac", "zip", "epub"))
        final = fresh(place, folder, words.stem(place.rng), kind)
        part = final.with_name(f"{final.name}.!qB")
        data = make(place, kind, 400_000)
        part.touch()
        os.truncate(part, len(data))
        pieces = list(range(0, len(data), 16_384))
        place.rng.shuffle(pieces)
        rest = beat(place, len(pieces), 4.0)
        for at in pieces:
            overwrite_parts(part, [(at, data[at : at + 16_384])])
            rest()
        part.rename(final)


@program("download")
def feeds_and_podcasts(place: Place) -> None:
    folder = fresh(place, place.root, "Podcasts")
    folder.mkdir()
    episodes: list[Path] = []
    for _ in range(place.rng.randint(8, 30)):
        path = fresh(place, folder, words.stem(place.rng), "mp3")
        replace(place, path, make(place, "mp3", 120_000), path.with_suffix(".mp3.tmp"))
        write(place, folder / "feed.xml", make(place, "xml", 5_000))
        episodes.append(path)
        if len(episodes) > 6:
            remove(place, episodes.pop(0))
        place.pause(place.rng.random() * 0.3)


@program("game")
def game_update(place: Place) -> None:
    """Large packed files are patched in place; new ones come through a staging folder."""
    game = fresh(place, place.root, "Game")
    (game / "downloading").mkdir(parents=True)
    packs = []
    for n in range(place.rng.randint(5, 20)):
        path = game / f"pak{n:02}.{place.rng.choice(('pak', 'bundle', 'vpk'))}"
        path.write_bytes(place.rng.randbytes(place.rng.randint(50_000, 600_000)))
        packs.append(path)
    place.pause(place.rng.random() * 2)
    rest = beat(place, len(packs))
    for path in present(some(place, packs, least=4)):
        size = path.stat().st_size
        if place.rng.random() < 0.5:
            spots = [place.rng.randrange(size) for _ in range(6)]
            overwrite_parts(path, [(at, place.rng.randbytes(8_192)) for at in spots])
        else:
            part = game / "downloading" / path.name
            write(place, part, place.rng.randbytes(size), 131_072)
            part.replace(path)
        rest()


@program("game")
def game_saves(place: Place) -> None:
    folder = fresh(place, place.root, "saves")
    folder.mkdir()
    count = place.rng.randint(10, 50)
    rest = beat(place, count)
    for n in range(count):
        slot = folder / f"slot{n % 5}.sav"
        if slot.exists():
            slot.replace(slot.with_suffix(".sav.bak"))
        write(place, slot, make(place, place.rng.choice(("gz", "bin")), 60_000))
        rest()
