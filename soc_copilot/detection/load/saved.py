"""The load detector's model folder: forecast and detector in one file, the rest on the card."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from soc_copilot.detection.host import boosted as boosters
from soc_copilot.detection.host.boosted import Boosted
from soc_copilot.detection.load import course as courses
from soc_copilot.detection.load import model as nets
from soc_copilot.detection.load import templates
from soc_copilot.detection.load.base import SEASONS, Base
from soc_copilot.detection.load.course import Course
from soc_copilot.detection.load.evidence import NAMES
from soc_copilot.detection.load.features import HORIZONS, n_features
from soc_copilot.detection.load.forecast import Weights
from soc_copilot.detection.load.model import LoadNet, Shape
from soc_copilot.detection.load.templates import Templates
from soc_copilot.detection.weights import load_model, save_model
from soc_copilot.domain.errors import DetectorError

Singles = npt.NDArray[np.float32]

TOLERANCE: Final = 1e-5  # chosen: streamed and in batch, and on a GPU
_NET, _TREES, _COURSE, _TEMPLATES = "net.", "trees.", "course.", "templates."


@dataclass(frozen=True, slots=True)
class LoadModel:
    """What forecasts and judges.

    Attributes:
        base: Linear forecast.
        net: Its correction, and scales.
        norms: For each horizon mean and one over deviation of what the heads read.
        spreads: For each horizon, scales within which 95% of the errors lie.
        usual: Mean sizes of the base's errors, as for `base.usual_at`.
        trees: Log-odds that an hour is under attack, from its signs.
        course: Likewise, from how the signs went on.
        templates: Which attack it is.
        threshold: Log-odds from which an hour is flagged.
        version: For alerts.
    """

    base: Base
    net: LoadNet
    norms: tuple[tuple[Singles, Singles], ...]
    spreads: tuple[float, ...]
    usual: npt.NDArray[np.float64]
    trees: Boosted
    course: Course
    templates: Templates
    threshold: float
    version: str

    def weights(self) -> Weights:
        """The forecast's numbers, for engines."""
        return Weights(self.base, self.net, self.norms, self.spreads)


def save(folder: Path, model: LoadModel, card: Mapping[str, Any]) -> None:
    """Write a model folder.

    Args:
        folder: Made when missing.
        model: Its version goes onto the card, too.
        card: What else to say about it.
    """
    ours = {
        "name": "load",
        "version": model.version,
        "shape": asdict(model.net.shape),
        "horizons": list(HORIZONS),
        "signs": list(NAMES),
        "spreads": list(model.spreads),
        "threshold": model.threshold,
        "tolerance": TOLERANCE,
    }
    save_model(folder, _tensors(model), {**ours, **card})


def digest(model: LoadModel) -> str:
    """Eight hexadecimal digits that differ when a number does."""
    found = hashlib.blake2b(digest_size=4)
    for name, tensor in sorted(_tensors(model).items()):
        found.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        found.update(tensor.cpu().numpy().tobytes())
    found.update(repr((model.spreads, model.threshold)).encode())
    return found.hexdigest()


def _tensors(model: LoadModel) -> dict[str, Tensor]:
    found = {_NET + name: tensor for name, tensor in model.net.state_dict().items()}
    found |= {_TREES + name: tensor for name, tensor in model.trees.tensors().items()}
    found |= {_COURSE + name: torch.from_numpy(a) for name, a in model.course.tensors().items()}
    for name, trees in zip(templates.NAMES, model.templates.trees, strict=True):
        found |= {f"{_TEMPLATES}{name}.{key}": t for key, t in trees.tensors().items()}
    for horizon, weights, (mean, scale) in zip(
        HORIZONS, model.base.weights, model.norms, strict=True
    ):
        found[f"base.{horizon}"] = torch.from_numpy(weights)
        found[f"mean.{horizon}"] = torch.from_numpy(mean)
        found[f"scale.{horizon}"] = torch.from_numpy(scale)
    found["base.units"] = torch.from_numpy(model.base.units)
    return found | {"usual": torch.from_numpy(model.usual)}


def load(folder: Path) -> LoadModel:
    """Read a model folder.

    Args:
        folder: Written by `save`.

    Raises:
        DetectorError: Files are missing or altered, or the card is not this detector's.
    """
    tensors, card = load_model(folder)
    try:
        if card["horizons"] != list(HORIZONS) or card["signs"] != list(NAMES):
            raise ValueError("its horizons or signs differ from this version's")
        shape = Shape(**{**card["shape"], "n_rows": tuple(card["shape"]["n_rows"])})
        base = Base(
            tuple(tensors[f"base.{h}"].numpy() for h in HORIZONS),
            tensors["base.units"].numpy(),
        )
        for horizon, weights in zip(HORIZONS, base.weights, strict=True):
            if weights.shape != (24, n_features(horizon)):
                raise ValueError("its base has another number of features")
        return LoadModel(
            base,
            nets.from_tensors(_under(_NET, tensors), shape),
            tuple((tensors[f"mean.{h}"].numpy(), tensors[f"scale.{h}"].numpy()) for h in HORIZONS),
            tuple(float(s) for s in card["spreads"]),
            _usual(tensors["usual"]),
            boosters.from_tensors(_under(_TREES, tensors), len(NAMES)),
            courses.from_arrays({k: t.numpy() for k, t in _under(_COURSE, tensors).items()}),
            _templates(tensors),
            float(card["threshold"]),
            str(card["version"]),
        )
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise DetectorError(
            f'The model in "{folder}" is not one of the load detector ({error}). '
            "Train it again with: soc-copilot train load."
        ) from error


def _templates(tensors: Mapping[str, Tensor]) -> Templates:
    own = [_under(f"{_TEMPLATES}{name}.", tensors) for name in templates.NAMES]
    return Templates([boosters.from_tensors(one, templates.N_ROW) for one in own])


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}


def _usual(tensor: Tensor) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = tensor.double().numpy()
    if found.shape != (2, SEASONS, 168) or not (found > 0).all():
        raise ValueError("its usual errors have another shape")
    return found
