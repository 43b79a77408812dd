"""From labelled rows to hashed samples: our own rows and varied forms are added here."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.phishing import url_features, words
from soc_copilot.detection.phishing.hashing import Gathered
from soc_copilot.detection.phishing.mail import parse_email
from soc_copilot.detection.phishing.training import (
    synthetic_mail,
    synthetic_texts,
    synthetic_urls,
)
from soc_copilot.detection.phishing.training.data import Row
from soc_copilot.detection.phishing.training.fit import Samples, hashed
from soc_copilot.detection.phishing.urls import parse_url

OWN: Final = "own"  # dataset of rows of our own making begins so
OWN_YEAR: Final = 2000  # they claim no time: part of every training
N_OWN_URLS: Final = 9_000  # phish; chosen
N_OWN_MAILS: Final = 2_500  # of each label; chosen
N_OWN_TEXTS: Final = 4_000  # of all labels; chosen
HOST_SHARE: Final = 0.6  # of benign URLs with a path, whose host alone is added; chosen
OWN_WEIGHT: Final = 0.5  # of own and varied rows in the loss; chosen
# Shares of a set's hosts that are added under another suffix: sets whose hosts are not taken
# over from others, so that the label holds elsewhere; chosen.
_MOVED: Final = {"jpcert": 0.5, "links": 0.3, "brandpages": 0.3}
# What models are told of spam, which is no phish, but not wanted either: chosen. The short
# texts' sets call much of what phishes "spam".
SPAM_TARGETS: Final = {"url": 0.5, "email": 0.6, "text": 1.0}


@dataclass(frozen=True, slots=True)
class Corpus:
    """Hashed samples of one kind, and what is known of each.

    Attributes:
        rows: Labelled rows, then own ones.
        n_real: How many of them are from files.
        targets: 1 for phish, `SPAM_TARGETS` for spam, 0 for benign.
        weights: In the loss.
    """

    rows: list[Row]
    n_real: int
    samples: Samples
    targets: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]

    @property
    def is_real(self) -> npt.NDArray[np.bool_]:
        """Which rows are from files."""
        return np.arange(len(self.rows)) < self.n_real

    @property
    def is_validation(self) -> npt.NDArray[np.bool_]:
        """Which rows training never sees; own rows are never among them."""
        return np.array([row.is_validation for row in self.rows]) & self.is_real

    def groups(self) -> npt.NDArray[np.int64]:
        """A number for each row; those of a group share it."""
        found: npt.NDArray[np.int64] = np.unique(
            np.array([row.group for row in self.rows]), return_inverse=True
        )[1]
        return found

    def datasets(self) -> npt.NDArray[np.str_]:
        """The dataset of each row."""
        return np.array([row.dataset for row in self.rows])


def gather(row: Row) -> Gathered:
    """What a row's model reads of it."""
    if row.kind == "url":
        return url_features.gather(parse_url(row.content))
    if row.kind == "text":
        return words.gather("", row.content, is_short=True)
    mail = parse_email(row.content.encode("utf-8", "replace"))
    return words.gather(mail.subject, mail.text, is_short=False)


def own_rows(kind: str, rows: Sequence[Row], seed: int) -> list[Row]:
    """Rows that are added to training: varied forms of the rows given, and our own."""
    rng = random.Random(seed)  # noqa: S311 - no secrets
    if kind == "url":
        return [*_varied_urls(rows, rng), *_own_urls(rows, seed)]
    if kind == "email":
        return [
            Row(f"{OWN}-{language}", f"{OWN} {subject}", "phish" if is_phish else "benign", kind,
                f"Subject: {subject}\n\n{body}", OWN_YEAR)
            for subject, body, is_phish, language in synthetic_mail.synthetic(N_OWN_MAILS, seed)
        ]  # fmt: skip
    return [
        Row(f"{OWN}-{name.partition('-')[0]}", f"{OWN} {i}", label, kind, text, OWN_YEAR)
        for i, (text, label, name) in enumerate(synthetic_texts.synthetic(N_OWN_TEXTS, seed))
    ]


def _varied_urls(rows: Sequence[Row], rng: random.Random) -> list[Row]:
    """Hosts of benign URLs alone, and hosts' labels under other suffixes.

    Each keeps its row's group and year, so that it is held out where the row is.
    """
    found = []
    for row in rows:
        url = parse_url(row.content)
        if row.label == "benign" and not url.is_bare and rng.random() < HOST_SHARE:
            found.append(replace(row, dataset=f"{OWN}-host-{row.dataset}", content=url.host))
        is_phish = row.label == "phish"
        if row.dataset in _MOVED and rng.random() < _MOVED[row.dataset] and not url.is_ip:
            host = synthetic_urls.moved(
                url.registered_domain.partition(".")[0], rng, is_phish=is_phish
            )
            found.append(replace(row, dataset=f"{OWN}-moved-{row.dataset}", content=host))
    return found


def _own_urls(rows: Sequence[Row], seed: int) -> list[Row]:
    names = {
        row.group.partition(".")[0]: row.year
        for row in rows
        if row.dataset == "brandpages" and not row.is_validation
    }
    usable = sorted(name for name in names if name.isalnum() and 4 <= len(name) <= 16)
    years = [year for year in names.values() if year is not None]
    found = []
    for text, is_phish, name in synthetic_urls.synthetic(N_OWN_URLS, seed, usable):
        label = "phish" if is_phish else "benign"
        year = max(years, default=OWN_YEAR) if name == "own-named" else OWN_YEAR
        found.append(Row(name, parse_url(text).registered_domain, label, "url", text, year))
    return found


def is_varied(row: Row) -> bool:
    """True for a row made from one of a file, whose group it shares."""
    return row.dataset.startswith((f"{OWN}-host-", f"{OWN}-moved-"))


def build(kind: str, rows: Sequence[Row], n_fields: int, bits: int, seed: int) -> Corpus:
    """Hash all rows of a kind, and the own rows behind them."""
    real = [row for row in rows if row.kind == kind]
    every = [*real, *own_rows(kind, real, seed)]
    n_real = len(real)
    target_of = {"phish": 1.0, "spam": SPAM_TARGETS[kind], "benign": 0.0}
    return Corpus(
        rows=every,
        n_real=n_real,
        samples=hashed([gather(row) for row in every], n_fields, bits),
        targets=np.array([target_of[row.label] for row in every]),
        weights=np.where(np.arange(len(every)) < n_real, 1.0, OWN_WEIGHT),
    )
