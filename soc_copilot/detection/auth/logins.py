"""Rules over logins from other machines: guessing, success after it, new origins, root."""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import polars as pl

from soc_copilot.detection.auth import rules
from soc_copilot.detection.auth.state import MAX_USERS
from soc_copilot.detection.auth.windows import WindowTable
from soc_copilot.domain.columns import Action

HIT_SCHEMA: Final = {
    "rule": pl.String,
    "entity": pl.String,
    "row": pl.Int64,
    "ts": pl.Int64,
    "n": pl.Int64,  # events that the line stands for
    "back": pl.Int64,  # events before it that belong to the alert when this line opens it
    "score": pl.Float64,
    "severity": pl.Int64,
    "total": pl.Int64,
    "distinct": pl.Int64,
    "user": pl.String,
    "host": pl.String,
    "address": pl.String,
    "text": pl.String,
}


def hits(frame: pl.DataFrame, rule: rules.Rule, **given: pl.Expr) -> pl.DataFrame:
    """The frame's rows as hits of a rule; what is not given is taken over or empty."""
    defaults = {
        "rule": pl.lit(rule.id),
        "entity": pl.col("address"),
        "back": pl.lit(0),
        "total": pl.lit(1),
        "distinct": pl.lit(0),
        "text": pl.lit(""),
    }
    chosen = {**defaults, **given}
    return frame.select(
        chosen.get(name, pl.col(name)).cast(dtype).alias(name) for name, dtype in HIT_SCHEMA.items()
    )


def remote_attempts(picked: pl.DataFrame, failures: pl.DataFrame) -> pl.DataFrame:
    """Failed and successful logins that name an address, in the order read; `failed` says which.

    A success enters no window: its `n` is 0 and `stands_for` is what it counts for.
    """
    failed = failures.filter(
        (pl.col("address") != "") & pl.col("service").is_in(["ssh", "other"])
    ).select(picked.columns)
    good = picked.filter(
        (pl.col("address") != "")
        & (pl.col("outcome") == "success")
        & pl.col("action").is_in([Action.SSH_LOGIN, Action.LOGIN])
    )
    both = pl.concat(
        [
            failed.with_columns(failed=pl.lit(True), stands_for=pl.col("n")),
            good.with_columns(failed=pl.lit(False), stands_for=pl.col("n"), n=pl.lit(0, pl.Int64)),
        ]
    )
    return both.sort("row")


def guessing(
    attempts: pl.DataFrame, tables: Mapping[str, WindowTable]
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, WindowTable]]:
    """Brute force, spraying, and guessing shared among addresses.

    Returns:
        The hits; the attempts with `total` and `distinct` of their address and `score`, in
        [0, 1), total / (total + threshold) or the like for accounts, whichever is more;
        and the tables after them.
    """
    window, by_address = tables["address"].fold(
        attempts.select(key="address", member="user", minute="minute", n="n")
    )
    judged = attempts.with_columns(
        pl.Series("total", window.total), pl.Series("distinct", window.distinct)
    )
    total, distinct = pl.col("total"), pl.col("distinct")
    judged = judged.with_columns(
        pl.max_horizontal(
            total / (total + rules.BRUTE_FAILURES), distinct / (distinct + rules.SPRAY_ACCOUNTS)
        ).alias("score")
    )
    failed = judged.filter(pl.col("failed") & (pl.col("n") > 0))
    spray = (distinct >= rules.SPRAY_ACCOUNTS) & (total <= rules.SPRAY_TRIES * distinct)
    brute = ~spray & (total >= rules.BRUTE_FAILURES)
    found = [
        hits(
            failed.filter(spray),
            rules.SPRAY,
            back=total - pl.col("n"),
            total=total,
            distinct=distinct,
            severity=pl.when(distinct >= 20).then(rules.HIGH).otherwise(rules.MEDIUM),
        ),
        hits(
            failed.filter(brute),
            rules.BRUTE,
            back=total - pl.col("n"),
            total=total,
            distinct=distinct,
            severity=pl.when(total >= 60).then(rules.HIGH).otherwise(rules.MEDIUM),
        ),
    ]
    shared, by_account = _shared_guessing(failed, tables["account"])
    return (
        pl.concat([*found, shared]),
        judged,
        {"address": by_address, "account": by_account},
    )


def _shared_guessing(failed: pl.DataFrame, table: WindowTable) -> tuple[pl.DataFrame, WindowTable]:
    named = failed.filter(pl.col("user") != "")
    window, table = table.fold(named.select(key="user", member="address", minute="minute", n="n"))
    total, distinct = pl.col("total"), pl.col("distinct")
    hot = named.with_columns(
        pl.Series("total", window.total), pl.Series("distinct", window.distinct)
    ).filter(distinct >= rules.DISTRIBUTED_ADDRESSES)
    found = hits(
        hot,
        rules.DISTRIBUTED,
        entity=pl.col("user"),
        back=total - pl.col("n"),
        total=total,
        distinct=distinct,
        score=distinct / (distinct + rules.DISTRIBUTED_ADDRESSES),
        severity=pl.when(distinct >= 30).then(rules.HIGH).otherwise(rules.MEDIUM),
    )
    return found, table


