"""The trained models, ready to score."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import torch

from soc_copilot.detection.phishing import (
    evidence,
    stacked,
    text_model,
    url_features,
    words,
)
from soc_copilot.detection.phishing.brands import is_own_place, known_brands
from soc_copilot.detection.phishing.fused import Fused
from soc_copilot.detection.phishing.hashing import Bags, Floats32, Gathered, bags, dense
from soc_copilot.detection.phishing.mail import parse_email
from soc_copilot.detection.phishing.model import PhishNet, Shape, from_tensors
from soc_copilot.detection.phishing.stacked import Stacked
from soc_copilot.detection.phishing.text_model import TextModel
from soc_copilot.detection.phishing.urls import parse_url
from soc_copilot.detection.weights import load_model
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.paths import bundled
from soc_copilot.domain.phishing import Link, ParsedEmail, ParsedUrl, Reason

Floats64 = npt.NDArray[np.float64]
OWN_PLACE: Final = 2.0  # logits, chosen: what stands on our list of domains needs more proof
_AT_ONCE: Final = 512  # chosen: samples hashed together, bounds memory
_MAX_CACHED: Final = 4_096  # chosen: URLs whose logit is remembered, under 2 MB
_FIELDS: Final = {"url": url_features.N_FIELDS, "email": words.N_FIELDS, "text": words.N_FIELDS}
_DENSE_SHORT: Final = {"email": False, "text": True}


def to_scores(found: Floats64) -> Floats64:
    """Scores in [0, 1] for logits."""
    scores: Floats64 = 1.0 / (1.0 + np.exp(-np.clip(found, -30.0, 30.0)))
    return scores


class Reader(Protocol):
    """What gives logits of hashed samples: networks as one, or trees over a table."""

    def logits(self, found: Bags, numbers: Floats32) -> Floats32:
        """Logits, shape (n_samples,)."""


@dataclass(frozen=True, slots=True)
class Model:
    """One kind's model.

    Attributes:
        reader: Gives the logits.
        offset: Added to them.
        version: For answers.
        n_fields: Bags of a sample.
        bits: Rows of its table, as a power of two.
        nets: Its networks; none of URLs and short texts.
        word_weights: Of each row, as a word of a text: of the linear part, of networks their mean.
    """

    reader: Reader
    offset: float
    version: str
    n_fields: int
    bits: int
    nets: tuple[PhishNet, ...] = ()
    word_weights: Floats32 = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        each = [
            (n.table.detach()[:, -1] * n.scale.detach()[words.WORDS]).numpy() for n in self.nets
        ]
        if isinstance(self.reader, TextModel):
            each = [self.reader.weights.numpy()]
        weights = np.mean(each, axis=0) if each else np.empty(0, np.float32)
        object.__setattr__(self, "word_weights", weights)

    def logits(self, gathered: Sequence[Gathered]) -> Floats64:
        """Logits of samples; higher is more like phishing, 0 is undecided."""
        out = []
        for i in range(0, len(gathered), _AT_ONCE):
            some = gathered[i : i + _AT_ONCE]
            found = bags(some, self.n_fields, self.bits)
            out.append(self.reader.logits(found, dense(some)) + self.offset)
        return np.concatenate(out).astype(np.float64) if out else np.empty(0)


def load_one(folder: Path, kind: str) -> Model:
    """One kind's model.

    Raises:
        DetectorError: Files are missing or altered, or the card is not one of this kind.
    """
    tensors, card = load_model(folder)
    try:
        if card["name"] != f"phishing-{kind}":
            raise ValueError(f"its card says {card['name']!r}")
        if (card["shape"]["n_fields"], card["shape"]["n_dense"]) != (_FIELDS[kind], _n_dense(kind)):
            raise ValueError("it reads other features than this version's")
        return _READERS[kind](tensors, card)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
        raise DetectorError(
            f'The model in "{folder}" is not one for phishing by {kind} ({error}). '
            "Train it again with: soc-copilot train phishing."
        ) from error


def _over_trees(
    read: Callable[..., Stacked | TextModel], tensors: dict[str, Any], card: dict[str, Any]
) -> Model:
    shape = card["shape"]
    reader = read(tensors, **shape)
    return Model(
        reader, float(card["offset"]), str(card["version"]), reader.n_fields, shape["bits"]
    )


def _networks(tensors: dict[str, Any], card: dict[str, Any]) -> Model:
    shape = Shape(**card["shape"])
    nets = tuple(_net(tensors, i, shape) for i in range(int(card["n_nets"])))
    offset, version = float(card["offset"]), str(card["version"])
    return Model(Fused(nets), offset, version, shape.n_fields, shape.bits, nets)


def _net(tensors: dict[str, Any], number: int, shape: Shape) -> PhishNet:
    start = f"{number}."
    own = {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}
    return from_tensors(own, shape)


_READERS: Final[dict[str, Callable[[dict[str, Any], dict[str, Any]], Model]]] = {
    "url": partial(_over_trees, stacked.from_tensors),
    "email": _networks,
    "text": partial(_over_trees, text_model.from_tensors),
}


def _n_dense(kind: str) -> int:
    if kind == "url":
        return len(url_features.gather(parse_url("example.org")).dense)
    return words.n_dense(is_short=_DENSE_SHORT[kind])


class Models:
    """The three models, each loaded when it is first asked for.

    Thread:
        Any; several at once.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or bundled("models") / "phishing"
        self._loaded: dict[str, Model] = {}
        self._lock = threading.Lock()
        self._known: OrderedDict[str, float] = OrderedDict()

    def get(self, kind: str) -> Model:
        """The model of "url", "email" or "text".

        Torch is held to one thread, in the whole process, as by the web detector: the steps
        are so small that on a busy machine two threads mostly wait for each other (measured
        beside other work on two cores: 106 against 206 microseconds a URL).

        Raises:
            DetectorError: It cannot be loaded.
        """
        with self._lock:
            if kind not in self._loaded:
                torch.set_num_threads(1)
                self._loaded[kind] = load_one(self._folder / kind, kind)
            return self._loaded[kind]

    @property
    def version(self) -> str:
        """Of all three together.

        Raises:
            DetectorError: One cannot be loaded.
        """
        return "+".join(self.get(kind).version for kind in _FIELDS)

    def url_logits(self, urls: Sequence[str]) -> list[float]:
        """Logits of URLs; those met lately are remembered."""
        with self._lock:
            known = {url: self._known[url] for url in urls if url in self._known}
        missing = [url for url in dict.fromkeys(urls) if url not in known]
        if missing:
            found = self.parsed_url_logits([parse_url(url) for url in missing])
            known.update(zip(missing, found.tolist(), strict=True))
            with self._lock:
                for url in missing:
                    self._known[url] = known[url]
                while len(self._known) > _MAX_CACHED:
                    self._known.popitem(last=False)
        return [known[url] for url in urls]

    def _meet(self, of_each: Sequence[Sequence[Link]]) -> None:
        """Score the links of several contents together, which are remembered then."""
        targets = [target for links in of_each for target in evidence.targets_of(links)]
        if len(of_each) > 1 and targets:
            self.url_logits(targets[:_MAX_CACHED])

    def parsed_url_logits(self, urls: Sequence[ParsedUrl]) -> Floats64:
        """Logits of URLs taken apart; pages on a brand's own domain have `OWN_PLACE` less."""
        found = self.get("url").logits([url_features.gather(url) for url in urls])
        brands = known_brands()
        own = np.array([is_own_place(url, brands) for url in urls], np.float64)
        return found - OWN_PLACE * own

    def text_logits(self, texts: Sequence[str]) -> tuple[Floats64, list[list[Reason]]]:
        """Logits of short texts, and what their links say."""
        found = self.get("text").logits([words.gather("", text, is_short=True) for text in texts])
        self._meet([evidence.links_in(text) for text in texts])
        weighed = [evidence.weigh_text(text, self.url_logits) for text in texts]
        added = np.array([one[0] for one in weighed])
        return found + added, [one[1] for one in weighed]

    def mail_text_logits(self, mails: Sequence[ParsedEmail]) -> Floats64:
        """Logits of the subjects and texts of mails alone."""
        return self.get("email").logits(
            [words.gather(mail.subject, mail.text, is_short=False) for mail in mails]
        )

    def mail_logits(self, mails: Sequence[ParsedEmail]) -> tuple[Floats64, list[list[Reason]]]:
        """Logits of mails, and what the rules found in each."""
        found = self.mail_text_logits(mails)
        self._meet([mail.links for mail in mails])
        weighed = [evidence.weigh(mail, self.url_logits) for mail in mails]
        added = np.array([one[0] for one in weighed])
        return found + added, [one[1] for one in weighed]

    def scores(self, kind: str, contents: Sequence[str]) -> Floats64:
        """Scores in [0, 1] of contents of one kind.

        Raises:
            DetectorError: A model cannot be loaded.
        """
        if kind == "url":
            return to_scores(self.parsed_url_logits([parse_url(one) for one in contents]))
        if kind == "text":
            return to_scores(self.text_logits(contents)[0])
        mails = [parse_email(one.encode("utf-8", "replace")) for one in contents]
        return to_scores(self.mail_logits(mails)[0])


@lru_cache(maxsize=1)
def shipped() -> Models:
    """The models that come with the program."""
    return Models()
