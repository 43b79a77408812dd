"""The desktop's composition root: build, wire, start, shut down."""

import argparse
import getpass
import importlib
import logging
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QSettings, QTimer, Slot
from PySide6.QtWidgets import QApplication

from soc_copilot import __version__
from soc_copilot.domain.alerts import AlertCounts
from soc_copilot.domain.governance import Actor
from soc_copilot.settings import SETTINGS, Value
from soc_copilot.ui.actions import ActionTable
from soc_copilot.ui.collecting import Collector, settle
from soc_copilot.ui.context import Desk, Page
from soc_copilot.ui.stop_signals import StopSignals
from soc_copilot.ui.theme import Theme, load_fonts
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.cards import EmptyState
from soc_copilot.ui.window import GROUPS, MainWindow, remembered_page
from soc_copilot.ui.workers import JobRunner

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance
    from soc_copilot.phishing.loading import Loaded
    from soc_copilot.ui.ingest_worker import Session
    from soc_copilot.ui.phishing_checks import Checker

logger = logging.getLogger(__name__)

STATE_KEY = "window"
PAGES = tuple(name for group in GROUPS for name, _ in group)
PARTS = (  # what `on_opened` uses, imported beforehand on the worker thread
    "soc_copilot.ui.archive_search",
    "soc_copilot.ui.dialogs",
    "soc_copilot.ui.ingestion",
    "soc_copilot.ui.live",
    "soc_copilot.ui.load_desk",
    "soc_copilot.ui.replaying",
    "soc_copilot.ui.watch",
    "soc_copilot.ui.widgets.disk_band",
    "soc_copilot.ui.widgets.killswitch_band",
)
SWITCH_S = 0.001  # measured: the default 5 ms makes the window's timer late by 5 ms more (p99)
WARM_MS = 1_200  # chosen: the window is drawn and at rest before torch is loaded


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    db: str | None = None
    config: str | None = None
    page: str = ""
    theme: str = ""
    bench_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Opened:
    """What the first look at the database tells."""

    settings: dict[str, Value]
    state: str
    counts: AlertCounts
    path: Path | None
    config_level: str = ""
    config_text: str = ""


def parse_options(argv: Sequence[str]) -> Options:
    """Options of the desktop program."""
    parser = argparse.ArgumentParser(
        prog="soc-copilot-desk", description="A security analyst's desk: live logs in, alerts out."
    )
    parser.add_argument("--db", metavar="PATH", help="governance database, a path or an URL")
    parser.add_argument(
        "--config", metavar="FILE", help="take settings and sources from a YAML file first"
    )
    parser.add_argument("--page", choices=PAGES, default="", help="page to open first")
    parser.add_argument("--theme", choices=("system", "dark", "light"), default="")
    parser.add_argument("--version", action="version", version=f"SOC Copilot {__version__}")
    parser.add_argument("--bench", type=float, default=0.0, help=argparse.SUPPRESS)  # seconds
    found = parser.parse_args(argv)
    return Options(found.db, found.config, found.page, found.theme, found.bench)


