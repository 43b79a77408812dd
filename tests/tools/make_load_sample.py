"""Makes the bundled series, data/sample/town-load.csv: `python -m tests.tools.make_load_sample`.

Half a year of what an invented town draws from its substation, hour by hour: people who get up,
work and cook, weekends and holidays, heating and cooling by an invented weather. Four times
somebody changes the values; where and by how much is in `CHANGES`, and in the folder's README.
"""

import math
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from soc_copilot.detection.load.days import holidays
from soc_copilot.detection.load.injection import Attack, profile

FILE: Final = Path(__file__).resolve().parents[2] / "data" / "sample" / "town-load.csv"
START: Final = datetime(2025, 9, 1, tzinfo=UTC)  # chosen: a Monday
N_HOURS: Final = 26 * 7 * 24  # chosen: seen within a minute on a slow machine, too
SEED: Final = 20250902
MEAN_MW: Final = 42.0  # chosen: a town of some forty thousand
# Chosen: megawatts over their mean in each hour of a day.
_WORKDAY: Final = (
    0.79, 0.75, 0.73, 0.73, 0.76, 0.84, 0.96, 1.06, 1.09, 1.08, 1.07, 1.07,
    1.08, 1.07, 1.06, 1.06, 1.08, 1.13, 1.18, 1.20, 1.17, 1.09, 0.98, 0.87,
)  # fmt: skip
_FREE_DAY: Final = (
    0.80, 0.76, 0.73, 0.72, 0.73, 0.76, 0.81, 0.88, 0.95, 1.00, 1.02, 1.03,
    1.03, 1.01, 0.99, 0.98, 1.00, 1.06, 1.12, 1.14, 1.11, 1.05, 0.96, 0.87,
)  # fmt: skip
CHANGES: Final = (  # chosen: one of each kind that people talk of, the last one near the end
    ("pulse", datetime(2025, 10, 14, 9, tzinfo=UTC), 36, 0.35),
    ("ramp_up", datetime(2025, 11, 18, 6, tzinfo=UTC), 24, 0.40),
    ("scaling", datetime(2026, 1, 13, 14, tzinfo=UTC), 24, -0.25),
    ("scaling", datetime(2026, 2, 19, 10, tzinfo=UTC), 30, 0.20),
)


def attacks() -> tuple[Attack, ...]:
    """What is changed, by hours of the file."""
    return tuple(
        Attack(template, int((at - START).total_seconds()) // 3600, n_hours, size)
        for template, at, n_hours, size in CHANGES
    )


def clean() -> list[float]:
    """The town's load before anybody changes it, in MW."""
    rng = random.Random(SEED)  # noqa: S311 - a fixed seed is the point
    front, mood, felt = 0.0, 0.0, 12.0
    found = []
    for number in range(N_HOURS):
        at = START + timedelta(hours=number)
        front = 0.985 * front + rng.gauss(0, 0.75)  # weather stays for days
        season = 12 - 12 * math.cos(2 * math.pi * (at.timetuple().tm_yday - 20) / 365)
        degrees = season + front + 4 * math.sin(2 * math.pi * (at.hour - 9) / 24)
        felt += (degrees - felt) / 6  # houses warm up and cool down slowly
        mood = 0.9 * mood + rng.gauss(0, 0.002)
        people = (_FREE_DAY if _is_free(at) else _WORKDAY)[at.hour]
        weather = 0.011 * max(14 - felt, 0) + 0.020 * max(felt - 21, 0)
        found.append(MEAN_MW * (people * (1 + mood) + weather * (0.5 + people / 2)))
    return found


def _is_free(at: datetime) -> bool:
    return at.weekday() >= 5 or at.date() in holidays(at.year)[0]


def series() -> str:
    """The text of the file: the time at which each hour ends, and its mean."""
    values = clean()
    for one in attacks():
        course = profile(one.template, one.n_hours).tolist()
        for place, share in enumerate(course, one.start):
            values[place] *= 1 + one.size * share
    lines = [
        f"{START + timedelta(hours=number + 1):%Y-%m-%d %H:%M},{value:.2f}\n"
        for number, value in enumerate(values)
    ]
    return "time,value\n" + "".join(lines)


def main(file: Path = FILE) -> None:
    """Write the sample."""
    file.write_text(series(), newline="\n")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
