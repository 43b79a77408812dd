"""The lower part of the Load page: every series, and what was detected in the one seen."""

from typing import Final

from PySide6.QtWidgets import QHBoxLayout, QTableView, QWidget

from soc_copilot.ui.models.load_tables import (
    GradeDelegate,
    IntervalColumn,
    IntervalModel,
    SeriesColumn,
    SeriesModel,
    SparkDelegate,
)
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.delegates import SeverityDelegate
from soc_copilot.ui.widgets.tables import desk_table

NARROW_PX: Final = 1_500  # of the page; narrower, where a series comes from gives way
TIGHT_PX: Final = 1_400  # narrower, an attack's kind and size need the room of its year
NARROWEST_PX: Final = 1_300  # and of the numbers


class LoadLists(QWidget):
    """Two tables side by side, whose less important columns give way where there is little room.

    Args:
        theme: Colours.
        series: Every series.
        intervals: Suspected attacks of the one that is seen.
    """

    def __init__(self, theme: Theme, series: SeriesModel, intervals: IntervalModel) -> None:
        super().__init__()
        self._intervals = intervals
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(12)
        self.list_card = Card("Series", padding=12)
        self.series_table = self._make_series(theme, series)
        self.open_button = link_button("Open…", "Replay a series from a file (O)")
        self.compare_button = link_button(
            "Compare", "Keep this series in sight and see the next one with it, up to four (C)"
        )
        self.list_card.header.addWidget(self.compare_button)
        self.list_card.header.addWidget(self.open_button)
        self.list_card.body.addWidget(self.series_table, 1)
        self.found_card = Card("Suspected attacks", padding=12)
        self.table = self._make_intervals(theme, intervals)
        self.found_card.header.addStrut(self.open_button.sizeHint().height())  # heads on one line
        self.found_card.body.addWidget(self.table, 1)
        for card in (self.list_card, self.found_card):
            card.setMinimumHeight(120)
            self._row.addWidget(card)

    def fit(self, width: int) -> None:
        """Show what has room on a page of this width, px."""
        narrow, tight, narrowest = (width < limit for limit in (NARROW_PX, TIGHT_PX, NARROWEST_PX))
        shares = (21, 40) if narrowest else (3, 4) if tight else (5, 8)
        for place, share in enumerate(shares):
            self._row.setStretch(place, share)
        series, found = self.series_table, self.table
        series.setColumnHidden(SeriesColumn.KIND, narrow)
        series.setColumnHidden(SeriesColumn.OFF, narrowest)
        series.setColumnHidden(SeriesColumn.LAST, narrowest)
        series.setColumnWidth(SeriesColumn.SPARK, 56 if narrowest else 80)
        self._intervals.is_narrow = tight
        found.setColumnWidth(IntervalColumn.SINCE, 100 if tight else 142)
        found.setColumnHidden(IntervalColumn.SURE, tight)
        found.setColumnHidden(IntervalColumn.HOURS, narrowest)

    @staticmethod
    def _make_series(theme: Theme, model: SeriesModel) -> QTableView:
        table = desk_table(
            model, "Series",
            {SeriesColumn.KIND: 64, SeriesColumn.SPARK: 80, SeriesColumn.LAST: 76,
             SeriesColumn.OFF: 60, SeriesColumn.STATE: 76}, stretch=SeriesColumn.NAME,
        )  # fmt: skip
        table.setItemDelegateForColumn(SeriesColumn.SPARK, SparkDelegate(theme, table))
        table.setItemDelegateForColumn(SeriesColumn.STATE, GradeDelegate(theme, table))
        return table

    @staticmethod
    def _make_intervals(theme: Theme, model: IntervalModel) -> QTableView:
        table = desk_table(
            model, "Suspected attacks",
            {IntervalColumn.SEVERITY: 84, IntervalColumn.SINCE: 142, IntervalColumn.HOURS: 52,
             IntervalColumn.OFF: 56, IntervalColumn.SURE: 52}, stretch=IntervalColumn.WHAT,
        )  # fmt: skip
        table.setItemDelegateForColumn(IntervalColumn.SEVERITY, SeverityDelegate(theme, table))
        return table
