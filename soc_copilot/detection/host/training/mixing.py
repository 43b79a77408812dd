"""More recordings from few: company put beside, other speeds, less known, a later start."""

from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl

from soc_copilot.detection.host.reading import (
    ENTROPY,
    PATH,
    PREVIOUS_ENTROPY,
    PREVIOUS_SIZE,
    PROCESS,
    SIZE,
    TARGET,
    TIME,
    USER,
)
from soc_copilot.detection.host.training.traces import Trace

_DAY_S: Final = 86_400.0
_DAYS: Final = 19_000.0  # chosen: from 1970 to the first day that is drawn


def moved(trace: Trace, shift_s: float, folder: str) -> Trace:
    """The same work at another time, in a folder of its own ("" for the same one)."""
    frame = trace.frame.with_columns(pl.col(TIME) + shift_s)
    if folder:
        frame = frame.with_columns(
            pl.when(pl.col(name) != "").then(folder + "/" + pl.col(name)).otherwise(pl.lit(""))
            .alias(name)
            for name in (PATH, TARGET)
        )  # fmt: skip
    return replace(
        trace,
        frame=frame,
        began_s=trace.began_s + shift_s,
        ended_s=trace.ended_s + shift_s,
        harmed_s=trace.harmed_s + shift_s,
    )


def beside(trace: Trace, company: Trace) -> Trace:
    """Two recordings as one stream; the first says what it counts as, the second is ordinary."""
    frame = pl.concat([trace.frame, company.frame]).sort(TIME, maintain_order=True)
    return replace(trace, name=f"{trace.name}+{company.name}", frame=frame, has_company=True)


def stretched(trace: Trace, factor: float) -> Trace:
    """The same work, slower (above 1) or faster, from its first event on."""
    start = float(trace.frame[TIME][0])

    def at(t: float) -> float:
        return start + (t - start) * factor

    frame = trace.frame.with_columns((pl.col(TIME) - start) * factor + start)
    return replace(
        trace,
        frame=frame,
        began_s=at(trace.began_s),
        ended_s=at(trace.ended_s),
        harmed_s=start + (trace.harmed_s - start) * factor,
    )


def forgotten(trace: Trace, share: float, rng: np.random.Generator) -> Trace:
    """Sizes and entropies of this share of the events are not known."""
    unknown = pl.Series(rng.random(len(trace.frame)) < share)
    frame = trace.frame.with_columns(
        pl.when(unknown).then(float("nan")).otherwise(pl.col(name)).alias(name)
        for name in (SIZE, PREVIOUS_SIZE, ENTROPY, PREVIOUS_ENTROPY)
    )
    return replace(trace, frame=frame)


def cut(trace: Trace, share: float) -> Trace:
    """Without the first events: what came before the recorder was started."""
    frame = trace.frame.slice(int(share * len(trace.frame)))
    start = float(frame[TIME][0])
    return replace(trace, frame=frame, harmed_s=trace.harmed_s[trace.harmed_s >= start])


def named(trace: Trace, user: str, process: str) -> Trace:
    """The same work by a known user and program."""
    frame = trace.frame.with_columns(pl.lit(user).alias(USER), pl.lit(process).alias(PROCESS))
    return replace(trace, frame=frame)


def dated(trace: Trace, rng: np.random.Generator) -> Trace:
    """The same work at any hour of some day, and any number of folders deeper."""
    shift = _DAY_S * float(rng.uniform(_DAYS, _DAYS + 1_000.0))
    deep = "/".join(["home", "someone", "area", "share", "one"][: int(rng.integers(6))])
    return moved(trace, shift, f"/{deep}" if deep else "")


def varied(trace: Trace, others: list[Trace], rng: np.random.Generator) -> Trace:
    """A variant of a recording, drawn at random: usual speeds and company, seldom blindness.

    Args:
        trace: Of either label.
        others: Ordinary recordings that may be put beside it.
        rng: The only source of chance.
    """
    found = trace
    knows_actors = rng.random() < 0.3
    if knows_actors:
        found = named(found, "someone", found.program)
    if rng.random() < 0.5:
        found = stretched(found, float(np.exp(rng.uniform(np.log(0.3), np.log(20.0)))))
    if others and rng.random() < 0.4:
        company = others[int(rng.integers(len(others)))]
        if knows_actors:
            company = named(company, "someone", company.program)
        if rng.random() < 0.5:
            company = stretched(company, float(np.exp(rng.uniform(np.log(0.5), np.log(8.0)))))
        begin, end = float(found.time[0]), float(found.time[-1])
        lasts = float(company.time[-1] - company.time[0])
        start = rng.uniform(begin - lasts, end)  # they meet, or follow each other
        shift = float(start - company.time[0])
        found = beside(found, moved(company, shift, f"c{int(rng.integers(100))}"))
    if rng.random() < 0.1:
        found = forgotten(found, float(rng.choice([0.1, 0.3, 1.0])), rng)
    if rng.random() < 0.15:
        found = cut(found, float(rng.uniform(0.02, 0.5)))
    return dated(found, rng) if rng.random() < 0.5 else found