class Desktop(QObject):
    """Owns every part of the running desktop, and the one way in which it shuts down.

    The frame of the window is shown first; the database is opened on a worker thread, whose
    imports are the slow part of a start, and the pages follow.
    """

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.options = options
        self._actor = Actor(_user_name(), "window")
        self._hint = _hint_file(options.db)
        load_fonts()
        self.theme = Theme(options.theme or str(self._hint.value("theme", "system")), self)
        self.times = TimeFormat(parent=self)
        self.actions = ActionTable(self.theme, parent=self)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            self.theme.apply(app)
            app.aboutToQuit.connect(self.shut_down)
        self.window = MainWindow(self.theme, self.actions)
        self.window.close_asked.connect(self.leave)
        geometry = self._hint.value("geometry")
        if geometry is not None:
            self.window.restoreGeometry(geometry)
            self.window.fit_screen()
        self.desk: Desk | None = None
        self._reader: Governance | None = None
        self._checker: Checker | None = None
        self._settings: dict[str, Value] = {}
        self._is_leaving, self._is_down = False, False
        self._failure: EmptyState | None = None
        self.jobs = JobRunner(self._open, self)
        self.collector = Collector(self)
        self.actions.bind("window.close", self.window.close)
        self.actions.bind("window.retry", self.open_database)

    def start(self) -> None:
        """Show the frame and open the database behind it."""
        self.collector.start()
        self.window.show()
        self.open_database()

    def open_database(self) -> None:
        """Open the database on the worker thread; also the way to try again."""
        if self.desk is None:
            self.actions.action("window.retry").setEnabled(False)
            wanted, config = self.options.page, self.options.config
            self.jobs.submit(
                lambda governance: _first_look(governance, wanted, config),
                self.on_opened,
                self.on_open_failed,
            )

    def on_opened(self, opened: Opened) -> None:
        """The database is open: fill the window."""
        from soc_copilot.ui.archive_search import Searchers
        from soc_copilot.ui.demonstrations import Demonstrations
        from soc_copilot.ui.dialogs import WindowDialogs
        from soc_copilot.ui.endings import Endings
        from soc_copilot.ui.ingestion import Ingestion
        from soc_copilot.ui.live import Live
        from soc_copilot.ui.load_desk import LoadDesk
        from soc_copilot.ui.replaying import Replay, ReplayBar
        from soc_copilot.ui.serve_watch import ServeWatch
        from soc_copilot.ui.watch import Watch
        from soc_copilot.ui.widgets.disk_band import DiskBand
        from soc_copilot.ui.widgets.killswitch_band import KillSwitchBand

        self._reader = self._open(read_only=True)
        self._settings = opened.settings
        if not self.options.theme:
            self.theme.set_choice(str(opened.settings["ui.theme"]))
        self.times.set_zone(str(opened.settings["ui.time_zone"]))
        self._searchers = Searchers()
        desk = Desk(self._reader, self.jobs, self.theme, self.actions, self.times, self)
        self.live = Live(desk)
        self.desk = desk
        self.ingestion = Ingestion(desk, self._make_session)
        self.replay = Replay(desk)
        self.series = LoadDesk(desk)
        Demonstrations(desk)
        self.watch = Watch(self._open, self)
        self.serve_watch = ServeWatch(self._open, self)
        desk.summary_arrived.connect(self.live.on_summaries)
        desk.beat_arrived.connect(self.live.on_beat)
        desk.ingestion_changed.connect(self.on_ingestion)
        desk.killswitch_changed.connect(self.on_killswitch)
        desk.setting_changed.connect(self.on_setting)
        self.watch.killswitch.connect(desk.set_killswitch)
        self.watch.alerts.connect(desk.set_counts)
        self.watch.size.connect(self.on_size)
        self.watch.disk.connect(desk.disk_changed)
        Endings(desk, self.watch)
        self._path = opened.path
        self.window.adopt(desk, self.live, self._factories())
        self.window.add_above(KillSwitchBand(desk))
        self.window.add_above(DiskBand(desk))
        self.window.add_above(ReplayBar(self.theme, self.replay))
        self._bind()
        WindowDialogs(desk, self.window)
        desk.set_counts(opened.counts)
        remembered = self.window.restore_state(opened.state)
        page = self.options.page or remembered
        self.window.show_page(page if page in PAGES else PAGES[0])
        if self._failure is not None:
            self.window.stack.removeWidget(self._failure)
        if opened.config_text:
            desk.message.emit(opened.config_level, opened.config_text, "")
        self.watch.start()
        self.serve_watch.start(self.live.on_others)
        self.jobs.submit_long(lambda _governance, _control: _import_pages(PAGES), self.on_imported)

    @Slot(object)
    def on_imported(self, _none: object) -> None:
        """The pages' modules are there: build what nobody asked for yet, then load torch."""
        if not self._is_down:
            self.window.start_prebuilding()
            QTimer.singleShot(WARM_MS, self, self._warm_up)

    def on_open_failed(self, text: str) -> None:
        """Say what is wrong and offer to try again; the window stays."""
        logger.error("Cannot open the governance database. reason=%s", text)
        self.actions.bind("window.retry", self.open_database)
        actions = [self.actions.action("window.retry"), self.actions.action("window.close")]
        self._failure = EmptyState(
            self.theme, "warning", "The governance database cannot be opened", text, actions
        )
        self.window.stack.addWidget(self._failure)
        self.window.stack.setCurrentWidget(self._failure)

    @Slot(str)
    def on_ingestion(self, state: str) -> None:
        """Keep the actions true; leave once everything is stored, when that was asked."""
        active = state != "stopped"
        self.actions.action("ingestion.start").setEnabled(state in {"stopped", "stopping"})
        self.actions.action("ingestion.stop").setEnabled(active and state != "stopping")
        if not active:
            self.live.reset_sources()
            if self._is_leaving:
                self.finish()

    @Slot(object)
    def on_killswitch(self, state: Any) -> None:
        """Word the action for what it would do."""
        word = "Release" if state.engaged else "Engage"
        self.actions.action("killswitch.toggle").setText(f"{word} the kill switch…")

    @Slot(str, object)
    def on_setting(self, key: str, value: Value) -> None:
        """Take a setting that was just stored."""
        self._settings[key] = value
        if key == "service.enabled" and self.ingestion.is_active:
            self.ingestion.restart()

    @Slot(object)
    def on_size(self, size_bytes: int) -> None:
        """Show the database's size in the strip."""
        self.window.strip.show_size(self._path, size_bytes)

    # -- leaving

    @Slot()
    def leave(self) -> None:
        """Store what was read, then close; asked a second time, close at once."""
        if self.desk is not None and self.ingestion.is_active and not self._is_leaving:
            self._is_leaving = True
            self.desk.info("Storing what was read; the window closes when that is done.")
            self.ingestion.stop()
        else:
            self.finish()

    @Slot()
    def finish(self) -> None:
        """Close the window and end the program."""
        self.shut_down()
        self.window.allow_close()
        self.window.close()
        app = QApplication.instance()
        if app is not None:
            app.quit()

    @Slot()
    def shut_down(self) -> None:
        """Stop reading, store, join every thread, close the database; doing it twice is fine."""
        if self._is_down:
            return
        self._is_down = True
        self._hint.setValue("theme", self.theme.choice)
        self._hint.setValue("geometry", self.window.saveGeometry())
        ends = []
        if self.desk is not None:
            ends = [self.replay.join(), self.ingestion.join(), self.watch.join()]
            ends += [self.series.join(), self.serve_watch.join()]
            self._remember()
        ends.append(self.jobs.join())
        if self._checker is not None:
            ends.append(self._checker.close())
        if self.desk is not None:
            self._clear_demonstrations()
        if all(ends):
            self.collector.stop()
        else:  # it must not collect
            logger.error(
                "A thread is still busy at the end. replay,ingestion,watch,series,serve=%s", ends
            )
        if self._reader is not None:
            self._reader.close()

    def _remember(self) -> None:
        from soc_copilot.domain.errors import SocCopilotError

        state = self.window.save_state()
        try:
            with self._open() as governance:
                governance.settings.set_ui_state(STATE_KEY, state)
        except SocCopilotError as error:
            logger.warning("Cannot remember the window's state. reason=%s", error)

    def _clear_demonstrations(self) -> None:
        from soc_copilot.domain.errors import SocCopilotError
        from soc_copilot.ui.demonstrations import clear

        try:
            with self._open() as governance:
                clear(governance)
        except SocCopilotError as error:
            logger.warning("Cannot take the demonstration folders away. reason=%s", error)

    # -- wiring

    def _open(self, *, read_only: bool = False) -> "Governance":
        from soc_copilot.governance.database import Governance

        return Governance.open(self.options.db, actor=self._actor, read_only=read_only)

    def _make_session(self) -> "Session":
        """On the ingestion thread: torch is loaded there."""
        from soc_copilot.pipeline.session import IngestSession

        with self._open(read_only=True) as governance:
            settings = governance.settings.all()
        if settings["service.enabled"]:
            from soc_copilot.service.desk import ServingSession

            return ServingSession(self.options.db, settings, self._actor)
        return IngestSession(self.options.db, settings, self._actor)

    def _warm_up(self) -> None:
        if self.desk is not None and not self._is_down:
            self.jobs.submit_long(lambda _governance, _control: _load_torch(), self._on_warm)

    def _on_warm(self, device: str) -> None:
        self.live.device = self.live.device or device
        self.window.topbar.show_live()
        settle()

    def _make_checker(self) -> "Checker":
        from soc_copilot.ui.phishing_checks import Checker

        self._checker = Checker(self._load_phishing)
        return self._checker

    def _load_phishing(self) -> "Loaded":
        """In a job: torch is loaded there."""
        from soc_copilot.phishing.loading import load_parts
        from soc_copilot.phishing.registry import StoredBrands

        return load_parts(brands=StoredBrands(lambda: self._open(read_only=True)))

    def _factories(self) -> dict[str, Any]:
        def overview(desk: Desk) -> Page:
            from soc_copilot.ui.pages.overview import OverviewPage

            return OverviewPage(desk, self.live)

        def alerts(desk: Desk) -> Page:
            from soc_copilot.ui.pages.alerts import AlertsPage

            return AlertsPage(desk, opener=self._searchers)

        def events(desk: Desk) -> Page:
            from soc_copilot.ui.pages.events import EventsPage

            return EventsPage(desk, self._searchers)

        def sources(desk: Desk) -> Page:
            from soc_copilot.ui.pages.sources import SourcesPage

            return SourcesPage(desk)

        def host(desk: Desk) -> Page:
            from soc_copilot.ui.pages.host import HostPage

            return HostPage(desk, self.live)

        def web(desk: Desk) -> Page:
            from soc_copilot.ui.pages.web import WebPage

            return WebPage(desk, self.live)

        def phishing(desk: Desk) -> Page:
            from soc_copilot.ui.pages.phishing import PhishingPage

            return PhishingPage(desk, self._make_checker())

        def load(desk: Desk) -> Page:
            from soc_copilot.ui.pages.load import LoadPage

            return LoadPage(desk, self.live, self.series)

        def governance(desk: Desk) -> Page:
            from soc_copilot.ui.pages.governance import GovernancePage

            return GovernancePage(desk)

        def settings(desk: Desk) -> Page:
            from soc_copilot.ui.pages.settings import SettingsPage

            return SettingsPage(desk)

        made = (overview, alerts, events, sources, host, web, phishing, load, governance, settings)
        return dict(zip(PAGES, made, strict=True))

    def _bind(self) -> None:
        desk, bind = self.desk, self.actions.bind
        if desk is None:
            return
        bind("ingestion.start", desk.start_ingestion)
        bind("ingestion.stop", desk.stop_ingestion)
        self.actions.action("ingestion.stop").setEnabled(False)
        bind("replay.start", lambda: desk.start_replay(float(self._setting("ui.replay_speed"))))
        bind("replay.pause", self.replay.toggle_pause)
        bind("replay.stop", self.replay.stop)
        bind("view.toggle_theme", lambda: self._choose_theme(self._other_theme()))
        for choice in ("dark", "light", "system"):
            bind(f"view.theme_{choice}", partial(self._choose_theme, choice))
        bind("view.toggle_zone", self._toggle_zone)
        bind("help.about", self._about)

    def _setting(self, key: str) -> Value:
        return self._settings.get(key) or next(s.default for s in SETTINGS if s.key == key)

    def _other_theme(self) -> str:
        return "light" if self.theme.is_dark else "dark"

    def _choose_theme(self, choice: str) -> None:
        self.theme.set_choice(choice)
        self._store("ui.theme", choice)

    def _toggle_zone(self) -> None:
        zone = "UTC" if self.times.zone == "local" else "local"
        self.times.set_zone(zone)
        self._store("ui.time_zone", zone)

    def _store(self, key: str, value: Value) -> None:
        if self.desk is not None:
            self.jobs.submit(
                lambda governance: governance.settings.set(key, value), None, self.desk.error
            )

    def _about(self) -> None:
        if self.desk is not None:
            self.desk.open_page("settings", card="about")


