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
_LETTERS_BAND: Final = 4.0  # standard deviations on either side of chance in letters, chosen
# chosen: code and prose have at most 5.6 bits per byte, CJK in UTF-8 about 6
_TEXT_BITS: Final = (5.8, 7.0)
_TEXT_BYTES: Final = 512.0
_LETTERS_BYTES: Final = 256.0  # chosen: shorter, text is as close


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


_BYTES_MEAN: Final = _expected(256)
_BYTES_SPREAD: Final = _spread(256, 0.075)

# Alphabets that binary content is written in: Base64, Base32, hexadecimal, Ascii85.
_ALPHABETS: Final = (64, 32, 16, 85)
_LETTERS_MEAN: Final = np.stack([_expected(n) for n in _ALPHABETS])
_LETTERS_SPREAD: Final = np.stack([_spread(n, 0.11) for n in _ALPHABETS])
# By which line ends every 60 to 80 letters raise it: least and most bits per byte, computed from
# the share of line ends; the most for Base64 holds CR LF and the first line of an armour.
_LINES: Final = np.array([[0.0, 0.055], [0.034, 0.039], [0.046, 0.056], [0.0, 0.03]])
# chosen: certificates look like Base64; some texts and programs have as much as the others
_LETTERS_WEIGHT: Final = np.array([0.8, 0.5, 0.7, 0.6])
_LINES_WEIGHT: Final = np.array([0.8, 0.4, 0.4, 0.6])


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
    return max(share, letters(entropy, n))


@compiled
def letters(entropy: float, n: float) -> float:
    """How much a content looks like chance in Base64, Base32, hexadecimal or Ascii85.

    Args:
        entropy: Bits per byte of its head.
        n: Bytes in that head.

    Returns:
        [0, 1]; with or without line ends. Of a single file it is no proof.
    """
    share = 0.0
    if n < _LETTERS_BYTES or np.isnan(entropy):
        return share
    for i in range(len(_ALPHABETS)):
        above = entropy - _between(_LETTERS_MEAN[i], n)
        band = _LETTERS_BAND * _between(_LETTERS_SPREAD[i], n)
        if abs(above) <= band:
            share = max(share, _LETTERS_WEIGHT[i])
        elif _LINES[i, 0] - band <= above <= _LINES[i, 1] + band:
            share = max(share, _LINES_WEIGHT[i])
    return share


@compiled
def unlike_text(entropy: float, n: float) -> float:
    """How much a content has more entropy than a person's or a program's text.

    Weak ciphers and encryption of parts end between text and chance.

    Args:
        entropy: Bits per byte of its head.
        n: Bytes in that head.

    Returns:
        [0, 1].
    """
    if n < _TEXT_BYTES or np.isnan(entropy):
        return 0.0
    return min(max((entropy - _TEXT_BITS[0]) / (_TEXT_BITS[1] - _TEXT_BITS[0]), 0.0), 1.0)


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
