"""How a service stands that another process runs on this database: asked for on loopback."""

import http.client
import json
import logging
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from soc_copilot.domain.errors import SocCopilotError
from soc_copilot.domain.summary import DetectorHealth

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

logger = logging.getLogger(__name__)

ASK_S: Final = 5.0  # chosen: an operational alert is on the desk sooner than this entry
TIMEOUT_S: Final = 1.0  # chosen: it answers within milliseconds, or something is wrong
MOST_BYTES: Final = 16 * 1024  # of an answer that has some hundred
MOST_ROWS: Final = 20  # chosen: starts and ends of services since the last look
DETAIL_CHARS: Final = 300
NAME: Final = "analyze"  # as the service in the window's own process calls itself
TITLE: Final = "Phishing pipeline of soc-copilot serve"
JOIN_MS: Final = 10_000
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_WORD: Final = re.compile(r"[a-z][a-z-]{0,19}")
_GONE: Final = "It does not answer any longer; see how the process that runs it is doing."


def ask(url: str, timeout_s: float = TIMEOUT_S) -> DetectorHealth | None:
    """How the phishing pipeline of a service stands; None where it has none, or is another thing.

    Args:
        url: As the audit trail has it; anything but plain HTTP on loopback is not asked.
        timeout_s: Until it counts as silent.

    Raises:
        OSError: It does not answer.
    """
    place = urlsplit(url)
    if place.scheme != "http" or place.hostname not in _LOOPBACK or not place.port:
        return None
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=timeout_s)
    try:
        connection.request("GET", "/health")
        body = connection.getresponse().read(MOST_BYTES)
    except http.client.HTTPException:
        return None
    finally:
        connection.close()
    try:
        return standing_of(json.loads(body))
    except ValueError:
        return None


def standing_of(told: Any) -> DetectorHealth | None:
    """An answer of `/health` as the strip shows it; None where it tells of no phishing models."""
    if not isinstance(told, dict) or not isinstance(pipeline := told.get("phishing"), dict):
        return None
    state, models = pipeline.get("state"), pipeline.get("models")
    if not isinstance(models, dict) or not _is_word(state):
        return None
    known = [f"{name} {one}" for name, one in models.items() if _is_word(name) and _is_word(one)]
    detail = told.get("detail")
    trouble = detail[:DETAIL_CHARS] if isinstance(detail, str) else ""
    if told.get("status") == "halted" and state == "ok":
        state = "halted"
    words = f"{trouble} Models: {', '.join(known) or 'none'}.".strip()
    return DetectorHealth(NAME, TITLE, "", str(state), words, device="")


def _is_word(text: object) -> bool:
    return isinstance(text, str) and _WORD.fullmatch(text) is not None


class _Asker(QObject):
    told = Signal(object)  # tuple of DetectorHealth, on every change
    finished = Signal()

    def __init__(self, opener: "Callable[[], Governance]", ask_s: float) -> None:
        super().__init__()
        self._opener, self._ask_s, self._stop = opener, ask_s, threading.Event()
        self._seen = 0  # rows of the audit trail
        self._url = ""
        self._last: tuple[DetectorHealth, ...] = ()

    def request_stop(self) -> None:
        self._stop.set()

    @Slot()
    def run(self) -> None:
        try:
            governance = self._opener()
            try:
                while not self._stop.is_set():
                    self._look(governance)
                    self._stop.wait(self._ask_s)
            finally:
                governance.close()
        except Exception:
            logger.exception("The service is no longer asked how it stands.")
        finally:
            self.finished.emit()

    def _look(self, governance: "Governance") -> None:
        try:
            self._find(governance)
        except SocCopilotError:
            logger.warning("Cannot look for the service; trying again.", exc_info=True)
        found = self._ask()
        if found != self._last:
            self._last = found
            self.told.emit(found)

    def _find(self, governance: "Governance") -> None:
        """Follow what the audit trail says of services that start and stop."""
        newest = governance.audit.count()
        if newest == self._seen:
            return
        rows = governance.audit.rows(text="service.st", limit=MOST_ROWS, after_seq=self._seen)
        for row in reversed(rows):
            if row.action == "service.started":
                self._url = str(row.new or "")
                self._last = ()
            elif row.action == "service.stopped" and row.old == self._url:
                self._url = ""
        self._seen = newest

    def _ask(self) -> tuple[DetectorHealth, ...]:
        if not self._url:
            return ()
        try:
            found = ask(self._url)
        except OSError:  # told only where it did answer: an old row may be of another day
            gone = DetectorHealth(NAME, TITLE, "", "missing", _GONE, device="")
            return (gone,) if self._last else ()
        return () if found is None else (found,)


class ServeWatch(QObject):
    """Owns the thread that asks. GUI thread only; its signal arrives there.

    Signals:
        told: Tuple of `DetectorHealth`, empty while no service runs, on every change.
    """

    told = Signal(object)

    def __init__(
        self,
        opener: "Callable[[], Governance]",
        parent: QObject | None = None,
        ask_s: float = ASK_S,
    ) -> None:
        super().__init__(parent)
        self._asker, self._thread = _Asker(opener, ask_s), QThread()
        self._thread.setObjectName("serve-watch")
        self._asker.moveToThread(self._thread)
        self._thread.started.connect(self._asker.run)
        self._asker.finished.connect(self._thread.quit, Qt.ConnectionType.DirectConnection)
        self._asker.told.connect(self.on_told)

    def start(self, told: Callable[..., object] | None = None) -> None:
        """Begin to ask.

        Args:
            told: A slot of an object of the GUI thread, for `told`.
        """
        if told is not None:
            self.told.connect(told)
        self._thread.start()

    def join(self, timeout_ms: int = JOIN_MS) -> bool:
        """Ask no more and wait; False when the thread is still busy."""
        self._asker.request_stop()
        return not self._thread.isRunning() or self._thread.wait(timeout_ms)

    @Slot(object)
    def on_told(self, found: object) -> None:
        """Pass it on, on the GUI thread."""
        self.told.emit(found)
