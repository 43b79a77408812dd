"""A run of ingestion: everything opened on one thread, driven batch by batch, closed in order."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from soc_copilot.archive.store import Archive
from soc_copilot.detection.engine import DetectionEngine
from soc_copilot.detection.registry import load_detectors
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import (
    ParseError,
    PolicyError,
    SocCopilotError,
    SourceError,
    StoreError,
)
from soc_copilot.domain.governance import Actor, SourceRow
from soc_copilot.domain.records import SourceStatus
from soc_copilot.domain.summary import BatchSummary, DetectorHealth
from soc_copilot.governance.database import Governance
from soc_copilot.ingestion.controller import IngestionController
from soc_copilot.ingestion.reader import ReadLimits
from soc_copilot.ingestion.spooled import Producer
from soc_copilot.pipeline.ahead import SharedParser
from soc_copilot.pipeline.archiving import ArchiveKeeper
from soc_copilot.pipeline.core import ArchiveEnd, Pipeline
from soc_copilot.pipeline.quarantine import Quarantine
from soc_copilot.pipeline.sources import Surroundings, attach, format_of, has_sender
from soc_copilot.pipeline.telemetry import SourceTelemetry
from soc_copilot.settings import Value

logger = logging.getLogger(__name__)

T = TypeVar("T")

_PROGRAM = Actor("pipeline", "pipeline")  # who raises alerts: the program, not who started it
DRAIN_LIMIT_S = 30.0  # chosen: how long close() goes on storing what was buffered
STOP_LIMIT_S = 10.0  # chosen: how long close() waits for a thread that does not come back
_BEHIND_FILL = 0.5  # chosen: of the buffer; reading then waits for storing, or soon will
_BEHIND_FOR_S = 5.0  # chosen: so long after that it still counts as behind
FOLLOW_S = 2.0  # chosen: how soon a source that was changed elsewhere is read as it is now


class IngestSession:
    """Ingest the sources of one database, from `open` to `close`.

    Thread:
        `open`, `run_batch`, `statuses` and `close` on one thread, which then owns the files
        and the database connection. `add_source`, `remove_source`, `request_flush` and
        `health` may be called from any thread.

    The list of sources in the database is followed while it runs: one that is changed,
    disabled, removed or added there, by whatever process, is soon read as it says.
    """

    def __init__(
        self,
        target: str | Path | None,
        settings: Mapping[str, Value],
        actor: Actor,
        *,
        only_sources: Iterable[int] | None = None,
        home: Path | None = None,
        producers: Mapping[int, Producer] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Describe a run; nothing is opened yet.

        Args:
            target: Path or URL of the governance database, None for the default one.
            settings: Value of every setting.
            actor: Who started it, for the audit trail.
            only_sources: Ids to ingest; None for every enabled source.
            home: Folder of the audit key, None for the default one.
            producers: By id of the source, what writes for those that this process feeds.
            clock: By which sources are watched for silence and floods.
        """
        self._clock = clock
        self._telemetry: SourceTelemetry | None = None
        self._target = target
        self._settings = settings
        self._actor = actor
        self._home = home
        self._producers = producers or {}
        self._only = None if only_sources is None else frozenset(only_sources)
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._governance: Governance | None = None
        self._engine: DetectionEngine | None = None
        self._controller: IngestionController | None = None
        self._pipeline: Pipeline | None = None
        self._archive: Archive | None = None
        self._keeper: ArchiveKeeper | None = None
        self._parser = SharedParser()
        self._read: dict[int, SourceRow] = {}  # as they are read now
        self._failed: dict[int, SourceStatus] = {}  # could not be made; tried again
        self._left_out: set[int] = set()  # removed from this run, whatever the database says
        self._follow_at_s = 0.0
        self._behind_at_s = -_BEHIND_FOR_S

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Open the database, load the detectors, start reading.

        Raises:
            SocCopilotError: The database cannot be opened. A detector that cannot start
                or a source that cannot be read is no reason: both show in their health.
        """
        governance = Governance.open(self._target, actor=self._actor, home=self._home)
        self._governance = governance
        try:
            device = str(self._settings["detection.device"])
            self._engine = DetectionEngine(load_detectors(self._settings), device=device)
            self._engine.start()
            self._engine.restore(governance.batches.detector_states())
            self._controller = self._make_controller(governance)
            self._pipeline = self._make_pipeline(governance, self._controller, self._engine)
            if self._settings["detection.load.watch_sources"]:
                self._telemetry = SourceTelemetry(
                    governance.as_actor(_PROGRAM), self._settings, self._clock
                )
            self._follow(governance)
            governance.audit.record("ingestion.started", "ingestion")
            self._controller.start()
            self._keeper = ArchiveKeeper(self._target, self._home, is_busy=self._is_behind)
            self._keeper.start()
        except BaseException:
            self._release()
            raise

    def _make_controller(self, governance: Governance) -> IngestionController:
        return IngestionController(
            float(self._settings["ingestion.batch_interval_s"]),
            int(self._settings["ingestion.max_size"]),
            poll_interval=float(self._settings["ingestion.poll_interval_s"]),
            directory_poll_interval=float(self._settings["ingestion.directory_poll_interval_s"]),
            partial_after_s=float(self._settings["ingestion.partial_after_s"]),
            killswitch_check=governance.kill_switch.is_engaged,
        )

    def _make_pipeline(
        self, governance: Governance, controller: IngestionController, engine: DetectionEngine
    ) -> Pipeline:
        archive = None
        if self._settings["archive.enabled"]:
            self._archive = Archive(governance.archive_folder)
            archive = ArchiveEnd(self._archive, governance.segments)
        return Pipeline(
            controller,
            self._parser,
            engine,
            governance.as_actor(_PROGRAM).batches,
            governance.sources,
            governance.kill_switch,
            archive=archive,
            quarantine=Quarantine(governance.quarantine_folder),
        )

    def run_batch(self, stop: threading.Event) -> BatchSummary | None:
        """Store one batch; see `Pipeline.run_batch`. Blocks for about 0.25 s at most when idle."""
        pipeline = self._opened(self._pipeline)
        while True:
            try:
                self._commands.get_nowait()()
            except queue.Empty:
                break
            except SocCopilotError as error:  # gone already, or not readable now: so be it
                logger.warning("A source could not be changed. reason=%s", error)
        if time.monotonic() >= self._follow_at_s:
            self._follow(self._opened(self._governance))
        summary = pipeline.run_batch(stop)
        if summary is not None and summary.buffer_fill >= _BEHIND_FILL:
            self._behind_at_s = time.monotonic()
        if self._telemetry is not None:
            if summary is not None:
                self._telemetry.take(summary)
            self._telemetry.look(self._opened(self._controller).statuses)
        return summary

    def _is_behind(self) -> bool:
        """True while there is more to read than is stored at once; any thread."""
        return time.monotonic() - self._behind_at_s < _BEHIND_FOR_S

    def add_source(self, source: SourceRow) -> None:
        """Read a source as it is described, from its stored position, before the next batch.

        One that is read already goes on with its new options.
        """
        self._commands.put(lambda: self._let_in(source))

    def remove_source(self, source_id: int) -> None:
        """Stop reading a source. Takes effect before the next batch."""
        self._commands.put(lambda: self._leave_out(source_id))

    def request_flush(self) -> None:
        """Hand over what is buffered at once."""
        if self._controller is not None:
            self._controller.request_flush()

    def close(self) -> None:
        """Stop reading, store what is buffered, join every thread, close the database.

        An engaged kill switch or a refusing store ends the draining: what was not stored
        is read again at the next start.
        """
        if self._controller is not None and self._pipeline is not None:
            self._drain(self._controller, self._pipeline)
        if self._telemetry is not None:
            self._telemetry.close()
        if self._governance is not None:
            try:
                self._governance.audit.record("ingestion.stopped", "ingestion")
            except SocCopilotError:
                logger.exception("Cannot record the end of ingestion in the audit trail.")
        self._release()

    def _drain(self, controller: IngestionController, pipeline: Pipeline) -> None:
        controller.stop_reading()
        stop = threading.Event()
        stop.set()  # no waiting between tries
        deadline = time.monotonic() + DRAIN_LIMIT_S
        try:
            while time.monotonic() < deadline and pipeline.run_batch(stop) is not None:
                pass
        except SocCopilotError:
            logger.exception("Cannot store what was buffered; it is read again later.")

    def _release(self) -> None:
        if self._controller is not None:
            self._controller.stop(STOP_LIMIT_S)
        if self._keeper is not None:
            self._keeper.stop(STOP_LIMIT_S)
        if self._pipeline is not None:
            self._pipeline.close()
        if self._archive is not None:
            self._archive.close()
        if self._engine is not None:
            self._engine.close()
        if self._governance is not None:
            self._governance.close()
        self._controller = self._engine = self._governance = self._pipeline = None
        self._archive = self._keeper = self._telemetry = None

    def _follow(self, governance: Governance) -> None:
        """Read what the database's list of sources says now."""
        self._follow_at_s = time.monotonic() + FOLLOW_S
        try:
            rows = governance.sources.list()
        except StoreError as error:
            logger.warning("The list of sources cannot be read now. reason=%s", error)
            return
        wanted = {row.id: row for row in rows if row.enabled and self._is_ours(row.id)}
        for source_id in self._read.keys() - wanted.keys():
            self._detach(source_id)
        for row in wanted.values():
            if self._read.get(row.id) != row or row.id in self._failed:
                self._attach(row)

    def _is_ours(self, source_id: int) -> bool:
        return source_id not in self._left_out and (self._only is None or source_id in self._only)

    def _let_in(self, source: SourceRow) -> None:
        self._left_out.discard(source.id)
        if self._only is not None:
            self._only |= {source.id}
        if self._read.get(source.id) != source:
            self._attach(source)

    def _leave_out(self, source_id: int) -> None:
        self._left_out.add(source_id)
        self._detach(source_id)

    def _detach(self, source_id: int) -> None:
        self._read.pop(source_id, None)
        if self._telemetry is not None:
            self._telemetry.rest(source_id)
        if self._failed.pop(source_id, None) is None:
            self._opened(self._controller).remove_source(source_id)
            self._opened(self._pipeline).forget_source(source_id)

    def _attach(self, source: SourceRow) -> None:
        """Read a source; one that cannot be made shows why and is tried again."""
        if source.id in self._read:
            self._detach(source.id)
        self._read[source.id] = source
        if self._telemetry is not None:
            self._telemetry.know(source)
        checkpoints = self._opened(self._governance).sources.checkpoints(source.id)
        try:
            self._parser.set_format(source.id, format_of(source), has_sender=has_sender(source))
            attach(self._opened(self._controller), source, checkpoints, self._surroundings())
        except (SourceError, ParseError, PolicyError) as error:
            logger.warning("A source cannot be read. source_id=%s reason=%s", source.id, error)
            self._failed[source.id] = SourceStatus(source.id, source.name, "error", str(error))

    def _surroundings(self) -> Surroundings:
        max_size = int(self._settings["ingestion.max_size"])
        return Surroundings(
            self._opened(self._governance).spool_folder,
            self._settings,
            ReadLimits(max_lines=max(max_size // 4, 1)),
            producers=self._producers,
        )

    @staticmethod
    def _opened(part: T | None) -> T:
        if part is None:
            raise RuntimeError("The session is not open.")
        return part

    @property
    def device_name(self) -> str:
        """Where models run, for people: "CPU, 2 threads" or the GPU's name."""
        return self._engine.device_name if self._engine is not None else ""

    @property
    def trouble(self) -> str:
        """Why the last batch is still held, one sentence; empty when none is."""
        return self._pipeline.trouble if self._pipeline is not None else ""

    @property
    def is_idle(self) -> bool:
        """True when everything that can be read was read and stored."""
        controller, pipeline = self._controller, self._pipeline
        if controller is None or pipeline is None:
            return True
        return controller.is_idle and not pipeline.is_holding and self._commands.empty()

    def health(self) -> tuple[DetectorHealth, ...]:
        """How each detector is doing."""
        return self._engine.health() if self._engine is not None else ()

    def statuses(self) -> tuple[SourceStatus, ...]:
        """How each source stands, with the formats found in its files."""
        if self._controller is None:
            return ()
        return (
            *(
                replace(status, formats=self._parser.formats_of(status.source_id))
                for status in self._controller.statuses()
            ),
            *self._failed.values(),
        )
