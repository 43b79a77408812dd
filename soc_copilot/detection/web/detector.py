"""The web detector: every request of a batch scored, the suspicious ones explained.

A request's score is the highest over its parts: target with body, User-Agent, Referer and,
for whole requests, every other header. Headers count a little less (the card's
`header_margin`), for they say less about what a program will do. A known scanning tool that
names itself in User-Agent is reported whatever its requests hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.protocol import DetectorInfo
from soc_copilot.detection.web.carried import carried
from soc_copilot.detection.web.classes import CLASSES, OTHER, SCANNER, SCANNER_AGENTS
from soc_copilot.detection.web.findings import Flagged, build_findings
from soc_copilot.detection.web.request import BODY_MARK, Request
from soc_copilot.detection.web.standings import standing
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import Detections, Highlight
from soc_copilot.domain.paths import bundled
from soc_copilot.domain.web import WebStanding

if TYPE_CHECKING:
    from soc_copilot.detection.web.explain import Explanation
    from soc_copilot.detection.web.scorer import Model

Floats = npt.NDArray[np.float32]
Kinds = npt.NDArray[np.uint8]

# By model: the service and the pipeline behind it explain the same requests, one by one.
_EXPLAINED: Final[WeakValueDictionary[int, "_Explanations"]] = WeakValueDictionary()
_SCANNER_SCORE: Final = 0.99  # chosen: sure, but below what a payload can reach
_MAX_REMEMBERED: Final = 2_000  # chosen: explanations kept, of texts no longer than below
_MAX_REMEMBERED_CHARS: Final = 2_000
_ABSENT: Final = -1e4  # logit of a part that is not there
_EMPTY: Final = ("", "-")  # what logs write for a header that was not sent


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the detector says about one whole request.

    Attributes:
        score: In [0, 1].
        is_threat: The score reached the threshold.
        kind: Name of the attack class, "" when it is no threat.
        reasons: Plain sentences, empty when it is no threat.
        technique: ATT&CK id of the class, "" when it is no threat.
        capec: CAPEC id of the class, "" when there is none or it is no threat.
        part: Where the strongest sign stands: "path", "query", "body" or "header NAME"; ""
            when it is no threat.
        marked: The strongest signs as characters [start, end) of `text`, strongest first.
        text: What `marked` counts in: target with body, or the header's value; "" when it is
            no threat.
        decoding: Steps by which the text was made readable, in the order they were taken; a
            step taken twice stands twice.
    """

    score: float
    is_threat: bool
    kind: str
    reasons: tuple[str, ...]
    technique: str = ""
    capec: str = ""
    part: str = ""
    marked: tuple[Highlight, ...] = ()
    text: str = ""
    decoding: tuple[str, ...] = ()

    @property
    def confidence(self) -> float:
        """Chance that `is_threat` is right, as on the card's validation rows; in [0, 1]."""
        return self.score if self.is_threat else 1.0 - self.score


class _Explanations(dict[str, "Explanation"]):
    """Explanations by text."""


