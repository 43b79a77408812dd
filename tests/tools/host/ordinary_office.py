"""Ordinary work at a desk: office programs, mail, scanners, editors, as they treat their files."""

import shutil
from pathlib import Path

from tests.tools.host import words
from tests.tools.host.contents import content, mail
from tests.tools.host.scenario import Place, Program
from tests.tools.host.work import (
    OFFICE,
    PICTURES,
    TEXTS,
    beat,
    below,
    files,
    fresh,
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
    write,
)

OFFICE_WORK: list[Program] = []
program = shelf(OFFICE_WORK)


def _lock(path: Path) -> Path:
    """The owner file of an open document."""
    return path.with_name(f"~${path.name[2:]}" if len(path.name) > 8 else f".~lock.{path.name}#")


@program("office_save", tree="office")
def office_saves(place: Place) -> None:
    """Documents are written anew under a short name, the old one moves aside, then goes."""
    chosen = some(place, files(place, OFFICE, 4), most=12)
    rounds = place.rng.randint(1, 12)
    rest = beat(place, rounds * len(chosen))
    for path in present(chosen):
        lock = _lock(path)
        write(place, lock, words.person(place.rng).encode().ljust(165, b"\0"))
        for _ in range(rounds):
            rest()
            new = path.with_name(f"{words.hash_name(place.rng, 8).upper()}.tmp")
            old = path.with_name(f"{words.hash_name(place.rng, 8).upper()}.tmp")
            write(place, new, make(place, path.suffix[1:]))
            path.rename(old)
            new.rename(path)
            remove(place, old)
        remove(place, lock)


@program("office_save", tree="office")
def libre_saves(place: Place) -> None:
    """Documents are written over in place, with a lock file and sometimes a backup."""
    chosen = some(place, files(place, OFFICE, 4), most=12)
    rest = beat(place, 5 * len(chosen))
    backups = place.root / "backup of documents"
    for path in present(chosen):
        lock = path.with_name(f".~lock.{path.name}#")
        write(place, lock, f",{words.person(place.rng)},host".encode())
        for _ in range(place.rng.randint(1, 8)):
            rest()
            if place.rng.random() < 0.3:
                backups.mkdir(exist_ok=True)
                shutil.copyfile(path, backups / f"{path.stem}.bak")
            write(place, path, make(place, path.suffix[1:]))
        remove(place, lock)


@program("office_autosave", tree="office")
def spreadsheet_autosave(place: Place) -> None:
    """Recovery copies come and go while a few documents are open."""
    folder = fresh(place, place.root, ".autorecover")
    folder.mkdir()
    chosen = some(place, files(place, OFFICE, 3), most=5)
    rest = beat(place, 20)
    for _ in range(20):
        path = place.rng.choice(chosen)
        copy = folder / f"{path.stem}(autosave-{words.hash_name(place.rng, 6)}).asd"
        write(place, copy, make(place, path.suffix[1:]))
        rest()
        for old in sorted(folder.iterdir())[: place.rng.randint(0, 2)]:
            remove(place, old)
        if place.rng.random() < 0.3:
            rewrite(place, path, make(place, path.suffix[1:]))
    shutil.rmtree(folder)


@program("office_convert", tree="office")
def old_documents_to_new(place: Place) -> None:
    """doc, xls and ppt are saved as docx, xlsx and pptx; the old ones go or stay."""
    chosen = some(place, files(place, ("doc", "xls", "ppt", "rtf"), 10), most=80)
    is_deleted = place.rng.random() < 0.6
    rest = beat(place, len(chosen))
    for path in present(chosen):
        kind = {"xls": "xlsx", "ppt": "pptx"}.get(path.suffix[1:], "docx")
        write(place, path.with_suffix(f".{kind}"), content(kind, place.rng, path.stat().st_size))
        if is_deleted:
            remove(place, path)
        rest()


@program("office_protect", tree="office")
def documents_protected(place: Place) -> None:
    """A few documents are saved with a password: encrypted inside, under their own names."""
    rest = beat(place, 3)
    for path in present(some(place, files(place, (*OFFICE, "pdf"), 3), most=3)):
        data = path.read_bytes()
        head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1_000) + b"E\0n\0c\0r\0y\0p\0t\0e\0d\0"
        replace(place, path, head + place.rng.randbytes(len(data) + 2_000))
        rest()


@program("export", tree="office")
def print_to_pdf(place: Place) -> None:
    chosen = some(place, files(place, (*OFFICE, "doc", "txt", "html"), 10), most=80)
    target = place.rng.choice((None, fresh(place, place.root, "pdf")))
    rest = beat(place, len(chosen))
    for path in present(chosen):
        if target is not None:
            target.mkdir(exist_ok=True)
        out = fresh(place, target or path.parent, path.stem, "pdf")
        part = out.with_suffix(".pdf.part") if place.rng.random() < 0.3 else out
        write(place, part, content("pdf", place.rng, path.stat().st_size))
        part.rename(out)
        rest()


