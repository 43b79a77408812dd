"""Parts of the Load page: replay controls, the exercise, figures, what holds now."""

import math
from typing import Final

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QSlider,
    QWidget,
)

from soc_copilot.domain.load import GRADES, HOLD_HOURS, LoadInterval, Standing, Trace
from soc_copilot.ui.models.load_tables import hour_text, interval_words, number_text
from soc_copilot.ui.plots.load_plot import SHORT_WORDS
from soc_copilot.ui.theme import GRID, Theme
from soc_copilot.ui.units import size_text
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel, safe_tip

SPEEDS: Final = (1.0, 10.0, 60.0, 300.0, 1_000.0, 0.0)  # 0: as fast as possible
SLIDER_STEPS: Final = 10_000
SIDE_PX: Final = 296  # chosen: width of the column at the right
SIZES: Final = (-50, -40, -30, -20, -10, -5, 5, 10, 20, 30, 40, 50)  # source: of exercises
HOURS: Final = (6, 12, 24, 36, 48, 72)
NO_FIGURES: Final = "—"
TOO_EARLY: Final = "after two weeks"  # one to compare with, and one that is compared
WEEK_HOURS: Final = 168
LEARNING: Final = (
    "The first hours are history: the forecast and the typical days are made from them, which "
    "takes some seconds for a year."
)


