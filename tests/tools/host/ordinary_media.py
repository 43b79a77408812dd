"""Ordinary work on pictures, sound and films."""

import os
import shutil
from pathlib import Path

from tests.tools.host import media, words
from tests.tools.host.contents import content
from tests.tools.host.scenario import Place, Program
from tests.tools.host.work import (
    PICTURES,
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

MEDIA_WORK: list[Program] = []
program = shelf(MEDIA_WORK)
_ALL_PICTURES = (*PICTURES, "heic", "nef", "tif", "webp")
_SONGS = ("mp3", "flac", "m4a")
_FILMS = ("mp4", "mov", "mkv", "avi")


@program("photo_import")
def photo_import(place: Place) -> None:
    """A camera's card is copied into folders of days, dates kept, names sometimes changed."""
    top = fresh(place, place.root, place.rng.choice(("Photos", "Import", "DCIM")))
    count = place.rng.randint(20, 150)
    rest = beat(place, count)
    is_renamed = place.rng.random() < 0.5
    is_temporary = place.rng.random() < 0.5
    for n in range(count):
        day = words.date(place.rng)
        folder = top / day[:4] / day
        folder.mkdir(parents=True, exist_ok=True)
        kind = place.rng.choice(("jpg", "jpg", "JPG", "nef", "heic", "mp4"))
        name = f"{day}_{n:04}" if is_renamed else words.photo_stem(place.rng)
        path = fresh(place, folder, name, kind)
        if is_temporary:
            replace(place, path, make(place, kind, 90_000))
        else:
            write(place, path, make(place, kind, 90_000))
        os.utime(path, (1_700_000_000 + n, 1_700_000_000 + n))
        rest()


@program("photo_import")
def camera_card_moved(place: Place) -> None:
    """Pictures are moved off the card: each is copied, compared, and deleted there."""
    card = fresh(place, place.root, "CARD")
    card.mkdir()
    for _ in range(place.rng.randint(15, 60)):
        kind = place.rng.choice(("JPG", "nef", "mov"))
        fresh(place, card, words.photo_stem(place.rng), kind).write_bytes(make(place, kind, 90_000))
    target = fresh(place, place.root, "Imported")
    target.mkdir()
    chosen = below(place, card)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        shutil.copy2(path, target / path.name)
        remove(place, path)
        rest()


@program("thumbnails", tree="photos")
def thumbnails(place: Place) -> None:
    store = fresh(place, place.root, ".thumbnails")
    chosen = some(place, files(place, _ALL_PICTURES, 15), least=10)
    sizes = place.rng.choice((("normal",), ("normal", "large"), ("small", "normal", "large")))
    rest = beat(place, len(chosen))
    for _ in present(chosen):
        name = words.hash_name(place.rng, 32)
        for size in sizes:
            (store / size).mkdir(parents=True, exist_ok=True)
            kind = place.rng.choice(("png", "jpg", "webp"))
            replace(place, store / size / f"{name}.{kind}", make(place, kind, 8_000))
        rest()


@program("thumbnails", tree="photos")
def thumbnails_beside(place: Place) -> None:
    """Small versions beside the pictures: name-300x200.jpg and such."""
    chosen = some(place, files(place, PICTURES, 15), least=10, most=120)
    for path in present(chosen):
        for size in place.rng.sample(("150x150", "300x200", "1024x683", "2048"), 2):
            out = path.with_name(f"{path.stem}-{size}{path.suffix}")
            write(place, out, make(place, path.suffix[1:], 12_000))


def _head_changed(place: Place, path: Path) -> bytes:
    """The picture with other notes in its head, its coded part as it was."""
    data = path.read_bytes()
    if data[:2] == b"\xff\xd8":
        notes = media.exif(place.rng)[:60_000]
        segment = b"\xff\xe1" + (len(notes) + 2).to_bytes(2, "big") + notes
        at = 2 + 2 + int.from_bytes(data[4:6], "big") if data[2:4] == b"\xff\xe1" else 2
        return data[:2] + segment + data[at:]
    return data[:40] + place.rng.randbytes(60) + data[100:]


@program("metadata", tree="photos")
def exif_with_originals(place: Place) -> None:
    """Each picture is renamed to NAME_original and written anew; the originals may go later."""
    chosen = some(place, files(place, _ALL_PICTURES, 15), least=10, most=250)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        data = _head_changed(place, path)
        part = path.with_name(f"{path.name}_exiftool_tmp")
        write(place, part, data)
        path.rename(path.with_name(f"{path.name}_original"))
        part.rename(path)
        rest()
    if place.rng.random() < 0.5:
        for path in sorted(place.root.rglob("*_original")):
            remove(place, path)


@program("metadata", tree="photos")
def exif_by_rename(place: Place) -> None:
    chosen = some(place, files(place, _ALL_PICTURES, 15), least=10, most=250)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        replace(place, path, _head_changed(place, path))
        rest()


@program("metadata", tree="photos")
def exif_in_place(place: Place) -> None:
    """Dates and turns are corrected by a few bytes in each file."""
    chosen = some(place, files(place, _ALL_PICTURES, 15), least=10, most=250)
    rest = beat(place, len(chosen))
    keeps = place.rng.random() < 0.5
    for path in present(chosen):
        stands = path.stat()
        overwrite_parts(path, [(30, b"2025:06:01 12:00:00")])
        if keeps:
            os.utime(path, ns=(stands.st_atime_ns, stands.st_mtime_ns))
        rest()


@program("sidecars", tree="photos")
def raw_development(place: Place) -> None:
    """Settings go to .xmp beside each picture, exports to a folder of their own."""
    chosen = some(place, files(place, ("nef", "heic", "tif", "jpg"), 12), least=8, most=80)
    out = fresh(place, place.root, "Exports")
    out.mkdir()
    rest = beat(place, len(chosen))
    for path in present(chosen):
        for _ in range(place.rng.randint(1, 4)):
            replace(place, path.with_name(f"{path.name}.xmp"), make(place, "xml", 3_000))
        if place.rng.random() < 0.6:
            write(place, fresh(place, out, path.stem, "jpg"), make(place, "jpg", 80_000))
        rest()


@program("picture_optimise", tree="photos")
def jpegs_optimised(place: Place) -> None:
    """Losslessly smaller: a new file takes the old one's place, dates kept, if it is smaller."""
    chosen = some(place, files(place, ("jpg", "jpeg", "JPG"), 15), least=10, most=250)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        data = path.read_bytes()
        part = path.with_name(f"{path.name}.{words.hash_name(place.rng, 6)}.tmp")
        write(place, part, data[: round(len(data) * place.rng.uniform(0.8, 0.99))])
        keep_times(path, part)
        if place.rng.random() < 0.85:
            part.replace(path)
        else:
            remove(place, part)
        rest()


@program("picture_optimise", tree="webserver")
def pngs_optimised(place: Place) -> None:
    chosen = some(place, files(place, ("png",), 15), least=10, most=200)
    rest = beat(place, len(chosen))
    keeps = place.rng.random() < 0.3
    for path in present(chosen):
        data = content("png", place.rng, max(100, round(path.stat().st_size * 0.7)))
        if keeps:
            path.rename(path.with_name(f"{path.name}.bak"))
            write(place, path, data)
        else:
            rewrite(place, path, data)
        rest()


@program("picture_inplace", tree="photos")
def pictures_resized(place: Place) -> None:
    """All pictures of a folder are made smaller over themselves."""
    chosen = some(place, below(place, one_folder(place), PICTURES), least=5, most=250)
    chosen = chosen or files(place, PICTURES, 12)
    how = place.rng.choice((write, replace, rewrite))
    share = place.rng.uniform(0.1, 0.7)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        size = max(300, round(path.stat().st_size * share))
        how(place, path, content(path.suffix[1:], place.rng, size))
        rest()


@program("picture_inplace", tree="photos")
def pictures_turned(place: Place) -> None:
    chosen = some(place, files(place, PICTURES, 12), least=5, most=150)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        data = path.read_bytes()
        rewrite(place, path, data[:600] + place.rng.randbytes(max(0, len(data) - 600)))
        rest()


@program("picture_convert", tree="photos")
def pictures_converted(place: Place) -> None:
    """Another format takes over: webp, jpg or avif beside the old files, which often go."""
    old, new = place.rng.choice(((PICTURES, "webp"), (("heic",), "jpg"), (("tif", "nef"), "jpg")))
    chosen = some(place, files(place, old, 15), least=10, most=200)
    is_deleted = place.rng.random() < 0.6
    at_end = place.rng.random() < 0.3
    rest = beat(place, len(chosen))
    for path in present(chosen):
        out = fresh(place, path.parent, path.stem, new)
        write(place, out, content(new, place.rng, max(300, path.stat().st_size // 2)))
        if is_deleted and not at_end:
            remove(place, path)
        rest()
    for path in chosen if is_deleted and at_end else ():
        remove(place, path)


@program("transcode", tree="home")
def films_transcoded(place: Place) -> None:
    """Films and songs are coded anew, slowly, in pieces; the old ones go or stay."""
    chosen = some(place, files(place, (*_FILMS, *_SONGS, "wav"), 8), least=4, most=60)
    is_deleted = place.rng.random() < 0.6
    rest = beat(place, len(chosen) * 6)
    for path in present(chosen):
        kind = place.rng.choice(("mkv", "mp4")) if path.suffix[1:] in _FILMS else "mp3"
        final = fresh(place, path.parent, f"{path.stem} new", kind)
        part = final.with_name(f"{final.name}.temp")
        data = content(kind, place.rng, max(3_000, path.stat().st_size // 2))
        with part.open("wb", buffering=0) as file:
            for at in range(0, len(data), max(4_096, len(data) // 6)):
                file.write(data[at : at + max(4_096, len(data) // 6)])
                rest()
        part.rename(final)
        if is_deleted:
            remove(place, path)
            if place.rng.random() < 0.5 and not path.with_suffix(f".{kind}").exists():
                final.rename(path.with_suffix(f".{kind}"))


@program("tags", tree="home")
def songs_tagged_in_place(place: Place) -> None:
    """Labels at the head or the end of songs are changed where there is room."""
    chosen = some(place, files(place, _SONGS, 15), least=10, most=200)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        if place.rng.random() < 0.7:
            overwrite_parts(path, [(10, make(place, "txt", 200)[:200])])
        else:
            with path.open("ab", buffering=0) as file:
                file.write(b"TAG" + words.stem(place.rng).encode().ljust(125, b"\0"))
        rest()


@program("tags", tree="home")
def songs_tagged_anew(place: Place) -> None:
    """Covers need room: each song is written anew, in place or by rename."""
    chosen = some(place, files(place, _SONGS, 15), least=10, most=200)
    how = place.rng.choice((replace, write, rewrite))
    rest = beat(place, len(chosen))
    for path in present(chosen):
        how(place, path, media.id3(place.rng) + path.read_bytes()[600:])
        rest()


@program("rename_by_rule", tree="home")
def songs_renamed(place: Place) -> None:
    """Songs and pictures get names by their labels, in folders by artist."""
    chosen = some(place, files(place, (*_SONGS, *PICTURES), 15), least=10, most=250)
    is_sorted = place.rng.random() < 0.5
    rest = beat(place, len(chosen))
    for path in present(chosen):
        name = f"{words.person(place.rng)} - {rng_name(place.rng)}"
        folder = place.root / "Library" / words.person(place.rng)[:6] if is_sorted else path.parent
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(fresh(place, folder, name, path.suffix[1:]))
        rest()


@program("render")
def film_project(place: Place) -> None:
    """A cutter's project: proxies, peaks, autosaves, and at the end one large film."""
    folder = fresh(place, place.root, "Film project")
    for name in ("proxies", "peaks", "autosave", "render"):
        (folder / name).mkdir(parents=True)
    count = place.rng.randint(8, 40)
    rest = beat(place, count * 3)
    for n in range(count):
        write(place, folder / "proxies" / f"clip{n:03}.mov", make(place, "mov", 150_000), 65_536)
        rest()
        write(place, folder / "peaks" / f"clip{n:03}.pek", make(place, "wav", 20_000))
        write(place, folder / "autosave" / f"project-{n % 6}.prproj", make(place, "gz", 30_000))
        rest()
    frames = [folder / "render" / f"frame{n:05}.png" for n in range(place.rng.randint(10, 60))]
    for path in frames:
        write(place, path, make(place, "png", 40_000))
        rest()
    write(place, folder / "film.mp4", make(place, "mp4", 900_000), 65_536)
    for path in frames:
        remove(place, path)


@program("screenshots")
def screen_series(place: Place) -> None:
    folder = fresh(place, place.root, "Screenshots")
    folder.mkdir()
    count = place.rng.randint(15, 80)
    rest = beat(place, count)
    for n in range(count):
        write(place, folder / f"shot-{n:05}.png", make(place, "png", 60_000))
        rest()


@program("duplicates")
def duplicates_deleted(place: Place) -> None:
    """Doubles are put away or deleted, here and there over the whole tree."""
    folder = one_folder(place)
    doubles = []
    for path in some(place, list(walk(folder)), least=10, most=80):
        copy = fresh(place, path.parent, f"{path.stem} (1)", path.suffix[1:])
        shutil.copyfile(path, copy)
        doubles.append(copy)
    place.pause(place.rng.random() * 3)
    trash = place.root / ".Trash-1000" / "files"
    is_deleted = place.rng.random() < 0.5
    for path in present(doubles):
        if is_deleted:
            remove(place, path)
        else:
            trash.mkdir(parents=True, exist_ok=True)
            path.rename(fresh(place, trash, path.stem, path.suffix[1:]))
            info = trash.parent / "info"
            info.mkdir(exist_ok=True)
            (info / f"{path.name}.trashinfo").write_text(f"[Trash Info]\nPath={path.name}\n")
