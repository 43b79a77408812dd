"""The lines of a batch that are about authentication, and which of them count as attempts."""

from dataclasses import dataclass, field, replace
from typing import Final

import polars as pl

from soc_copilot.detection.auth.windows import HORIZON_MINUTES, MINUTE_US, WINDOW_MINUTES
from soc_copilot.domain import columns as c
from soc_copilot.domain.columns import Action
from soc_copilot.domain.events import EventBatch

ACTIONS: Final = (
    Action.SSH_LOGIN,
    Action.PAM_AUTH,
    Action.LOGIN,
    Action.SUDO,
    Action.SUDO_AUTH,
    Action.SU,
    Action.USER_ADDED,
    Action.GROUP_CHANGED,
)
MAX_NAME_CHARS: Final = 128  # chosen: of an account, host or address; longer ones are cut
MAX_STREAMS: Final = 64  # chosen: files and hosts whose clock is followed at once
MAX_SPEAKERS: Final = 2_000  # chosen: hosts remembered as writing lines of their own
MAX_CREDITS: Final = 2_000  # chosen: processes whose PAM line was counted

# "none" asks which methods there are; public keys are offered one after the other by every agent.
_HARMLESS_METHODS: Final = ("none", "publickey", "hostbased", "gssapi-with-mic")

_TEXTS: Final = {
    "action": c.ACTION,
    "outcome": c.OUTCOME,
    "host": c.HOST,
    "user": c.USER,
    "target": c.USER_TARGET,
    "address": c.SOURCE_IP,
    "process": c.PROCESS,
    "command": c.COMMAND,
    "group": c.GROUP,
    "method": c.SSH_METHOD,
}


def pick(batch: EventBatch) -> pl.DataFrame | None:
    """The events that a rule may want, None when there are none.

    Returns:
        In the order of arrival: `row` (place in the batch), `ts` (microseconds since 1970),
        `minute`, `n` (how many events the line stands for), `pid`, `stream`, and the texts
        of `_TEXTS`, empty where there are none.
    """
    frame = batch.frame
    action = frame.get_column(c.ACTION)
    if not (action != Action.HTTP_REQUEST).any():
        return None
    wanted = action.is_in(ACTIONS)
    if not wanted.any():
        return None
    rows = wanted.arg_true()
    picked = frame[rows]
    here = set(frame.columns)
    ts = pl.col(c.TIMESTAMP).dt.epoch("us")
    pid = pl.col(c.PID) if c.PID in here else pl.lit(None, dtype=pl.Int64)
    repeat = pl.col(c.REPEAT) if c.REPEAT in here else pl.lit(None, dtype=pl.Int32)
    return picked.select(
        rows.cast(pl.Int64).alias("row"),
        ts.alias("ts"),
        ts.floordiv(MINUTE_US).alias("minute"),
        repeat.cast(pl.Int64).fill_null(1).clip(1, None).alias("n"),
        pid.fill_null(-1).alias("pid"),
        *(_text(name, column, column in here) for name, column in _TEXTS.items()),
    ).with_columns(
        pl.concat_str(
            picked[c.SOURCE_ID].cast(pl.String),
            picked[c.GENERATION].cast(pl.String),
            pl.col("host"),
            separator=" ",
        ).alias("stream"),
        pl.col("address").str.strip_prefix("::ffff:"),
    )


def _text(name: str, column: str, present: bool) -> pl.Expr:
    if not present:
        return pl.lit("").alias(name)
    text = pl.col(column).fill_null("")
    return (text if name == "command" else text.str.head(MAX_NAME_CHARS)).alias(name)


@dataclass(frozen=True, slots=True)
class Listener:
    """What must be remembered to count every attempt once.

    sshd says one attempt up to three times: "Invalid user", the PAM module's "authentication
    failure" and "Failed password". "Failed ..." counts wherever a host writes it. A PAM line
    counts only while its host has never written a line of the service's own (old systems
    write nothing else), and the "Failed" line that may then follow from the same process is
    taken as the same attempt. "Invalid user" never counts: where a password can be tried,
    one of the others follows. su is treated alike; PAM lines of sudo never count, for sudo
    always sums up by itself.

    Attributes:
        speakers: "service host" of those that write lines of their own; oldest first.
        credits: "host pid" -> [attempts counted from PAM, minute].
        clocks: stream -> [minute of its latest line, number of its latest line].
        n_seen: Lines seen in all.
    """

    speakers: tuple[str, ...] = ()
    credits: dict[str, tuple[int, int]] = field(default_factory=dict)
    clocks: dict[str, tuple[int, int]] = field(default_factory=dict)
    n_seen: int = 0

    def advance(self, picked: pl.DataFrame) -> "Listener":
        """With the clocks moved to the latest line of every stream."""
        clocks = dict(self.clocks)
        latest = (
            picked.with_row_index("i")
            .group_by("stream")
            .agg(pl.col("minute", "i").last())
            .sort("i")
        )
        for stream, minute, i in latest.iter_rows():
            clocks[stream] = (minute, self.n_seen + i)
        kept = sorted(clocks.items(), key=lambda item: (item[1][1], item[0]))[-MAX_STREAMS:]
        return replace(self, clocks=dict(kept), n_seen=self.n_seen + picked.height)

    @property
    def minutes(self) -> list[int]:
        """Where the streams stand, minutes since 1970."""
        return sorted({minute for minute, _ in self.clocks.values()})

    @property
    def near(self) -> set[int]:
        """The minutes to which a stream stands close enough for them to matter."""
        reach = range(-HORIZON_MINUTES, HORIZON_MINUTES + 1)
        return {clock + off for clock in self.minutes for off in reach}