class WebDetector:
    """Scores HTTP requests for attacks; remembers scores of texts and nothing else."""

    def __init__(self, budget: str = "0.1%", folder: Path | None = None) -> None:
        """Not started: no model is loaded yet.

        Args:
            budget: False-positive budget whose threshold is used, a key of the card's.
            folder: Of the model; the one shipped with the program when None.
        """
        self._budget = budget
        self._folder = folder or bundled("models") / "web"
        self._model: Model | None = None
        self._explained = _Explanations()  # once started, one for all detectors of this model

    @property
    def info(self) -> DetectorInfo:
        """What it is; threshold and version are known once it is started."""
        model = self._model
        return DetectorInfo(
            name="web",
            title="Web requests",
            version=model.version if model else "",
            threshold=self.threshold if model else 1.0,
            techniques=tuple(sorted({kind.technique for kind in CLASSES})),
            wants=(c.URL,),
        )

    @property
    def threshold(self) -> float:
        """Score from which a request counts as a threat.

        Raises:
            DetectorError: Not started, or the model has no threshold for the budget.
        """
        thresholds = self._loaded().thresholds
        try:
            return thresholds[self._budget]
        except KeyError:
            raise DetectorError(
                f'The web model has no threshold for a budget of "{self._budget}"; it has '
                f"{', '.join(thresholds)}. Change detection.web.budget."
            ) from None

    def start(self, device: str) -> None:
        """Load the model and score one request.

        On the CPU torch is held to one thread, in the whole process: the steps are so small
        that on a busy machine two threads mostly wait for each other (measured beside other
        work on two cores: 62 against 44 microseconds a distinct request; alone, no gain).

        Raises:
            DetectorError: The model is missing, damaged or of another version.
        """
        import torch

        from soc_copilot.detection.web.scorer import load

        if device == "cpu":
            torch.set_num_threads(1)
        self._model = load(self._folder, device)
        self._explained = _EXPLAINED.setdefault(self._model.fingerprint, _Explanations())
        _ = self.threshold
        self._model.scorer.logits(pl.Series(["/?q=warm+up"]))

    def detect(self, batch: EventBatch) -> Detections:
        """Score every event that has a URL; NaN for the others."""
        scores = np.full(batch.n_events, np.nan, np.float32)
        rows = np.flatnonzero(batch.frame[c.URL].is_not_null().to_numpy())
        if not len(rows):
            return Detections("web", scores)
        whole = len(rows) == batch.n_events
        frame = batch.frame if whole else batch.frame[rows.astype(np.uint32)]
        found, is_hit, kinds, texts = self._look(frame)
        scores[rows] = found
        hits = np.flatnonzero(is_hit)
        if not len(hits):
            return Detections("web", scores, web=WebStanding(len(rows)))
        flagged = Flagged(
            rows=rows[hits],
            scores=found[hits],
            kinds=kinds[hits],
            texts=texts,
        )
        findings = build_findings(
            batch, flagged, self._explain, threshold=self.threshold, version=self.info.version
        )
        web = standing(batch, len(rows), flagged, self._explain)
        return Detections("web", scores, findings, web=web)

    def _look(self, frame: pl.DataFrame) -> tuple[Floats, npt.NDArray[np.bool_], Kinds, pl.Series]:
        """Scores, which are threats, classes; and of the threats the texts that scored highest.

        What our own checking service has scored by the same model is not scored again.
        """
        known = carried(frame, self.info.version)
        if known is None:
            return self._look_afresh(frame)
        found, is_hit, kinds = known.scores.copy(), known.is_threat.copy(), known.kinds.copy()
        main = next(iter(_columns(frame).values()))
        texts = known.texts.zip_with(known.texts.is_not_null(), main)
        fresh = np.flatnonzero(~known.is_ours)
        if len(fresh):
            index = fresh.astype(np.uint32)
            found[fresh], is_hit[fresh], kinds[fresh], theirs = self._look_afresh(frame[index])
            texts = texts.scatter(index[is_hit[fresh]], theirs)
        return found, is_hit, kinds, texts.filter(pl.Series(is_hit))

    def _look_afresh(
        self, frame: pl.DataFrame
    ) -> tuple[Floats, npt.NDArray[np.bool_], Kinds, pl.Series]:
        parts = list(_columns(frame).values())
        found, kinds, strongest = self._fuse(parts, _scanners(frame))
        is_hit = found >= self.threshold
        hits = np.flatnonzero(is_hit)
        return found, is_hit, kinds, _pick(parts, strongest[hits], hits)

    def score_requests(self, requests: Sequence[Request]) -> list[Verdict]:
        """Score whole requests, with the same results as from logs.

        All texts of all requests go through the network together, each distinct one once.
        """
        if not requests:
            return []
        texts = [request.texts() for request in requests]
        places: dict[str, int] = {}
        rows = [[places.setdefault(text, len(places)) for text in row] for row in texts]
        logits, kinds = self._loaded().scorer.logits_of(list(places))
        best = self._strongest(rows, logits.tolist())
        scores = self._loaded().calibration.score(np.array([logit for _, logit in best]))
        numbers = kinds[[row[at] for row, (at, _) in zip(rows, best, strict=True)]]
        agents = [r.headers.get("User-Agent") or r.headers.get("user-agent") for r in requests]
        named = {agent: _names_tool(agent) for agent in set(agents)}
        self._name_scanners(np.array([named[agent] for agent in agents]), scores, numbers)
        strongest = [row[at] for row, (at, _) in zip(texts, best, strict=True)]
        hits = np.flatnonzero((scores >= self.threshold) & (numbers != SCANNER))
        explained = self._explain_all([strongest[i] for i in hits])
        return [
            _verdict(score, kind, request, at, explained.get(text))
            if score >= self.threshold
            else Verdict(score, is_threat=False, kind="", reasons=())
            for request, score, kind, (at, _), text in zip(
                requests, scores.tolist(), numbers.tolist(), best, strongest, strict=True
            )
        ]

    def _strongest(
        self, rows: Sequence[Sequence[int]], logits: Sequence[float]
    ) -> list[tuple[int, float]]:
        """For each request which of its texts scored highest, and its logit; as `_fuse`."""
        margin = self._loaded().header_margin
        found = []
        for row in rows:
            at, highest = 0, logits[row[0]]
            for i in range(1, len(row)):
                logit = logits[row[i]]
                # A header counts only when it speaks for an attack itself.
                if logit > margin and logit - margin > highest:
                    at, highest = i, logit - margin
            found.append((at, highest))
        return found

    def commit(self) -> None:
        """Nothing to do: no state besides remembered scores."""

    def rollback(self) -> None:
        """Nothing to do: no state besides remembered scores."""

    def restore(self, state: bytes | None) -> None:
        """Nothing to do: no state besides remembered scores."""

    def close(self) -> None:
        """Let go of the model."""
        self._model = None
        self._explained = _Explanations()

    def _loaded(self) -> "Model":
        if self._model is None:
            raise DetectorError("The web detector is not started.")
        return self._model

    def _fuse(
        self, parts: Sequence[pl.Series], scanners: npt.NDArray[np.bool_]
    ) -> tuple[Floats, Kinds, npt.NDArray[np.intp]]:
        """The highest score over the parts, its class, and which part it was."""
        model = self._loaded()
        n_rows = len(parts[0])
        logits = np.full((len(parts), n_rows), _ABSENT, np.float32)
        kinds = np.full((len(parts), n_rows), OTHER, np.uint8)
        for i, part in enumerate(parts):
            logit, kind = model.scorer.logits(part)
            # A header counts only when it speaks for an attack itself.
            wanted = logit > model.header_margin if i > 0 else ~np.isnan(logit)
            logits[i] = np.where(wanted, logit - model.header_margin * (i > 0), _ABSENT)
            kinds[i] = kind
        strongest = logits.argmax(0)
        every = np.arange(n_rows)
        scores = model.calibration.score(logits[strongest, every])
        kind = kinds[strongest, every]
        self._name_scanners(scanners, scores, kind)
        return scores, kind, strongest

    def _name_scanners(self, scanners: npt.NDArray[np.bool_], scores: Floats, kinds: Kinds) -> None:
        """Report known tools, whatever their requests hold; changes scores and classes."""
        named = scanners & (scores < self.threshold)
        if named.any():
            scores[named] = max(_SCANNER_SCORE, self.threshold)
            kinds[named] = SCANNER

    def _explain(self, text: str) -> "Explanation":
        return self._explain_all([text])[text]

    def _explain_all(self, texts: Sequence[str]) -> "dict[str, Explanation]":
        found = {text: known for text in texts if (known := self._explained.get(text)) is not None}
        fresh = list(dict.fromkeys(text for text in texts if text not in found))
        if not fresh:
            return found
        from soc_copilot.detection.web.explain import explain

        for text, made in zip(fresh, explain(self._loaded().scorer.fast, fresh), strict=True):
            found[text] = made
            if len(self._explained) >= _MAX_REMEMBERED:
                self._explained.clear()
            if len(text) <= _MAX_REMEMBERED_CHARS:
                self._explained[text] = made
        return found


