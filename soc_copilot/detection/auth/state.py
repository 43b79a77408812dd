"""What the detector remembers between batches: bounded, immutable, stored as packed JSON."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from soc_copilot.detection.auth.attempts import Listener, prune
from soc_copilot.detection.auth.windows import WindowTable
from soc_copilot.domain.errors import DetectorError

FORMAT: Final = 1
MAX_STATE_BYTES: Final = 64 * 1024**2  # chosen: unpacked; a state of ours has under 4 MB
MAX_ALERTS: Final = 500  # chosen: alerts that still grow; the longest untouched go first
MAX_USERS: Final = 2_000  # chosen: users whose networks and sudo habits are known
MAX_TAILS: Final = 256  # chosen: addresses whose last failed lines are kept
TABLES: Final = ("address", "account", "sudo", "su")


@dataclass(frozen=True, slots=True)
class State:
    """Everything the next batch needs.

    Attributes:
        listener: What counts each attempt once, and the clocks.
        tables: Windows by address, by account, and by user for sudo and su.
        alerts: "rule|day|entity" -> what has been said of it so far.
        users: user -> [logins, first login (us), networks, number of the latest line].
        habits: "user host" -> [commands, kinds of dangerous ones, number of the latest line].
        added: "user host" -> when the account was made, "user host group" -> when it was put
            there; microseconds since 1970.
        tails: address -> its last failed lines before an alert.
    """

    listener: Listener = field(default_factory=Listener)
    tables: Mapping[str, WindowTable] = field(
        default_factory=lambda: {name: WindowTable() for name in TABLES}
    )
    alerts: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    users: Mapping[str, list[Any]] = field(default_factory=dict)
    habits: Mapping[str, list[Any]] = field(default_factory=dict)
    added: Mapping[str, int] = field(default_factory=dict)
    tails: Mapping[str, list[list[Any]]] = field(default_factory=dict)

    @property
    def minutes(self) -> set[int]:
        """Minutes since 1970 of all that is forgotten when no clock is near."""
        kept = (table.minutes() for table in self.tables.values())
        return set().union(*kept, (minute for _, minute in self.listener.credits.values()))

    def pruned(self) -> "State":
        """Without what is far from every clock."""
        clocks = self.listener.minutes
        tables = {name: table.pruned(clocks) for name, table in self.tables.items()}
        alive = tables["address"].keys()
        tails = {key: lines for key, lines in self.tails.items() if key in alive}
        return replace(self, listener=prune(self.listener), tables=tables, tails=tails)

    def pack(self) -> bytes:
        """The state as bytes; `unpack` gives an equal one."""
        value = {
            "format": FORMAT,
            "speakers": self.listener.speakers,
            "credits": self.listener.credits,
            "clocks": self.listener.clocks,
            "n_seen": self.listener.n_seen,
            "tables": {name: table.to_json() for name, table in self.tables.items()},
            "alerts": self.alerts,
            "users": self.users,
            "habits": self.habits,
            "added": self.added,
            "tails": self.tails,
        }
        return zlib.compress(json.dumps(value, separators=(",", ":")).encode("ascii"), 1)


def unpack(data: bytes) -> State:
    """The state that `State.pack` gave.

    Raises:
        DetectorError: The bytes are damaged or of another format.
    """
    try:
        opened = zlib.decompressobj()
        text = opened.decompress(data, MAX_STATE_BYTES)
        if not opened.eof:
            raise ValueError("it is cut off or too large")
        value = json.loads(text)
        if value["format"] != FORMAT:
            raise ValueError(f"its format is {value['format']}, not {FORMAT}")
        listener = Listener(
            tuple(value["speakers"]),
            {key: (int(n), int(m)) for key, (n, m) in value["credits"].items()},
            {key: (int(m), int(i)) for key, (m, i) in value["clocks"].items()},
            int(value["n_seen"]),
        )
        tables = {name: WindowTable.from_json(value["tables"][name]) for name in TABLES}
        parts = {
            name: dict(value[name]) for name in ("alerts", "users", "habits", "added", "tails")
        }
        return State(listener, tables, **parts)
    except Exception as error:
        raise DetectorError(
            f"The authentication detector's stored memory is damaged ({error})."
        ) from error
