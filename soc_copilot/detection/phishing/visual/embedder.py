"""The trained model, loaded when it is first asked for, and its thresholds."""

import struct
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from soc_copilot.detection.phishing.visual.compare import Rule, Seen
from soc_copilot.detection.phishing.visual.networks import Networks, from_tensors, rule_of
from soc_copilot.detection.phishing.visual.pictures import open_picture, small_png
from soc_copilot.detection.weights import load_model
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.paths import bundled

NAME: Final = "phishing-visual"
_HEAD: Final = struct.Struct("<4s12sB")  # "SCV3", the model that made the numbers, n of logos
_MAGIC: Final = b"SCV3"


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
    networks: Networks
    rule: Rule
    thresholds: Thresholds
    version: str
    tag: bytes


class Embedder:
    """Looks at screenshots.

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
    def rule(self) -> Rule:
        """How alike two pages are, of what is seen in them.

        Raises:
            DetectorError: The model cannot be loaded.
        """
        return self._get().rule

    @property
    def networks(self) -> Networks:
        """The networks themselves, for measuring.

        Raises:
            DetectorError: They cannot be loaded.
        """
        return self._get().networks

    def see(self, data: bytes) -> Seen:
        """What is seen in a screenshot.

        Raises:
            ParseError: It is no picture that can be read.
            DetectorError: The model cannot be loaded.
        """
        return self._get().networks.see(open_picture(data))

    def reference(self, data: bytes) -> tuple[bytes, bytes]:
        """What is kept of a reference: a smaller PNG, and what is seen in just that.

        Raises:
            ParseError: It is no picture that can be read, or kept.
            DetectorError: The model cannot be loaded.
        """
        png = small_png(open_picture(data))
        return png, self.pack(self.see(png))

    def pack(self, seen: Seen) -> bytes:
        """What was seen as it is stored: with the model that saw it."""
        head = _HEAD.pack(_MAGIC, self._get().tag, len(seen.sure))
        parts = (seen.look, seen.sure, seen.parts, seen.places, seen.logos)
        return head + b"".join(part.astype("<f4").tobytes() for part in parts)

    def unpack(self, data: bytes, png: bytes) -> Seen:
        """What was stored; looked at anew where another model saw it.

        Raises:
            ParseError: Another model saw it, and the picture cannot be read.
            DetectorError: The model cannot be loaded.
        """
        loaded = self._get()
        if len(data) >= _HEAD.size:
            magic, tag, n = _HEAD.unpack_from(data)
            size, wide = loaded.networks.pages.shape.size, loaded.networks.logos.shape.size
            is_whole = len(data) == _HEAD.size + 4 * (size + 3 * n + n * wide)
            if (magic, tag) == (_MAGIC, loaded.tag) and is_whole:
                found = np.frombuffer(data, "<f4", offset=_HEAD.size).astype(np.float32)
                if np.isfinite(found).all():
                    sure, parts, places = found[size : size + 3 * n].reshape(3, n)
                    logos = found[size + 3 * n :].reshape(n, wide)
                    return Seen(
                        found[:size], logos, sure, parts.astype(np.int8), places.astype(np.int8)
                    )
        return self.see(png)

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
        limits = card["thresholds"]
        thresholds = Thresholds(float(limits["sure"]), float(limits["near"]))
        tag = bytes.fromhex(card["files"]["model.safetensors"]["sha256"])[:12]
        networks = from_tensors(tensors, card["shapes"])
        return _Loaded(networks, rule_of(card["rule"]), thresholds, str(card["version"]), tag)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DetectorError(
            f'The model in "{folder}" is not one for screenshots ({error}). '
            "Train it again with: soc-copilot train phishing --visual DIR."
        ) from error


@lru_cache(maxsize=1)
def shipped() -> Embedder:
    """The model that comes with the program."""
    return Embedder()
