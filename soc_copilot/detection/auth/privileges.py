"""Rules over rights on one host: sudo, su, new accounts, administrator groups."""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from soc_copilot.detection.auth import rules
from soc_copilot.detection.auth.logins import HIT_SCHEMA, hits
from soc_copilot.detection.auth.state import MAX_USERS
from soc_copilot.detection.auth.windows import WindowTable
from soc_copilot.domain.columns import Action

SAME_US: Final = 2_000_000  # chosen: two lines about one change lie closer than this


def local_guessing(
    picked: pl.DataFrame, failures: pl.DataFrame, tables: Mapping[str, WindowTable]
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, WindowTable]]:
    """Repeated wrong passwords at sudo and failures at su, by user and host.

    Returns:
        The hits; `row` and `score` of every failure; and the tables after them.
    """
    sudo = picked.filter(pl.col("action") == Action.SUDO_AUTH)
    su = failures.filter((pl.col("service") == "su") & (pl.col("n") > 0))
    found, scored, after = [], [], {}
    for name, rule, rows in (("sudo", rules.SUDO_GUESS, sudo), ("su", rules.SU_GUESS, su)):
        rows = rows.filter(pl.col("user") != "")
        window, after[name] = tables[name].fold(
            rows.select(
                key=pl.col("user") + " " + pl.col("host"), member=pl.lit(""), minute="minute", n="n"
            )
        )
        total = pl.col("total")
        rows = rows.with_columns(pl.Series("total", window.total)).with_columns(
            score=total / (total + rules.LOCAL_FAILURES)
        )
        scored.append(rows.select("row", "score"))
        found.append(
            hits(
                rows.filter(total >= rules.LOCAL_FAILURES),
                rule,
                entity=pl.col("user"),
                back=total - pl.col("n"),
                total=total,
                severity=pl.lit(rules.MEDIUM),
            )
        )
    return pl.concat(found), pl.concat(scored), after


def sudo_commands(
    picked: pl.DataFrame, habits: Mapping[str, list[Any]], n_seen: int
) -> tuple[pl.DataFrame, dict[str, list[Any]]]:
    """Refusals, and dangerous commands that are not among the user's habits.

    Returns:
        The hits, and `State.habits` after them.
    """
    commands = picked.filter((pl.col("action") == Action.SUDO) & (pl.col("user") != ""))
    known = dict(habits)
    if not commands.height:
        return pl.DataFrame(schema=HIT_SCHEMA), known
    refused = hits(
        commands.filter(pl.col("outcome") == "failure"),
        rules.SUDO_REFUSED,
        entity=pl.col("user"),
        score=pl.lit(0.6),
        severity=pl.lit(rules.MEDIUM),
        text=pl.lit("not in sudoers, or the command is not allowed"),
    )
    done = commands.filter(pl.col("outcome") != "failure").with_columns(
        text=pl.coalesce(
            pl.when(pl.col("command").str.contains(pattern)).then(pl.lit(kind))
            for kind, (pattern, _) in rules.DANGERS.items()
        ).fill_null("")
    )
    severities = []
    for row, user, host, kind in done.select("row", "user", "host", "text").iter_rows():
        n, kinds, _ = known.get(f"{user} {host}", (0, [], 0))
        if kind and rules.DANGERS[kind][1]:
            severities.append((row, rules.HIGH, 0.8))
        elif kind and kind not in kinds and n >= rules.SUDO_HISTORY:
            severities.append((row, rules.LOW, 0.55))
        kinds = [*kinds, kind] if kind and kind not in kinds else kinds
        known[f"{user} {host}"] = [n + 1, kinds, n_seen + row]
    marks = pl.DataFrame(
        severities,
        schema={"row": pl.Int64, "severity": pl.Int64, "score": pl.Float64},
        orient="row",
    )
    dangerous = hits(
        done.join(marks, on="row", maintain_order="left"),
        rules.SUDO_DANGER,
        entity=pl.col("user"),
        text=pl.col("text"),
    )
    newest = sorted(known.items(), key=lambda item: (item[1][2], item[0]))[-MAX_USERS:]
    return pl.concat([refused, dangerous]), dict(newest)


def accounts(picked: pl.DataFrame, added: Mapping[str, int]) -> tuple[pl.DataFrame, dict[str, int]]:
    """Accounts put into an administrator group, graver when they were just made.

    Returns:
        The hits, and `State.added` after them.
    """
    changes = picked.filter(
        pl.col("action").is_in([Action.USER_ADDED, Action.GROUP_CHANGED])
        & (pl.col("outcome") != "failure")
        & (pl.col("user") != "")
    )
    made = dict(added)
    new: list[int] = []
    old: list[int] = []
    columns = ("row", "action", "user", "host", "group", "ts")
    for row, action, user, host, group, ts in changes.select(columns).iter_rows():
        place = f"{user} {host}"
        if action == Action.USER_ADDED:
            made.pop(place, None)
            made[place] = ts
        elif group in rules.ADMIN_GROUPS:
            # usermod says every group twice, the second time as "shadow group".
            twice = abs(ts - made.get(f"{place} {group}", -SAME_US)) < SAME_US
            made[f"{place} {group}"] = ts
            if not twice:
                recent = place in made and abs(ts - made[place]) <= rules.ADDED_US
                (new if recent else old).append(row)
    found = [
        hits(
            changes.filter(pl.col("row").is_in(rows)),
            rule,
            entity=pl.col("user"),
            score=pl.lit(score),
            severity=pl.lit(severity),
            text=pl.col("group"),
        )
        for rule, rows, score, severity in (
            (rules.NEW_ADMIN, new, 0.9, rules.HIGH),
            (rules.ADMIN, old, 0.6, rules.MEDIUM),
        )
    ]
    return pl.concat(found), dict(list(made.items())[-MAX_USERS:])
