"""How models carry over: to a source they never saw, and to a later time.

Every experiment fits networks of its own by the shipped recipe, and nothing of it is shipped.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.phishing.scorer import to_scores
from soc_copilot.detection.phishing.training.corpus import OWN, Corpus, build
from soc_copilot.detection.phishing.training.data import Row
from soc_copilot.detection.phishing.training.evaluate import of_kind
from soc_copilot.detection.phishing.training.train import (
    N_FIELDS,
    RECIPES,
    fit_kind,
    score_kind,
)

Flags = npt.NDArray[np.bool_]
LAST_YEAR: Final = 2021  # of what is trained on, forward in time: as the baseline's
FIRST_YEAR: Final = 2024  # of what is tested on
_OTHER_HAM: Final = ("csdmc2010", "notmuch")


def experiments(rows: Sequence[Row], kinds: Sequence[str], seed: int) -> dict[str, dict[str, Any]]:
    """Figures by experiment, in words.

    Args:
        rows: Of every set, those that may not be shipped, too.
        kinds: "url", "email", "text".
        seed: Of everything random.
    """
    found: dict[str, dict[str, Any]] = {}
    for kind in kinds:
        corpus = build(kind, rows, N_FIELDS[kind], RECIPES[kind].bits, seed)
        for name, (trained, tested) in _splits(kind, corpus).items():
            if trained.any() and tested.any():
                # One network instead of several for each source left out: there are many.
                quick = name.startswith("without ")
                found[f"{kind}: {name}"] = _run(kind, corpus, trained, tested, seed, quick=quick)
    return found


def _run(
    kind: str, corpus: Corpus, trained: Flags, tested: Flags, seed: int, *, quick: bool
) -> dict[str, Any]:
    groups = np.array([row.group for row in corpus.rows])
    apart = ~np.isin(groups, np.unique(groups[tested]))
    n_nets = 1 if quick else None
    fitted = fit_kind(kind, corpus, np.flatnonzero(trained & apart), seed, n_nets)
    chosen = np.flatnonzero(tested & corpus.is_real)
    rows = [corpus.rows[i] for i in chosen]
    scores = to_scores(score_kind(fitted, corpus.samples, chosen))
    every = of_kind(kind, rows, scores)
    wanted = ("all", "bare hosts", "with a path", "brand pages, with a path", "phish alone")
    return {
        name: every[f"{kind}: {name}"].as_dict() for name in wanted if f"{kind}: {name}" in every
    }


def _splits(kind: str, corpus: Corpus) -> dict[str, tuple[Flags, Flags]]:
    names = np.char.partition(corpus.datasets(), "-")[:, 0]
    own = names == OWN
    held = corpus.is_validation
    labels = np.array([row.label for row in corpus.rows])
    found = {"every set, held-back fold": (~held, held)}
    if kind == "url":
        years = np.array([row.year or 0 for row in corpus.rows])
        early = (years <= LAST_YEAR) & (years > 0)
        found[f"to {LAST_YEAR}, on {FIRST_YEAR} and later"] = (early, years >= FIRST_YEAR)
    elif kind == "email":
        pot, nazario = names == "phishing_pot", names == "nazario"
        other = np.isin(names, _OTHER_HAM)
        ham = ~pot & ~nazario & ~other & ~own
        found["Nazario and ham, on phishing_pot and other ham"] = (nazario | ham | own, pot | other)
        found["phishing_pot and ham, on Nazario and other ham"] = (pot | ham | own, nazario | other)
    else:
        exais = names == "exais"
        uci = np.char.find(corpus.datasets(), "uci") >= 0
        return {
            **found,
            "UCI, on ExAIS": (uci, exais),
            "UCI and own texts, on ExAIS": (uci | own, exais),
            "all but ExAIS, on ExAIS": (~exais, exais),
            "ExAIS, on UCI": (exais, uci),
            "ExAIS and own texts, on UCI": (exais | own, uci),
        }
    return {**found, **_one_left_out(names, held, labels, corpus.is_real)}


def _one_left_out(
    names: npt.NDArray[np.str_], held: Flags, labels: npt.NDArray[np.str_], is_real: Flags
) -> dict[str, tuple[Flags, Flags]]:
    """Every source in turn: trained without it, measured on it.

    A source of one label alone is set against the other's held-back rows.
    """
    found = {}
    for name in np.unique(names[is_real]).tolist():
        mine = (names == name) & is_real
        there = set(labels[mine].tolist()) & {"phish", "benign"}
        tested, beside = mine.copy(), ""
        for label in sorted({"phish", "benign"} - there):
            tested |= held & (labels == label)
            beside = f" and held-back {label}"
        found[f"without {name}, on it{beside}"] = (~mine & ~tested, tested)
    return found
