"""Trains the models for URLs, e-mails and texts, and writes their folders."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from soc_copilot.detection.phishing import url_features, words
from soc_copilot.detection.phishing.model import PhishNet
from soc_copilot.detection.phishing.stacked import Stacked
from soc_copilot.detection.phishing.text_model import TextModel
from soc_copilot.detection.phishing.training.corpus import Corpus, build, is_varied
from soc_copilot.detection.phishing.training.data import KINDS, NOT_FOR_SHIPPING, Row, read_all
from soc_copilot.detection.phishing.training.fit import (
    Floats64,
    Indices,
    Recipe,
    Samples,
    fit,
    score,
)
from soc_copilot.detection.phishing.training.fit_text import fit_text
from soc_copilot.detection.phishing.training.stack import fit_stacked
from soc_copilot.detection.phishing.training.trees import TreeRecipe, scored
from soc_copilot.detection.web.training.data import data_files
from soc_copilot.detection.weights import save_model
from soc_copilot.domain.errors import SourceError

Fitted = Stacked | TextModel | list[PhishNet]
AnyRecipe = Recipe | TreeRecipe

RECIPES: Final[dict[str, AnyRecipe]] = {
    "url": TreeRecipe(bits=19, n_folds=5, n_trees=300, rate=0.07, least=40),
    "email": Recipe(bits=16, width=8, epochs=4, batch=128, left_out=0.3, decay=0.03),
    "text": TreeRecipe(bits=18, n_folds=4, n_trees=150, rate=0.06, least=20),
}
N_FIELDS: Final = {
    "url": url_features.N_FIELDS, "email": words.N_FIELDS, "text": words.N_FIELDS,
}  # fmt: skip
OF_TREES: Final[dict[str, Callable[..., Stacked | TextModel]]] = {
    "url": fit_stacked, "text": fit_text,
}  # fmt: skip
N_NETS: Final = {"email": 2}  # averaged; chosen
BRAND_SHARE: Final = 0.01  # of held-out brand pages that may reach 0.5; chosen
HAM_SHARE: Final = 0.01  # of other held-out benign rows that may reach 0.5; chosen


@dataclass(frozen=True, slots=True)
class Options:
    """What `train phishing` was asked for.

    Attributes:
        data: Folder of *.jsonl.gz files.
        out: Folder for `url`, `email` and `text`.
        seed: Of everything random.
        kinds: Which models.
        threads: Processor threads.
        everything: Train on the sets that may not be shipped, too: for comparison only.
    """

    data: Path
    out: Path
    seed: int = 7
    kinds: tuple[str, ...] = KINDS
    threads: int = 1
    everything: bool = False


def fit_kind(
    kind: str, corpus: Corpus, chosen: Indices, seed: int, n_nets: int | None = None
) -> Fitted:
    """A model fitted to the chosen rows of a corpus."""
    recipe = RECIPES[kind]
    samples, targets, weights = corpus.samples, corpus.targets, corpus.weights
    if isinstance(recipe, TreeRecipe):
        over = OF_TREES[kind]
        return over(samples, targets, weights, chosen, corpus.groups(), recipe, seed)
    return [
        fit(samples, targets, weights, chosen, recipe, seed + i)
        for i in range(n_nets or N_NETS[kind])
    ]


def score_kind(fitted: Fitted, samples: Samples, chosen: Indices) -> Floats64:
    """Logits of the chosen samples."""
    if isinstance(fitted, Stacked | TextModel):
        return scored(fitted, samples, chosen)
    return score(fitted, samples, chosen)


def offset(logits: Floats64, rows: Sequence[Row]) -> float:
    """What is added to logits, so that few benign rows reach a score of 0.5.

    Args:
        logits: Of held-out rows.
        rows: These rows.
    """
    benign = np.array([row.label == "benign" for row in rows])
    brand = benign & np.array([row.dataset == "brandpages" for row in rows])
    picked, share = (brand, BRAND_SHARE) if brand.any() else (benign, HAM_SHARE)
    return -float(np.quantile(logits[picked], 1.0 - share)) if picked.any() else 0.0


def train(options: Options) -> dict[str, Any]:
    """Train and write the models; the cards by kind.

    Raises:
        SourceError: There is nothing to train on.
    """
    torch.set_num_threads(options.threads)
    rows = read_all(data_files(options.data))
    if not options.everything:
        rows = [row for row in rows if row.dataset not in NOT_FOR_SHIPPING]
    return {kind: _train_kind(kind, rows, options) for kind in options.kinds}


def _train_kind(kind: str, rows: list[Row], options: Options) -> dict[str, Any]:
    recipe = RECIPES[kind]
    corpus = build(kind, rows, N_FIELDS[kind], recipe.bits, options.seed)
    held_out = _held_out(corpus)
    labels = {row.label for row in corpus.rows[: corpus.n_real]}
    if "benign" not in labels or not labels & {"phish", "spam"}:
        raise SourceError(f'"{options.data}" has no {kind} rows of both labels to train on.')
    fitted = fit_kind(kind, corpus, np.flatnonzero(~held_out), options.seed)
    validation = np.flatnonzero(held_out & corpus.is_real)
    raw = score_kind(fitted, corpus.samples, validation)
    moved = offset(raw, [corpus.rows[i] for i in validation])
    card = _card(kind, corpus, recipe, _form(fitted, corpus, recipe), moved, options)
    save_model(options.out / kind, _tensors(fitted), card)
    return card


def _tensors(fitted: Fitted) -> dict[str, torch.Tensor]:
    if isinstance(fitted, Stacked | TextModel):
        return fitted.tensors()
    return {
        f"{i}.{name}": tensor.half() if name == "table" else tensor
        for i, net in enumerate(fitted)
        for name, tensor in net.state_dict().items()
    }


def _form(fitted: Fitted, corpus: Corpus, recipe: AnyRecipe) -> dict[str, Any]:
    """What the card must say to read the tensors."""
    if isinstance(fitted, Stacked | TextModel):
        n_dense = corpus.samples.numbers.shape[1]
        return {
            "shape": {"bits": recipe.bits, "n_fields": fitted.n_fields, "n_dense": n_dense},
            "n_trees": len(fitted.trees.trees.roots),
        }
    return {"shape": asdict(fitted[0].shape), "n_nets": len(fitted)}


def _held_out(corpus: Corpus) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Rows that training does not see: the validation part, and varied forms of its rows."""
    return np.array(
        [
            row.is_validation and (i < corpus.n_real or is_varied(row))
            for i, row in enumerate(corpus.rows)
        ]
    )


