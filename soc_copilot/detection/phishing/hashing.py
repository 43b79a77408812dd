"""N-grams and words of texts as rows of a table, many texts at a time.

A sample is a few fields (host, path, ...), each a bag of rows: what stands in a field counts
by its share of the bag, so that nothing grows with a text's length.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int32]
Floats32 = npt.NDArray[np.float32]

_ROLL: Final = np.uint32(0x01000193)  # FNV's prime
_SPREAD: Final = np.uint32(0x9E3779B1)  # of Knuth's multiplicative hashing
_SPREAD_2: Final = np.uint32(0x2C1B3C6D)


@dataclass(frozen=True, slots=True)
class Bags:
    """Rows of a few samples, sample by sample and field by field.

    Attributes:
        rows: Table rows, int32.
        offsets: int64, shape (n_samples * n_fields + 1,): where each bag begins, and the end.
    """

    rows: Rows
    offsets: npt.NDArray[np.int64]


@dataclass(slots=True)
class Gathered:
    """What is known of one sample before hashing.

    Attributes:
        texts: (field, view, text, shortest, longest): n-grams of these lengths are taken.
        words: (field, word): hashed whole.
        dense: Numbers of a fixed order.
    """

    texts: list[tuple[int, int, str, int, int]] = field(default_factory=list)
    words: list[tuple[int, str]] = field(default_factory=list)
    dense: list[float] = field(default_factory=list)


def bags(samples: Sequence[Gathered], n_fields: int, bits: int) -> Bags:
    """Hash samples.

    Args:
        samples: Any number.
        n_fields: Fields are 0 to this.
        bits: The table has 2**bits rows.
    """
    mixed, where = [], []
    for hashes, bag in (_words(samples, n_fields), *_grams(samples, n_fields)):
        mixed.append(hashes)
        where.append(bag)
    all_hashes, all_bags = np.concatenate(mixed), np.concatenate(where)
    order = np.argsort(all_bags, kind="stable")
    rows = _rows(all_hashes[order], bits)
    counts = np.bincount(all_bags, minlength=len(samples) * n_fields)
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return Bags(rows, offsets)


def rows_of_words(words: Sequence[tuple[int, str]], bits: int) -> Rows:
    """Table rows of hashed words, for explanations."""
    found = [zlib.crc32(word.encode("utf-8", "replace"), number) for number, word in words]
    return _rows(np.array(found, np.uint32), bits)


def _rows(hashes: npt.NDArray[np.uint32], bits: int) -> Rows:
    rows: Rows = (_mix(hashes) >> np.uint32(32 - bits)).astype(np.int32)
    return rows


def _mix(hashes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    hashes = hashes * _SPREAD
    hashes ^= hashes >> np.uint32(15)
    mixed: npt.NDArray[np.uint32] = hashes * _SPREAD_2
    return mixed


def _words(
    samples: Sequence[Gathered], n_fields: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    crc32 = zlib.crc32
    found = [
        crc32(word.encode("utf-8", "replace"), number)
        for sample in samples
        for number, word in sample.words
    ]
    fields = [number for sample in samples for number, _ in sample.words]
    counts = [len(sample.words) for sample in samples]
    firsts = np.repeat(np.arange(len(samples), dtype=np.int64) * n_fields, counts)
    return np.array(found, np.uint32), firsts + np.array(fields, np.int64)


def _grams(
    samples: Sequence[Gathered], n_fields: int
) -> list[tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]]:
    """Hashes of n-grams, and their bags; nothing for no text."""
    texts, bag_of, salts, shortest, longest = [], [], [], [], []
    for i, sample in enumerate(samples):
        for number, view, text, least, most in sample.texts:
            texts.append(text.encode("utf-8", "replace"))
            bag_of.append(i * n_fields + number)
            salts.append(view)
            shortest.append(least)
            longest.append(most)
    if not texts:
        return []
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    most = max(longest)
    data = np.frombuffer(b"".join(texts) + bytes(most), np.uint8).astype(np.uint32) + 1
    owner = np.repeat(np.arange(len(texts)), sizes)
    left = np.cumsum(sizes)[owner] - np.arange(len(owner))
    bag_at = np.array(bag_of, np.int64)[owner]
    salt_at = np.array(salts, np.uint32)[owner]
    least_at, most_at = np.array(shortest)[owner], np.array(longest)[owner]
    rolled = np.empty((most, len(owner)), np.uint32)
    rolled[0] = data[: len(owner)]
    for size in range(1, most):
        rolled[size] = rolled[size - 1] * _ROLL + data[size : size + len(owner)]
    lengths = np.arange(1, most + 1)[:, None]
    whole = (lengths <= np.minimum(left, most_at)) & (lengths >= least_at)
    turns = lengths.astype(np.uint32) * _SPREAD
    salted = rolled ^ (salt_at * _SPREAD_2 + turns)
    return [(salted[whole], np.broadcast_to(bag_at, whole.shape)[whole])]


def dense(samples: Sequence[Gathered]) -> Floats32:
    """The numbers of samples, shape (n_samples, n_numbers)."""
    return np.array([sample.dense for sample in samples], np.float32)
