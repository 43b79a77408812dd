"""The whole service: governance, kill switch, what stores, and HTTP, from `open` to `close`."""

import gc
import logging
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from soc_copilot.domain.errors import SocCopilotError, SourceError
from soc_copilot.domain.governance import Actor, SourceRow
from soc_copilot.domain.setting import Value
from soc_copilot.domain.summary import BatchSummary
from soc_copilot.governance.database import Governance
from soc_copilot.governance.location import locate
from soc_copilot.governance.source_places import SERVICE
from soc_copilot.ingestion.spool import FolderLock, usable
from soc_copilot.phishing.loading import load_parts
from soc_copilot.phishing.operations import OperationalAlert
from soc_copilot.phishing.reading import read_content
from soc_copilot.phishing.registry import StoredBrands
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.service import operating
from soc_copilot.service.analysed import AnalysisRecorder
from soc_copilot.service.analysis import AnalysisSide
from soc_copilot.service.apart import StoreProcess
from soc_copilot.service.config import ServiceConfig
from soc_copilot.service.frames import StorePlan
from soc_copilot.service.predicted import PredictionRecorder
from soc_copilot.service.recording import ServiceProducer
from soc_copilot.service.scoring import WebScorer
from soc_copilot.service.security import read_token
from soc_copilot.service.server import CheckServer
from soc_copilot.service.switch import SwitchWatch

logger = logging.getLogger(__name__)

_SWITCH_S = 0.001
_TURN_S = 0.25  # chosen: as long as a session waits for something to store
_LOCK_NAME = "service.lock"
_STOP_S = 30.0  # chosen: for the last lines on their way
TOKEN_NAME = "service.token"  # noqa: S105 - a file's name