def _card(
    kind: str,
    corpus: Corpus,
    recipe: AnyRecipe,
    form: dict[str, Any],
    moved: float,
    options: Options,
) -> dict[str, Any]:
    now = datetime.now(UTC)
    sets: dict[str, dict[str, int]] = {}
    for row in corpus.rows:
        counts = sets.setdefault(row.dataset, {"rows": 0, "phish": 0, "spam": 0, "validation": 0})
        counts["rows"] += 1
        counts["validation"] += row.is_validation
        if row.label in counts:
            counts[row.label] += 1
    return {
        "name": f"phishing-{kind}",
        "version": f"phishing-{kind}-{now:%Y%m%d.%H%M}",
        "date": f"{now:%Y-%m-%d}",
        "what": _WHAT[kind],
        **form,
        "offset": round(moved, 4),
        "recipe": asdict(recipe),
        "data": [{"set": name, **counts, **origin(name)} for name, counts in sorted(sets.items())],
        "licences": _LICENCES,
        "shippable": not options.everything,
        "seed": options.seed,
    }


def origin(dataset: str) -> dict[str, str]:
    """Where a set comes from and its licence there; nothing for one we do not know."""
    known = json.loads(_SETS.read_text(encoding="utf-8"))
    source, licence = known.get(dataset) or known.get(dataset.partition("-")[0]) or ("", "")
    return {"source": source, "licence": licence} if source else {}


_SETS: Final = Path(__file__).with_name("sets.json")
_WHAT: Final = {
    "url": "Scores URLs for phishing: trees over a table of hashed n-grams and words of host, "
    "suffix, subdomain and path (a linear model's weights, how often phish and benign rows have "
    "each), and over numbers: brands out of place, randomness, how name and path are built; no "
    "scheme, no leading www.",
    "email": "Scores the subject and visible text of e-mails: words, pairs and pieces of words, "
    "kinds of bait in eight languages. No header but the subject, no layout.",
    "text": "Scores short texts (SMS, chat): trees over a linear model of words, pairs and pieces "
    "of words without numbers, over kinds of bait, and over how a text is written.",
}
_LICENCES: Final = (
    "Licences are as stated in each repository. Sets under a non-commercial licence (openphish, "
    "phishing_pot) are never trained on for what is shipped; rows of sets that state none are not "
    "redistributed. Sets named own are of our own making; own-host and own-moved ones are hosts "
    "of the named set's URLs."
)