@program("export", tree="office")
def spreadsheet_exports(place: Place) -> None:
    chosen = some(place, files(place, ("xlsx", "xls", "ods", "csv"), 8), most=60)
    for path in present(chosen):
        kind = "xlsx" if path.suffix == ".csv" else place.rng.choice(("csv", "pdf", "json"))
        write(place, fresh(place, path.parent, path.stem, kind), make(place, kind))


@program("scanner")
def scanner_import(place: Place) -> None:
    folder = fresh(place, place.root, "Scans")
    folder.mkdir()
    count = place.rng.randint(8, 50)
    rest = beat(place, count)
    for n in range(count):
        kind = place.rng.choice(("pdf", "jpg", "tif"))
        page = folder / f"scan{n:04}.{kind}"
        write(place, page, make(place, kind, 60_000), 65_536)
        rest()
        if place.rng.random() < 0.5:
            page.rename(fresh(place, folder, words.stem(place.rng), kind))


@program("document_optimise", tree="office")
def ocr_in_place(place: Place) -> None:
    """Scanned pages get a layer of text: every PDF is written anew over itself."""
    chosen = some(place, files(place, ("pdf",), 10), least=8, most=120)
    rest = beat(place, len(chosen))
    how = place.rng.choice((replace, rewrite, write))
    for path in present(chosen):
        data = path.read_bytes() + content("pdf", place.rng, 6_000)
        how(place, path, data)
        rest()


@program("document_stamp", tree="office")
def pdf_append(place: Place) -> None:
    """Comments and signatures are put at the end of files."""
    for path in present(some(place, files(place, ("pdf",), 10), most=60)):
        with path.open("ab") as file:
            file.write(content("pdf", place.rng, 2_000))
        place.pause(place.rng.random() * 0.2)


@program("mail")
def maildir_moves(place: Place) -> None:
    """Mail comes in tmp, goes to new, then cur, and gets flags."""
    box = fresh(place, place.root, "Maildir")
    for name in ("tmp", "new", "cur", ".Trash/cur"):
        (box / name).mkdir(parents=True)
    count = place.rng.randint(20, 120)
    rest = beat(place, count)
    for n in range(count):
        name = f"{1_700_000_000 + n}.M{place.rng.randint(1, 999999)}P{n}.host"
        write(place, box / "tmp" / name, mail(place.rng, place.rng.choice((2_000, 9_000, 90_000))))
        (box / "tmp" / name).rename(box / "new" / name)
        rest()
        if place.rng.random() < 0.7:
            kept = place.rng.choice((box / "cur", box / "cur", box / ".Trash/cur"))
            (box / "new" / name).rename(kept / f"{name}:2,S")
    for path in present(some(place, sorted((box / ".Trash/cur").iterdir()))):
        remove(place, path)


