r"""Linux audit records as auditd writes them: one event from the records of one system call.

A system call is told by several lines with the same `msg=audit(TIME:SERIAL)`: SYSCALL, CWD, one
PATH for each name, EXECVE, PROCTITLE. Lines that follow each other with the same one are put
together where lines become records (`ingestion.multiline`), so that neither batches nor restarts
matter, and every line counts once. When two processors write at the same time, lines of two
events may alternate. Then each stretch is an event of its own, with the same `auditd.sequence`:
nothing is joined wrongly, lost or told twice, because only PATH lines name files, and what became
of a file (`nametype`) stands in them; who did it is then only in the other stretch. Lines that
arrive one by one (through a listener) are the same case.

A path that starts from an open folder is known only by that folder's number: such a name is shown
as "[DEVICE INODE]/name".
"""

from typing import Final

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.domain.columns import Action
from soc_copilot.parsing.audit_calls import (
    ARCHITECTURES,
    MEANINGS,
    NUMBERS,
    OPENS,
    STARTS,
)
from soc_copilot.parsing.audit_fields import (
    HEADER,
    HEADER_NAMES,
    bodies,
    body,
    decoded,
    field,
    tidy,
)
from soc_copilot.parsing.protocol import Format, ParseContext, groups, kind
from soc_copilot.parsing.timestamps import epoch_time

_SYSCALL: Final = {
    "arch": "arch", "number": "syscall", "call_name": "SYSCALL", "a0": "a0", "a1": "a1",
    "a2": "a2", "a3": "a3", "items": "items", "success": "success|res", "pid": "pid",
    "ppid": "ppid", "auid": "auid", "uid": "uid", "login": "AUID", "account": "UID",
    "comm": "comm", "exe": "exe", "acct": "acct", "addr": "addr", "cmd": "cmd",
}  # fmt: skip
_NAMES: Final = ("comm", "exe", "acct", "cmd")  # values that may be hexadecimal
_PATH: Final = {
    "name": "name", "nametype": "(?:name|obj)type", "dev": "dev", "inode": "inode", "mode": "mode",
    "ouid": "ouid", "owner": "OUID",
}  # fmt: skip
_ARGUMENT: Final = r'(?:^|\s)a\d+(?:\[\d+\])?=(?:"[^"]*"|[0-9A-Fa-f]+)'
_NO_LOGIN: Final = ("4294967295", "-1")
_HERE: Final = r"^f*ffffff9c$"  # AT_FDCWD: from the working directory
_WRITES: Final = 0o3 | 0o1000  # O_WRONLY, O_RDWR, O_TRUNC; the same on both architectures
_SUCCESS: Final = ("yes", "success", "1")
_FAILURE: Final = ("no", "failed", "0")
_FILE_KINDS: Final = {"10": "file", "04": "dir", "4": "dir", "12": "link"}

# Of `event.category`, by the type of the first record; system calls by what they do.
_CATEGORIES: Final = {
    **dict.fromkeys(("USER_AUTH", "USER_LOGIN", "USER_ACCT", "USER_ERR", "LOGIN"),
                    "authentication"),
    **dict.fromkeys(("USER_START", "USER_END", "USER_LOGOUT", "CRED_ACQ", "CRED_DISP", "CRED_REFR"),
                    "session"),
    **dict.fromkeys(("ADD_USER", "DEL_USER", "ADD_GROUP", "DEL_GROUP", "USER_MGMT", "GRP_MGMT",
                     "USER_CHAUTHTOK", "ACCT_LOCK", "ACCT_UNLOCK"), "iam"),
    **dict.fromkeys(("USER_CMD",), "process"),
    **dict.fromkeys(("CONFIG_CHANGE", "DAEMON_START", "DAEMON_END", "DAEMON_CONFIG", "KERN_MODULE",
                     "SERVICE_START", "SERVICE_STOP", "SYSTEM_BOOT", "SYSTEM_SHUTDOWN",
                     "AVC", "ANOM_ABEND", "ANOM_PROMISCUOUS"), "host"),
}  # fmt: skip
_PARTS: Final = ("SYSCALL", "PATH", "CWD", "EXECVE", "PROCTITLE", "EOE")  # alone they say no action


class AuditFormat(Format):
    """Audit records, one or more lines each."""

    name = "linux-audit"
    title = "Linux audit records"
    dataset = "host.audit"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        frame = _fields(lines)
        frame = _with_calls(frame)
        frame = _with_files(frame)
        frame = frame.with_columns(_command(frame))
        values = {**_what(), **_who(), **_files()}
        return frame.select(
            kind(pl.col("fits")),
            epoch_time(pl.col("seconds")).alias(c.TIMESTAMP),
            *(pl.when("fits").then(value).alias(name) for name, value in values.items()),
        )


