"""Which runs of four bytes a group of lines has, so that a search can pass over groups.

A table of bits, one for each hash of four bytes of the lines in lower case. A text can only
be in the group if the bits of all its own runs are set; that they are is no proof.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl

GRAM_BYTES: Final = 4  # chosen: three are nearly all there in any group, five fill the table
BITS: Final = 18  # chosen: 32 KiB a group, of which 131,072 access-log lines set 16%
FILL: Final = 0.25  # chosen: share of set bits up to which a table is made smaller
_MIX: Final = np.uint32(0x9E3779B1)  # Knuth's multiplicative hashing, 2**32 by the golden ratio
_SLICE_BYTES: Final = 4 << 20  # chosen: lines taken at once, to bound memory


@dataclass(frozen=True, slots=True)
class GramTable:
    """The set of runs in a group of lines; says yes too often, never no wrongly."""

    bits: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, lines: pl.Series) -> Self:
        """The table of these lines (String, without nulls)."""
        bits: npt.NDArray[np.bool_] = np.zeros(1 << BITS, dtype=np.bool_)
        for text in _texts(lines):
            bits[_hashes(text, BITS)] = True
        # A bit's place is the upper part of a hash, so neighbours become one in half a table.
        while bits.size > 8:
            half: npt.NDArray[np.bool_] = bits[::2] | bits[1::2]
            if half.mean() > FILL:
                break
            bits = half
        return cls(bits)

    def may_have(self, text: str) -> bool:
        """False when no line can have this text in any ASCII case.

        Runs with a character outside ASCII are not asked for: how those fold is left to
        whoever compares.
        """
        n_bits = self.bits.size.bit_length() - 1
        wanted = text.encode("utf-8", "surrogatepass").lower()  # of bytes: ASCII only
        for piece in _ascii_runs(wanted):
            if len(piece) >= GRAM_BYTES and not self.bits[_hashes(piece, n_bits)].all():
                return False
        return True

    def pack(self) -> str:
        """The table as text, for a file's footer."""
        return base64.b64encode(np.packbits(self.bits).tobytes()).decode()

    @classmethod
    def unpack(cls, text: str) -> Self:
        """A table from its text.

        Raises:
            ValueError: The text is none.
        """
        packed = np.frombuffer(base64.b64decode(text), dtype=np.uint8)
        if packed.size.bit_count() != 1 or packed.size > (1 << BITS) // 8:
            raise ValueError(f"A table of grams has {packed.size} bytes.")
        return cls(np.unpackbits(packed).astype(np.bool_))


def _texts(lines: pl.Series) -> Iterator[bytes]:
    """The lines in ASCII lower case, joined, in slices."""
    if not len(lines):
        return
    total = int(lines.str.len_bytes().sum()) or 1
    rows = max(len(lines) * _SLICE_BYTES // total, 1)
    for start in range(0, len(lines), rows):
        joined = lines.slice(start, rows).str.join("\n").item()
        yield joined.encode().lower()


def _hashes(text: bytes, n_bits: int) -> npt.NDArray[np.uint32]:
    """Table places of all runs of a text, each once or more."""
    found = []
    for start in range(GRAM_BYTES):
        n_runs = (len(text) - start) // GRAM_BYTES
        if n_runs > 0:
            runs = np.frombuffer(text, dtype="<u4", count=n_runs, offset=start)
            found.append((runs * _MIX) >> np.uint32(32 - n_bits))
    return np.concatenate(found) if found else np.empty(0, dtype=np.uint32)


def _ascii_runs(text: bytes) -> Iterator[bytes]:
    run = bytearray()
    for byte in text:
        if byte < 0x80:
            run.append(byte)
        elif run:
            yield bytes(run)
            run.clear()
    if run:
        yield bytes(run)
