"""Ordinary work of servers and systems: logs, databases, disks, packages, cleaning, moving."""

import gzip
import lzma
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from tests.tools.host import words
from tests.tools.host.contents import content
from tests.tools.host.scenario import Place, Program
from tests.tools.host.work import (
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
    rng_name,
    shelf,
    some,
    walk,
    write,
)

SYSTEM: list[Program] = []
program = shelf(SYSTEM)
_PAGE = 8_192


@program("rotate", tree="server")
def logs_written_rotated(place: Place) -> None:
    """Lines are added to open logs; they move to .1, .2, and older ones are packed."""
    logs = files(place, ("log",), 4)[:12]
    rounds = place.rng.randint(1, 4)
    rest = beat(place, rounds * 30)
    keeps_delayed = place.rng.random() < 0.5
    for _ in range(rounds):
        for _ in range(30):
            with place.rng.choice(logs).open("ab", buffering=0) as file:
                file.write(make(place, "log", 400))
            rest()
        for path in logs:
            for number in (4, 3, 2, 1):
                for ending in (f".{number}", f".{number}.gz"):
                    old = path.with_name(path.name + ending)
                    if old.exists():
                        old.replace(
                            path.with_name(
                                path.name + ending.replace(str(number), str(number + 1), 1)
                            )
                        )
            path.replace(path.with_name(f"{path.name}.1"))
            path.touch()
            ripe = path.with_name(f"{path.name}.{2 if keeps_delayed else 1}")
            if ripe.exists():
                _pack(place, ripe, "gz")
            remove(place, path.with_name(f"{path.name}.5.gz"))


def _pack(place: Place, path: Path, kind: str) -> None:
    data = path.read_bytes()
    packed = gzip.compress(data) if kind == "gz" else lzma.compress(data, preset=0)
    out = path.with_name(f"{path.name}.{kind}")
    write(place, out, packed)
    keep_times(path, out)
    remove(place, path)


@program("compress_each", tree="server")
def logs_compressed(place: Place) -> None:
    """All old logs are packed one by one, the plain ones deleted."""
    chosen = some(place, files(place, ("log", "csv", "sql", "txt"), 20), least=15)
    kind = place.rng.choice(("gz", "xz"))
    rest = beat(place, len(chosen))
    for path in present(chosen):
        _pack(place, path, kind)
        rest()


@program("archive_and_delete", tree="server")
def old_logs_put_away(place: Place) -> None:
    """Old files are packed into an archive folder, checked, and deleted where they were."""
    chosen = some(place, files(place, ("log", "csv", "json", "xml"), 20), least=15)
    target = fresh(place, place.root, "archive")
    rest = beat(place, len(chosen))
    for path in present(chosen):
        out = target / path.relative_to(place.root).with_name(f"{path.name}.xz")
        out.parent.mkdir(parents=True, exist_ok=True)
        write(place, out, lzma.compress(path.read_bytes(), preset=0))
        rest()
    for path in present(chosen):
        remove(place, path)


@program("cleanup")
def temporary_files_cleaned(place: Place) -> None:
    """Whatever matches a rule or is old goes, anywhere in the tree."""
    rules: tuple[Callable[[Path], bool], ...] = (
        lambda path: path.suffix in {".log", ".tmp", ".bak", ".o", ".gz"},
        lambda path: path.stat().st_mtime < 1_720_000_000,
        lambda path: path.stat().st_size < 4_000,
        lambda path: sum(path.name.encode()) % 3 == 0,
    )
    rule = place.rng.choice(rules)
    chosen = [path for path in files(place) if rule(path)]
    rest = beat(place, len(chosen))
    for path in present(chosen):
        remove(place, path)
        rest()
    for folder in sorted({path.parent for path in chosen}):
        if folder.exists() and not any(folder.iterdir()) and folder != place.root:
            folder.rmdir()


@program("cleanup")
def trash_emptied(place: Place) -> None:
    trash = fresh(place, place.root, ".Trash")
    trash.mkdir()
    chosen = some(place, below(place, one_folder(place)), least=10, most=150)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        path.rename(fresh(place, trash, path.stem, path.suffix[1:]))
        rest()
    place.pause(place.rng.random() * 4)
    for path in below(place, trash):
        remove(place, path)


