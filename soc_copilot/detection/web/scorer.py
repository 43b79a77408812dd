"""Scores for texts: distinct ones once, those met before not at all."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from soc_copilot.detection.web.classes import N_MODEL_CLASSES, NAMES, OTHER
from soc_copilot.detection.web.model import Shape, WebNet, forward, from_tensors, grams
from soc_copilot.detection.web.normalise import PAD, normalise, pack_joined
from soc_copilot.detection.weights import load_model
from soc_copilot.domain.errors import DetectorError

if TYPE_CHECKING:
    from soc_copilot.detection.web.fast import Fast

Floats = npt.NDArray[np.float32]
Kinds = npt.NDArray[np.uint8]
Keys = npt.NDArray[np.uint64]

MAX_TEXT_CHARS: Final = 1 << 20  # chosen: a longer text is read at both ends
_CHUNK_BYTES: Final = 1 << 20  # chosen: texts per pass of the network, bounds its memory
_CACHE_BITS: Final = 19  # half a million places, 7 MB, chosen
_FEW: Final = 64  # chosen: texts taken one by one instead of as a column
_KEY_BYTES: Final = 8  # of a text's hash: keys are uint64
_SURE: Final = 0.5  # chosen: a class less likely than this is "other"


class ScoreCache:
    """Remembers the scores of the texts met last, in a table of fixed size.

    Each text has two places, given by its hash; it takes the second when another text holds
    the first, and whatever was there is forgotten. The hash's seed is secret and new in every
    process, so nobody can craft a text that takes the score of another.
    """

    def __init__(self) -> None:
        self._keys = np.zeros(1 << _CACHE_BITS, np.uint64)
        self._logits = np.zeros(1 << _CACHE_BITS, np.float32)
        self._kinds = np.zeros(1 << _CACHE_BITS, np.uint8)

    def look_up(self, keys: Keys) -> tuple[npt.NDArray[np.bool_], Floats, Kinds]:
        """Whether each key is known, and what is known of it."""
        first, second = _places(keys)
        places = np.where(self._keys[first] == keys, first, second)
        return self._keys[places] == keys, self._logits[places], self._kinds[places]

    def remember(self, keys: Keys, logits: Floats, kinds: Kinds) -> None:
        """Put scores in; the keys are distinct."""
        first, second = _places(keys)
        places = np.where(self._keys[first] == 0, first, second)
        # Of two keys for one place NumPy keeps the last, in all three arrays alike.
        self._keys[places] = keys
        self._logits[places] = logits
        self._kinds[places] = kinds


def _places(keys: Keys) -> tuple[Keys, Keys]:
    return keys & np.uint64((1 << _CACHE_BITS) - 1), keys >> np.uint64(64 - _CACHE_BITS)


@dataclass(frozen=True, slots=True)
class Calibration:
    """From the network's logit to a probability: sigmoid(slope * logit + offset)."""

    slope: float = 1.0
    offset: float = 0.0

    def score(self, logits: Floats) -> Floats:
        """Scores in [0, 1], NaN where the logit is."""
        steep = np.clip(logits * self.slope + self.offset, -30.0, 30.0)
        chance: Floats = (1.0 / (1.0 + np.exp(-steep))).astype(np.float32)
        return chance


class Scorer:
    """The trained network behind a cache."""

    def __init__(self, net: WebNet, device: str = "cpu") -> None:
        self.net = net.to(device).eval()
        self._seed = secrets.randbits(64)
        self._key = secrets.token_bytes(16)
        self._cache = ScoreCache()

    def logits(self, texts: pl.Series) -> tuple[Floats, Kinds]:
        """Attack logits and class numbers of a column of texts; NaN and "other" for null.

        Results do not depend on how texts are grouped into calls (tolerance 1e-5).
        """
        # hash() is a pure function of the value and the seeds, unlike an index of this column.
        hashes = texts.hash(self._seed).to_numpy()
        known, logits, kinds = self._cache.look_up(hashes)
        missing = np.flatnonzero(~known)
        if len(missing):
            keys, first, back = np.unique(hashes[missing], return_index=True, return_inverse=True)
            fresh = self._run(texts.gather(missing[first].astype(np.uint32)))
            logits[missing], kinds[missing] = fresh[0][back], fresh[1][back]
            self._cache.remember(keys, *fresh)
        return logits, kinds

    @cached_property
    def fast(self) -> "Fast":
        """The network for a few texts at a time; compiled when it is first asked for."""
        from soc_copilot.detection.web.fast import Fast

        return Fast(self.net, _SURE)

    def logits_of(self, texts: Sequence[str]) -> tuple[Floats, Kinds]:
        """Like `logits` for a few texts, without a column's costs, which are the same for one.

        Args:
            texts: Distinct.
        """
        raw = [_bounded_bytes(text) for text in texts]
        key, size = self._key, _KEY_BYTES
        digests = b"".join([blake2b(one, digest_size=size, key=key).digest() for one in raw])
        keys = np.frombuffer(digests, np.uint64)
        known, logits, kinds = self._cache.look_up(keys)
        missing = np.flatnonzero(~known)
        if len(missing):
            fresh = self._run_few([raw[i] for i in missing.tolist()])
            logits[missing], kinds[missing] = fresh
            self._cache.remember(keys[missing], *fresh)
        return logits, kinds

    def _run_few(self, raw: Sequence[bytes]) -> tuple[Floats, Kinds]:
        found = []
        first = n_bytes = 0
        for i, text in enumerate(raw):
            if n_bytes > _CHUNK_BYTES:
                found.append(self.fast.score(raw[first:i]))
                first, n_bytes = i, 0
            n_bytes += len(text)
        found.append(self.fast.score(raw[first:]))
        if len(found) == 1:
            return found[0]
        return np.concatenate([one[0] for one in found]), np.concatenate([one[1] for one in found])

    def _run(self, texts: pl.Series) -> tuple[Floats, Kinds]:
        logits = np.full(len(texts), np.nan, np.float32)
        kinds = np.full(len(texts), OTHER, np.uint8)
        if len(texts) <= _FEW:
            said = texts.to_list()
            present = np.array([i for i, text in enumerate(said) if text is not None], np.int64)
        else:
            present = np.flatnonzero(texts.is_not_null().to_numpy())
        if not len(present):
            return logits, kinds
        for rows, joined, sizes in _chunks(texts.gather(present.astype(np.uint32))):
            logits[present[rows]], kinds[present[rows]] = self._forward(joined, sizes)
        return logits, kinds

    def _forward(self, joined: bytes, sizes: npt.NDArray[np.int64]) -> tuple[Floats, Kinds]:
        packed = normalise(pack_joined(joined, sizes))
        with torch.inference_mode():
            logit, kind = forward(self.net, grams(packed, self.net.shape))
            odds, which = torch.softmax(kind, 1).max(1)
        kinds = np.where(odds.cpu().numpy() >= _SURE, which.cpu().numpy(), OTHER)
        return logit.cpu().numpy(), kinds.astype(np.uint8)