def _first_look(governance: "Governance", wanted: str, config: str | None = None) -> Opened:
    """Read what the window starts from; imports here what it is made of, on the worker thread."""
    told = ("", "") if config is None else _take_config(governance, config)
    settings = governance.settings
    state = settings.ui_state(STATE_KEY) or ""
    page = wanted or remembered_page(state)
    for name in PARTS:
        importlib.import_module(name)
    _import_pages([page if page in PAGES else PAGES[0]])
    return Opened(settings.all(), state, governance.alerts.counts(), governance.path, *told)


def _take_config(governance: "Governance", file: str) -> tuple[str, str]:
    """Store what a configuration file says; level and text of what to tell of it."""
    from soc_copilot.domain.errors import SocCopilotError
    from soc_copilot.pipeline.config import apply_config, load_config

    try:
        applied = apply_config(governance, load_config(file))
    except SocCopilotError as error:
        return "error", f"Nothing was taken from the configuration file. {error}"
    settings, added, changed = map(len, (applied.settings, applied.added, applied.changed))
    return "info", (
        f"Taken from “{Path(file).name}”: settings changed: {settings}, sources added: {added}, "
        f"sources changed: {changed}."
    )


def _import_pages(names: Sequence[str]) -> None:
    """Import pages on this thread: importing is most of what a page's first time costs."""
    for name in names:
        importlib.import_module(f"soc_copilot.ui.pages.{name}")


