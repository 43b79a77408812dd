"""What simulated attacks make of contents: strong and weak ciphers, armour, kept parts.

Every key comes from the recording's own source of chance, so that a recording can be made again.
"""

import base64
import bz2
import lzma
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher as Machine
from cryptography.hazmat.primitives.ciphers import algorithms, modes

STREAMS: Final = ("aes_ctr", "chacha20", "keystream")  # as long as what goes in
STRONG: Final = (*STREAMS, "aes_cbc")
_BLOCK: Final = 16

Stream = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Cipher:
    """One attack's way of making contents unreadable.

    Attributes:
        kind: One of `STRONG`, or a weak one: xor_byte, xor_key, substitute.
        rng: Gives keys and nonces.
        header_bytes: Put before sealed contents, as wrapped keys are.
        footer_bytes: Put after them.
    """

    kind: str
    rng: random.Random
    header_bytes: int = 0
    footer_bytes: int = 0

    def stream(self) -> Stream:
        """A function for one content, piece by piece, that keeps lengths."""
        if self.kind in {"aes_ctr", "aes_cbc"}:
            mode = modes.CTR(self.rng.randbytes(_BLOCK))
            return Machine(algorithms.AES(self.rng.randbytes(32)), mode).encryptor().update
        if self.kind == "chacha20":
            algorithm = algorithms.ChaCha20(self.rng.randbytes(32), self.rng.randbytes(16))
            return Machine(algorithm, mode=None).encryptor().update
        if self.kind == "keystream":
            return lambda data: _xor(data, self.rng.randbytes(len(data)))
        return self._weak()

    def _weak(self) -> Stream:
        """The ciphers that leave the entropy as it was, or nearly."""
        if self.kind == "xor_byte":
            key = self.rng.randrange(1, 256)
            table = bytes(value ^ key for value in range(256))
            return lambda data: data.translate(table)
        if self.kind == "substitute":
            shuffled = list(range(256))
            self.rng.shuffle(shuffled)
            return lambda data: data.translate(bytes(shuffled))
        key_bytes = self.rng.randbytes(self.rng.choice((2, 3, 4, 8, 16, 32)))
        return lambda data: _xor(data, (key_bytes * (len(data) // len(key_bytes) + 1))[: len(data)])

    def seal(self, data: bytes) -> bytes:
        """Contents sealed as a whole, header and footer added."""
        if self.kind == "aes_cbc":
            padded = data + bytes([_BLOCK - len(data) % _BLOCK]) * (_BLOCK - len(data) % _BLOCK)
            mode = modes.CBC(self.rng.randbytes(_BLOCK))
            body = Machine(algorithms.AES(self.rng.randbytes(32)), mode).encryptor().update(padded)
        else:
            body = self.stream()(data)
        header, footer = (
            self.rng.randbytes(self.header_bytes),
            self.rng.randbytes(self.footer_bytes),
        )
        return header + body + footer


def draw_cipher(rng: random.Random, kinds: tuple[str, ...]) -> Cipher:
    """A cipher of one of these kinds, with or without wrapped keys around contents."""
    header = rng.choice((0, 0, 0, 16, 32, 256, 512))
    footer = rng.choice((0, 0, 0, 32, 128, 256, 534))
    return Cipher(rng.choice(kinds), rng, header, footer)


def _xor(data: bytes, key: bytes) -> bytes:
    """Bytes against a key of the same length."""
    mixed: bytes = (np.frombuffer(data, np.uint8) ^ np.frombuffer(key, np.uint8)).tobytes()
    return mixed


def armoured(data: bytes, kind: str) -> bytes:
    """Bytes as text: base64 (one line), lines, armour (with first and last line), hex, base85."""
    if kind == "hex":
        return data.hex().encode()
    if kind == "base85":
        return base64.b85encode(data)
    if kind == "base32":
        return base64.b32encode(data)
    if kind == "base64":
        return base64.b64encode(data)
    lines = base64.encodebytes(data)
    return lines if kind == "lines" else b"-----BEGIN DATA-----\n\n%b-----END DATA-----\n" % lines


ARMOURS: Final = ("base64", "lines", "armour", "hex", "base85", "base32")


def packed(data: bytes, kind: str) -> bytes:
    """Bytes compressed: zlib, bz2 or lzma."""
    if kind == "bz2":
        return bz2.compress(data, 5)
    return lzma.compress(data, preset=1) if kind == "lzma" else zlib.compress(data, 6)


PACKINGS: Final = ("zlib", "bz2", "lzma")


def parts(size: int, kind: str, rng: random.Random, block: int) -> list[tuple[int, int]]:
    """Which stretches of a content are sealed: (start, end) in bytes, in order.

    Args:
        size: Of the content.
        kind: head, alternate, ends, skip_head, random, tenths or all.
        rng: For `random` alone.
        block: Bytes in a block; the head's length, too.
    """
    if kind == "head":
        spans = [(0, block)]
    elif kind == "ends":
        spans = [(0, block), (max(block, size - block), size)]
    elif kind == "skip_head":
        spans = [(4096, size)]
    elif kind == "alternate":
        spans = [(at, at + block) for at in range(0, size, 2 * block)]
    elif kind == "random":
        spans = [(at, at + block) for at in range(0, size, block) if at == 0 or rng.random() < 0.4]
    elif kind == "tenths":
        part = max(1, min(block, size // 20))
        spans = [(size * n // 10, size * n // 10 + part) for n in range(10)]
    else:
        spans = [(0, size)]
    return [(start, min(end, size)) for start, end in spans if start < min(end, size)]
