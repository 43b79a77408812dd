"""The Web page's tables: threats counted by something, and the last threats in full."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import QObject
from typing_extensions import override

from soc_copilot.domain.findings import Severity
from soc_copilot.domain.text import render_safe
from soc_copilot.domain.web import WebCount, WebRequest
from soc_copilot.ui.models.rows import GivenRows, Role
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.delegates import ROLE_BAR, ROLE_SEVERITY
from soc_copilot.ui.widgets.labels import safe_tip

NAME_CHARS: Final = 200  # chosen: of a path or an address
TARGET_CHARS: Final = 300  # chosen: of a request in the table; all of it is in the detail


class CountColumn(IntEnum):
    """Places of the columns."""

    NAME = 0
    KIND = 1
    BAR = 2
    COUNT = 3


class CountModel(GivenRows[WebCount]):
    """Threats by path or by address, the most first.

    Args:
        name: Header of the first column.
        titles: Attack classes for people, by their names.
    """

    numbers = frozenset({CountColumn.COUNT})
    header_tips = {  # noqa: RUF012 - a constant, as the base class has it
        CountColumn.KIND: "The class that most of them have.",
        CountColumn.COUNT: "Requests taken for a threat in the last 15 minutes.",
    }

    def __init__(self, name: str, titles: Mapping[str, str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.headers = (name, "Mostly", "", "Threats")
        self._titles = titles

    def place_of(self, name: str) -> int | None:
        """Where a path or an address stands."""
        return next((i for i, row in enumerate(self._rows) if row.name == name), None)

    @override
    def cell(self, row: WebCount, column: int, role: int) -> Any:
        if role == Role.DisplayRole:
            return self._text(row, column)
        if role == ROLE_BAR and column == CountColumn.BAR:
            return row.n_threats / max(self._rows[0].n_threats, 1)
        if role == ROLE_SEVERITY and column == CountColumn.BAR:
            return Severity.HIGH
        if role == Role.ToolTipRole and column in {CountColumn.NAME, CountColumn.KIND}:
            kind = self._text(row, CountColumn.KIND)
            return safe_tip(f"{row.name}\nMostly: {kind}")
        return self.alignment(column) if role == Role.TextAlignmentRole else None

    def _text(self, row: WebCount, column: int) -> str:
        if column == CountColumn.NAME:
            return render_safe(row.name, NAME_CHARS)
        if column == CountColumn.KIND:
            return self._titles.get(row.kind, row.kind)
        return f"{row.n_threats:,}" if column == CountColumn.COUNT else ""


class ThreatColumn(IntEnum):
    """Places of the columns."""

    TIME = 0
    KIND = 1
    FROM = 2
    REQUEST = 3
    ANSWER = 4
    SCORE = 5


class ThreatModel(GivenRows[WebRequest]):
    """The last requests that were taken for a threat, newest first."""

    headers = ("Time", "Class", "From", "Request", "Answer", "Score")
    numbers = frozenset({ThreatColumn.SCORE, ThreatColumn.ANSWER})
    header_tips = {  # noqa: RUF012 - a constant, as the base class has it
        ThreatColumn.ANSWER: "The server's status code."
    }

    def __init__(self, times: TimeFormat, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._times = times

    def place_of(self, request: WebRequest) -> int | None:
        """Where that very request stands."""
        return next((i for i, row in enumerate(self._rows) if row is request), None)

    @override
    def cell(self, row: WebRequest, column: int, role: int) -> Any:
        if role == Role.DisplayRole:
            return self._text(row, column)
        if role == Role.ToolTipRole and column == ThreatColumn.TIME:
            return safe_tip(self._times.absolute(row.at))
        if role == Role.ToolTipRole and column in {ThreatColumn.REQUEST, ThreatColumn.KIND}:
            return safe_tip(self._text(row, column))
        return self.alignment(column) if role == Role.TextAlignmentRole else None

    def _text(self, row: WebRequest, column: int) -> str:
        return {
            ThreatColumn.TIME: lambda: self._times.short(row.at),
            ThreatColumn.KIND: lambda: row.title,
            ThreatColumn.FROM: lambda: render_safe(row.address or "unknown", NAME_CHARS),
            ThreatColumn.REQUEST: lambda: request_line(row),
            ThreatColumn.ANSWER: lambda: "" if row.status is None else str(row.status),
            ThreatColumn.SCORE: lambda: f"{row.score:.3f}",
        }[ThreatColumn(column)]()


def request_line(request: WebRequest) -> str:
    """Method and target on one line, what is hidden in them visible."""
    target = request.text if request.text.startswith(request.path) else request.path
    return f"{render_safe(request.method, 12)} {render_safe(target, TARGET_CHARS)}".strip()
