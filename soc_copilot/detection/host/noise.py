"""How close a content's entropy is to that of chance."""

from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.compiled import compiled

_LENGTHS: Final = 2.0 ** np.arange(5, 17)  # 32 bytes to 64 KiB
MIN_BYTES: Final = 32  # chosen: below, chance and text cannot be told apart

SURE: Final = 2.5  # standard deviations below chance that chance itself reaches once in 160 files
_DOUBTFUL: Final = 1.5  # measured: PNG files lie just below, chance itself once in 15 files
_NEVER: Final = 12.0  # measured: half of all PNG files and nearly all JPEG ones lie below that
_LETTERS_BAND: Final = 8.0  # standard deviations, chosen
_LETTERS_BITS: Final = 0.06  # measured: line ends in Base64 raise it by half of that


def _expected(alphabet: int) -> npt.NDArray[np.float64]:
    """Mean entropy in bits per byte of so many random letters, for each of `_LENGTHS`.

    Each letter's count is binomial, and entropy is a sum over letters.
    """
    found = []
    for n in _LENGTHS:
        counts = np.arange(1, int(min(n, 12 * n / alphabet + 60)) + 1)
        odds = np.log(1 / alphabet), np.log1p(-1 / alphabet)
        ways = np.cumsum(np.log((n - counts + 1) / counts))
        chance = np.exp(ways + counts * odds[0] + (n - counts) * odds[1])
        found.append(-alphabet * float(np.sum(chance * (counts / n) * np.log2(counts / n))))
    return np.array(found)


def _spread(alphabet: int, least: float) -> npt.NDArray[np.float64]:
    """Its standard deviation: asymptotic, and `least` bits for few bytes (measured)."""
    asymptotic = np.sqrt(2 * (alphabet - 1)) / (2 * _LENGTHS * np.log(2))
    spread: npt.NDArray[np.float64] = np.minimum(asymptotic, least)
    return spread


_LETTERS_WEIGHT: Final = 0.8  # chosen: certificates and keys look so, too

_BYTES_MEAN: Final = _expected(256)
_BYTES_SPREAD: Final = _spread(256, 0.075)
_BASE64_MEAN: Final = _expected(64)
_BASE64_SPREAD: Final = _spread(64, 0.11)


@compiled
def _between(table: npt.NDArray[np.float64], n: float) -> float:
    """The table's value at a length, linear in its logarithm."""
    at = min(max(np.log2(n) - 5.0, 0.0), len(table) - 1.0)
    low = min(int(at), len(table) - 2)
    share = at - low
    value: float = table[low] * (1.0 - share) + table[low + 1] * share
    return value


@compiled
def distance(entropy: float, n: float) -> float:
    """Standard deviations by which an entropy lies below that of n random bytes."""
    return (_between(_BYTES_MEAN, n) - entropy) / _between(_BYTES_SPREAD, n)


@compiled
def unreadable(entropy: float, n: float) -> float:
    """How much a content looks like chance, or like chance written in letters.

    Args:
        entropy: Bits per byte of its head.
        n: Bytes in that head.

    Returns:
        [0, 1]: 1 where chance would lie; 0 where compressed pictures and text do, or where it
        is too short to tell.
    """
    if n < MIN_BYTES or np.isnan(entropy):
        return 0.0
    below = distance(entropy, n)
    share = min(max((_NEVER - below) / (_NEVER - SURE), 0.0), 1.0)
    if n >= 256.0:  # shorter, text is as close
        band = max(_LETTERS_BAND * _between(_BASE64_SPREAD, n), _LETTERS_BITS)
        base64 = abs(_between(_BASE64_MEAN, n) - entropy) / band
        share = max(share, _LETTERS_WEIGHT * (1.0 - base64))
    return share


@compiled
def surely_noise(entropy: float, n: float) -> float:
    """How surely a content is chance, and not one of the formats that come near to it.

    Of a single file it says little; summed over files it tells encryption from compression.

    Args:
        entropy: Bits per byte of its head.
        n: Bytes in that head.

    Returns:
        [0, 1]; about 0.8 on the average of chance, under 0.2 for most pictures and archives.
    """
    if n < MIN_BYTES or np.isnan(entropy):
        return 0.0
    return min(max((_DOUBTFUL - distance(entropy, n)) / _DOUBTFUL, 0.0), 1.0)
