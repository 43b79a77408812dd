"""The checking service beside the desk's own sources: one session stores what both bring."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from soc_copilot.domain.errors import SocCopilotError
from soc_copilot.domain.governance import Actor, SourceRow
from soc_copilot.domain.records import SourceStatus
from soc_copilot.domain.setting import Value
from soc_copilot.domain.summary import BatchSummary, DetectorHealth
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.service.config import ServiceConfig, make_config
from soc_copilot.service.running import RunningService

logger = logging.getLogger(__name__)

_ENDED: Final = "The checking service ended by itself; the log says why. Start ingestion again."


class ServingSession:
    """An ingestion session that answers other programs as well, from `open` to `close`.

    A service that cannot start is told as trouble; what is read from logs goes on without it.

    Args:
        target: Path or URL of the governance database, None for the default one.
        settings: Value of every setting.
        actor: Who started it, for the audit trail.
        home: Folder of the audit key, None for the default one.

    Thread:
        As `IngestSession`; the service has threads of its own.
    """

    def __init__(
        self,
        target: str | Path | None,
        settings: Mapping[str, Value],
        actor: Actor,
        *,
        home: Path | None = None,
    ) -> None:
        self._target = target
        self._settings = settings
        self._actor = actor
        self._home = home
        self._service: RunningService | None = None
        self._session: IngestSession | None = None
        self._problem = ""

    def open(self) -> None:
        """Open everything; calls are answered when this returns.

        Raises:
            SocCopilotError: The database cannot be opened.
        """
        service = RunningService(
            config_of(self._settings),
            self._target,
            actor=self._actor,
            settings=self._settings,
            home=self._home,
            is_alone=False,
        )
        try:
            service.open()
        except SocCopilotError as error:
            logger.error("The checking service did not start. reason=%s", error)
            service.close()
            self._problem = f"The checking service did not start. {error}"
            session = IngestSession(self._target, self._settings, self._actor, home=self._home)
            session.open()
            self._session = session
            return
        except BaseException:
            service.close()
            raise
        self._service, self._session = service, service.session

    @property
    def url(self) -> str:
        """Where calls are answered; empty while none are."""
        return self._service.url if self._service is not None else ""

    @property
    def device_name(self) -> str:
        """Where models run, for people."""
        return self._opened.device_name

    @property
    def trouble(self) -> str:
        """Why something is not stored or not answered now; empty when all is."""
        if self._service is not None and not self._service.is_running:
            self._problem = _ENDED
        return self._opened.trouble or self._problem or self._analysis_trouble()

    def _analysis_trouble(self) -> str:
        analysis = self._service.analysis if self._service is not None else None
        return analysis.trouble() if analysis is not None else ""

    def run_batch(self, stop: threading.Event) -> BatchSummary | None:
        """Store one batch; see `IngestSession.run_batch`."""
        service = self._service
        summary = service.run_batch(stop) if service is not None else self._opened.run_batch(stop)
        if summary is None:
            return None
        return replace(summary, detectors=(*summary.detectors, *self._standing()))

    def add_source(self, source: SourceRow) -> None:
        """Read one more source; any thread."""
        self._opened.add_source(source)

    def remove_source(self, source_id: int) -> None:
        """Stop reading a source; any thread."""
        self._opened.remove_source(source_id)

    def request_flush(self) -> None:
        """Hand over what is buffered at once."""
        self._opened.request_flush()

    def health(self) -> tuple[DetectorHealth, ...]:
        """How each detector is doing, and the pipeline behind /analyze."""
        return (*self._opened.health(), *self._standing())

    def _standing(self) -> tuple[DetectorHealth, ...]:
        analysis = self._service.analysis if self._service is not None else None
        return (analysis.standing(),) if analysis is not None else ()

    def statuses(self) -> tuple[SourceStatus, ...]:
        """How each source stands."""
        return self._opened.statuses()

    def close(self) -> None:
        """Answer the calls at hand, store what is buffered, close."""
        if self._service is not None:
            self._service.close()
        elif self._session is not None:
            self._session.close()
        self._service = self._session = None

    @property
    def _opened(self) -> IngestSession:
        if self._session is None:
            raise RuntimeError("The session is not open.")
        return self._session


def config_of(settings: Mapping[str, Value]) -> ServiceConfig:
    """The service's configuration as the desk's settings have it."""
    rate = settings["service.rate_per_s"]
    return make_config(
        {
            "port": settings["service.port"],
            "rate_limit.global_per_s": rate,
            "rate_limit.per_address_per_s": rate,
            "budget": settings["detection.web.budget"],
            "host_events": False,
        }
    )
