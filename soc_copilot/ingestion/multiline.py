"""Which lines make one event: rules, and where records begin among lines."""

from dataclasses import dataclass
from typing import Final

OFF: Final = "off"
AUTO: Final = "auto"


@dataclass(frozen=True, slots=True)
class MultilineRule:
    """How lines are put together to events.

    Attributes:
        mode: "auto", "off", "indent", "start" or "continue".
        pattern: Regular expression for "start" and "continue", searched in each line.
    """

    mode: str = AUTO
    pattern: str = ""