def _verdict(
    score: float, kind: int, request: Request, strongest: int, explained: "Explanation | None"
) -> Verdict:
    """What is said of a threat.

    Args:
        score: Of the request.
        kind: Number of its class.
        request: What was judged.
        strongest: Which of its texts decided.
        explained: That text; None where only the User-Agent speaks.
    """
    known = CLASSES[kind]
    if kind == SCANNER or explained is None:
        return Verdict(
            score,
            is_threat=True,
            kind=known.name,
            reasons=("User-Agent names a scanning tool.",),
            technique=known.technique,
            capec=known.capec,
            part="header User-Agent",
        )
    marked = tuple(part.highlight for part in explained.parts)
    return Verdict(
        score,
        is_threat=True,
        kind=known.name,
        reasons=(
            f"Looks like: {known.title}.",
            *(f'Part that speaks for it: "{part.words}".' for part in explained.parts),
            *(f"Disguise: {words}." for words in explained.hidden_by),
        ),
        technique=known.technique,
        capec=known.capec,
        part=request.place(strongest, marked[0][0] if marked else 0),
        marked=marked,
        text=request.texts()[strongest],
        decoding=explained.decoding,
    )


def _columns(frame: pl.DataFrame) -> dict[str, pl.Series]:
    """The parts that the frame has, by name, the target first."""
    target = pl.col(c.URL)
    if c.BODY in frame.columns:
        body = pl.col(c.BODY)
        target = (
            pl.when(body.is_null() | (body == "")).then(target).otherwise(target + BODY_MARK + body)
        )
    wanted = [target.alias(c.URL)]
    wanted += [
        pl.when(~pl.col(name).is_in(_EMPTY)).then(pl.col(name)).alias(name)
        for name in (c.USER_AGENT, c.REFERRER)
        if name in frame.columns
    ]
    parts = frame.select(wanted)
    return {name: parts[name] for name in parts.columns}


