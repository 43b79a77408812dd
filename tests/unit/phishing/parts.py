"""What the phishing pipeline's tests share: parts without models, and a clock to turn."""

import threading
from collections.abc import Sequence

from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.phishing import Content, PartResult, Reason, confidence_of

PATIENCE_S = 30.0


def url(text: str = "https://example.com/") -> Content:
    return Content("url", text.encode(), text)


def text(words: str) -> Content:
    return Content("text", words.encode(), words)


class TurnedClock:
    """Stands still until turned."""

    def __init__(self) -> None:
        self.s = 1_000.0

    def now_ns(self) -> int:
        return int(self.s * 1e9)

    def monotonic_s(self) -> float:
        return self.s


class FakePart:
    """Scores by words: "evil" 0.95, "odd" 0.5, else 0.05.

    Fails on "poison" and while `is_broken`; hangs on "hang" and, while `gate` is cleared, always.
    """

    def __init__(self, name: str = "fake", kinds: Sequence[str] = ("url", "text", "email")) -> None:
        self._name = name
        self.kinds = kinds
        self.version = "1"
        self.gate = threading.Event()
        self.gate.set()
        self.hang = threading.Event()
        self.entered = threading.Event()
        self.is_broken = False
        self.seen: list[str] = []

    @property
    def name(self) -> str:
        return self._name

    def applies(self, content: Content) -> bool:
        return content.kind in self.kinds

    def analyse(self, content: Content) -> PartResult:
        self.seen.append(content.text)
        self.entered.set()
        assert self.gate.wait(PATIENCE_S)
        if "hang" in content.text:
            assert self.hang.wait(PATIENCE_S)
        if self.is_broken or "poison" in content.text:
            raise DetectorError("as asked for")
        score = 0.95 if "evil" in content.text else 0.5 if "odd" in content.text else 0.05
        reason = Reason("words", f"{self._name} saw it.", 0, 4, score)
        return PartResult(self._name, score, confidence_of(score), (reason,))


class FakeBatchPart(FakePart):
    """Scores together; the whole batch fails where one content is poison."""

    def __init__(self, name: str = "batch") -> None:
        super().__init__(name)
        self.batches: list[int] = []

    def analyse_many(self, contents: Sequence[Content]) -> list[PartResult]:
        self.batches.append(len(contents))
        return [self.analyse(content) for content in contents]
