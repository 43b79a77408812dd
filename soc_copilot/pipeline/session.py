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

from soc_copilot.detection.engine import DetectionEngine
from soc_copilot.detection.registry import load_detectors
from soc_copilot.domain.errors import SocCopilotError, SourceError
from soc_copilot.domain.governance import Actor, SourceRow
from soc_copilot.domain.records import SourceStatus
from soc_copilot.domain.summary import BatchSummary, DetectorHealth
from soc_copilot.governance.database import Governance
from soc_copilot.ingestion.controller import IngestionController
from soc_copilot.parsing.batch import BatchParser
from soc_copilot.pipeline.core import Pipeline
from soc_copilot.settings import Value

logger = logging.getLogger(__name__)

T = TypeVar("T")

_PROGRAM = Actor("pipeline", "pipeline")  # who raises alerts: the program, not who started it
DRAIN_LIMIT_S = 30.0  # chosen: how long close() goes on storing what was buffered


class IngestSession:
    """Ingest the sources of one database, from `open` to `close`.

    Thread:
        `open`, `run_batch`, `statuses` and `close` on one thread, which then owns the files
        and the database connection. `add_source`, `remove_source`, `request_flush` and
        `health` may be called from any thread.
    """

    def __init__(
        self,
        target: str | Path | None,
        settings: Mapping[str, Value],
        actor: Actor,
        *,
        only_sources: Iterable[int] | None = None,
        home: Path | None = None,
    ) -> None:
        """Describe a run; nothing is opened yet.

        Args:
            target: Path or URL of the governance database, None for the default one.
            settings: Value of every setting.
            actor: Who started it, for the audit trail.
            only_sources: Ids to ingest; None for every enabled source.
            home: Folder of the audit key, None for the default one.
        """
        self._target = target
        self._settings = settings
        self._actor = actor
        self._home = home
        self._only = None if only_sources is None else frozenset(only_sources)
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._governance: Governance | None = None
        self._engine: DetectionEngine | None = None
        self._controller: IngestionController | None = None
        self._pipeline: Pipeline | None = None
        self._parser = BatchParser()

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
            self._controller = IngestionController(
                float(self._settings["ingestion.batch_interval_s"]),
                int(self._settings["ingestion.max_size"]),
                poll_interval=float(self._settings["ingestion.poll_interval_s"]),
                killswitch_check=governance.kill_switch.is_engaged,
            )
            self._pipeline = Pipeline(
                self._controller,
                self._parser,
                self._engine,
                governance.as_actor(_PROGRAM).batches,
                governance.sources,
                governance.kill_switch,
            )
            for source in governance.sources.list():
                if source.enabled and (self._only is None or source.id in self._only):
                    self._attach(source)
            governance.audit.record("ingestion.started", "ingestion")
            self._controller.start()
        except BaseException:
            self._release()
            raise

    def run_batch(self, stop: threading.Event) -> BatchSummary | None:
        """Store one batch; see `Pipeline.run_batch`. Blocks for about 0.25 s at most when idle."""
        pipeline = self._opened(self._pipeline)
        while True:
            try:
                self._commands.get_nowait()()
            except queue.Empty:
                break
            except SourceError as error:  # the source is there already, or gone: so be it
                logger.warning("A source could not be changed. reason=%s", error)
        return pipeline.run_batch(stop)

    def add_source(self, source: SourceRow) -> None:
        """Read one more source, from its stored position. Takes effect before the next batch."""
        self._commands.put(lambda: self._attach(source))

    def remove_source(self, source_id: int) -> None:
        """Stop reading a source. Takes effect before the next batch."""
        self._commands.put(lambda: self._opened(self._controller).remove_source(source_id))

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
            self._controller.stop()
        if self._pipeline is not None:
            self._pipeline.close()
        if self._engine is not None:
            self._engine.close()
        if self._governance is not None:
            self._governance.close()
        self._controller = self._engine = self._governance = self._pipeline = None

    def _attach(self, source: SourceRow) -> None:
        controller = self._opened(self._controller)
        checkpoints = self._opened(self._governance).sources.checkpoints(source.id)
        self._parser.set_format(source.id, source.format)
        if source.kind == "directory":
            controller.add_directory_source(
                source.path,
                source.pattern or "*.log",
                source_id=source.id,
                name=source.name,
                from_start=source.from_start,
                checkpoints=checkpoints,
            )
        else:
            controller.add_file_source(
                source.path,
                source_id=source.id,
                name=source.name,
                from_start=source.from_start,
                checkpoints=checkpoints,
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
        return tuple(
            replace(status, formats=self._parser.formats_of(status.source_id))
            for status in self._controller.statuses()
        )