def successes(
    judged: pl.DataFrame, users: Mapping[str, list[Any]], n_seen: int
) -> tuple[pl.DataFrame, dict[str, list[Any]]]:
    """Success after failures, root by password, and logins from a new network.

    Args:
        judged: From `guessing`.
        users: `State.users`.
        n_seen: Number of the batch's first line, for finding the longest unseen user.

    Returns:
        The hits, and the users after them.
    """
    good = judged.filter(~pl.col("failed")).with_columns(n=pl.col("stands_for"))
    known = dict(users)
    if not good.height:
        return pl.DataFrame(schema=HIT_SCHEMA), known
    origins, usual = _origins(good.filter(pl.col("user") != ""), known, n_seen)
    total, distinct = pl.col("total"), pl.col("distinct")
    after = good.filter(total >= rules.SUCCESS_FAILURES)
    after = after.with_columns(usual=pl.col("row").is_in(list(usual)))
    grave = (total >= 20) | (distinct >= 3) | (pl.col("user") == "root")
    mild = (total < 10) & (distinct <= 1) & pl.col("usual")
    found = hits(
        after,
        rules.SUCCESS,
        back=total,
        total=total,
        distinct=distinct,
        score=0.5 + 0.5 * total / (total + 20),
        severity=pl.when(grave)
        .then(rules.CRITICAL)
        .when(mild)
        .then(rules.MEDIUM)
        .otherwise(rules.HIGH),
    )
    word = pl.col("method").str.starts_with("password") | pl.col("method").str.starts_with(
        "keyboard-interactive"
    )
    root = good.filter(word & (pl.col("user") == "root"))
    private = root["address"].map_elements(_is_private, return_dtype=pl.Boolean)
    by_root = hits(
        root,
        rules.ROOT,
        score=pl.lit(0.6),
        severity=pl.when(private).then(rules.LOW).otherwise(rules.MEDIUM),
    )
    newest = sorted(known.items(), key=lambda item: (item[1][3], item[0]))[-MAX_USERS:]
    return pl.concat([found, by_root, origins]), dict(newest)


def _origins(
    good: pl.DataFrame, known: dict[str, list[Any]], n_seen: int
) -> tuple[pl.DataFrame, set[int]]:
    """Logins from a network new for the user; updates `known`.

    Returns:
        The hits, and the rows whose user had come from that network before the batch.
    """
    nets = [network(address) for address in good["address"]]
    good = good.with_columns(pl.Series("text", nets, dtype=pl.String)).with_columns(
        earlier=pl.col("stands_for").cum_sum().over("user") - pl.col("stands_for"),
        first=pl.col("ts").first().over("user"),
    )
    fresh = []
    usual: set[int] = set()
    columns = ("row", "user", "text", "earlier", "first", "ts")
    for row, user, net, earlier, first, ts in good.select(columns).iter_rows():
        entry = known.get(user)
        logins, since, seen = (entry[0], entry[1], entry[2]) if entry else (0, first, [])
        if net in seen:
            usual.add(row)
            continue
        enough = logins + earlier >= rules.HISTORY_LOGINS and ts - since >= rules.HISTORY_US
        if enough and len(seen) < rules.MAX_NETWORKS:
            away = all(_is_private(n.split("/")[0]) for n in seen) and not _is_private(
                net.split("/")[0]
            )
            fresh.append((row, rules.MEDIUM if away else rules.LOW))
        if len(seen) < rules.MAX_NETWORKS:
            known[user] = [logins, since, [*seen, net], n_seen + row]
    for user, n, row in (
        good.group_by("user").agg(pl.col("stands_for").sum(), pl.col("row").last()).iter_rows()
    ):
        logins, since, seen, _ = known[user]
        known[user] = [logins + n, since, seen, n_seen + row]
    severity = pl.DataFrame(fresh, schema={"row": pl.Int64, "severity": pl.Int64}, orient="row")
    new = good.join(severity, on="row", maintain_order="left")
    return hits(
        new,
        rules.ORIGIN,
        entity=pl.col("user"),
        score=pl.lit(0.55),
        severity=pl.col("severity"),
        text=pl.col("text"),
    ), usual


@lru_cache(maxsize=4_096)
def network(address: str) -> str:
    """The address's /24, /48 of IPv6, or a host name's domain."""
    try:
        parsed = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return address.split(".", maxsplit=1)[-1]
    prefix = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network(f"{parsed}/{prefix}", strict=False))


# RFC 1918, 6598, 4193, loopback and link-local. Not `is_private`, which is also true of the
# networks set aside for documentation.
_PRIVATE: Final = tuple(
    ipaddress.ip_network(net)
    for net in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
        "169.254.0.0/16", "fc00::/7", "fe80::/10", "::1/128",
    )
)  # fmt: skip


@lru_cache(maxsize=4_096)
def _is_private(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return False
    return any(parsed in net for net in _PRIVATE)