@program("cleanup")
def folder_deleted(place: Place) -> None:
    """Whole folders go at once."""
    folders = [path for path in place.root.iterdir() if path.is_dir()]
    for folder in some(place, sorted(folders), most=3):
        shutil.rmtree(folder)
        place.pause(place.rng.random() * 2)


@program("move")
def tree_moved(place: Place) -> None:
    """A tree gets another place: by renames, or by copy, check and delete."""
    source = one_folder(place)
    target = fresh(place, place.root, f"moved {rng_name(place.rng)}")
    is_copied = place.rng.random() < 0.6
    at_end = place.rng.random() < 0.5
    chosen = below(place, source)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        out = target / path.relative_to(source)
        out.parent.mkdir(parents=True, exist_ok=True)
        if is_copied:
            shutil.copy2(path, out)
            if not at_end:
                remove(place, path)
        else:
            path.rename(out)
        rest()
    for path in chosen if is_copied and at_end else ():
        remove(place, path)


@program("copy")
def careful_copy(place: Place) -> None:
    """Copies under a temporary name, with room made first, renamed when whole."""
    target = fresh(place, place.root, "copy")
    chosen = some(place, below(place, one_folder(place)), least=10, most=300)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        out = target / path.relative_to(place.root)
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_name(f".{out.name}.partial")
        data = path.read_bytes()
        part.touch()
        os.truncate(part, len(data))
        overwrite_parts(part, [(at, data[at : at + 65_536]) for at in range(0, len(data), 65_536)])
        keep_times(path, part)
        part.replace(out)
        rest()


@program("secure_delete_few")
def few_overwritten(place: Place) -> None:
    """One or two own files are overwritten and deleted, as a careful owner does."""
    for path in some(place, files(place), most=2):
        size = path.stat().st_size
        for fill in (place.rng.randbytes(size), bytes(size)):
            overwrite_parts(path, [(0, fill)])
        if place.rng.random() < 0.8:
            gone = path.with_name(words.hash_name(place.rng, 12))
            path.rename(gone)
            remove(place, gone)