def _chunks(texts: pl.Series) -> Iterator[tuple[slice, bytes, npt.NDArray[np.int64]]]:
    """Rows of a few texts at a time, the texts as `pack_joined` takes them, and their sizes."""
    pad = "\0" * PAD
    if len(texts) <= _FEW:
        # A column's own functions take a tenth of a millisecond each, however short it is.
        raw = [text.encode() for text in texts.to_list()]
        if sum(map(len, raw)) <= _CHUNK_BYTES:
            sizes = np.fromiter(map(len, raw), np.int64, len(raw))
            yield slice(0, len(raw)), pad.encode().join([*raw, b""]), sizes
            return
    held = _bounded(texts)
    sizes = held.str.len_bytes().to_numpy().astype(np.int64)
    chunk = np.cumsum(sizes + PAD) // _CHUNK_BYTES
    cuts = np.flatnonzero(np.diff(chunk, prepend=-1)).tolist()
    for start, end in zip(cuts, [*cuts[1:], len(sizes)], strict=True):
        joined = str(held.slice(start, end - start).str.join(pad).item()) + pad
        yield slice(start, end), joined.encode(), sizes[start:end]


def _bounded(texts: pl.Series) -> pl.Series:
    """Texts of at most `MAX_TEXT_CHARS`: both ends of a longer one."""
    if int(texts.str.len_bytes().max() or 0) <= MAX_TEXT_CHARS:  # type: ignore[arg-type]
        return texts
    half = MAX_TEXT_CHARS // 2
    frame = texts.to_frame("t").select(
        pl.when(pl.col("t").str.len_chars() > MAX_TEXT_CHARS)
        .then(pl.col("t").str.head(half) + "\n" + pl.col("t").str.tail(half))
        .otherwise(pl.col("t"))
    )
    return frame["t"]


def _bounded_bytes(text: str) -> bytes:
    """A text as `as_series` and `_bounded` make it, in UTF-8."""
    if len(text) > MAX_TEXT_CHARS:
        half = MAX_TEXT_CHARS // 2
        text = f"{text[:half]}\n{text[-half:]}"
    return text.encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model folder.

    Attributes:
        version: For alerts.
        thresholds: Score by false-positive budget, "0.1%" and so on.
        header_margin: Taken off the logit of header values.
        fingerprint: Differs between weights that differ, within this process.
    """

    scorer: Scorer
    calibration: Calibration
    version: str
    thresholds: dict[str, float]
    header_margin: float
    fingerprint: int = 0


def load(folder: Path, device: str = "cpu") -> Model:
    """The detector's model.

    Raises:
        DetectorError: Files are missing or altered, or the card is not this detector's.
    """
    tensors, card = load_model(folder)
    try:
        shape = shape_of(card)
        net = from_tensors(tensors, shape)
        return Model(
            scorer=Scorer(net, device),
            calibration=Calibration(**card["calibration"]["sigmoid"]),
            version=str(card["version"]),
            thresholds={str(k): float(v) for k, v in card["thresholds"].items()},
            header_margin=float(card["header_margin"]),
            fingerprint=hash(
                tuple(tensor.float().numpy().tobytes() for _, tensor in sorted(tensors.items()))
            ),
        )
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise DetectorError(
            f'The model in "{folder}" is not one of the web detector ({error}). '
            "Train it again with: soc-copilot train web."
        ) from error


def shape_of(card: dict[str, Any]) -> Shape:
    """The network's shape as the card says.

    Raises:
        KeyError, TypeError, ValueError: The card lacks it, or it is not ours.
    """
    said = card["shape"]
    if tuple(card["classes"]) != NAMES[:N_MODEL_CLASSES]:
        raise ValueError("its attack classes differ from this version's")
    return Shape(
        views=tuple(str(view) for view in said["views"]),
        bits=int(said["bits"]),
        width=int(said["width"]),
        hidden=int(said["hidden"]),
        n_classes=N_MODEL_CLASSES,
    )


def as_series(texts: Sequence[str | None]) -> pl.Series:
    """Texts as a column; lone surrogates, which no column can hold, become "?"."""
    return pl.Series(
        [t if t is None or t.isascii() else t.encode("utf-8", "replace").decode() for t in texts],
        dtype=pl.String,
    )
