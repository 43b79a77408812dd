"""The trained network, loaded when it is first asked for, and its thresholds."""

import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from soc_copilot.detection.phishing.visual.model import Floats, PageNet, Shape, embed, from_tensors
from soc_copilot.detection.phishing.visual.pictures import (
    Pixels,
    open_picture,
    small_png,
    to_frame,
)
from soc_copilot.detection.weights import load_model
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.paths import bundled

NAME: Final = "phishing-visual"
_HEAD: Final = struct.Struct("<4s12s")  # "SCV1", and the model that made the numbers
_MAGIC: Final = b"SCV1"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Similarities, from validation pages.

    Attributes:
        sure: One page in a thousand of others reaches it.
        near: One page in a hundred of others reaches it.
    """

    sure: float
    near: float


@dataclass(frozen=True, slots=True)
class _Loaded:
    net: PageNet
    thresholds: Thresholds
    version: str
    tag: bytes


class Embedder:
    """Makes embeddings of screenshots.

    Args:
        folder: Of the model; None for the one that comes with the program.

    Thread:
        Any; several at once.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or bundled("models") / "phishing" / "visual"
        self._loaded: _Loaded | None = None
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        """Of the model.

        Raises:
            DetectorError: It cannot be loaded.
        """
        return self._get().version

    @property
    def thresholds(self) -> Thresholds:
        """Of the model.

        Raises:
            DetectorError: It cannot be loaded.
        """
        return self._get().thresholds

    @property
    def net(self) -> PageNet:
        """The network itself, for measuring.

        Raises:
            DetectorError: It cannot be loaded.
        """
        return self._get().net

    def embed(self, pictures: Sequence[Pixels]) -> Floats:
        """Embeddings, shape (n, size), of pictures in a frame.

        Raises:
            DetectorError: The model cannot be loaded.
        """
        return embed(self._get().net, pictures)

    def of_bytes(self, data: bytes) -> Floats:
        """The embedding of a screenshot, shape (size,).

        Raises:
            ParseError: It is no picture that can be read.
            DetectorError: The model cannot be loaded.
        """
        found: Floats = self.embed([to_frame(open_picture(data))])[0]
        return found

    def reference(self, data: bytes) -> tuple[bytes, bytes]:
        """What is kept of a reference: a small PNG, and the embedding of just that.

        Raises:
            ParseError: It is no picture that can be read, or kept.
            DetectorError: The model cannot be loaded.
        """
        png = small_png(open_picture(data))
        return png, self.pack(self.of_bytes(png))

    def pack(self, embedding: Floats) -> bytes:
        """An embedding as it is stored: with the model that made it."""
        return _HEAD.pack(_MAGIC, self._get().tag) + embedding.astype("<f4").tobytes()

    def unpack(self, data: bytes, png: bytes) -> Floats:
        """A stored embedding; made anew of the picture where another model made it.

        Raises:
            ParseError: Another model made it, and the picture cannot be read.
            DetectorError: The model cannot be loaded.
        """
        loaded = self._get()
        size = loaded.net.shape.size
        if len(data) == _HEAD.size + 4 * size and _HEAD.unpack_from(data) == (_MAGIC, loaded.tag):
            found = np.frombuffer(data, "<f4", offset=_HEAD.size).astype(np.float32)
            if np.isfinite(found).all():
                return found
        return self.of_bytes(png)

    def _get(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self._folder)
            return self._loaded


def _load(folder: Path) -> _Loaded:
    tensors, card = load_model(folder)
    try:
        if card["name"] != NAME:
            raise ValueError(f"its card says {card['name']!r}")
        given = card["shape"]
        shape = Shape(
            tuple(given["widths"]), tuple(given["strides"]), given["n_heads"], given["size"]
        )
        limits = card["thresholds"]
        thresholds = Thresholds(float(limits["sure"]), float(limits["near"]))
        tag = bytes.fromhex(card["files"]["model.safetensors"]["sha256"])[:12]
        return _Loaded(from_tensors(tensors, shape), thresholds, str(card["version"]), tag)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DetectorError(
            f'The model in "{folder}" is not one for screenshots ({error}). '
            "Train it again with: soc-copilot train phishing --visual DIR."
        ) from error


@lru_cache(maxsize=1)
def shipped() -> Embedder:
    """The model that comes with the program."""
    return Embedder()
