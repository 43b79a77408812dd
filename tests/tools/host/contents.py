"""Contents of files, right in format and entropy: texts, documents, archives, databases."""

import bz2
import gzip
import io
import json
import lzma
import random
import sqlite3
import tarfile
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Callable

from tests.tools.host import media, words

Maker = Callable[[random.Random, int], bytes]


def text(rng: random.Random, size: int) -> bytes:
    return words.prose(rng, size).encode()


def table(rng: random.Random, size: int) -> bytes:
    if rng.random() < 0.4:
        return _figures(rng, size)
    columns = rng.sample((*words.TOPICS, "id", "date", "amount", "name"), rng.randint(3, 9))
    separator = rng.choice(",,,;\t")
    lines = [separator.join(columns)]
    length = 0
    while length < size:
        cells = [
            rng.choice((str(rng.randint(0, 99999)), f"{rng.random() * 1000:.2f}", words.date(rng)))
            for _ in columns[1:]
        ]
        lines.append(separator.join((rng.choice(words.LAST), *cells)))
        length += len(lines[-1]) + 1
    return "\n".join(lines).encode()[: max(size, 1)]


def _figures(rng: random.Random, size: int) -> bytes:
    """A table of numbers only, as instruments write them."""
    places, count = rng.randint(0, 6), rng.randint(2, 12)
    width = places + 5
    lines = [
        ",".join(f"{rng.gauss(0, 500):.{places}f}" for _ in range(count))
        for _ in range(min(300, size // (width * count) + 1))
    ]
    found = "\n".join(rng.choices(lines, k=size // (width * count) + 2))
    return found.encode()[: max(size, 1)]


def few_symbols(rng: random.Random, size: int) -> bytes:
    """Bytes of a small alphabet: hexadecimal, base 64, or packed codes."""
    alphabet = rng.sample(range(256), rng.choice((16, 32, 40, 64, 100)))
    return rng.randbytes(size).translate(bytes(alphabet[n % len(alphabet)] for n in range(256)))


def code(rng: random.Random, size: int) -> bytes:
    """Lines of a language like Python or C."""
    braces = rng.random() < 0.5
    phrases = [words.prose(rng, 55).replace("\n", " ") for _ in range(20)]
    out = []
    length = 0
    while length < size:
        name, other = words.code_stem(rng), rng.choice(words.CODE)
        value = rng.choice((str(rng.randint(0, 512)), f'"{rng.choice(words.THINGS)}"', "NULL"))
        if braces:
            block = (
                f"static int {name}(struct {other} *self, int n)\n{{\n"
                f"\tif (self->{other} == {value}) {{\n\t\treturn {name}_fail(self, n);\n\t}}\n"
                f"\tfor (int i = 0; i < n; i++)\n\t\tself->{other}[i] += {rng.randint(1, 64)};\n"
                f"\t/* {rng.choice(phrases)} */\n\treturn {rng.randint(0, 9)};\n}}\n\n"
            )
        else:
            block = (
                f"def {name}({other}, limit={value}):\n"
                f'    """{rng.choice(phrases)}"""\n'
                f"    if {other}.{rng.choice(words.CODE)} > {rng.randint(1, 99)}:\n"
                f"        raise ValueError(f'{{limit}} {rng.choice(words.THINGS)}')\n"
                f"    return [{other}[i] for i in range({rng.randint(1, 9)})]\n\n\n"
            )
        out.append(block)
        length += len(block)
    return "".join(out).encode()[:size]


def json_text(rng: random.Random, size: int) -> bytes:
    rows = []
    length = 0
    while length < size:
        row = {
            "id": rng.randint(1, 10**6),
            "name": words.person(rng),
            "tags": rng.sample(words.THINGS, 3),
            rng.choice(words.CODE): rng.random(),
        }
        rows.append(row)
        length += 120
    return json.dumps(rows, indent=rng.choice((None, 2))).encode()


def html(rng: random.Random, size: int) -> bytes:
    out = [f"<!doctype html>\n<html><head><title>{words.stem(rng)}</title></head>\n<body>\n"]
    phrases = [words.prose(rng, 200) for _ in range(30)]
    length = 0
    while length < size:
        tag = rng.choice(("p", "p", "div", "li", "h2", "td"))
        out.append(f'<{tag} class="{rng.choice(words.CODE)}">{rng.choice(phrases)}</{tag}>\n')
        length += 230
    return "".join([*out, "</body></html>\n"]).encode()


def log_lines(rng: random.Random, size: int) -> bytes:
    day = words.date(rng)
    seconds = rng.randint(0, 40_000)
    phrases = [words.prose(rng, 60).replace("\n", " ") for _ in range(40)]
    out = []
    length = 0
    while length < size:
        seconds += rng.randint(0, 9)
        clock = f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        level = rng.choice(("INFO", "INFO", "INFO", "WARN", "DEBUG", "ERROR"))
        source = rng.choice(words.CODE)
        line = f"{day} {clock} {level} {source}[{rng.randint(100, 9999)}]: {rng.choice(phrases)}\n"
        out.append(line)
        length += len(line)
    return "".join(out).encode()


def settings(rng: random.Random, size: int) -> bytes:
    out = []
    while sum(map(len, out)) < min(size, 20_000):
        out.append(f"[{rng.choice(words.CODE)}]\n")
        out.extend(
            f"{rng.choice(words.CODE)}_{rng.choice(words.THINGS)} = {rng.randint(0, 4096)}\n"
            for _ in range(rng.randint(2, 9))
        )
    return "".join(out).encode()


def mail(rng: random.Random, size: int) -> bytes:
    """A message, sometimes with a base64 attachment."""
    sender, receiver = words.person(rng), words.person(rng)
    head = (
        f"From: {sender} <{sender.split()[0].lower()}@example.org>\nTo: {receiver}\n"
        f"Subject: {words.stem(rng)}\nDate: {words.date(rng)}\n"
        f"Message-ID: <{words.hash_name(rng, 24)}@example.org>\n\n"
    )
    body = words.prose(rng, min(size, 6_000))
    rest = max(0, size - len(body) - len(head))
    attached = b64encode(rng.randbytes(rest * 3 // 4)).decode() if rest > 3_000 else ""
    lines = "\n".join(attached[i : i + 76] for i in range(0, len(attached), 76))
    return f"{head}{body}\n\n{lines}\n".encode()


def key_text(rng: random.Random, size: int) -> bytes:
    data = b64encode(rng.randbytes(min(max(size, 300), 3_000))).decode()
    lines = "\n".join(data[i : i + 64] for i in range(0, len(data), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n".encode()


def _zipped(rng: random.Random, members: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    moment = (rng.randint(2019, 2025), rng.randint(1, 12), rng.randint(1, 28), 9, 30, 0)
    with zipfile.ZipFile(out, "w") as file:
        for name, data in members:
            is_packed = name.endswith((".jpeg", ".png", ".jpg")) or name == "mimetype"
            info = zipfile.ZipInfo(name, moment)
            info.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
            file.writestr(info, data)
    return out.getvalue()


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def _paragraphs(rng: random.Random, size: int, tag: str) -> str:
    phrases = [words.prose(rng, 240) for _ in range(100)]
    return "".join(f"<{tag}>{rng.choice(phrases)}</{tag}>" for _ in range(max(1, size // 300)))


def _office(rng: random.Random, size: int, folder: str, main: str, body: str) -> bytes:
    types = f"{_XML}<Types>{'<Override PartName=x/>' * rng.randint(5, 14)}</Types>"
    styles = "".join(f'<style id="{n}" name="{rng.choice(words.CODE)}"/>' for n in range(90))
    core = f"{_XML}<cp><creator>{words.person(rng)}</creator></cp>"
    members = [
        ("[Content_Types].xml", types.encode()),
        ("_rels/.rels", f"{_XML}<Relationships><R Id='rId1'/></Relationships>".encode()),
        (f"{folder}/{main}", f"{_XML}<document>{body}</document>".encode()),
        (f"{folder}/styles.xml", f"{_XML}<styles>{styles}</styles>".encode()),
        ("docProps/core.xml", core.encode()),
    ]
    left = size - len(body) // 4
    if left > 8_000 and rng.random() < 0.6:
        members.append((f"{folder}/media/image1.jpeg", media.jpeg(rng, left)))
    return _zipped(rng, members)


def docx(rng: random.Random, size: int) -> bytes:
    body = _paragraphs(rng, min(size * 2, 300_000), "w:p")
    return _office(rng, size, "word", "document.xml", body)


def xlsx(rng: random.Random, size: int) -> bytes:
    n_cells = min(size // 3, 40_000) + 20
    body = "".join(f'<c r="A{n}"><v>{rng.randint(0, 99999)}</v></c>' for n in range(n_cells))
    return _office(rng, size, "xl", "worksheets/sheet1.xml", body)


def pptx(rng: random.Random, size: int) -> bytes:
    return _office(rng, size, "ppt", "slides/slide1.xml", _paragraphs(rng, size // 3, "a:t"))


def odt(rng: random.Random, size: int) -> bytes:
    body = _paragraphs(rng, min(size * 2, 300_000), "text:p")
    kind = b"application/vnd.oasis.opendocument.text"
    members = [("mimetype", kind), ("content.xml", body.encode()), ("styles.xml", b"<s/>" * 300)]
    if size > 30_000:
        members.append(("Pictures/1.png", media.png(rng, size // 2)))
    return _zipped(rng, members)


def old_office(rng: random.Random, size: int) -> bytes:
    """A compound file as older programs wrote: little entropy at its head."""
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + bytes((62, 0, 3, 0, 254, 255, 9, 0))
    fat = b"".join(n.to_bytes(4, "little") for n in range(1, 120)) + b"\xff" * 600
    body = words.prose(rng, max(512, size // 2)).encode("utf-16-le")
    return (head.ljust(512, b"\xff") + fat + body).ljust(size, b"\0")


def zip_archive(rng: random.Random, size: int) -> bytes:
    members = []
    left = size
    while left > 0:
        part = rng.randint(500, max(600, min(left * 3, 200_000)))
        extension, maker = rng.choice((("txt", text), ("csv", table), ("jpg", media.jpeg)))
        data = maker(rng, part)
        members.append((f"{len(members):02} {words.stem(rng)}.{extension}", data))
        left -= part if extension == "jpg" else part // 3
    return _zipped(rng, members)


def tar(rng: random.Random, size: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        left = size
        while left > 0:
            data = rng.choice((text, code, table, media.jpeg))(rng, rng.randint(300, 40_000))
            info = tarfile.TarInfo(f"{rng.choice(words.PROJECTS)}/{words.code_stem(rng)}")
            info.size, info.mtime = len(data), 1_600_000_000 + rng.randrange(10**8)
            file.addfile(info, io.BytesIO(data))
            left -= len(data)
    return out.getvalue()


def _source(rng: random.Random, size: int) -> bytes:
    return rng.choice((tar, text, table, log_lines))(rng, min(size * 4, 1_500_000))


def gz(rng: random.Random, size: int) -> bytes:
    return gzip.compress(_source(rng, size), 6, mtime=1_600_000_000 + rng.randrange(10**8))


def xz(rng: random.Random, size: int) -> bytes:
    return lzma.compress(_source(rng, min(size, 60_000)), preset=0)


def bz(rng: random.Random, size: int) -> bytes:
    return bz2.compress(_source(rng, min(size, 100_000)))


def pdf(rng: random.Random, size: int) -> bytes:
    out = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    places = []
    while len(out) < size or not places:
        places.append(len(out))
        if rng.random() < 0.3 and size > 20_000:
            kind, data = "/Subtype/Image/Filter/DCTDecode", media.jpeg(rng, size // 4)
        else:
            kind, data = "/Filter/FlateDecode", zlib.compress(text(rng, rng.randint(1_000, 30_000)))
        head = f"{len(places)} 0 obj\n<<{kind}/Length {len(data)}>>\nstream\n"
        out += head.encode() + data + b"\nendstream\nendobj\n"
        out += f"{len(places)} 1 obj\n<</Type/Page/Contents {len(places)} 0 R>>\nendobj\n".encode()
    start = len(out)
    out += b"xref\n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"trailer\n<</Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (len(places), start))


def database(rng: random.Random, size: int) -> bytes:
    """An SQLite database."""
    with sqlite3.connect(":memory:") as base:
        base.execute("create table item (id integer primary key, name, note, data blob)")
        count = max(1, size // 300)
        rows = [
            (words.person(rng), words.prose(rng, 150), rng.randbytes(rng.choice((0, 20, 100))))
            for _ in range(min(count, 3_000))
        ]
        base.executemany("insert into item (name, note, data) values (?, ?, ?)", rows)
        base.commit()
        data = base.serialize()
    base.close()
    return data


def vault(rng: random.Random, size: int) -> bytes:
    """A password database: a short head, the rest encrypted."""
    head = bytes.fromhex("03d9a29a67fb4bb501000400") + bytes((2, 16, 0)) + rng.randbytes(180)
    return head + rng.randbytes(max(600, min(size, 200_000)))


def gpg(rng: random.Random, size: int) -> bytes:
    return bytes.fromhex("8c0d0409030a") + rng.randbytes(8) + b"\xff\xd2" + rng.randbytes(size)


def program(rng: random.Random, size: int) -> bytes:
    """An ELF file: heads, tables and instructions."""
    weights = [1 / (1 + n % 64) for n in range(256)]
    weights[0] = 30.0
    blocks = [bytes(rng.choices(range(256), weights, k=2_048)) for _ in range(8)]
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + bytes((3, 0, 62, 0, 1, 0, 0, 0)) + bytes(300)
    names = b"\0".join(f"{words.code_stem(rng)}_{n}".encode() for n in range(40))
    body = b"".join(rng.choices(blocks, k=size // 2_048 + 1))
    return head + names + body[:size]


def numbers(rng: random.Random, size: int) -> bytes:
    """Floating point numbers that drift, as measurements do."""
    import array

    value = rng.uniform(-10, 10)
    found = array.array("d")
    for _ in range(size // 8):
        value += rng.gauss(0, 0.01)
        found.append(value)
    return b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'}".ljust(128) + found.tobytes()


def data_file(rng: random.Random, size: int) -> bytes:
    return rng.choice((numbers, few_symbols, few_symbols, random_bytes))(rng, size)


def columns(rng: random.Random, size: int) -> bytes:
    """A columnar file: packed pages between plain words."""
    out = bytearray(b"PAR1")
    while len(out) < size:
        out += b"\x15\x04\x15" + rng.choice(words.CODE).encode()
        out += zlib.compress(table(rng, rng.randint(4_000, 60_000)), 3)
    return bytes(out + b"PAR1")


def nameless(rng: random.Random, size: int) -> bytes:
    """What a file without extension may hold."""
    return rng.choice((settings, text, json_text, gz, random_bytes, table))(rng, size)


def packed(rng: random.Random, size: int) -> bytes:
    return bytes.fromhex("377abcaf271c0004") + rng.randbytes(size)


def random_bytes(rng: random.Random, size: int) -> bytes:
    return rng.randbytes(size)


MAKERS: dict[str, Maker] = {
    "txt": text, "md": text, "rst": text, "tex": text, "rtf": text, "srt": text, "csv": table,
    "tsv": table, "sql": code, "py": code, "c": code, "h": code, "cpp": code, "js": code,
    "ts": code, "java": code, "go": code, "rs": code, "sh": code, "css": code, "json": json_text,
    "geojson": json_text, "ipynb": json_text, "html": html, "htm": html, "xml": html, "svg": html,
    "php": html, "log": log_lines, "ini": settings, "cfg": settings, "conf": settings,
    "yaml": settings, "toml": settings, "eml": mail, "vcf": mail, "ics": mail, "mbox": mail,
    "pem": key_text, "crt": key_text, "docx": docx, "xlsx": xlsx, "pptx": pptx, "odt": odt,
    "ods": odt, "doc": old_office, "xls": old_office, "ppt": old_office, "msg": old_office,
    "zip": zip_archive, "jar": zip_archive, "epub": zip_archive, "tar": tar, "gz": gz, "tgz": gz,
    "xz": xz, "bz2": bz, "pdf": pdf, "db": database, "sqlite": database, "kdbx": vault,
    "gpg": gpg, "exe": program, "so": program, "o": program, "bin": program, "npy": numbers,
    "dat": data_file, "parquet": columns, "woff2": random_bytes, "png": media.png,
    "jpg": media.jpeg, "jpeg": media.jpeg, "JPG": media.jpeg, "gif": media.gif,
    "webp": media.webp, "heic": media.heic, "nef": media.raw, "psd": media.raw, "tif": media.raw,
    "mp3": media.mp3, "m4a": media.mp4, "flac": media.flac, "wav": media.wav, "mp4": media.mp4,
    "mov": media.mp4, "mkv": media.mkv, "avi": media.mkv, "dwg": media.drawing,
    "blend": media.drawing, "": nameless,
    "7z": packed, "lnk": old_office, "jsonl": json_text, "odp": odt, "br": random_bytes,
}  # fmt: skip


def content(extension: str, rng: random.Random, size: int) -> bytes:
    """What a file of this extension holds; text when the extension is unknown."""
    return MAKERS.get(extension, text)(rng, size) if size else b""
