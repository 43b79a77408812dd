"""How the service and the process that stores for it speak: lines one way, JSON back."""

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Final, Self

from soc_copilot.domain.setting import Value

FRAME_BYTES: Final = 1024 * 1024
"""Lines sent together, at most, unless a single line is longer. Chosen: a tenth of a second's."""
_HEAD: Final = struct.Struct("<QI")  # number of the frame, bytes that follow
_MOST_BYTES: Final = 64 * 1024 * 1024  # chosen: anything longer is no frame of ours


@dataclass(frozen=True, slots=True)
class StorePlan:
    """What the storing process is told first.

    Attributes:
        target: Path or URL of the governance database, None for the default one.
        home: Folder of the audit key, None for the default one.
        actor: Name and surface of who started the service.
        settings: Value of every setting.
        source_id: Of the source whose spool takes the lines.
        end: Byte of the spool up to which the service knows its lines to be; -1 at its start.
        log_level: As the service's own.
    """

    target: str | None
    home: str | None
    actor: tuple[str, str]
    settings: Mapping[str, Value]
    source_id: int
    end: int = -1
    log_level: int = 30

    def to_bytes(self) -> bytes:
        """As it is sent."""
        return json.dumps(asdict(self)).encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """As it was sent.

        Raises:
            ValueError, TypeError: It was not sent by the same version of the program.
        """
        values: dict[str, Any] = json.loads(data)
        name, surface = values.pop("actor")
        return cls(actor=(name, surface), **values)


def frame(number: int, data: bytes) -> bytes:
    """What is sent for some bytes."""
    return _HEAD.pack(number, len(data)) + data


def read_frame(stream: BinaryIO) -> tuple[int, bytes] | None:
    """The next number and its bytes; None at the end, also in the midst of a frame.

    Raises:
        ValueError: What comes is no frame.
    """
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    number, length = _HEAD.unpack(head)
    if length > _MOST_BYTES:
        raise ValueError(f"A frame of {length:,} bytes is none of ours.")
    data = stream.read(length)
    return (number, data) if len(data) == length else None