def _load_torch() -> str:
    """Load torch in good time before the first start of ingestion; returns the device's name."""
    from soc_copilot.detection.device import pick_device

    return pick_device("auto")[1]


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in some containers
        return "unknown"


def _hint_file(db: str | None) -> QSettings:
    """What the last run looked like, read before the database is open."""
    from soc_copilot.ui.look_hint import hint_path

    return QSettings(str(hint_path(db)), QSettings.Format.IniFormat)


def _report_bugs(desktop: Desktop) -> None:
    """Put an exception that nobody caught into the log and the message bar."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        logger.critical("Unexpected error.", exc_info=(kind, error, trace))
        details = "".join(traceback.format_exception(kind, error, trace))
        desktop.window.messages.show_message(
            "error", f"Something went wrong inside the program: {kind.__name__}.", details
        )

    sys.excepthook = hook


def main(argv: Sequence[str] | None = None) -> int:
    """Open the desk; returns when it was closed."""
    options = parse_options(sys.argv[1:] if argv is None else argv)
    sys.setswitchinterval(SWITCH_S)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    app = QApplication.instance() or QApplication(sys.argv[:1])
    app.setApplicationName("SOC Copilot")
    app.setApplicationVersion(__version__)
    if options.bench_s > 0:
        return _bench(options.bench_s)
    desktop = Desktop(options)
    signals = StopSignals(desktop, desktop.leave)
    _report_bugs(desktop)
    desktop.start()
    try:
        return app.exec()
    finally:
        sys.excepthook = sys.__excepthook__
        signals.close()
        desktop.shut_down()


def _bench(seconds: float) -> int:
    """Print how late the window's timer is under load, as JSON."""
    import json

    from soc_copilot.ui.bench import bench_window

    figures = bench_window(lambda db: Desktop(Options(db=db)), seconds)
    sys.stdout.write(json.dumps(figures.to_json()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
