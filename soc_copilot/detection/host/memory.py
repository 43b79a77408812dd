"""All that is remembered of streams, a row each in several tables, and how it is kept over a stop.

What a row holds: counters and short lists (`tracking`), the sequence model's state, the counters
before the next event (`deeds`), and the last events with their features (`buffer`). Files are
remembered over all streams. All tables have a fixed size.
"""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save

from soc_copilot.detection.host.buffer import WINDOW, StreamBuffers
from soc_copilot.detection.host.deeds import DeedLedger
from soc_copilot.detection.host.model import Shape
from soc_copilot.detection.host.tracking import N_FILES, Tracker
from soc_copilot.domain.errors import DetectorError

Floats = npt.NDArray[np.float32]
Keys = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
Arrays = dict[str, npt.NDArray[np.generic]]

FORMAT: Final = 1
MAX_BYTES: Final = 512 * 1024**2  # chosen: of a state, unpacked; a full one of ours has some 30 MB
_LEVEL: Final = 1  # chosen: hashes do not shrink, so more effort gains nothing


@dataclass(frozen=True, slots=True)
class Restored:
    """How a detector begins again.

    Attributes:
        is_warm: False when it knows nothing of what was before.
        note: A plain sentence.
    """

    is_warm: bool
    note: str


class Hidden:
    """The sequence model's state of each stream, on its device.

    Attributes:
        values: float32, shape (n_streams, layers, width): a NumPy array on the processor, a
            tensor on another device.
    """

    def __init__(self, n_streams: int, shape: Shape, device: str) -> None:
        self.values: Any
        size = (n_streams, shape.layers, shape.width)
        if device == "cpu":
            self.values = np.zeros(size, np.float32)
        else:
            self.values = torch.zeros(size, device=device)

    def clear(self, rows: Rows) -> None:
        """Forget what is known of streams."""
        self.values[rows] = 0.0

    def get(self, rows: Rows) -> Floats:
        """The state of streams, shape (n, layers, width)."""
        found = self.values[rows]
        array: Floats = found if isinstance(found, np.ndarray) else found.cpu().numpy()
        return array

    def put(self, rows: Rows, values: Floats) -> None:
        """Take up states that `get` gave."""
        if isinstance(self.values, np.ndarray):
            self.values[rows] = values
        else:
            self.values[rows] = torch.from_numpy(values).to(self.values.device)


class StreamMemory:
    """The tables, and rows in them for streams.

    Args:
        shape: Of the sequence model.
        device: torch device of its state.
        n_streams: Streams at a time.
        n_files: Files at a time, a power of two.
        window: Events of a stream that are kept.

    Thread:
        One at a time; `windows` any.
    """

    def __init__(
        self, shape: Shape, device: str, n_streams: int, n_files: int = N_FILES,
        window: int = WINDOW,
    ) -> None:  # fmt: skip
        self.tracker = Tracker(n_streams, n_files)
        self.hidden = Hidden(n_streams, shape, device)
        self.ledger = DeedLedger(n_streams)
        self.windows = StreamBuffers(n_streams, window)

    def seat(self, keys: Keys, names: Callable[[Rows], Sequence[str]]) -> Rows:
        """Rows for the first events of a batch; at least one, if there are any.

        Args:
            keys: Stream of each event.
            names: Gives the names of the streams of some of these events.
        """
        rows, fresh = self.windows.table.seat(keys)
        if len(fresh):
            own = rows[fresh]
            self.tracker.clear(own)
            self.hidden.clear(own)
            self.ledger.clear(own)
            self.windows.clear(own, names(fresh))
        return rows

    def save(self, version: str, more: Arrays | None = None) -> bytes:
        """All of it but the windows, as packed bytes.

        Args:
            version: Of the model that made the states.
            more: What else to keep.
        """
        table = self.windows.table
        rows = table.by_use()
        self.tracker.adopt(table.keys[rows], rows)
        names = json.dumps([self.windows.name(row) for row in rows.tolist()])
        arrays: Arrays = {f"tracker.{name}": a for name, a in self.tracker.save().items()}
        arrays |= self.ledger.save(rows)
        arrays |= more or {}
        arrays["hidden"] = self.hidden.get(rows)
        arrays["keys"] = table.keys[rows]
        arrays["names"] = np.frombuffer(names.encode(), np.uint8)
        about = {"format": FORMAT, "model": version, "streams": table.capacity}
        arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
        packed = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        return zlib.compress(packed, _LEVEL)

    def load(self, data: bytes, version: str) -> tuple[Restored, Arrays]:
        """Take up what `save` gave; this memory must be new.

        Returns:
            How it begins, and all arrays that were kept, also those of others.

        Raises:
            DetectorError: The bytes are damaged, or of tables of other sizes.
        """
        arrays = unpack(data)
        try:
            about = json.loads(arrays["about"].tobytes())
            if about["format"] != FORMAT:
                raise ValueError(f"its format is {about['format']}, not {FORMAT}")
            if about["streams"] != self.windows.table.capacity:
                raise ValueError(f"it is one of {about['streams']} streams")
            if about["model"] != version:
                return Restored(
                    is_warm=False,
                    note=f'It starts cold: its memory was made by the model "{about["model"]}", '
                    f'and now it has "{version}".',
                ), {}
            self._load(arrays)
        except (KeyError, ValueError, TypeError, IndexError, RuntimeError) as error:
            raise DetectorError(f"The host detector's memory is damaged ({error}).") from error
        n = len(self.windows.table)
        return Restored(is_warm=True, note=f"It goes on with {n:,} streams."), arrays

    def _load(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        keys: Keys = arrays["keys"]
        names = json.loads(arrays["names"].tobytes())
        rows = np.empty(0, np.int64)
        if len(keys):
            rows = self.seat(keys, lambda places: [str(names[i]) for i in places.tolist()])
        if not np.array_equal(rows, np.arange(len(keys))):
            raise ValueError("its streams do not fit in here")
        prefix = "tracker."
        own = {name[len(prefix) :]: a for name, a in arrays.items() if name.startswith(prefix)}
        self.tracker.load(own)
        self.ledger.load(arrays, rows)
        self.hidden.put(rows, arrays["hidden"])


def unpack(data: bytes) -> Arrays:
    """The arrays in a packed state.

    Raises:
        DetectorError: The bytes are damaged or too large.
    """
    try:
        opened = zlib.decompressobj()
        packed = opened.decompress(data, MAX_BYTES)
        if not opened.eof:
            raise ValueError("it is cut off or too large")
        return load(packed)
    except (zlib.error, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DetectorError(f"The host detector's memory is damaged ({error}).") from error
