import numpy as np
from pytestqt.qtbot import QtBot

from soc_copilot.ui.plots.plot_card import LEGEND_CHARS, PlotCard
from soc_copilot.ui.plots.timeplot import Line, TimePlot
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.timeformat import TimeFormat


def test_the_legend_names_the_lines_and_reads_out_values(qtbot: QtBot) -> None:
    theme = Theme("dark")
    plot = TimePlot(theme, TimeFormat("UTC"), lambda v: f"{v:g}/s")
    card = PlotCard("Rates", plot)
    qtbot.addWidget(card)
    plot.set_lines([Line("a", "x" * 40, theme.color("ok")), Line("b", "b", theme.color("high"))])
    plot.set_data("a", np.array([10.0, 20.0]), np.array([1.0, 2.5]))
    card.read_out("", None)
    texts = [label.text() for label in card._labels]
    assert len(texts[0]) == LEGEND_CHARS
    card.read_out("10:00", 20.0)
    texts = [label.text() for label in card._labels]
    assert texts[0].endswith(" 2.5/s")
    assert texts[1] == "b —"
    assert card.hint.text() == "10:00"
    plot.set_lines([Line("b", "b", theme.color("high"))])
    card.read_out("", None)
    assert card._labels[1].isHidden()
