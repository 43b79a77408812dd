"""What marks a line as made against its readers, with what is said of it.

Left out on purpose: times that go back, since replayed and merged logs have them all the
time, and bytes that are no text, since web servers write binary requests as they came.
"""

from dataclasses import dataclass
from typing import Final

from soc_copilot.domain.findings import Severity

VERSION: Final = "1"
THRESHOLD: Final = 0.5

MIN_NULS: Final = 16  # chosen: fewer are a stray binary value, not a hole in a line


@dataclass(frozen=True, slots=True)
class Rule:
    """One sign and the words for it.

    Attributes:
        id: Dotted and stable.
        measure: What its component is called.
        full: Measured value at which the score is highest, on a logarithmic scale from `least`.
        least: Measured value at which the rule is met.
        scores: Score at `least` and at `full`.
        sentence: Summary; takes entity and value.
    """

    id: str
    title: str
    technique: str
    severity: Severity
    measure: str
    least: int
    full: int
    scores: tuple[float, float]
    sentence: str
    next_steps: tuple[str, ...]


LONG_LINE: Final = Rule(
    id="integrity.long-line",
    title="A line too long to be a log line",
    technique="T1562.006",  # Impair Defenses: Indicator Blocking
    severity=Severity.MEDIUM,
    measure="Bytes in the longest line",
    least=64 * 1024 + 1,
    full=64 * 1024 * 1024,
    scores=(0.6, 0.95),
    sentence="{entity} holds a line of {value:,} bytes. Tools that stop at long lines, or drop "
    "them, miss what is in it and after it.",
    next_steps=(
        "Look at the first bytes of the line: who or what made the program write it?",
        "Read the lines just before and after it, which may be what it was meant to hide.",
        "Compare with what other tools collected from the same log at that time.",
    ),
)
NULS: Final = Rule(
    id="integrity.nul-bytes",
    title="Zeros inside a log line",
    technique="T1070",  # Indicator Removal
    severity=Severity.LOW,
    measure="NUL bytes in one line",
    least=MIN_NULS,
    full=64 * 1024,
    scores=(0.5, 0.8),
    sentence="{entity} holds a line with {value:,} NUL bytes in its middle. Text was overwritten "
    "or lost there, by a crash, a truncation under the writer, or a person.",
    next_steps=(
        "Ask whether the machine crashed or the log was truncated at that time.",
        "Look for who had the log open for writing, and for tools that edit logs.",
        "Compare with a copy of the log kept elsewhere.",
    ),
)
CONTROL: Final = Rule(
    id="integrity.control-sequences",
    title="Terminal commands in a log line",
    technique="T1070",
    severity=Severity.MEDIUM,
    measure="Terminal commands in one line",
    least=1,
    full=64,
    scores=(0.7, 0.9),
    sentence="{entity} holds a line with {value:,} terminal command sequences that move the "
    "cursor, erase text or set the window's title. They can hide lines from whoever shows the "
    "log in a terminal.",
    next_steps=(
        "Show the log with a tool that makes control characters visible, never with cat.",
        "Find out which input reached the log unescaped, and from whom.",
        "Read the lines around it: one of them may be what is hidden.",
    ),
)

RULES: Final = (LONG_LINE, NULS, CONTROL)