class RunningService:
    """Answers calls and stores what was asked.

    Args:
        config: What to do.
        target: Path or URL of the governance database, None for the default one.
        actor: Who started it, for the audit trail.
        settings: Value of every setting that differs from the database's.
        home: Folder of the audit key, None for the default one.
        is_alone: True stores in a process of its own, so that no answer waits for Python's lock
            while something is stored; False in this one, and reads every enabled source as well.

    Thread:
        All methods on one, which then owns the database connection.
    """

    def __init__(
        self,
        config: ServiceConfig,
        target: str | Path | None = None,
        *,
        actor: Actor | None = None,
        settings: Mapping[str, Value] | None = None,
        home: Path | None = None,
        is_alone: bool = True,
    ) -> None:
        self._config = config
        self._target = target
        self._actor = actor
        self._settings = settings or {}
        self._home = home
        self._is_alone = is_alone
        folder = locate(target, home).keys
        self.token_path = Path(config.token_file) if config.token_file else folder / TOKEN_NAME
        self._governance: Governance | None = None
        self._watch: SwitchWatch | None = None
        self._session: IngestSession | None = None
        self._store: StoreProcess | None = None
        self._lock: FolderLock | None = None
        self._server: CheckServer | None = None
        self._producer: ServiceProducer | None = None
        self._analysis: AnalysisSide | None = None
        self._operating = operating.OperationalAlerts()

    def __enter__(self) -> Self:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Open everything; calls are answered when this returns.

        Raises:
            SocCopilotError: Something of it cannot be opened; what was is closed by `close`.
        """
        governance = self._governance = Governance.open(
            self._target, actor=self._actor, home=self._home
        )
        token = read_token(self.token_path)
        scorers = [WebScorer.load(self._config) for _ in range(self._config.inference.max_workers)]
        self._watch = SwitchWatch(governance.kill_switch.state)
        self._watch.start()
        source = _source(governance)
        self._producer = ServiceProducer(scorers[0].info.version, self._config.record)
        self._open_store(governance, source)
        self._analysis = self._phishing()
        server = CheckServer(
            self._config,
            token,
            scorers,
            long_scorer=WebScorer.load(self._config),
            halted=self._watch.reason,
            observer=self._producer.observe,
            recording=self._recording_trouble,
            event_observer=PredictionRecorder(self._producer.keep, self._config.record).scored,
            phishing=self._analysis,
        )
        server.metrics.watch(
            "unrecorded_bytes", "Of checked requests, not on disk yet.", self._n_unrecorded
        )
        server.start()
        self._server = server
        self._producer.address = server.url
        operating.close(governance, note="The service was started anew.")
        governance.audit.record("service.started", "service", None, server.url)

    def _phishing(self) -> AnalysisSide | None:
        """What answers /analyze; its operational alerts are stored with the source's events."""
        if not self._config.phishing.enabled:
            return None
        assert self._watch is not None  # noqa: S101 - set by open
        assert self._producer is not None  # noqa: S101 - set by open
        producer = self._producer
        loaded = load_parts(brands=StoredBrands(self._read_governance))

        def told(alert: OperationalAlert) -> None:
            self._operating.told(alert)
            producer.note(alert.message if alert.is_active else f"Over: {alert.message}")

        return AnalysisSide(
            self._config,
            loaded.parts,
            read_content,
            missing=loaded.missing,
            halted=self._watch.reason,
            told=told,
            recorder=AnalysisRecorder(producer.keep, producer.lose, self._config.record),
        )

    def _read_governance(self) -> Governance:
        return Governance.open(self._target, actor=self._actor, home=self._home, read_only=True)

    def _open_store(self, governance: Governance, source: SourceRow) -> None:
        """Open what stores, here or in a process of its own."""
        assert self._producer is not None  # noqa: S101 - made by open
        # One threshold for the answer and for the alert that comes of it.
        own: dict[str, Value] = {"detection.web.budget": self._config.budget}
        if self._is_alone:  # no file activity comes from the service's own source but /predict's
            own["detection.host.carried"] = True
        settings = {**governance.settings.all(), **own, **self._settings}
        actor = governance.actor
        if not self._is_alone:
            self._session = IngestSession(
                self._target,
                settings,
                actor,
                home=self._home,
                producers={source.id: self._producer},
            )
            self._session.open()
            return
        # Two services on one source would have their answers stored by the first alone.
        folder = governance.spool_folder / str(source.id)
        with usable(folder):
            self._lock = FolderLock(folder, _LOCK_NAME)
        self._store = StoreProcess(
            StorePlan(
                str(self._target) if self._target is not None else None,
                str(self._home) if self._home is not None else None,
                (actor.name, actor.surface),
                settings,
                source.id,
                log_level=logging.getLogger().getEffectiveLevel(),
            )
        )
        self._store.start()
        self._producer.start(self._store)

    @property
    def session(self) -> IngestSession:
        """What stores in this process; only while open, and not when alone."""
        if self._session is None:
            raise RuntimeError("The service is not open.")
        return self._session

    @property
    def analysis(self) -> AnalysisSide | None:
        """What answers /analyze; None before `open`, and where that is switched off."""
        return self._analysis

    @property
    def url(self) -> str:
        """Where calls are answered; empty before `open`."""
        return self._server.url if self._server is not None else ""

    @property
    def model_version(self) -> str:
        """Of the web model that scores; empty before `open`."""
        return self._server.info.version if self._server is not None else ""

    @property
    def is_running(self) -> bool:
        """False once calls are not answered any more."""
        return self._server is not None and self._server.is_running

    @property
    def trouble(self) -> str:
        """Why what was asked is not stored now, one sentence; empty when it is."""
        if self._store is not None:
            return (self._producer.trouble() if self._producer else "") or self._store.trouble
        return self._session.trouble if self._session is not None else ""

    @property
    def halted(self) -> str:
        """Why nothing is scored now; empty when something is."""
        return self._watch.reason() if self._watch is not None else ""

    def run_batch(self, stop: threading.Event) -> BatchSummary | None:
        """Store what was asked lately; see `IngestSession.run_batch`.

        Where a process of its own does that, wait about as long; None.
        """
        if self._governance is not None:
            self._operating.settle(self._governance)
        if self._store is None or self._producer is None:
            return self.session.run_batch(stop)
        self._store.write_events(self._producer.take_events())
        stop.wait(_TURN_S)
        return None

    @property
    def storing(self) -> StoreProcess | None:
        """The process that stores; None where this one does."""
        return self._store

    def _n_unrecorded(self) -> int:
        # In this order: what the producer let go of, the store has.
        n_bytes = self._producer.n_waiting_bytes if self._producer is not None else 0
        return n_bytes + (self._store.n_unanswered_bytes if self._store is not None else 0)

    def _recording_trouble(self) -> str:
        """For /health, which tells no secrets: neither paths nor what a detector said."""
        if self._producer is not None and (trouble := self._producer.trouble()):
            return trouble
        if self._store is not None and self._store.trouble:
            return "What was checked is not stored as it should be; the service's log says why."
        return ""

    def close(self) -> None:
        """Answer the calls at hand and no others, store what was asked, close everything."""
        url = self.url
        if self._server is not None:
            self._server.stop()
            self._server = None
            if self._governance is not None:
                try:
                    self._governance.audit.record("service.stopped", "service", url, None)
                    operating.close(self._governance, note="The service was stopped.")
                except SocCopilotError:
                    logger.exception("Cannot record the end of the service in the audit trail.")
        self._release()

    def _release(self) -> None:
        if self._producer is not None and self._store is not None:
            self._store.take_all()
            if not self._producer.stop(_STOP_S):
                logger.error("What was checked last is not recorded: the way there is busy.")
            self._store.write_events(self._producer.take_events(is_last=True))
        elif self._producer is not None:
            self._producer.flush()  # the session still stores what is in the spool
        if self._store is not None:
            self._store.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        if self._session is not None:
            self._session.close()
        if self._watch is not None:
            self._watch.stop()
        if self._governance is not None:
            self._governance.close()
        self._session = self._store = self._watch = self._governance = self._producer = None


def settle_memory() -> None:
    """Let the garbage collector pass over all that was loaded until now.

    For a process that does nothing else.

    Measured with 100 connections: full collections of 140 to 400 ms before, during which nobody
    is answered, 30 to 120 ms after.
    """
    gc.collect()
    gc.freeze()


def take_turns() -> None:
    """Let threads hand over Python's lock sooner than after the usual 5 ms.

    For a process that does nothing else. Measured at 80% load with 100 connections beside other
    work: 99th percentile 22 ms before, 15 ms after; a fifth of that again costs throughput.
    """
    sys.setswitchinterval(_SWITCH_S)


def _source(governance: Governance) -> SourceRow:
    """The one source that holds what the service was asked; added at the first start.

    Raises:
        SourceError: It was disabled.
    """
    found = governance.sources.find(SERVICE, kind=SERVICE)
    if found is None:
        return governance.sources.add(SERVICE, SERVICE, from_start=True)
    if not found.enabled:
        raise SourceError(
            f"Source {found.id}, the checking service's, is disabled: nothing could be recorded. "
            f"Enable it with: soc-copilot sources enable {found.id}"
        )
    return found
