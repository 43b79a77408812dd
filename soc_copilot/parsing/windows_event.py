"""Windows events as JSON lines: our own from EVTX files, evtx_dump's, Winlogbeat's, flat ones.

What an event's data mean depends on its number, so the columns are filled by tables: which action
a number of a provider is, and which of its data hold the user, the process, the address.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.parsing.json_values import JsonKeys
from soc_copilot.parsing.protocol import Format, ParseContext, kind, present
from soc_copilot.parsing.timestamps import any_time
from soc_copilot.parsing.windows_actions import (
    ACCESSED_OBJECT,
    CHANGED_PERMISSIONS,
    CREATED_PROCESS,
    FILE_ACCESSES,
    GROUP_MEMBERS,
    MEANINGS,
    Meaning,
)

_SYSTEM: Final[dict[str, tuple[str, ...]]] = {
    "code": (
        "Event.System.EventID.#text", "Event.System.EventID", "winlog.event_id",
        "System.EventID.#text", "System.EventID", "EventID", "EventId",
    ),
    "provider": (
        "Event.System.Provider.#attributes.Name", "Event.System.Provider_attributes.Name",
        "winlog.provider_name", "System.Provider.#attributes.Name", "Provider.Name",
        "ProviderName", "SourceName", "Provider",
    ),
    "channel": ("Event.System.Channel", "winlog.channel", "System.Channel", "Channel"),
    "record": (
        "Event.System.EventRecordID", "winlog.record_id", "System.EventRecordID",
        "EventRecordID", "RecordNumber", "RecordId",
    ),
    "host": (
        "Event.System.Computer", "winlog.computer_name", "System.Computer", "Computer", "Hostname",
        "MachineName", "host.name",
    ),
    "time": (
        "Event.System.TimeCreated.#attributes.SystemTime",
        "Event.System.TimeCreated_attributes.SystemTime",
        "System.TimeCreated.#attributes.SystemTime", "TimeCreated.SystemTime", "@timestamp",
        "TimeCreated", "EventTime",
    ),
    "level": ("Event.System.Level", "System.Level", "Level"),
    "level_name": ("log.level", "Severity"),
    "keywords": ("Event.System.Keywords", "System.Keywords", "Keywords"),
    "told_outcome": ("event.outcome",),
    "message": ("message", "Message"),
    "writer_pid": (
        "Event.System.Execution.#attributes.ProcessID",
        "Event.System.Execution_attributes.ProcessID", "winlog.process.pid",
        "System.Execution.#attributes.ProcessID", "ExecutionProcessID",
    ),
}  # fmt: skip
# Where an event keeps its data, in front of the datum's own name.
_PREFIXES: Final = (
    "Event.EventData.", "Event.UserData.LogFileCleared.", "EventData.",
    "UserData.LogFileCleared.", "winlog.event_data.", "winlog.user_data.", "",
)  # fmt: skip
_DATA: Final = (
    "SubjectUserName", "TargetUserName", "TargetDomainName", "MemberName", "MemberSid", "User",
    "LogonType", "IpAddress", "IpPort", "WorkstationName", "Workstation", "SourceIp", "SourcePort",
    "DestinationIp", "ProcessName", "ProcessId", "NewProcessName", "NewProcessId", "Image",
    "CommandLine", "ParentImage", "ParentProcessName", "ScriptBlockText", "ImagePath",
    "ServiceName", "ServiceFileName", "TargetFilename", "ObjectName", "ObjectType",
    "RelativeTargetName", "TargetObject", "ImageLoaded", "SourceImage", "TargetImage", "TaskName",
    "Status", "QueryName", "PipeName", "TargetLogonId", "ClientAddress", "AccessMask",
)  # fmt: skip
_KEYS: Final = JsonKeys(
    {**_SYSTEM, **{name: tuple(prefix + name for prefix in _PREFIXES) for name in _DATA}}
)

_LEVELS: Final = {
    "1": "critical", "2": "error", "3": "warning", "4": "informational", "5": "debug",
}  # fmt: skip
_INTERACTIVE: Final = (2, 3, 7, 8, 10, 11, 12, 13)  # a person's; 0, 4 and 5 are the system's own
_SERVICE_LOGON: Final = "service-login"
_SUCCESS_BIT: Final = r"(?i)^0x80[2367]"  # audit success among the keywords
_FAILURE_BIT: Final = r"(?i)^0x80[1357]"  # audit failure
_NO_ERROR: Final = r"(?i)^(?:0x0+|0)$"


class WindowsEventFormat(Format):
    """Windows event records."""

    name = "windows-event"
    title = "Windows events (JSON)"
    dataset = "windows"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        values = _KEYS.read(lines).with_columns(present(name).alias(name) for name in _DATA)
        has_origin = pl.any_horizontal(pl.col("provider", "channel").is_not_null())
        fits = pl.col("code").str.contains(r"^[0-9]{1,10}$") & has_origin
        values = values.with_columns(fits.fill_null(value=False).alias("fits"))
        meant = _with_meaning(values)
        columns = _columns()
        return meant.select(
            kind(pl.col("fits")),
            any_time(pl.col("time"), context.reference).alias(c.TIMESTAMP),
            *(pl.when("fits").then(value).alias(name) for name, value in columns.items()),
        )


def _with_meaning(values: pl.DataFrame) -> pl.DataFrame:
    """Add `family`, `action`, `category`, `usual_outcome` by provider and event number."""
    provider = pl.col("provider").str.to_lowercase()
    family = (
        pl.when(provider.str.contains("sysmon", literal=True))
        .then(pl.lit("sysmon"))
        .when(provider.str.contains("powershell", literal=True))
        .then(pl.lit("powershell"))
        .when(provider.str.contains("eventlog", literal=True))
        .then(pl.lit("eventlog"))
        .when(provider.str.contains("service control manager", literal=True))
        .then(pl.lit("services"))
        .when(provider.str.contains("security-auditing", literal=True))
        .then(pl.lit("security"))
        .when(provider.is_null() & (pl.col("channel") == "Security"))
        .then(pl.lit("security"))
    )
    keyed = values.with_columns(family.alias("family"))
    meant = keyed.join(_MEANING_FRAME, on=["family", "code"], how="left", maintain_order="left")
    changed = meant.with_columns(_file_access().alias("changed"))
    return changed.with_columns(
        pl.coalesce("changed", "action").alias("action"),
        pl.when(pl.col("changed").is_not_null())
        .then(pl.lit("file"))
        .otherwise("category")
        .alias("category"),
    )


def _file_access() -> pl.Expr:
    """What was done to a file, of events that tell an access to an object; else null."""
    is_file = (pl.col("family") == "security") & (pl.col("ObjectType") == "File")
    rights = _whole_number(pl.col("AccessMask"))
    done = pl.lit(None, pl.String)
    for mask, action in reversed(FILE_ACCESSES):
        done = pl.when((rights & mask) != 0).then(pl.lit(action)).otherwise(done)
    return (
        pl.when(is_file & (pl.col("code") == ACCESSED_OBJECT))
        .then(done)
        .when(is_file & (pl.col("code") == CHANGED_PERMISSIONS))
        .then(pl.lit(c.Action.FILE_MODE_CHANGED))
    )


def _meaning_frame(meanings: Sequence[Meaning]) -> pl.DataFrame:
    return pl.DataFrame(
        [(m.family, str(m.code), m.action, m.category, m.outcome) for m in meanings],
        schema=dict.fromkeys(("family", "code", "action", "category", "usual_outcome"), pl.String),
        orient="row",
    )


_MEANING_FRAME: Final = _meaning_frame(MEANINGS)


def _columns() -> dict[str, pl.Expr]:
    logon_type = pl.col("LogonType").cast(pl.Int32, strict=False)
    return {
        c.HOST: pl.col("host"),
        c.PROVIDER: pl.col("provider"),
        c.CHANNEL: pl.col("channel"),
        c.EVENT_CODE: pl.col("code"),
        c.RECORD_ID: pl.col("record").cast(pl.Int64, strict=False),
        c.SEVERITY: pl.coalesce(
            pl.col("level").replace_strict(_LEVELS, default=None, return_dtype=pl.String),
            pl.col("level_name").str.to_lowercase(),
        ),
        c.CATEGORY: pl.col("category"),
        c.ACTION: _action(logon_type),
        c.OUTCOME: _outcome(),
        c.LOGON_TYPE: logon_type,
        c.MESSAGE: pl.col("message"),
        **_people(),
        **_addresses(),
        **_processes(),
        c.PATH: pl.coalesce(
            "TargetFilename",
            pl.when(pl.col("ObjectType").fill_null("File") == "File").then("ObjectName"),
            "RelativeTargetName",
            "ImageLoaded",
        ),
    }


def _action(logon_type: pl.Expr) -> pl.Expr:
    is_service = (pl.col("action") == c.Action.LOGIN) & ~logon_type.is_in(_INTERACTIVE)
    return pl.when(is_service).then(pl.lit(_SERVICE_LOGON)).otherwise(pl.col("action"))


def _outcome() -> pl.Expr:
    """What the event's number says, its result code, what the log's keywords say."""
    status = pl.col("Status")
    keywords = pl.when(pl.col("family") == "security").then("keywords")
    is_ticket = pl.col("usual_outcome") == "by-status"
    by_status = pl.when(status.str.contains(_NO_ERROR)).then(pl.lit("success"))
    return (
        pl.when(is_ticket & status.is_not_null())
        .then(by_status.otherwise(pl.lit("failure")))
        .when(pl.col("usual_outcome").is_in(["success", "failure"]))
        .then(pl.col("usual_outcome"))
        .when(pl.col("told_outcome").is_in(["success", "failure"]))
        .then(pl.col("told_outcome"))
        .when(keywords.str.contains(_FAILURE_BIT))
        .then(pl.lit("failure"))
        .when(keywords.str.contains(_SUCCESS_BIT))
        .then(pl.lit("success"))
    )


def _people() -> dict[str, pl.Expr]:
    r"""Who acts, on whom. Sysmon writes DOMAIN\name; the domain is left out."""
    subject, target = pl.col("SubjectUserName"), pl.col("TargetUserName")
    code, is_security = pl.col("code"), pl.col("family") == "security"
    is_login = pl.col("action") == c.Action.LOGIN
    on_account = pl.col("category") == "iam"
    is_member = is_security & code.is_in(GROUP_MEMBERS)
    explicit = is_security & (code == "4648")
    member = pl.coalesce(pl.col("MemberName").str.extract(r"(?i)^CN=([^,]+)"), "MemberName")
    sysmon_user = pl.col("User").str.extract(r"([^\\]+)$")
    return {
        c.USER: pl.when(is_member)
        .then(pl.coalesce(member, "MemberSid"))
        .when(explicit)
        .then(subject)
        .when(is_login | on_account | (pl.col("category") == "authentication"))
        .then(pl.coalesce(target, subject))
        .otherwise(pl.coalesce(subject, sysmon_user, target)),
        c.USER_TARGET: pl.when(explicit).then(target),
        c.GROUP: pl.when(is_security & (pl.col("action") == c.Action.GROUP_CHANGED)).then(target),
    }


def _addresses() -> dict[str, pl.Expr]:
    ip = pl.coalesce("IpAddress", "SourceIp", "ClientAddress").str.strip_prefix("::ffff:")
    is_login = pl.col("category") == "authentication"
    named = pl.when(is_login).then(pl.coalesce("WorkstationName", "Workstation"))
    port = pl.coalesce("IpPort", "SourcePort").cast(pl.Int32, strict=False)
    return {
        c.SOURCE_IP: pl.coalesce(ip, named.str.strip_prefix("\\\\")),
        c.SOURCE_PORT: pl.when(port.is_between(1, 65_535)).then(port),
        c.DESTINATION_IP: pl.col("DestinationIp"),
    }


def _processes() -> dict[str, pl.Expr]:
    is_new = (pl.col("family") == "security") & (pl.col("code") == CREATED_PROCESS)
    image = (
        pl.when(is_new)
        .then("NewProcessName")
        .otherwise(pl.coalesce("Image", "SourceImage", "ProcessName"))
    )
    parent = pl.when(is_new).then("ParentProcessName").otherwise(pl.col("ParentImage"))
    # The writer of security events is always the same part of the system, and no news.
    writer = pl.when(pl.col("family").fill_null("") != "security").then("writer_pid")
    pid = pl.when(is_new).then("NewProcessId").otherwise(pl.coalesce("ProcessId", writer))
    command = pl.coalesce("CommandLine", "ScriptBlockText", "ServiceFileName", "ImagePath")
    return {
        c.EXECUTABLE: image,
        c.PROCESS: _base_name(image),
        c.PARENT_PROCESS: _base_name(parent),
        c.PID: _whole_number(pid),
        c.COMMAND: command,
    }


def _base_name(path: pl.Expr) -> pl.Expr:
    return path.str.extract(r"([^\\/]+)$")


def _whole_number(text: pl.Expr) -> pl.Expr:
    """Of "0x1fc" or "508"."""
    is_hex = text.str.contains("^0[xX]")
    digits = pl.when(is_hex).then(text.str.slice(2))
    return pl.coalesce(
        digits.str.to_integer(base=16, strict=False, dtype=pl.Int64),
        pl.when(~is_hex).then(text).cast(pl.Int64, strict=False),
    )
