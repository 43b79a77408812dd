"""Contents of pictures, sound and films: right heads and tables, coded data as random as theirs."""

import random
import struct
import zlib

# The quantisation and Huffman tables that most cameras and programs write. ITU-T T.81, Annex K.
_ZIGZAG_QUANTISATION = bytes(
    (16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35,
     37, 29, 40, 58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109,
     81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99)
)  # fmt: skip
_DC = bytes((0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, *range(12)))
_AC = bytes.fromhex(
    "0002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c115"
    "52d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a63"
    "6465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5"
    "b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
)


def _segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def exif(rng: random.Random, thumbnail: bytes = b"") -> bytes:
    """A camera's notes, with room to spare as cameras leave it."""
    make = rng.choice((b"Acme", b"Lumo", b"Pixelworks")).ljust(24, b"\0")
    tags = b"".join(
        struct.pack("<HHII", 0x0100 + n, rng.randint(2, 5), 1, rng.randint(0, 4000))
        for n in range(rng.randint(12, 40))
    )
    notes = bytes(rng.choices(range(256), [60] + [1] * 255, k=rng.choice((0, 200, 2_000, 6_000))))
    return b"Exif\0\0II*\0\x08\0\0\0" + make + tags + notes + thumbnail


def jpeg(rng: random.Random, size: int, *, nested: bool = True) -> bytes:
    """A baseline picture; the coded part is noise that decoders take."""
    out = bytearray(b"\xff\xd8")
    shape = rng.random()
    if shape < 0.4 or not nested:
        out += _segment(0xE0, b"JFIF\0\x01\x01\0\0\x48\0\x48\0\0")
    else:
        thumbnail = jpeg(rng, rng.randint(2_000, 9_000), nested=False) if shape < 0.75 else b""
        out += _segment(0xE1, exif(rng, thumbnail)[:65_000])
    scale = rng.uniform(0.2, 1.2)
    table = bytes(max(1, min(255, round(v * scale))) for v in _ZIGZAG_QUANTISATION)
    out += _segment(0xDB, b"\0" + table)
    blocks = max(4, size // 40)  # a random block takes about as many bytes
    width = max(8, int((blocks * 64) ** 0.5 * rng.uniform(0.8, 1.6)) // 8 * 8)
    height = max(8, blocks * 64 // width // 8 * 8)
    out += _segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\0")
    out += _segment(0xC4, b"\0" + _DC) + _segment(0xC4, b"\x10" + _AC)
    out += _segment(0xDA, b"\x01\x01\0\0\x3f\0")
    coded = rng.randbytes(max(64, size - len(out)))
    return bytes(out + coded.replace(b"\xff", b"\xff\0") + b"\xff\xd9")


def png(rng: random.Random, size: int) -> bytes:
    """A picture like a screen's (flat, few colours) or a photograph's (noise)."""
    is_flat = rng.random() < 0.5
    raw_size = max(3_000, min(size * (9 if is_flat else 2), 2_000_000))
    width = max(16, int((raw_size / 3) ** 0.5))
    row = width * 3
    levels = rng.choice((4, 8, 16, 32))
    squeeze = bytes(n % levels * (256 // levels) for n in range(256))
    rows = []
    line = bytes(row)
    for _ in range(width):
        if is_flat:
            if rng.random() < 0.3:
                run = rng.randint(4, row)
                line = (rng.randbytes(3) * row)[:run] + rng.randbytes(row).translate(squeeze)
                line = line[:row] if rng.random() < 0.3 else (rng.randbytes(3) * width)
        else:
            line = rng.randbytes(row).translate(squeeze)
        rows.append(b"\0" + line)
    head = struct.pack(">IIBBBBB", width, width, 8, 2, 0, 0, 0)
    data = zlib.compress(b"".join(rows), rng.choice((1, 6)))
    extra = _chunk(b"tEXt", b"Software\0Viewer") if rng.random() < 0.5 else b""
    parts = (_chunk(b"IHDR", head), extra, _chunk(b"IDAT", data), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def gif(rng: random.Random, size: int) -> bytes:
    palette = b"".join(bytes((n, n // 2, 255 - n)) for n in range(256))
    head = b"GIF89a" + struct.pack("<HHBBB", 320, 240, 0xF7, 0, 0)
    blocks = [b"\xff" + rng.randbytes(255) for _ in range(size // 256 + 1)]
    return head + palette + b",\0\0\0\0\x40\x01\xf0\0\0\x08" + b"".join(blocks) + b"\0;"


def webp(rng: random.Random, size: int) -> bytes:
    head = b"RIFF" + struct.pack("<I", size + 12) + b"WEBPVP8 " + struct.pack("<I", size)
    return head + rng.randbytes(size)


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data) + 8) + kind + data


def _tables(rng: random.Random, count: int) -> bytes:
    sizes = b"".join(struct.pack(">I", rng.randint(200, 9_000)) for _ in range(count))
    places = b"".join(struct.pack(">I", 4_096 + n * 5_000) for n in range(count))
    return _box(b"stsz", sizes) + _box(b"stco", places) + _box(b"mvhd", bytes(100))


def mp4(rng: random.Random, size: int) -> bytes:
    """Sound or film; its tables lie before or behind the data."""
    kind = _box(b"ftyp", rng.choice((b"isom", b"mp42", b"M4A ", b"qt  ")) + b"\0\0\2\0isomiso2")
    tables = _box(b"moov", _tables(rng, max(10, size // 3_000)))
    data = _box(b"mdat", rng.randbytes(max(64, size - len(tables))))
    return kind + (tables + data if rng.random() < 0.5 else data + tables)


def heic(rng: random.Random, size: int) -> bytes:
    return (
        _box(b"ftyp", b"heic\0\0\0\0mif1heic")
        + _box(b"meta", _tables(rng, 40))
        + _box(b"mdat", rng.randbytes(size))
    )


def mkv(rng: random.Random, size: int) -> bytes:
    head = bytes.fromhex("1a45dfa3a3428681014287810442f7810142f2810442f381084282886d6174726f736b61")
    seek = bytes(rng.choices(range(256), [9] + [1] * 255, k=600))
    clusters = [
        b"\x1f\x43\xb6\x75" + struct.pack(">Q", n * 1000) + rng.randbytes(20_000)
        for n in range(size // 20_000 + 1)
    ]
    return head + seek + b"".join(clusters)[:size]


def id3(rng: random.Random, padding: int | None = None) -> bytes:
    """A song's label, sometimes with its cover."""
    title = f"{rng.getrandbits(30):x} song".encode()
    frames = b"TIT2" + struct.pack(">IH", len(title) + 1, 0) + b"\3" + title
    if rng.random() < 0.4:
        cover = jpeg(rng, rng.randint(4_000, 30_000), nested=False)
        frames += b"APIC" + struct.pack(">IH", len(cover) + 13, 0) + b"\0image/jpeg\0\3\0" + cover
    frames += bytes(rng.choice((0, 256, 1_024, 4_096)) if padding is None else padding)
    n = len(frames)
    length = bytes((n >> 21 & 127, n >> 14 & 127, n >> 7 & 127, n & 127))
    return b"ID3\x03\0\0" + length + frames


def mp3(rng: random.Random, size: int) -> bytes:
    sound = bytearray()
    while len(sound) < size:
        silence = bytes(rng.randint(0, 40))
        sound += b"\xff\xfb\x90\x64" + bytes(8) + rng.randbytes(405 - len(silence)) + silence
    return id3(rng) + bytes(sound)


def flac(rng: random.Random, size: int) -> bytes:
    notes = b"\x04\0\1\0" + b"vendor reference ARTIST=someone ALBUM=songs".ljust(256, b"\0")
    return b"fLaC\0\0\0\x22" + rng.randbytes(34) + notes + rng.randbytes(size)


def wav(rng: random.Random, size: int) -> bytes:
    """Uncompressed sound: a wandering wave of 16-bit samples."""
    value = 0
    frame = bytearray()
    for _ in range(min(size // 2, 20_000)):
        value = max(-20_000, min(20_000, value + rng.randint(-400, 400)))
        frame += struct.pack("<h", value)
    data = bytes(frame) * max(1, size // max(1, len(frame)))
    return b"RIFF" + struct.pack("<I", len(data) + 36) + b"WAVEfmt " + bytes(20) + b"data" + data


def raw(rng: random.Random, size: int) -> bytes:
    """A camera's raw picture: tables, a small preview, 12-bit samples."""
    tags = b"".join(struct.pack("<HHII", 0x0100 + n, 4, 1, n * 64) for n in range(60))
    samples = bytearray(rng.randbytes(size))
    samples[1::2] = bytes(n & 0x0F for n in samples[1::2])
    return b"II*\0\x08\0\0\0" + tags + bytes(rng.choice((0, 512, 3_000))) + bytes(samples)


def drawing(rng: random.Random, size: int) -> bytes:
    """A drawing program's file: records of numbers, half of them alike."""
    weights = [40] + [3] * 64 + [1] * 191
    blocks = [bytes(rng.choices(range(256), weights, k=1_024)) for _ in range(10)]
    return b"AC1032\0\0\0\0".ljust(128, b"\0") + b"".join(rng.choices(blocks, k=size // 1_024 + 1))