def count_failures(picked: pl.DataFrame, listener: Listener) -> tuple[pl.DataFrame, Listener]:
    """Failed logins and failed su, each attempt once.

    Returns:
        The rows of `picked` that failed, with `n` = 0 where another line has counted the
        attempt already, and `service` ("ssh", "su" or "other"); and the listener after them.
    """
    failed = pl.col("outcome") == "failure"
    pam = pl.col("action") == Action.PAM_AUTH
    service = (
        pl.when((pl.col("action") == Action.SSH_LOGIN) | pl.col("process").str.starts_with("sshd"))
        .then(pl.lit("ssh"))
        .when((pl.col("action") == Action.SU) | (pl.col("process") == "su"))
        .then(pl.lit("su"))
        .when(pl.col("process") == "sudo")
        .then(pl.lit("sudo"))
        .otherwise(pl.lit("other"))
    )
    failures = picked.filter(
        failed
        & (pam | pl.col("action").is_in([Action.SSH_LOGIN, Action.LOGIN, Action.SU]))
        & ~pl.col("method").is_in(_HARMLESS_METHODS)
    ).with_columns(
        service.alias("service"),
        pam.alias("pam"),
        (service + " " + pl.col("host")).alias("speaker"),
        (pl.col("host") + " " + pl.col("pid").cast(pl.String)).alias("attempt"),
    )
    failures = failures.filter(~(pl.col("pam") & (pl.col("service") == "sudo")))
    return _counted_once(failures, listener)


def _counted_once(failures: pl.DataFrame, listener: Listener) -> tuple[pl.DataFrame, Listener]:
    """Set `n` to 0 for PAM lines of speaking hosts, and for lines that PAM has counted."""
    if not failures.height:
        return failures, listener
    speakers = dict.fromkeys(listener.speakers)
    own = ~pl.col("pam") & pl.col("service").is_in(["ssh", "su"])
    first = failures.filter(own).group_by("speaker").agg(pl.col("row").min().alias("since"))
    since = dict.fromkeys(listener.speakers, -1)
    for speaker, row in first.sort("since").iter_rows():
        since.setdefault(speaker, row)
        speakers.setdefault(speaker)
    failures = failures.with_columns(
        pl.when(
            pl.col("pam")
            & (
                pl.col("row")
                > pl.col("speaker").replace_strict(
                    list(since), list(since.values()), default=2**62, return_dtype=pl.Int64
                )
            )
        )
        .then(0)
        .otherwise(pl.col("n"))
        .alias("n")
        if since
        else pl.col("n")
    )
    failures, credit = _spend_credits(failures, dict(listener.credits))
    kept = tuple(speakers)[-MAX_SPEAKERS:]
    credit = dict(list(credit.items())[-MAX_CREDITS:])
    return failures, replace(listener, speakers=kept, credits=credit)


def _spend_credits(
    failures: pl.DataFrame, credit: dict[str, tuple[int, int]]
) -> tuple[pl.DataFrame, dict[str, tuple[int, int]]]:
    """Take from a process's own lines what its PAM lines have counted, in the order read."""
    silent = pl.col("pam") & (pl.col("n") > 0) & (pl.col("pid") >= 0)
    silent &= pl.col("service").is_in(["ssh", "su"])
    paid = set(failures.filter(silent)["attempt"]) | set(credit)
    if not paid:
        return failures, credit
    involved = failures.with_row_index("i").filter(
        pl.col("attempt").is_in(list(paid)) & pl.col("service").is_in(["ssh", "su"])
    )
    n = failures["n"].to_list()
    for i, attempt, pam, minute in involved.select("i", "attempt", "pam", "minute").iter_rows():
        counted, since = credit.get(attempt, (0, minute))
        if abs(minute - since) > WINDOW_MINUTES:
            counted = 0  # an old process had the same id
        if pam:
            if n[i]:
                credit[attempt] = (counted + n[i], minute)
        else:
            spent = min(counted, n[i])
            n[i] -= spent
            if counted - spent:
                credit[attempt] = (counted - spent, minute)
            else:
                credit.pop(attempt, None)
    return failures.with_columns(pl.Series("n", n, dtype=pl.Int64)), credit


def prune(listener: Listener) -> Listener:
    """Without the credits that are far from every clock."""
    near = listener.near
    return replace(listener, credits={k: v for k, v in listener.credits.items() if v[1] in near})
