"""Model folders: safetensors beside a JSON card that holds their SHA-256."""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soc_copilot.domain.errors import DetectorError

if TYPE_CHECKING:
    import torch

WEIGHTS_FILE: Final = "model.safetensors"
CARD_FILE: Final = "card.json"
MAX_WEIGHTS_BYTES: Final = 2 * 1024**3  # chosen: far above our models; bounds what is read
MAX_CARD_BYTES: Final = 4 * 1024**2  # chosen
_HASHES: Final = "files"


def save_model(
    folder: Path, tensors: Mapping[str, "torch.Tensor"], card: Mapping[str, Any]
) -> None:
    """Write a model folder; each file appears whole or not at all, the card last.

    Args:
        folder: Made when missing; an earlier model in it is replaced.
        tensors: By name; stored contiguous, on the CPU.
        card: JSON values. The key "files" is ours: name -> {"sha256", "size_bytes"}.
    """
    from safetensors.torch import save

    data = save({name: t.detach().cpu().contiguous() for name, t in tensors.items()})
    entry = {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
    full = {**card, _HASHES: {WEIGHTS_FILE: entry}}
    text = json.dumps(full, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / WEIGHTS_FILE, data)
    _write(folder / CARD_FILE, text.encode("utf-8"))


def load_card(folder: Path) -> dict[str, Any]:
    """The model card, without reading the weights.

    Raises:
        DetectorError: There is none, or it is not a JSON object.
    """
    data = _read(folder / CARD_FILE, MAX_CARD_BYTES)
    try:
        card = json.loads(data)
    except ValueError as error:
        raise DetectorError(
            f'The model card "{folder / CARD_FILE}" is not JSON ({error}). Put the original back.'
        ) from error
    if not isinstance(card, dict):
        raise DetectorError(f'The model card "{folder / CARD_FILE}" is not a JSON object.')
    return card


def load_model(
    folder: Path, device: str = "cpu"
) -> tuple[dict[str, "torch.Tensor"], dict[str, Any]]:
    """Read a model folder, after checking the weights against the card.

    Args:
        folder: Written by `save_model`.
        device: torch device on which the tensors are put.

    Returns:
        The tensors by name, and the card.

    Raises:
        DetectorError: A file is missing, too large, altered, not safetensors, or holds a
            number that is not finite.
    """
    card = load_card(folder)
    files = card.get(_HASHES)
    entry = files.get(WEIGHTS_FILE) if isinstance(files, dict) else None
    wanted = entry.get("sha256") if isinstance(entry, dict) else None
    if not isinstance(wanted, str):
        raise DetectorError(
            f'The model card "{folder / CARD_FILE}" names no SHA-256 of {WEIGHTS_FILE}. '
            "Put the original back or train the model again."
        )
    data = _read(folder / WEIGHTS_FILE, MAX_WEIGHTS_BYTES)
    found = hashlib.sha256(data).hexdigest()
    if not hmac.compare_digest(found.encode(), wanted.lower().encode()):
        raise DetectorError(
            f'The weights "{folder / WEIGHTS_FILE}" do not match their card: SHA-256 '
            f"{found[:12]}..., expected {wanted[:12]}... Put the original back or train again."
        )
    return _unpack(folder, data, device), card


def _unpack(folder: Path, data: bytes, device: str) -> dict[str, "torch.Tensor"]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise DetectorError(
            f'The weights "{folder / WEIGHTS_FILE}" are not safetensors: {error}.'
        ) from error
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise DetectorError(
                f'The weights "{folder / WEIGHTS_FILE}" hold a number that is not finite, in '
                f'"{name}". Train the model again.'
            )
    return {name: tensor.to(device) for name, tensor in tensors.items()}


def _read(path: Path, limit: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > limit:
            raise DetectorError(
                f'The model file "{path}" has {size:,} bytes; at most {limit:,} are read.'
            )
        return path.read_bytes()
    except OSError as error:
        raise DetectorError(
            f'Cannot read the model file "{path}": {error.strerror or error}. '
            "Install the program again or train the model."
        ) from error


def _write(path: Path, data: bytes) -> None:
    """Write a file under a temporary name, sync it, and give it its name."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
