"""Figures per window of events and per recording, for any column of scores."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.training.dataset import Sequence30
from soc_copilot.detection.web.training.metrics import roc_auc, threshold_at

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

WINDOW: Final = 64  # events, as the engine's buffer
_APART_S: Final = 60.0  # chosen: alarms closer than that are one
_EARLY: Final = 12  # chosen: harmed files until which an attack should be found
_OFF: Final = 0.15  # chosen: how far peaks may be off, in standard deviations of all
_ALARMS_WEIGH: Final = 3.0  # chosen: a false alarm against an attack not found, as shares
LEAST: Final = 16  # events before an attack from which they count as a recording of ordinary work


@dataclass(frozen=True, slots=True)
class Windows:
    """Stretches of `WINDOW` events, side by side; those of preparations and after are left out.

    Attributes:
        score: Highest, shape (n_windows,).
        is_harm: Harm is done in it.
        recording: Place of the recording it is of.
    """

    score: Doubles
    is_harm: npt.NDArray[np.bool_]
    recording: npt.NDArray[np.int64]


def windows(found: Sequence[Sequence30], scores: Sequence[Floats]) -> Windows:
    """All recordings' windows."""
    score, harm, recording = [], [], []
    for place, (s, x) in enumerate(zip(found, scores, strict=True)):
        starts = np.arange(0, len(x), WINDOW)
        is_harm = np.add.reduceat(s.target * s.weight, starts) > 0
        counts = is_harm | (np.maximum.reduceat(s.target, starts) == 0)
        score.append(np.maximum.reduceat(x, starts)[counts].astype(np.float64))
        harm.append(is_harm[counts])
        recording.append(np.full(int(counts.sum()), place))
    return Windows(np.concatenate(score), np.concatenate(harm), np.concatenate(recording))


def ordinary_peaks(found: Sequence[Sequence30], scores: Sequence[Floats]) -> Doubles:
    """The highest score of each stretch of ordinary work, those before attacks among them."""
    peaks = []
    for s, x in zip(found, scores, strict=True):
        work = x[s.time < s.trace.began_s] if s.trace.is_attack else x
        if len(work) >= (LEAST if s.trace.is_attack else 1):
            peaks.append(float(work.max()))
    return np.array(peaks)


def early_peaks(found: Sequence[Sequence30], scores: Sequence[Floats]) -> Doubles:
    """The highest score of each attack while few files are gone."""
    places = (early(s) for s in found)
    return np.array([float(x[at].max()) for at, x in zip(places, scores, strict=True) if len(at)])


def early(s: Sequence30) -> npt.NDArray[np.int64]:
    """Places of the events in which an attack should be found; none in ordinary work."""
    harmed = s.trace.harmed_s
    until = harmed[min(_EARLY, len(harmed)) - 1] + 1.0 if len(harmed) else np.inf
    return np.flatnonzero((s.target > 0) & (s.weight > 0) & (s.time <= until))


def choose_threshold(found: Sequence[Sequence30], scores: Sequence[Floats], budget: float) -> float:
    """A threshold with alarms in at most a share `budget` of ordinary recordings.

    Where that leaves a choice, it is the one that would do best if every peak were a little
    off: unknown families and programs do not keep to the gap between known ones.
    """
    work, harm = ordinary_peaks(found, scores), early_peaks(found, scores)
    least = threshold_at(work, budget)
    if not len(harm) or not len(work):
        return least
    off = max(_OFF * float(np.std(np.concatenate([work, harm]))), 1e-9)
    tried = np.linspace(least, max(float(harm.max()), least), 200)
    alarms = _share((work[:, None] - tried) / off)
    missed = _share((tried - harm[:, None]) / off)
    return float(tried[np.argmin(_ALARMS_WEIGH * alarms + missed)])