@program("database")
def page_database(place: Place) -> None:
    """Fixed pages of table files in any order; log segments at full length, used again."""
    base = fresh(place, place.root, "pgdata")
    (base / "base").mkdir(parents=True)
    (base / "wal").mkdir()
    tables = [base / "base" / str(16_384 + n) for n in range(place.rng.randint(4, 15))]
    for path in tables:
        write(place, path, make(place, "bin", 100_000).ljust(_PAGE * 4, b"\0"), _PAGE)
    segment = 0
    pages = [make(place, "bin", _PAGE)[:_PAGE].ljust(_PAGE, b"\0") for _ in range(12)]
    rounds = place.rng.randint(40, 150)
    rest = beat(place, rounds)
    for n in range(rounds):
        log = base / "wal" / f"{segment:024X}"
        if not log.exists():
            write(place, log, bytes(131_072), 65_536)
        overwrite_parts(log, [(n % 16 * _PAGE, place.rng.choice(pages))])
        path = place.rng.choice(tables)
        at = place.rng.randrange(path.stat().st_size // _PAGE + 1) * _PAGE
        overwrite_parts(path, [(at, place.rng.choice(pages))])
        if n % 16 == 15:
            segment += 1
            oldest = sorted((base / "wal").iterdir())[0]
            if (
                len(list((base / "wal").iterdir())) > 3
                and not (base / "wal" / f"{segment:024X}").exists()
            ):
                oldest.rename(base / "wal" / f"{segment:024X}")
            replace(place, base / "control", place.rng.randbytes(300))
        rest()


@program("database")
def sqlite_at_work(place: Place) -> None:
    """Rows come and go in an SQLite database; then it is vacuumed."""
    path = fresh(place, place.root, rng_name(place.rng), "sqlite")
    base = sqlite3.connect(path)
    try:
        base.execute(f"pragma journal_mode={place.rng.choice(('wal', 'delete', 'persist'))}")
        base.execute("create table item (id integer primary key, note, data blob)")
        rounds = place.rng.randint(15, 60)
        rest = beat(place, rounds)
        for _ in range(rounds):
            rows = [(words.prose(place.rng, 80), place.rng.randbytes(900)) for _ in range(20)]
            base.executemany("insert into item (note, data) values (?, ?)", rows)
            if place.rng.random() < 0.3:
                base.execute("delete from item where id % 3 = 0")
            base.commit()
            rest()
        base.execute("vacuum")
    finally:
        base.close()


@program("database")
def sealed_database(place: Place) -> None:
    """Tables that are encrypted at rest: random pages everywhere, merged into new files."""
    folder = fresh(place, place.root, "store")
    folder.mkdir()
    levels: list[Path] = []
    rounds = place.rng.randint(20, 70)
    rest = beat(place, rounds)
    for n in range(rounds):
        path = folder / f"{n:06}.sst"
        write(place, path, place.rng.randbytes(place.rng.randint(8_000, 80_000)), _PAGE)
        with (folder / "CURRENT.log").open("ab", buffering=0) as file:
            file.write(place.rng.randbytes(600))
        levels.append(path)
        if len(levels) > 8:
            merged = folder / f"{n:06}m.sst"
            write(place, merged, place.rng.randbytes(150_000), 32_768)
            for old in levels[:6]:
                remove(place, old)
            levels = [*levels[6:], merged]
        rest()


def _disk(place: Place, name: str, size: int, fill: Callable[[int], bytes]) -> Path:
    path = fresh(place, place.root, rng_name(place.rng), name)
    path.write_bytes(fill(size))
    return path


@program("disk_image")
def machine_disk(place: Place) -> None:
    """A virtual machine writes clusters all over its disk; snapshots grow beside it."""
    kind = place.rng.choice(("qcow2", "vmdk", "vdi", "img"))
    size = place.rng.randint(1_000_000, 4_000_000)
    path = _disk(place, kind, size, lambda n: content("bin", place.rng, n))
    clusters = [make(place, kind, 65_536)[:65_536] for kind in ("bin", "txt", "gz", "db") * 3]
    rounds = place.rng.randint(40, 200)
    rest = beat(place, rounds)
    for n in range(rounds):
        data = place.rng.choice(clusters)
        overwrite_parts(path, [(place.rng.randrange(size) // 4_096 * 4_096, data)])
        if n % 25 == 0:
            write(place, path.with_suffix(".lock"), b"1\n")
            write(place, path.with_suffix(".log"), make(place, "log"))
        rest()


@program("disk_image")
def sealed_container(place: Place) -> None:
    """A container that is encrypted as a whole: random at its making and at every write."""
    kind = place.rng.choice(("hc", "luks", "img", "sparsebundle"))
    size = place.rng.randint(1_000_000, 4_000_000)
    path = fresh(place, place.root, rng_name(place.rng), kind)
    write(place, path, place.rng.randbytes(size), 262_144)
    rounds = place.rng.randint(40, 200)
    rest = beat(place, rounds)
    for _ in range(rounds):
        at = place.rng.randrange(size) // 512 * 512
        overwrite_parts(path, [(at, place.rng.randbytes(place.rng.choice((512, 4_096, 65_536))))])
        rest()


@program("disk_image")
def banded_container(place: Place) -> None:
    """An encrypted image in many band files of one size, changed all over."""
    folder = fresh(place, place.root, "private.sparsebundle")
    (folder / "bands").mkdir(parents=True)
    for n in range(place.rng.randint(15, 60)):
        write(place, folder / "bands" / f"{n:x}", place.rng.randbytes(60_000))
    bands = sorted((folder / "bands").iterdir())
    rounds = place.rng.randint(40, 200)
    rest = beat(place, rounds)
    for _ in range(rounds):
        overwrite_parts(
            place.rng.choice(bands), [(place.rng.randrange(50_000), place.rng.randbytes(4_096))]
        )
        rest()


@program("package_upgrade")
def package_upgrade(place: Place) -> None:
    """New files come as NAME.dpkg-new, then take the old ones' places; lists are written anew."""
    chosen = some(place, below(place, one_folder(place)), least=15, most=200)
    suffix = place.rng.choice((".dpkg-new", ";68a1b2c3", ".rpmtmp"))
    batch = place.rng.choice((1, 20, 1_000))
    rest = beat(place, len(chosen))
    for at in range(0, len(chosen), batch):
        for path in present(chosen[at : at + batch]):
            new = path.with_name(f"{path.name}{suffix}")
            write(place, new, make(place, path.suffix[1:]))
            keep_times(path, new)
        for path in chosen[at : at + batch]:
            new = path.with_name(f"{path.name}{suffix}")
            if new.exists():
                if suffix == ".dpkg-new" and place.rng.random() < 0.3:
                    kept = path.with_name(f"{path.name}.dpkg-tmp")
                    os.link(path, kept)
                    new.replace(path)
                    remove(place, kept)
                else:
                    new.replace(path)
            rest()
    write(place, place.root / "status-new", make(place, "ini"))
    (place.root / "status-new").replace(place.root / "status")


@program("install")
def program_installed(place: Place) -> None:
    """A set-up unpacks programs, libraries and packed resources, then deletes its own files."""
    temporary = fresh(place, place.root, f"is-{words.hash_name(place.rng, 5)}.tmp")
    temporary.mkdir()
    target = fresh(place, place.root, rng_name(place.rng).title())
    count = place.rng.randint(15, 90)
    rest = beat(place, count)
    for _ in range(count):
        kind = place.rng.choice(("exe", "so", "bin", "zip", "png", "json", "txt", "woff2"))
        folder = target / place.rng.choice(("bin", "lib", "resources", "locale"))
        folder.mkdir(parents=True, exist_ok=True)
        staged = fresh(place, temporary, words.hash_name(place.rng, 8))
        write(place, staged, make(place, kind, 50_000))
        staged.rename(fresh(place, folder, words.code_stem(place.rng), kind))
        rest()
    shutil.rmtree(temporary)


@program("container")
def container_layers(place: Place) -> None:
    """Packed layers arrive by hash, are unpacked beside, and old ones are pruned."""
    store = fresh(place, place.root, "containers")
    (store / "blobs").mkdir(parents=True)
    layers = []
    for _ in range(place.rng.randint(3, 10)):
        name = words.hash_name(place.rng, 64)
        blob = store / "blobs" / name
        replace(place, blob, make(place, "gz", 150_000), store / "blobs" / f"{name}.download")
        layer = store / "overlay" / name[:26] / "diff"
        for _ in range(place.rng.randint(5, 30)):
            folder = layer / place.rng.choice(("etc", "usr/bin", "usr/lib", "var/lib"))
            folder.mkdir(parents=True, exist_ok=True)
            kind = place.rng.choice(("so", "conf", "py", "txt", "bin"))
            write(place, fresh(place, folder, words.code_stem(place.rng), kind), make(place, kind))
        layers.append((blob, layer.parent))
        place.pause(place.rng.random() * 0.5)
    for blob, layer in layers[: place.rng.randint(0, len(layers) - 1)]:
        shutil.rmtree(layer)
        remove(place, blob)


@program("deduplicate")
def doubles_linked(place: Place) -> None:
    """Equal files become hard links of one: a link is made beside, then renamed over."""
    pairs = []
    for path in some(place, list(walk(one_folder(place))), least=10, most=100):
        copy = fresh(place, path.parent, f"{path.stem} copy", path.suffix[1:])
        shutil.copyfile(path, copy)
        pairs.append((path, copy))
    rest = beat(place, len(pairs))
    for path, copy in pairs:
        link = copy.with_name(f".{words.hash_name(place.rng, 10)}")
        os.link(path, link)
        link.replace(copy)
        rest()


@program("training")
def training_checkpoints(place: Place) -> None:
    """Large numbers are saved every so often; only the last few stay."""
    folder = fresh(place, place.root, "runs")
    folder.mkdir()
    kept: list[Path] = []
    count = place.rng.randint(5, 25)
    rest = beat(place, count)
    for n in range(count):
        path = folder / f"checkpoint-{n * 500}.safetensors"
        data = place.rng.randbytes(300_000) if place.rng.random() < 0.5 else make(place, "npy")
        replace(place, path, data, path.with_suffix(".tmp"))
        with (folder / "events.log").open("ab", buffering=0) as file:
            file.write(make(place, "log", 500))
        kept.append(path)
        if len(kept) > 3:
            remove(place, kept.pop(0))
        rest()


@program("data_convert", tree="server")
def tables_to_columns(place: Place) -> None:
    """Every csv becomes a packed columnar file; the csv goes, at once or at the end."""
    chosen = some(place, files(place, ("csv", "tsv", "json", "jsonl"), 15), least=12)
    at_end = place.rng.random() < 0.4
    kind = place.rng.choice(("parquet", "npy", "gz"))
    rest = beat(place, len(chosen))
    for path in present(chosen):
        out = fresh(place, path.parent, path.stem, kind)
        write(place, out, content(kind, place.rng, max(500, path.stat().st_size // 3)))
        if not at_end:
            remove(place, path)
        rest()
    for path in chosen if at_end else ():
        remove(place, path)


@program("spool")
def queue_spool(place: Place) -> None:
    """Jobs come as files, are renamed while in work, and deleted when done."""
    folder = fresh(place, place.root, "queue")
    for name in ("incoming", "active", "failed"):
        (folder / name).mkdir(parents=True)
    count = place.rng.randint(40, 200)
    rest = beat(place, count)
    for _ in range(count):
        name = words.hash_name(place.rng, 16)
        kind = place.rng.choice(("json", "eml", "gz"))
        replace(place, folder / "incoming" / name, make(place, kind, 5_000))
        (folder / "incoming" / name).rename(folder / "active" / name)
        if place.rng.random() < 0.9:
            remove(place, folder / "active" / name)
        else:
            (folder / "active" / name).rename(folder / "failed" / name)
        rest()


@program("permissions")
def permissions_and_dates(place: Place) -> None:
    """Rights or dates of everything in a folder are set."""
    chosen = some(place, below(place, one_folder(place)), least=20, most=600)
    mode = place.rng.choice((0o600, 0o644, 0o664, 0o755))
    is_dates = place.rng.random() < 0.4
    for path in present(chosen):
        if is_dates:
            os.utime(path, (1_750_000_000, 1_750_000_000))
        else:
            path.chmod(mode)


@program("configuration", tree="server")
def configuration_rollout(place: Place) -> None:
    """Settings of many services are written by template, the old ones kept with a date."""
    kinds = ("conf", "ini", "yaml", "cfg", "toml", "json")
    chosen = some(place, files(place, kinds, 12), least=8, most=120)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        if place.rng.random() < 0.7:
            shutil.copy2(path, path.with_name(f"{path.name}.{place.rng.randint(1000, 9999)}.2025~"))
        source = path.with_name(f".ansible_tmp{words.hash_name(place.rng, 8)}{path.name}")
        replace(place, path, make(place, path.suffix[1:], 3_000), source)
        path.chmod(0o644)
        rest()


@program("metrics")
def ring_files(place: Place) -> None:
    """Measurements go into files of one size, a few bytes at a time, hundreds of times."""
    folder = fresh(place, place.root, "rrd")
    folder.mkdir()
    for _ in range(place.rng.randint(8, 40)):
        write(place, fresh(place, folder, words.code_stem(place.rng), "rrd"), make(place, "npy"))
    chosen = below(place, folder)
    rounds = place.rng.randint(2, 12)
    rest = beat(place, rounds)
    for n in range(rounds):
        for path in chosen:
            overwrite_parts(path, [(64, place.rng.randbytes(16)), (512 + n * 8, bytes(8))])
        rest()


@program("index")
def search_index(place: Place) -> None:
    """An indexer writes segments, merges them, and deletes what was merged."""
    folder = fresh(place, place.root, ".index")
    folder.mkdir()
    chosen = some(place, files(place, TEXTS, 20), least=15, most=200)
    segments: list[Path] = []
    rest = beat(place, len(chosen))
    for n, _ in enumerate(present(chosen)):
        for kind in ("fdt", "tim", "pos"):
            path = folder / f"_{n:x}.{kind}"
            write(place, path, make(place, place.rng.choice(("bin", "gz")), 6_000))
            segments.append(path)
        if len(segments) > 30:
            write(place, folder / f"_{n:x}m.cfs", make(place, "gz", 80_000))
            for old in segments:
                remove(place, old)
            segments = []
            replace(place, folder / "segments_1", place.rng.randbytes(400))
        rest()
