"""A detector's state as bytes: arrays in safetensors, the rest as JSON in one of them.

Whoever restarts goes on where it stopped: the same hours then get the same verdicts, to the bit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from soc_copilot.domain.errors import DetectorError

Array = npt.NDArray[Any]

FORMAT: Final = 3  # raised when what is kept changes: older states are then told and not read
MAX_BYTES: Final = 16 * 1024**2  # chosen: a state has less than one MiB
_FACTS: Final = "facts"
_HINT: Final = "Begin again from the series' history."


@dataclass(frozen=True, slots=True)
class State:
    """What a detector remembers.

    Attributes:
        arrays: By name.
        facts: JSON values.
    """

    arrays: Mapping[str, Array]
    facts: Mapping[str, Any]

    def array(self, name: str, like: Array) -> Array:
        """An array of its own, checked to be of another's shape and type.

        Raises:
            DetectorError: It is missing or differs.
        """
        found = self.arrays.get(name)
        if found is None or found.shape != like.shape or found.dtype != like.dtype:
            raise misfit(f'its "{name}" is of another shape')
        return found.copy()

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number from `low` up to `high`.

        Raises:
            DetectorError: It is missing, or none, or outside.
        """
        found = self.facts.get(name)
        if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
            raise misfit(f'its "{name}" is no whole number from {low} to {high}')
        return found

    def number(self, name: str) -> float:
        """A finite number.

        Raises:
            DetectorError: It is missing, or none.
        """
        found = self.facts.get(name)
        if not isinstance(found, int | float) or not np.isfinite(found):
            raise misfit(f'its "{name}" is no number')
        return float(found)


def misfit(why: str) -> DetectorError:
    """What is raised for a state that cannot be used."""
    return DetectorError(f"The kept state of a watched series cannot be used: {why}. {_HINT}")


def pack(state: State, version: str) -> bytes:
    """A state as bytes.

    Args:
        state: What to keep.
        version: Of the model, whose state it is.
    """
    text = json.dumps(
        {"format": FORMAT, "model": version, **state.facts}, allow_nan=False, sort_keys=True
    )
    facts = np.frombuffer(text.encode(), np.uint8)
    arrays = {name: np.ascontiguousarray(array) for name, array in state.arrays.items()}
    return save({**arrays, _FACTS: facts})


def unpack(data: bytes, version: str) -> State:
    """The state that `pack` made.

    Raises:
        DetectorError: It is damaged, or of another format or model.
    """
    if len(data) > MAX_BYTES:
        raise misfit(f"it has more than {MAX_BYTES} bytes")
    try:
        arrays = load(data)
        facts = json.loads(arrays.pop(_FACTS).tobytes())
        if not isinstance(facts, dict):
            raise ValueError("no object")
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise misfit(f"it is damaged ({error})") from error
    if facts.get("format") != FORMAT:
        raise misfit("it was written by another version of the program")
    if facts.get("model") != version:
        raise misfit("it belongs to another model")
    return State(arrays, facts)