def _scanners(frame: pl.DataFrame) -> npt.NDArray[np.bool_]:
    if c.USER_AGENT not in frame.columns:
        return np.zeros(frame.height, bool)
    return _is_scanner(frame[c.USER_AGENT])


def _names_tool(agent: str | None) -> bool:
    """Whether a User-Agent names a scanning tool."""
    said = (agent or "").lower()
    return any(name in said for name in SCANNER_AGENTS)


def _is_scanner(agents: pl.Series) -> npt.NDArray[np.bool_]:
    """Which User-Agents name a scanning tool; each distinct one is looked at once."""
    column = agents.alias("agent").to_frame()
    distinct = column.unique().with_columns(
        pl.col("agent")
        .str.contains_any(list(SCANNER_AGENTS), ascii_case_insensitive=True)
        .alias("x")
    )
    hits = distinct.filter("x")["agent"]
    if not len(hits):
        return np.zeros(len(agents), bool)
    return agents.is_in(hits.implode()).fill_null(value=False).to_numpy()


def _pick(
    parts: Sequence[pl.Series],
    which: npt.NDArray[np.intp],
    rows: npt.NDArray[np.intp],
) -> pl.Series:
    """For each row, the text of one of its parts."""
    picked = pl.Series([None] * len(rows), dtype=pl.String)
    for i, part in enumerate(parts):
        mine = pl.Series(which == i)
        if mine.any():
            picked = part.gather(rows.astype(np.uint32)).zip_with(mine, picked)
    return picked