class ReplayControls(QWidget):
    """Play, pause, seek and speed of one replay.

    Signals:
        play_wanted: Go on, or pause.
        sought: Share of the series to go to, in [0, 1].
        speed_chosen: Hours per hour; 0: as fast as possible.
        follow_wanted: True to keep the newest hour in sight.
    """

    play_wanted = Signal()
    sought = Signal(float)
    speed_chosen = Signal(float)
    follow_wanted = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self.play = QPushButton("Pause")
        self.play.setMinimumWidth(84)
        self.play.clicked.connect(self.play_wanted.emit)
        self.speed = QComboBox()
        self.speed.setAccessibleName("Replay speed")
        self.speed.setToolTip("Hours of the series in an hour.")
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:,.0f}x" if speed else "As fast as possible", speed)
        self.speed.activated.connect(lambda at: self.speed_chosen.emit(SPEEDS[at]))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, SLIDER_STEPS)
        self.slider.setPageStep(SLIDER_STEPS // 20)
        self.slider.setAccessibleName("Place in the series")
        self.slider.sliderReleased.connect(self._seek)
        self.slider.actionTriggered.connect(self._on_action)
        self.at = PlainLabel("", "muted")
        self.at.setMinimumWidth(160)
        self.follow = QPushButton("Follow")
        self.follow.setCheckable(True)
        self.follow.setChecked(True)
        self.follow.setToolTip("Keep the newest hour in sight.")
        self.follow.clicked.connect(self.follow_wanted.emit)
        for widget in (self.play, self.speed):
            row.addWidget(widget)
        policy = self.slider.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # a live series has none; what is right stays there
        self.slider.setSizePolicy(policy)
        row.addWidget(self.slider, 1)
        row.addWidget(self.at)
        row.addWidget(self.follow)
        theme.changed.connect(self._paint)
        self._is_playing = True
        self._paint()

    def show_replay(
        self, progress: float, hour: float, speed: float, *, paused: bool, over: bool
    ) -> None:
        """Show how far a replay is."""
        if not self.slider.isSliderDown():
            self.slider.setValue(round(progress * SLIDER_STEPS))
        self.at.setText(f"{hour_text(hour)} · {progress:.0%}")
        words = "Again" if over else "Resume" if paused else "Pause"
        self._is_playing = not (paused or over)
        if self.play.text() != words:
            self.play.setText(words)
            self._paint()
        if not self.speed.view().isVisible():
            self.speed.setCurrentIndex(SPEEDS.index(speed) if speed in SPEEDS else 0)

    def _paint(self) -> None:
        self.play.setIcon(self._theme.icon("pause" if self._is_playing else "play"))

    def _on_action(self, _action: int) -> None:
        if not self.slider.isSliderDown():  # keys and clicks beside the handle
            self.sought.emit(self.slider.sliderPosition() / SLIDER_STEPS)

    def _seek(self) -> None:
        self.sought.emit(self.slider.value() / SLIDER_STEPS)


class ExercisePanel(Card):
    """Puts an attack into a replay, as an exercise.

    Signals:
        wanted: Template, size as a share, hours, and where: "next" or "middle".
        clear_wanted: Take every exercise out again.
    """

    wanted = Signal(str, float, int, str)
    clear_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Exercise", padding=12)
        self.template = QComboBox()
        for name, words in SHORT_WORDS.items():
            self.template.addItem(words[:1].upper() + words[1:], name)
        self.template.setCurrentIndex(list(SHORT_WORDS).index("scaling"))
        self.amount = _choices(SIZES, 20, "%")
        self.amount.setToolTip("By how much the strongest hour is changed; 5 to 50 % either way.")
        self.hours = _choices(HOURS, 24, "h")
        self.where = QComboBox()
        self.where.addItem("At the next hour", "next")
        self.where.addItem("In the middle of the view", "middle")
        grid = QGridLayout()
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        pair = QWidget()
        both = QHBoxLayout(pair)
        both.setContentsMargins(0, 0, 0, 0)
        both.setSpacing(GRID)
        both.addWidget(self.amount, 1)
        both.addWidget(PlainLabel("for", "muted"))
        both.addWidget(self.hours, 1)
        fields: tuple[tuple[str, QWidget], ...] = (
            ("Attack", self.template), ("Size", pair), ("Start", self.where),
        )  # fmt: skip
        for place, (title, field) in enumerate(fields):
            grid.addWidget(PlainLabel(title, "muted"), place, 0)
            field.setAccessibleName(f"Exercise: {title.lower()}")
            grid.addWidget(field, place, 1)
        self.amount.setAccessibleName("Exercise: size")
        self.hours.setAccessibleName("Exercise: hours")
        self.body.addLayout(grid)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.inject = QPushButton("Put it in")
        self.inject.clicked.connect(self.ask)
        self.clear = link_button("Take out all")
        self.clear.clicked.connect(self.clear_wanted.emit)
        row.addWidget(self.inject)
        row.addWidget(self.clear)
        row.addStretch(1)
        self.body.addLayout(row)
        self.told = PlainLabel("", "small", wrap=True)
        self.body.addWidget(self.told)
        self.show_state(can=False, n=0)

    def ask(self) -> None:
        """Ask for the attack as it is set."""
        self.wanted.emit(
            str(self.template.currentData()), int(self.amount.currentData()) / 100,
            int(self.hours.currentData()),
            str(self.where.currentData()),
        )  # fmt: skip

    def show_state(self, *, can: bool, n: int, problem: str = "") -> None:
        """Say whether there is a replay to put it into, and how many are in it."""
        fields: tuple[QWidget, ...] = (self.template, self.amount, self.hours, self.where)
        for widget in (*fields, self.inject):
            widget.setEnabled(can)
        self.clear.setVisible(n > 0)
        self.hint.setText(f"{n:,} in the values" if n else "")
        words = problem or (
            "Changes the values of this replay only; its alerts and the audit trail say that "
            "it was an exercise."
            if can
            else "Choose a replay: what comes in live is never changed."
        )
        if self.told.text() != words:
            self.told.setText(words)
            self.told.set_kind("error" if problem else "small")


class FiguresCard(Card):
    """How the forecast and the detector do."""

    def __init__(self) -> None:
        super().__init__("Forecast and speed", padding=12)
        self._values: dict[str, PlainLabel] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        for place, (key, title, tip) in enumerate(
            (
                ("mape", "Error, last week", "Mean absolute percentage error, an hour ahead."),
                ("mae", "Mean error", "Mean absolute error of the last week, in the unit."),
                ("drift", "Drift", "The last week's error over that of the first 500 hours, "
                                   "exercises and suspicions left out; from 2 on it drifts."),
                ("latency", "Time per hour", "p50, p95 and p99 of the last 10,000 hours."),
                ("rate", "Hours per second", "As many hours as go into a second."),
                ("memory", "Memory", "Of the program that judges, and what it should stay under."),
            )
        ):  # fmt: skip
            name = PlainLabel(title, "muted")
            name.setToolTip(safe_tip(tip))
            value = PlainLabel(NO_FIGURES)
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setToolTip(safe_tip(tip))
            grid.addWidget(name, place, 0)
            grid.addWidget(value, place, 1)
            self._values[key] = value
        self.body.addLayout(grid)
        self.body.addStretch(1)

    def show_figures(self, figures: Standing | None, unit: str) -> None:
        """Show how it stands; dashes for None."""
        for label in self._values.values():
            label.set_kind("")
            label.setText(NO_FIGURES)
        if figures is None:
            return
        if math.isfinite(figures.ratio):
            self._values["mape"].setText(f"{figures.mape:.2%}")
            self._values["mae"].setText(f"{number_text(figures.mae)} {unit}".strip())
            words = "drifting" if figures.is_drifting else "steady"
            self._values["drift"].setText(f"{figures.ratio:.2f}, {words}")
            self._values["drift"].set_kind("high" if figures.is_drifting else "ok")
        else:
            for key in ("mape", "mae", "drift"):
                self._values[key].setText(TOO_EARLY)
        if figures.hours_per_s:
            times = (figures.p50_us, figures.p95_us, figures.p99_us)
            self._values["latency"].setText(f"{' / '.join(f'{one:,.0f}' for one in times)} µs")
            self._values["rate"].setText(f"{figures.hours_per_s:,.0f}")
        if figures.memory_bytes:
            limit = size_text(figures.memory_limit_bytes)
            self._values["memory"].setText(f"{size_text(figures.memory_bytes)} of {limit}")
            self._values["memory"].set_kind("high" if figures.is_over_memory else "")

    def show_live(self, trace: Trace, figures: Standing | None) -> None:
        """Show how a live series stands; before that is told, the error of its last week."""
        low = max(trace.n - WEEK_HOURS, 0)
        value, forecast = (trace.columns[name][low : trace.n] for name in ("value", "forecast"))
        usable = np.isfinite(value) & np.isfinite(forecast) & (value > 0)
        if not usable.any():  # counted alone, or learned from: its time would be another one's
            self.show_figures(None, trace.unit)
            return
        self.show_figures(figures, trace.unit)
        if figures is not None and math.isfinite(figures.ratio):
            return
        usable &= trace.grades[low : trace.n] == 0  # hours under suspicion are off as they should
        if usable.any():
            errors = np.abs(forecast[usable] - value[usable])
            self._values["mape"].setText(f"{float((errors / value[usable]).mean()):.2%}")
            mae = number_text(float(errors.mean()))
            self._values["mae"].setText(f"{mae} {trace.unit}".strip())

    def text_of(self, key: str) -> str:
        """What stands beside a name."""
        return self._values[key].text()


class NowCard(Card):
    """What holds at the newest hour, or what the chosen interval was."""

    def __init__(self) -> None:
        super().__init__("Now", padding=12)
        self.word = ElidedLabel("", "ok")
        self.since = ElidedLabel("", "muted")
        self.words = PlainLabel("", wrap=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.words.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self.words.setMinimumHeight(48)
        for widget in (self.word, self.since):
            self.body.addWidget(widget)
        self.body.addWidget(self.words, 1)

    def show_trace(self, trace: Trace, chosen: LoadInterval | None) -> None:
        """What a person chose, else what holds at the newest hour."""
        if chosen is not None:
            self.show_interval(chosen, now=False)
            return
        last = trace.intervals[-1] if trace.intervals else None
        judged = trace.n and np.isfinite(trace.columns["forecast"][trace.n - 1])
        if last is not None and last.last >= trace.end - 1 - HOLD_HOURS:
            self.show_interval(last, now=True)
        elif judged:
            self.show_quiet(trace.end - 1, quiet_words(trace))
        else:
            self.show_nothing(LEARNING)

    def show_quiet(self, hour: float, words: str) -> None:
        """Nothing is suspected."""
        self.title.setText("Now")
        self._show("Quiet", "ok", hour_text(hour), words)

    def show_nothing(self, words: str) -> None:
        """There is no judged hour yet."""
        self.title.setText("Now")
        self._show("Waiting", "info", "", words)

    def show_interval(self, one: LoadInterval, *, now: bool) -> None:
        """An attack is suspected, or was."""
        self.title.setText("Now" if now else "Chosen")
        grade = GRADES[one.grade]
        self._show(
            f"{grade.capitalize()}: {interval_words(one)}", grade,
            f"since {hour_text(one.first)}, {one.n_hours:,} h", "\n".join(one.words),
        )  # fmt: skip

    def _show(self, word: str, kind: str, since: str, words: str) -> None:
        self.word.setText(word)
        self.word.set_kind(kind)
        self.since.setText(since)
        self.since.setVisible(bool(since))
        if self.words.text() != words:
            self.words.setText(words)
            self.words.setToolTip(safe_tip(words))


def quiet_words(trace: Trace) -> str:
    """What the newest hour was, in a sentence or two."""
    column = trace.columns
    at = trace.n - 1
    value, forecast = column["value"][at], column["forecast"][at]
    if math.isnan(value):
        return "No value came for the newest hour; a stand-in took its place."
    low, high = column["lower"][at], column["upper"][at]
    inside = "within" if low <= value <= high else "outside"
    return (
        f"{number_text(value)} came, {number_text(forecast)} was forecast. It lies {inside} the "
        f"range of 95% of clean hours, {number_text(low)} to {number_text(high)}."
    )


def _choices(values: tuple[int, ...], chosen: int, unit: str) -> QComboBox:
    found = QComboBox()
    for value in values:
        found.addItem(f"{value:+d} {unit}" if unit == "%" else f"{value} {unit}", value)
    found.setCurrentIndex(values.index(chosen))
    return found
