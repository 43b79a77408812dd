"""A plot with its legend in the title row."""

from typing import Final

from soc_copilot.domain.text import render_safe
from soc_copilot.ui.plots.timeplot import TimePlot
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.labels import PlainLabel

LEGEND_CHARS: Final = 24  # chosen: of a series' name


class PlotCard(Card):
    """A plot with its legend in the title row; the legend reads out the crosshair's values."""

    def __init__(self, title: str, plot: TimePlot) -> None:
        super().__init__(title)
        self.plot = plot
        self._labels: list[PlainLabel] = []
        plot.setMinimumHeight(88)
        self.body.addWidget(plot, 1)

    def read_out(self, at: str, second: float | None) -> None:
        """Name the series, with their values at a time when one is given.

        Args:
            at: The time for people, "" for none.
            second: The same, seconds since 1970.
        """
        words = []
        for line in self.plot.lines:
            value = self.plot.value_at(line.key, second) if second is not None else None
            name = render_safe(line.name, LEGEND_CHARS)
            name = name if second is None else f"{name} {value_words(self.plot, value)}"
            words.append((name, line.color.name()))
        self.show_legend(at, words)

    def show_legend(self, at: str, words: list[tuple[str, str]]) -> None:
        """Show a time, and each series' name (with its value) in its colour."""
        self.hint.setText(at)
        while len(self._labels) < len(words):
            label = PlainLabel("", "strong")
            self._labels.append(label)
            self.header.addWidget(label)
        for place, label in enumerate(self._labels):
            label.setVisible(place < len(words))
            if place < len(words) and label.property("drawn") != words[place]:
                label.setProperty("drawn", words[place])
                label.setText(words[place][0])
                label.setStyleSheet(f"color: {words[place][1]}")


def value_words(plot: TimePlot, value: float | None) -> str:
    """A value of a plot as its axis writes it, or a dash."""
    return "—" if value is None else plot.form(round(value, 3))