def _share(distance: Doubles) -> Doubles:
    """Smoothed share of the first axis that lies above 0."""
    found: Doubles = (1 / (1 + np.exp(-np.clip(distance, -50, 50)))).mean(0)
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recording at a threshold.

    Attributes:
        is_found: An attack with an alarm after it began.
        is_clean: Found, and no alarm before it began.
        n_harmed: Files gone before the first alarm after the attack began; all when not found.
        n_alarms: In ordinary work, alarms less than a minute apart counted once.
        hours: Of ordinary work.
    """

    name: str
    program: str
    family: str
    is_attack: bool
    has_company: bool
    is_found: bool
    is_clean: bool
    n_harmed: int
    n_files: int
    n_alarms: int
    hours: float


def outcome(s: Sequence30, scores: Floats, threshold: float) -> Outcome:
    """Judge one recording."""
    trace = s.trace
    at = s.time[scores >= threshold]
    began = trace.began_s if trace.is_attack else np.inf
    before, after = at[at < began], at[at >= began]
    gaps = np.diff(np.sort(before), prepend=-np.inf)
    gone = np.searchsorted(trace.harmed_s, after[0]) if len(after) else len(trace.harmed_s)
    work = s.time[s.time < began]
    return Outcome(
        trace.name, trace.program, trace.family, trace.is_attack, trace.has_company,
        is_found=len(after) > 0, is_clean=len(after) > 0 and not len(before),
        n_harmed=int(gone), n_files=len(trace.harmed_s),
        n_alarms=int((gaps > _APART_S).sum()),
        hours=float(work.max() - work.min()) / 3600 if len(work) else 0.0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """What `evaluate host` prints; None where there is nothing to count.

    Attributes:
        window_auc, tpr_001, tpr_01: Of windows; true positives where 0.1% and 1% of the
            ordinary windows are flagged.
        episode_auc: Of recordings, by their highest score (attacks: from their beginning on).
        attacks, found, clean: Recordings of attacks; with an alarm; with none before.
        ordinary, alarmed: Recordings of ordinary work; with an alarm.
        per_hour: Alarms per hour of ordinary work, the time before attacks among it.
        harmed_median, harmed_p95: Files gone before the alarm, of attacks found.
        harmed_share: Mean share of the files that an attack had, not found ones included.
    """

    window_auc: float | None
    tpr_001: float | None
    tpr_01: float | None
    episode_auc: float | None
    attacks: int
    found: int
    clean: int
    ordinary: int
    alarmed: int
    hours: float
    per_hour: float | None
    harmed_median: float | None
    harmed_p95: float | None
    harmed_share: float | None

    def as_dict(self) -> dict[str, float | int | None]:
        """For JSON, rounded to five places."""
        return {k: round(v, 5) if isinstance(v, float) else v for k, v in asdict(self).items()}


def figures(
    found: Sequence[Sequence30], scores: Sequence[Floats], outcomes: Sequence[Outcome]
) -> Figures:
    """Of recordings, their scores, and what became of them.

    Args:
        found: Recordings.
        scores: Of each event; comparable across recordings.
        outcomes: At whatever threshold each recording was judged.
    """
    seen = windows(found, scores)
    ordinary = seen.score[~seen.is_harm]
    harm = seen.score[seen.is_harm]
    both = len(ordinary) > 0 and len(harm) > 0
    attacks = [o for o in outcomes if o.is_attack]
    work = [o for o in outcomes if not o.is_attack]
    hours = sum(o.hours for o in outcomes)
    lost = np.array([o.n_harmed for o in attacks if o.is_found])
    shares = [o.n_harmed / o.n_files if o.n_files else float(not o.is_found) for o in attacks]
    return Figures(
        window_auc=roc_auc(seen.score, seen.is_harm) if both else None,
        tpr_001=float((harm >= threshold_at(ordinary, 0.001)).mean()) if both else None,
        tpr_01=float((harm >= threshold_at(ordinary, 0.01)).mean()) if both else None,
        episode_auc=_episode_auc(found, scores),
        attacks=len(attacks), found=sum(o.is_found for o in attacks),
        clean=sum(o.is_clean for o in attacks),
        ordinary=len(work), alarmed=sum(o.n_alarms > 0 for o in work),
        hours=hours, per_hour=sum(o.n_alarms for o in outcomes) / hours if hours else None,
        harmed_median=float(np.median(lost)) if len(lost) else None,
        harmed_p95=float(np.percentile(lost, 95)) if len(lost) else None,
        harmed_share=float(np.mean(shares)) if shares else None,
    )  # fmt: skip


def _episode_auc(found: Sequence[Sequence30], scores: Sequence[Floats]) -> float | None:
    peaks, harm = [], []
    for s, x in zip(found, scores, strict=True):
        during = x[s.time >= s.trace.began_s] if s.trace.is_attack else x
        if len(during):
            peaks.append(float(during.max()))
            harm.append(s.trace.is_attack)
    flags = np.array(harm)
    return roc_auc(np.array(peaks), flags) if flags.any() and not flags.all() else None


def by_group(outcomes: Sequence[Outcome]) -> list[dict[str, float | int | str | None]]:
    """One row per attack family and per ordinary program, the worst first."""
    rows: list[dict[str, float | int | str | None]] = []
    keys = {(o.is_attack, o.family if o.is_attack else o.program) for o in outcomes}
    for is_attack, name in sorted(keys):
        mine = [
            o for o in outcomes
            if o.is_attack == is_attack and (o.family if is_attack else o.program) == name
        ]  # fmt: skip
        row: dict[str, float | int | str | None] = {
            "kind": "attack" if is_attack else "ordinary", "name": name, "recordings": len(mine),
        }  # fmt: skip
        if is_attack:
            lost = [o.n_harmed for o in mine if o.is_found]
            row |= {
                "found": sum(o.is_found for o in mine), "clean": sum(o.is_clean for o in mine),
                "harmed_median": float(np.median(lost)) if lost else None,
            }  # fmt: skip
        else:
            row["alarmed"] = sum(o.n_alarms > 0 for o in mine)
        rows.append(row)
    return rows
