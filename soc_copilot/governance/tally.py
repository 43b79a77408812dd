"""Numbers of open alerts in the list, kept up with every change so that nobody counts them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update
from sqlalchemy.engine import Connection

from soc_copilot.governance.schema import AlertTallyModel

_TALLY = AlertTallyModel.__table__.c
_ADJUST = (
    update(AlertTallyModel)
    .where(_TALLY.severity == bindparam("b_severity"))
    .values(
        n_open=_TALLY.n_open + bindparam("b_open"),
        n_unassigned=_TALLY.n_unassigned + bindparam("b_unassigned"),
    )
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the tally knows of one alert.

    Attributes:
        is_open: Neither closed nor suppressed.
    """

    severity: int
    is_open: bool
    is_unassigned: bool


def adjust(
    connection: Connection, changes: Iterable[tuple[Standing | None, Standing | None]]
) -> None:
    """Follow alerts from their former to their present standing, inside the caller's write.

    Args:
        connection: Of a write transaction.
        changes: Before and after of each alert; None where it did not exist.
    """
    sums: dict[int, list[int]] = {}
    for before, after in changes:
        for standing, sign in ((before, -1), (after, 1)):
            if standing is not None and standing.is_open:
                change = sums.setdefault(standing.severity, [0, 0])
                change[0] += sign
                change[1] += sign * standing.is_unassigned
    shift(connection, {severity: (n_open, free) for severity, (n_open, free) in sums.items()})


def shift(connection: Connection, sums: Mapping[int, tuple[int, int]]) -> None:
    """Add to the numbers of open and of unassigned alerts, by severity."""
    rows = [
        {"b_severity": severity, "b_open": n_open, "b_unassigned": n_unassigned}
        for severity, (n_open, n_unassigned) in sorted(sums.items())
        if n_open or n_unassigned
    ]
    if rows:
        connection.execute(_ADJUST, rows)


def read_tally(connection: Connection) -> tuple[tuple[int, int, int, int, int], int]:
    """Open alerts by severity, info first, and how many open ones nobody has taken."""
    rows = {row.severity: row for row in connection.execute(select(*_TALLY))}
    info, low, medium, high, critical = (rows[s].n_open if s in rows else 0 for s in range(5))
    return (info, low, medium, high, critical), sum(row.n_unassigned for row in rows.values())
