"""A pipeline without models for the Phishing page's tests: it knows one word."""

import threading
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QColor, QImage

from soc_copilot.domain.brand import BrandMatch
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.phishing import Content, PartResult, Reason, confidence_of
from soc_copilot.phishing.loading import Loaded
from soc_copilot.ui.phishing_checks import Checker

PHISH = (
    b"From: PayPal <x@evil.example>\nReply-To: y@other.example\nSubject: Verify %d\n\n"
    b"verify now http://evil.example/a\n"
)
HARMLESS = b"From: ana@good.example\nSubject: Lunch %d\n\nat noon\n"


class WordPart:
    """Says 0.9 where a content says "verify", else 0.1; fails where it says "break"."""

    name, version = "word", "1"

    def __init__(self) -> None:
        self.n_asked = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def applies(self, content: Content) -> bool:
        """True for anything."""
        return True

    def analyse(self, content: Content) -> PartResult:
        """Look for the word."""
        self.may_go_on.wait(60)
        self.n_asked += 1
        if "break" in content.text:
            raise DetectorError("It broke.")
        at = content.text.lower().find("verify")
        score = 0.9 if at >= 0 or b"Verify" in content.raw else 0.1
        reasons = (Reason("words", "It asks to verify.", at, at + 6, 1.0),) if at >= 0 else ()
        return PartResult(self.name, score, confidence_of(score), reasons)


class LookPart(WordPart):
    """Finds that every screenshot looks like a brand's; like none where there is no picture."""

    name = "visual"

    def __init__(self, reference_id: int = 1) -> None:
        super().__init__()
        self._match = BrandMatch("Example Bank", 0.97, reference_id, False)
        self._is_like = reference_id > 0

    def applies(self, content: Content) -> bool:
        return content.screenshot is not None

    def analyse(self, content: Content) -> PartResult:
        if not self._is_like:
            return PartResult(self.name, None)
        reason = Reason("look", "It looks like Example Bank.", weight=2.0)
        return PartResult(self.name, 0.99, 0.98, (reason,), match=self._match)


def checker(*parts: WordPart, missing: tuple[tuple[str, str], ...] = ()) -> Checker:
    """A checker of these parts."""
    return Checker(lambda: Loaded(parts or (WordPart(),), missing))


def mails(folder: Path, n_phish: int, n_harmless: int) -> Path:
    """A folder of messages."""
    folder.mkdir(parents=True)
    for number in range(n_phish):
        (folder / f"p{number:04}.eml").write_bytes(PHISH % number)
    for number in range(n_harmless):
        (folder / f"h{number:04}.eml").write_bytes(HARMLESS % number)
    return folder


def png(wide: int = 64, high: int = 48, color: str = "#336699") -> bytes:
    """A picture of one colour."""
    image = QImage(wide, high, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(buffer.data().data())