def _fields(lines: pl.Series) -> pl.DataFrame:
    """One row for each event: the header's values, those of the system call, the directory."""
    line = pl.col("line")
    frame = pl.DataFrame({"line": lines.cast(pl.String)}).with_row_index("row")
    frame = frame.with_columns(groups(HEADER, HEADER_NAMES))
    first = line.str.extract(f"{HEADER}(.*)", 5)
    frame = frame.with_columns(
        pl.col("type").is_not_null().alias("fits"),
        pl.coalesce(body(line, "SYSCALL"), first).alias("said"),
        first.alias("first"),
        field(body(line, "CWD"), "cwd").alias("cwd"),
    ).with_columns(field(pl.col("said"), name).alias(key) for key, name in _SYSCALL.items())
    return frame.with_columns(
        decoded(frame[name], is_name=name in {*_NAMES, "cwd"}) for name in (*_SYSCALL, "cwd")
    )


def _with_calls(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the system call's name, meaning and where its arguments are."""
    known = pl.col("arch").replace_strict(ARCHITECTURES, default=None, return_dtype=pl.String)
    found = frame.with_columns(known.alias("architecture")).join(
        NUMBERS, on=["architecture", "number"], how="left", maintain_order="left"
    )
    named = found.with_columns(pl.coalesce("call_name", "numbered").alias("call"))
    return named.join(MEANINGS, on="call", how="left", maintain_order="left")


def _argument(number: pl.Expr) -> pl.Expr:
    """The system call's argument of this number."""
    return (
        pl.when(number == 0)
        .then("a0")
        .when(number == 1)
        .then("a1")
        .when(number == 2)
        .then("a2")
        .when(number == 3)
        .then("a3")
    )


# Files


def _with_files(frame: pl.DataFrame) -> pl.DataFrame:
    """Add what the PATH records say: names created, deleted and merely met, and their folders."""
    names = _paths(frame)
    role = pl.col("nametype")
    entry = pl.struct("name", "mode", "ouid", "owner")
    # Not pl.format: Polars 2.1 panics over it where filtering left an empty chunk.
    place = pl.concat_str(pl.lit("["), "dev", pl.lit(" "), "inode", pl.lit("]"))
    is_met = ~role.is_in(["PARENT", "CREATE", "DELETE"]) & pl.col("name").is_not_null()
    files = names.group_by("row").agg(
        pl.len().alias("n_names"),
        entry.filter(role == "DELETE").first().alias("deleted"),
        entry.filter(role == "CREATE").last().alias("created"),
        entry.filter(is_met).first().alias("met"),
        place.filter(role == "PARENT").first().alias("place"),
        place.filter(role == "PARENT").last().alias("second_place"),
    )
    found = frame.join(files, on="row", how="left", maintain_order="left")
    is_fragment = pl.col("call").is_null()
    both = pl.col("deleted").is_not_null() & pl.col("created").is_not_null()
    is_move = (pl.col("meaning") == Action.FILE_RENAMED) | (is_fragment & both)
    found = found.with_columns(is_move.fill_null(value=False).alias("is_move"))
    main = (
        pl.when("is_move")
        .then(pl.coalesce("deleted", "met"))
        .otherwise(pl.coalesce("created", "deleted", "met"))
    )
    found = found.with_columns(main.alias("main"))
    target = pl.when("is_move").then(pl.col("created").struct.field("name"))
    path = _absolute(pl.col("main").struct.field("name"), "folder", "place")
    second = _absolute(target, "second_folder", "second_place")
    found = found.with_columns(path.alias("path"), second.alias("target"))
    return found.with_columns(tidy(found["path"]), tidy(found["target"]))


def _paths(frame: pl.DataFrame) -> pl.DataFrame:
    """One row for each PATH record, its event's row beside it."""
    each = frame.select("row", bodies(pl.col("line"), "PATH").alias("text"))
    records = each.explode("text").drop_nulls("text")
    names = records.select(
        "row", *(field(pl.col("text"), name).alias(key) for key, name in _PATH.items())
    )
    return names.with_columns(decoded(names[key], is_name=key == "name") for key in _PATH)


def _absolute(name: pl.Expr, folder: str, place: str) -> pl.Expr:
    start = _argument(pl.col(folder))
    is_elsewhere = start.is_not_null() & ~start.str.contains(_HERE)
    return (
        pl.when(name.str.starts_with("/"))
        .then(name)
        .when(is_elsewhere)
        .then(pl.coalesce(pl.concat_str(place, pl.lit("/"), name), name))
        .otherwise(pl.coalesce(pl.concat_str("cwd", pl.lit("/"), name), name))
    )


def _files() -> dict[str, pl.Expr]:
    mode = pl.col("main").struct.field("mode")
    kind_digits = mode.str.strip_prefix("0").str.head(
        mode.str.strip_prefix("0").str.len_chars() - 4
    )
    shown = pl.coalesce("target", "path")
    is_changed = pl.col("meaning") == Action.FILE_MODE_CHANGED
    return {
        c.PATH: pl.col("path"),
        c.FILE_TARGET: pl.col("target"),
        c.FILE_TYPE: pl.when(mode.is_not_null()).then(
            kind_digits.replace_strict(_FILE_KINDS, default="other", return_dtype=pl.String)
        ),
        c.EXTENSION: shown.str.extract(r"[^/]\.([^./]{1,16})$").str.to_lowercase(),
        # The mode stands there as it was before.
        c.FILE_MODE: pl.when(~is_changed.fill_null(value=False)).then(
            "0" + mode.str.extract(r"([0-7]{3})$")
        ),
        c.FILE_OWNER: pl.coalesce(
            pl.col("main").struct.field("owner"), pl.col("main").struct.field("ouid")
        ),
    }


# What and who


def _what() -> dict[str, pl.Expr]:
    success = pl.col("success")
    action = _action()
    is_file = action.str.starts_with("file-")
    by_type = pl.col("type").replace_strict(_CATEGORIES, default=None, return_dtype=pl.String)
    return {
        c.AUDIT_ID: pl.col("serial").cast(pl.Int64, strict=False),
        c.EVENT_CODE: pl.col("type"),
        c.CATEGORY: pl.when(is_file)
        .then(pl.lit("file"))
        .when(action == STARTS)
        .then(pl.lit("process"))
        .otherwise(by_type),
        c.ACTION: action,
        c.OUTCOME: pl.when(success.is_in(_SUCCESS))
        .then(pl.lit("success"))
        .when(success.is_in(_FAILURE))
        .then(pl.lit("failure")),
        c.MESSAGE: pl.col("first").str.replace_all("\x1d", " ", literal=True),
    }


def _action() -> pl.Expr:
    """What the call does, else what became of the names, else the record's type."""
    is_created = pl.col("created").is_not_null()
    is_opened = pl.col("meaning") == OPENS
    flags = _argument(pl.col("flags")).str.to_integer(base=16, strict=False, dtype=pl.Int64)
    writes = (flags & _WRITES) != 0
    own = pl.col("type").str.to_lowercase().str.replace_all(r"[^a-z0-9]+", "-").str.strip_chars("-")
    # Its PATH lines stand elsewhere and say what became of the files.
    is_torn = (pl.col("items").fill_null("0") != "0") & pl.col("n_names").is_null()
    name = pl.col("call").str.replace_all("_", "-")
    is_making = is_opened | (pl.col("call") == "creat")
    return (
        pl.when(is_torn)
        .then(name)
        .when(is_making & is_created)
        .then(pl.lit(Action.FILE_CREATED))
        .when(is_opened & writes)
        .then(pl.lit(Action.FILE_WRITTEN))
        .when(pl.col("meaning").is_not_null())
        .then("meaning")
        .when(pl.col("is_move") & is_created)
        .then(pl.lit(Action.FILE_RENAMED))
        .when(is_created)
        .then(pl.lit(Action.FILE_CREATED))
        .when(pl.col("deleted").is_not_null())
        .then(pl.lit(Action.FILE_DELETED))
        .when(~pl.col("type").is_in(_PARTS))
        .then(own)
        .otherwise(name)
    )


def _who() -> dict[str, pl.Expr]:
    """Who logged in, as whom a program runs, which program.

    `auid` stays what it was at the login, whatever sudo or su make of `uid`.
    """
    auid = pl.when(~pl.col("auid").is_in(_NO_LOGIN)).then("auid")
    login = pl.when(auid.is_not_null()).then(pl.coalesce("login", auid))
    account = pl.coalesce("account", "uid")
    is_other = pl.col("acct").is_null() & (account != login)
    return {
        c.HOST: pl.col("node"),
        c.USER: pl.coalesce("acct", login, account),
        c.USER_TARGET: pl.when(is_other).then(account),
        c.SOURCE_IP: pl.col("addr"),
        c.PROCESS: pl.coalesce("comm", pl.col("exe").str.extract(r"([^/]+)$")),
        c.EXECUTABLE: pl.col("exe"),
        c.PID: pl.col("pid").cast(pl.Int64, strict=False),
        c.PARENT_PID: pl.col("ppid"),
        c.COMMAND: pl.col("command"),
    }


def _command(frame: pl.DataFrame) -> pl.Series:
    """The command line: EXECVE's arguments, else PROCTITLE, else sudo's own words."""
    each = frame.select(
        "row",
        bodies(pl.col("line"), "EXECVE")
        .list.join(" ")
        .str.extract_all(_ARGUMENT)
        .alias("argument"),
    )
    given = each.explode("argument").drop_nulls("argument")
    value = decoded(given["argument"].str.extract(r"=(.*)$"))
    goes_on = given["argument"].str.contains(r"\[[1-9]\d*\]=")
    spaced = given.select("row", pl.when(goes_on).then(value).otherwise(" " + value).alias("value"))
    joined = spaced.group_by("row", maintain_order=True).agg(pl.col("value").str.join(""))
    told = frame.select("row").join(joined, on="row", how="left", maintain_order="left")["value"]
    title = frame.select(field(body(pl.col("line"), "PROCTITLE"), "proctitle"))
    titles = decoded(title.to_series()).str.replace_all("\0", " ", literal=True)
    return frame.select(
        pl.coalesce(told.str.strip_prefix(" "), titles, "cmd").alias("command")
    ).to_series()