@program("mail", tree="home")
def mbox_compacting(place: Place) -> None:
    """Large mailboxes are appended to, then written anew without deleted mail."""
    boxes = files(place, ("mbox",), 3)[:6]
    rest = beat(place, 4 * len(boxes))
    for path in boxes:
        with path.open("ab", buffering=0) as file:
            for _ in range(place.rng.randint(2, 15)):
                file.write(mail(place.rng, 8_000))
        write(place, path.with_suffix(".msf"), make(place, "ini", 2_000))
        rest()
        data = path.read_bytes()
        new = path.with_name("nstmp")
        write(place, new, data[len(data) // 3 :])
        new.replace(path)
        rest()


@program("mail", tree="home")
def mail_to_archive(place: Place) -> None:
    """Single messages are taken into one database or box and deleted."""
    chosen = some(place, files(place, ("eml", "msg"), 15), least=10)
    archive = fresh(place, place.root, "mail", place.rng.choice(("mbox", "pst")))
    with archive.open("wb", buffering=0) as file:
        for path in present(chosen):
            file.write(path.read_bytes())
            remove(place, path)


@program("mail")
def attachments_saved(place: Place) -> None:
    folder = one_folder(place)
    count = place.rng.randint(5, 40)
    rest = beat(place, count)
    for _ in range(count):
        kind = place.rng.choice(("pdf", "docx", "jpg", "zip", "xlsx", "png", "ics"))
        write(place, fresh(place, folder, words.stem(place.rng), kind), make(place, kind))
        rest()


@program("passwords")
def password_database(place: Place) -> None:
    """A vault is saved anew often: all of it changes each time, under its own name."""
    path = place.rng.choice(files(place, ("kdbx",), 1))
    rounds = place.rng.randint(3, 20)
    rest = beat(place, rounds)
    for n in range(rounds):
        lock = path.with_name(f".{path.name}.lock")
        write(place, lock, b"")
        if place.rng.random() < 0.2:
            shutil.copyfile(path, path.with_suffix(f".old{n}.kdbx"))
        replace(place, path, make(place, "kdbx"), path.with_name(f"{path.name}.tmp{n}"))
        remove(place, lock)
        rest()


@program("editor")
def editor_backups(place: Place) -> None:
    """name~ keeps the old text; #name# and .#name come and go while it is edited."""
    chosen = some(place, files(place, TEXTS, 8), most=60)
    rest = beat(place, 3 * len(chosen))
    for path in present(chosen):
        auto = path.with_name(f"#{path.name}#")
        for _ in range(place.rng.randint(0, 3)):
            write(place, auto, path.read_bytes() + b"more\n")
            rest()
        backup = path.with_name(f"{path.name}~")
        if place.rng.random() < 0.5:
            path.rename(backup)
        else:
            shutil.copy2(path, backup)
        write(place, path, make(place, path.suffix[1:], 6_000))
        auto.unlink(missing_ok=True)
        rest()


@program("editor")
def editor_swap(place: Place) -> None:
    chosen = some(place, files(place, TEXTS, 5), most=15)
    for path in present(chosen):
        swap = path.with_name(f".{path.name}.swp")
        write(place, swap, b"b0VIM 9.0".ljust(4_096, b"\0"))
        rest = beat(place, 6, 3.0)
        for n in range(place.rng.randint(1, 6)):
            overwrite_parts(swap, [(4_096 * (n + 1), make(place, "txt", 3_000))])
            rest()
            rewrite(place, path, make(place, path.suffix[1:], 6_000))
        remove(place, swap)


@program("office_autosave")
def notes_program(place: Place) -> None:
    """Notes are saved at every pause of typing, with attached pictures beside them."""
    folder = fresh(place, place.root, "Notes")
    (folder / "attachments").mkdir(parents=True)
    notes = [fresh(place, folder, words.stem(place.rng), "md") for _ in range(12)]
    rest = beat(place, 80)
    for _ in range(80):
        path = place.rng.choice(notes)
        old = path.read_bytes() if path.exists() else b""
        replace(place, path, old + make(place, "txt", 200), path.with_name(f".{path.name}.tmp"))
        if place.rng.random() < 0.1:
            picture = fresh(place, folder / "attachments", words.photo_stem(place.rng), "png")
            write(place, picture, make(place, "png"))
        rest()


@program("cad", tree="mixed")
def cad_autosave(place: Place) -> None:
    """Large drawings are saved whole; .bak keeps the last one, .sv$ the unsaved one."""
    chosen = some(place, files(place, ("dwg", "blend"), 3), most=6)
    rest = beat(place, 8 * len(chosen))
    for path in present(chosen):
        auto = path.with_suffix(".sv$")
        for _ in range(place.rng.randint(1, 4)):
            write(place, auto, make(place, "dwg", 150_000), 65_536)
            rest()
        for number in (2, 1):
            older = path.with_suffix(f".blend{number}")
            if older.exists():
                older.replace(path.with_suffix(f".blend{number + 1}"))
        path.replace(path.with_suffix(place.rng.choice((".bak", ".blend1"))))
        write(place, path, make(place, "dwg", 150_000), 65_536)
        remove(place, auto)
        rest()


@program("text_build")
def latex_builds(place: Place) -> None:
    folder = fresh(place, place.root, "thesis")
    folder.mkdir()
    for n in range(6):
        write(place, folder / f"chapter{n}.tex", make(place, "tex"))
    rounds = place.rng.randint(3, 10)
    rest = beat(place, rounds)
    for _ in range(rounds):
        write(place, folder / f"chapter{place.rng.randrange(6)}.tex", make(place, "tex"))
        for kind in ("aux", "log", "toc", "out", "bbl"):
            write(place, folder / f"main.{kind}", make(place, "log", 5_000))
        write(place, folder / "main.synctex.gz", make(place, "gz", 20_000))
        write(place, folder / "main.pdf", make(place, "pdf", 150_000))
        rest()


@program("export")
def mail_merge(place: Place) -> None:
    """One letter for each of many people, then all of them as PDF, the letters deleted."""
    folder = fresh(place, place.root, f"{rng_name(place.rng)} letters")
    folder.mkdir()
    letters = []
    for _ in range(place.rng.randint(15, 80)):
        path = fresh(place, folder, f"letter {words.person(place.rng)}", "docx")
        write(place, path, make(place, "docx", 12_000))
        letters.append(path)
    for path in letters:
        write(place, path.with_suffix(".pdf"), make(place, "pdf", 15_000))
        remove(place, path)


@program("clean_metadata", tree="office")
def metadata_removed(place: Place) -> None:
    """Documents and pictures are written anew without their authors and places."""
    chosen = some(place, files(place, (*OFFICE, *PICTURES), 15), least=10, most=150)
    suffix = place.rng.choice(("", ".cleaned", "_original"))
    rest = beat(place, len(chosen))
    for path in present(chosen):
        data = make(place, path.suffix[1:])
        if suffix == ".cleaned":
            write(place, path.with_name(f"{path.stem}{suffix}{path.suffix}"), data)
        else:
            if suffix:
                path.rename(path.with_name(f"{path.name}{suffix}"))
            replace(place, path, data)
        rest()


@program("rename_by_rule")
def filing_by_date(place: Place) -> None:
    """Files get their date in front and go to folders of years."""
    chosen = some(place, below(place, one_folder(place)), least=10, most=200)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        day = words.date(place.rng)
        target = place.root / "Archive" / day[:4]
        target.mkdir(parents=True, exist_ok=True)
        path.rename(fresh(place, target, f"{day} {path.stem}", path.suffix[1:]))
        rest()
