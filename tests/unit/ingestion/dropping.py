"""What the tests of drop folders share: a source that is polled until nothing is left."""

import io
import json
import time

from soc_copilot.ingestion.asking import AskedChild
from soc_copilot.ingestion.drop import DropSource
from soc_copilot.ingestion.drop_folder import SETTLE_S
from soc_copilot.pipeline import mail_child
from soc_copilot.pipeline.sources import MAIL_COMMAND

PATIENCE_S = 90.0


def mail(subject, text="Hello."):
    head = f"From: Ann <ann@mail.example>\r\nSubject: {subject}\r\n"
    return f"{head}\r\n{text}\r\n".encode()


class InlineChild(AskedChild):
    """Answers at once and in this process, as the real child would."""

    def __init__(self):
        super().__init__(())
        self._answered = io.BytesIO()

    @property
    def is_running(self):
        return True

    def ask(self, number, question):
        question = json.loads(json.dumps({"n": number, **question}))
        mail_child.answer(question, self._answered)
        self._asked.append((number, 0))

    def hear(self, max_bytes, now_s):
        self._is_ready = True
        data = self._answered.getvalue()
        self._answered = io.BytesIO(data[max_bytes:])
        self._answered.seek(0, io.SEEK_END)
        return self._lines(data[:max_bytes]), None

    def close(self):
        self._answered, self._line = io.BytesIO(), b""
        return super().close()


class Dropping:
    """Polls a drop folder's source with a clock that needs no waiting."""

    def __init__(self, folder, **how):
        self.now_s = 1_000.0
        command = how.pop("command", None)
        self.source = DropSource(folder, command or MAIL_COMMAND, source_id=3, clock=self, **how)
        if command is None:
            self.source.child = InlineChild()
        self.chunks = []

    def now_ns(self):
        return time.time_ns()

    def monotonic_s(self):
        return self.now_s

    def once(self, max_bytes=1 << 20):
        """New chunks of one poll."""
        got = self.source.poll(max_bytes)
        self.chunks += got
        return got

    def __call__(self, max_bytes=1 << 20, *, commits=True):
        """New chunks until everything is read: files have come to rest."""
        first = len(self.chunks)
        deadline = time.monotonic() + PATIENCE_S
        n_quiet = 0
        while n_quiet < 2:
            got = self.once(max_bytes)
            if commits:
                for chunk in got:
                    self.source.committed(chunk.checkpoint)
            if not got and not self.source.is_holding:
                n_quiet += 1
                self.now_s += SETTLE_S
            elif not got:
                if not self.source.child.n_asked:
                    self.now_s += SETTLE_S
                time.sleep(0.002)
            assert time.monotonic() < deadline, "the source does not come to an end"
        return self.chunks[first:]

    def lines(self):
        return [json.loads(line) for chunk in self.chunks for line in chunk.data.split(b"\n")[:-1]]

    def subjects(self):
        return [line.get("email.subject", "") for line in self.lines()]

    def events(self):
        return [(e.kind, e.message) for chunk in self.chunks for e in chunk.events]

    def checkpoints(self):
        return list({chunk.generation: chunk.checkpoint for chunk in self.chunks}.values())

    def check_places(self):
        """Positions follow each other without a gap, from a first one that expects none."""
        places = {}
        for chunk in self.chunks:
            assert chunk.start == places.get(chunk.generation, -1)
            assert chunk.lengths.sum() == chunk.checkpoint.offset - max(chunk.start, 0)
            places[chunk.generation] = chunk.checkpoint.offset
