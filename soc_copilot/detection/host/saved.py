"""The host detector's model folder: network and trees in one file, the rest on the card."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from soc_copilot.detection.host import boosted as boosters
from soc_copilot.detection.host import forest as forests
from soc_copilot.detection.host import fusion as fusions
from soc_copilot.detection.host import model as nets
from soc_copilot.detection.host.boosted import Boosted
from soc_copilot.detection.host.forest import Forest
from soc_copilot.detection.host.fusion import Fusion
from soc_copilot.detection.host.model import HostNet, Shape
from soc_copilot.detection.weights import load_model, save_model
from soc_copilot.domain.errors import DetectorError

# Chosen: scores of a GPU may differ by this from the processor's; the sums run in another order.
TOLERANCE: Final = 1e-5
_NET: Final = "net."
_FOREST: Final = "forest."
_BOOSTED: Final = "boosted."


@dataclass(frozen=True, slots=True)
class HostModel:
    """What scores: the parts, and the rule that puts them together.

    Attributes:
        version: For alerts.
        features: Names of the columns that the parts were trained on, in order.
    """

    net: HostNet
    forest: Forest
    boosted: Boosted
    fusion: Fusion
    version: str
    features: tuple[str, ...]


def save(folder: Path, model: HostModel, card: Mapping[str, Any]) -> None:
    """Write a model folder.

    Args:
        folder: Made when missing.
        model: Its version goes onto the card, too.
        card: What else to say about it.
    """
    tensors = _tensors(model)
    ours = {
        "name": "host",
        "version": model.version,
        "shape": asdict(model.net.shape),
        "features": list(model.features),
        "fusion": model.fusion.as_card(),
        "tolerance": TOLERANCE,
    }
    save_model(folder, tensors, {**ours, **card})


def digest(model: HostModel) -> str:
    """Eight hexadecimal digits that differ when a number or the order of the features does."""
    found = hashlib.blake2b(digest_size=4)
    for name, tensor in sorted(_tensors(model).items()):
        found.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        found.update(tensor.cpu().numpy().tobytes())
    found.update(repr((model.fusion, model.features)).encode())
    return found.hexdigest()


def _tensors(model: HostModel) -> dict[str, Tensor]:
    found = {_NET + name: tensor for name, tensor in model.net.state_dict().items()}
    found |= {_FOREST + name: tensor for name, tensor in model.forest.tensors().items()}
    return found | {_BOOSTED + name: tensor for name, tensor in model.boosted.tensors().items()}


def load(folder: Path, features: tuple[str, ...]) -> HostModel:
    """Read a model folder.

    Args:
        folder: Written by `save`.
        features: Names of the columns that will be given to it, in order.

    Raises:
        DetectorError: Files are missing or altered, or the card is not this detector's.
    """
    tensors, card = load_model(folder)
    try:
        if tuple(card["features"]) != features:
            raise ValueError("its features differ from this version's")
        shape = Shape(**card["shape"])
        return HostModel(
            nets.from_tensors(_under(_NET, tensors), shape),
            forests.from_tensors(_under(_FOREST, tensors), shape.n_features),
            boosters.from_tensors(_under(_BOOSTED, tensors), shape.n_features),
            fusions.from_card(card["fusion"]),
            str(card["version"]),
            features,
        )
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise DetectorError(
            f'The model in "{folder}" is not one of the host detector ({error}). '
            "Train it again with: soc-copilot train host."
        ) from error


def _under(prefix: str, tensors: Mapping[str, Any]) -> dict[str, Any]:
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
