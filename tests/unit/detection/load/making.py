"""Series of our own making: a day and a week, some noise, no secrets."""

import numpy as np

MONDAY = 280_656  # hours since 1970 of a Monday's first hour, 2002-01-07


def clean(n_hours, seed=0, level=1000.0, noise=0.004):
    rng = np.random.default_rng(seed)
    hours = np.arange(n_hours)
    day = 0.2 * np.sin(2 * np.pi * (hours % 24 - 8) / 24)
    week = np.where((hours // 24) % 7 >= 5, -0.1, 0.0)
    drift = np.zeros(n_hours)
    for at in range(1, n_hours):
        drift[at] = 0.98 * drift[at - 1] + noise * rng.normal()
    return level * np.exp(day + week + drift + 0.002 * rng.normal(size=n_hours))


def as_csv(values, start=MONDAY):
    from soc_copilot.detection.load.series import clock

    lines = ["datetime,mw"]
    lines += [f"{clock(start + 1 + i)}:00,{value:.3f}" for i, value in enumerate(values)]
    return "\n".join(lines) + "\n"
