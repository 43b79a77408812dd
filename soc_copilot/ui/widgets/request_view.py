"""One request as it was sent, what hid it, and what it says: plain text with formats."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from soc_copilot.domain.findings import Highlight
from soc_copilot.domain.text import has_hidden, render_safe
from soc_copilot.domain.web import WebRequest
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.web_trial import Tried
from soc_copilot.ui.widgets.raw_text import RawTextView

SHOWN_CHARS: Final = 16_384  # chosen: of a pasted request; a longer one is cut, and it is said
WORDS_CHARS: Final = 400  # chosen: of a decoded part


@dataclass(frozen=True, slots=True)
class Chain:
    """What is shown of a request, from what was sent to what it means.

    Attributes:
        caption: What the text is: "Sent in the query".
        text: As it was sent.
        marked: What speaks for an attack, [start, end) of `text`.
        decoding: Disguises undone, in that order.
        words: What the marked parts say.
        notes: Plain sentences after it.
    """

    caption: str
    text: str
    marked: Sequence[Highlight] = ()
    decoding: Sequence[str] = ()
    words: Sequence[str] = ()
    notes: Sequence[str] = ()


class RequestView(RawTextView):
    """Shows a chain step by step. Everything in it is hostile, so nothing is interpreted."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__(theme, name)
        self._chain: Chain | None = None
        self.setMinimumHeight(56)
        theme.changed.connect(self._again)

    @property
    def chain(self) -> Chain | None:
        """What is shown."""
        return self._chain

    def show_chain(self, chain: Chain | None) -> None:
        """Show it from its beginning; the same one again moves nothing."""
        if chain != self._chain:
            self._chain = chain
            self._again()

    def _again(self) -> None:
        self.clear()
        chain = self._chain
        if chain is None:
            return
        self.add_caption(chain.caption)
        for at, line in _lines(chain.text[:SHOWN_CHARS]):
            self.add_line(line, [(a - at, b - at) for a, b in _inside(chain.marked, at, line)])
        if len(chain.text) > SHOWN_CHARS:
            self.add_caption(f"… and {len(chain.text) - SHOWN_CHARS:,} more characters.")
        for number, step in enumerate(chain.decoding, start=1):
            self.add_caption(f"{number}. Undone: {step}", is_first=number == 1)
        if chain.words:
            self.add_caption("Read as", is_first=True)
            for words in chain.words:
                self.add_line(words[:WORDS_CHARS])
        for number, note in enumerate(chain.notes):
            self.add_caption(render_safe(note, WORDS_CHARS), is_first=number == 0)
        self.verticalScrollBar().setValue(0)


def chain_of(request: WebRequest) -> Chain:
    """What is known of a request from a log."""
    part = "request" if request.text.startswith(request.path) else "header"
    notes = () if request.marked else ("Nothing in it is marked: it is known by its sender.",)
    if not request.marked and request.kind != "scanner":
        notes = ("No single part of it stands out.",)
    return Chain(
        f"The {part} as it was sent", request.text, request.marked, request.decoding,
        request.words, notes,
    )  # fmt: skip


def as_pasted(request: WebRequest) -> str:
    """A request from a log as a person would paste it: what scored highest, and its target.

    Characters that an editor would hide or obey are percent-encoded; the detector reads them
    all the same.
    """
    method = request.method or "GET"
    if request.text.startswith(request.path):
        target, mark, body = request.text.partition("\n\n")
        text = f"{method} {_visible(target)} HTTP/1.1\n"
        return f"{text}\n{_visible(body)}" if mark else text
    agent = _visible(request.text)
    return f"{method} {_visible(request.path)} HTTP/1.1\nUser-Agent: {agent}\n"


def _visible(text: str) -> str:
    return "".join(quote(one, errors="replace") if has_hidden(one) else one for one in text)


def chain_of_trial(tried: Tried) -> Chain:
    """What is known of a request that was pasted."""
    verdict = tried.verdict
    if not verdict.is_threat:
        text = "\n".join(tried.request.texts())
        return Chain("As it was read: nothing in it reached the threshold", text)
    if not verdict.text:  # known by the name of a tool
        agent = next((v for k, v in tried.request.headers.items() if k.lower() == "user-agent"), "")
        return Chain(f"Decided by: {verdict.part}", agent, notes=verdict.reasons)
    notes = tuple(one for one in verdict.reasons if not one.startswith("Disguise:"))
    return Chain(
        f"As it was sent; decided by: {verdict.part}", verdict.text, verdict.marked,
        verdict.decoding, (), notes,
    )  # fmt: skip


def _lines(text: str) -> Sequence[tuple[int, str]]:
    """Lines of a text with the place where each begins; empty ones are passed over."""
    found, at = [], 0
    for line in text.split("\n"):
        if line:
            found.append((at, line))
        at += len(line) + 1
    return found or [(0, "")]


def _inside(marked: Sequence[Highlight], at: int, line: str) -> list[Highlight]:
    """The ranges as far as they lie in a line."""
    end = at + len(line)
    return [(max(a, at), min(b, end)) for a, b in marked if a < end and b > at]
