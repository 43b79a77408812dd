from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.detection.engine import check_detections
from soc_copilot.detection.host import starts
from soc_copilot.detection.host.commands import COMMANDS
from soc_copilot.detection.host.rules import COMMAND_RULES
from soc_copilot.domain import columns as c
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import EVIDENCE_PER_FINDING, Detections, Severity
from soc_copilot.governance.grouping import choose, group, line_of, merged
from soc_copilot.parsing.audit import AuditFormat
from soc_copilot.parsing.protocol import ParseContext
from soc_copilot.parsing.windows_event import WindowsEventFormat

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)

RECOVERY = [
    "vssadmin delete shadows /all /quiet",
    "vssadmin.exe Delete Shadows /For=C: /Oldest",
    r'"C:\Windows\System32\vssadmin.exe" delete shadows /all',
    r'"C:\Program Files\odd place\vssadmin.exe" delete shadows /all',
    r"C:\Windows\System32\VSSADMIN.EXE  delete\tshadows".replace("\\t", "\t"),
    'cmd.exe /c "vssadmin.exe Delete Shadows /all /quiet & wmic shadowcopy delete"',
    "cmd /q /d /c echo off & vssadmin delete shadows /all",
    "v^ss^admin de^lete sha^dows /all",
    'vss"ad"min delete shadows',
    "powershell.exe -nop -w hidden -c vssadmin delete shadows /all",
    "vssadmin resize shadowstorage /for=c: /on=c: /maxsize=401MB",
    "wmic shadowcopy delete",
    "wmic.exe /node:srv01 shadowcopy where id=x delete",
    "Get-WmiObject Win32_Shadowcopy | ForEach-Object { $_.Delete(); }",
    'powershell -Command "Get-CimInstance Win32_ShadowCopy | Remove-CimInstance"',
    "wbadmin delete catalog -quiet",
    "wbadmin DELETE SYSTEMSTATEBACKUP -keepVersions:0",
    "wbadmin delete systemstatebackup -keepVersions:3",
    "bcdedit /set {default} recoveryenabled No",
    "bcdedit.exe /set recoveryenabled no",
    "bcdedit /set {default} bootstatuspolicy ignoreallfailures",
    "diskshadow delete shadows all",
    "reagentc.exe /disable",
    "Disable-ComputerRestore -Drive C:\\",
    "net stop vss /y",
    "sc config vss start= disabled",
    "timeshift --delete-all",
    'wmic process call create "vssadmin delete shadows"',
]
TRACES = [
    "wevtutil cl Security",
    "wevtutil.exe clear-log System",
    "for /F %i in (logs) do (wevtutil cl %i)",
    "Clear-EventLog -LogName Security",
    "powershell -c Get-EventLog -List | %{Clear-EventLog $_.Log}",
    "fsutil usn deletejournal /D C:",
    "cmd /c del /f C:\\Windows\\System32\\winevt\\Logs\\Security.evtx",
    "journalctl --rotate --vacuum-time=1s",
    "journalctl --vacuum-size=100M",
    "sudo -u root journalctl --vacuum-files=1",
    "rm -f /var/log/auth.log /var/log/syslog",
    "rm -rf /var/log",
    "rm -rf /var/log/*",
    "/bin/rm -rf /var/log/journal/0123456789abcdef",
    "sh -c 'rm -f /root/.bash_history'",
    "truncate -s 0 /var/log/wtmp",
    "cp /dev/null /var/log/audit/audit.log",
    "ln -sf /dev/null /root/.bash_history",
]
DESTRUCTION = [
    "shred -u secret.txt",
    "find /srv -type f -exec shred -n 1 -u {} +",
    "find /srv -type f -print0 | xargs -0 -n 2 shred -n 1",
    "shred -n 3 /dev/sda",
    "cipher /w:C:\\",
    "cipher.exe /W:D",
    "sdelete64.exe -p 3 -s C:\\data",
    "dd if=/dev/zero of=/dev/sda bs=1M",
    "dd bs=4M of=/dev/nvme0n1 if=/dev/urandom",
    "wipefs -a /dev/sdb",
    "format D: /y",
]
DEFENCES = [
    "auditctl -e 0",
    "/usr/sbin/auditctl -e0",
    "auditctl -D",
    "systemctl stop auditd",
    "sudo systemctl --now disable rsyslog.service",
    "systemctl mask systemd-journald",
    "systemctl stop nginx auditd",
    "systemctl --quiet --system stop rsyslog.service",
    "systemctl kill auditd",
    "systemctl kill -s KILL rsyslog.service",
    "systemctl kill --signal=SIGKILL --kill-who=main auditd",
    "service auditd stop",
    "/etc/init.d/auditd stop",
    "pkill -9 auditd",
    "killall -s KILL rsyslogd",
    "setenforce 0",
    "auditpol /set /category:* /success:disable /failure:disable",
    "auditpol /clear /y",
    "wevtutil sl Security /e:false",
    "sc stop WinDefend",
    "sc.exe config EventLog start= disabled",
    'net stop "Windows Defender Antivirus Service"',
    "Stop-Service -Name EventLog -Force",
    "Set-MpPreference -DisableRealtimeMonitoring $true",
    "powershell Set-MpPreference -DisableIOAVProtection 1",
    "Add-MpPreference -ExclusionPath C:\\",
    "Sysmon64.exe -u force",
    "fltMC.exe unload SysmonDrv",
    "taskkill /f /im MsMpEng.exe",
    'reg add "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows Defender" /v DisableAntiSpyware '
    "/t REG_DWORD /d 1 /f",
    "netsh advfirewall set allprofiles state off",
    "bcdedit /set {default} safeboot network",
]
HARMLESS = [
    "vssadmin list shadows",
    "vssadmin list shadowstorage",
    "grep 'vssadmin delete shadows' notes.txt",
    "git commit -m 'Tell of vssadmin delete shadows'",
    "echo vssadmin delete shadows",
    "wmic shadowcopy list brief",
    "wbadmin get versions",
    "wbadmin start backup -backuptarget:e:",
    "bcdedit /enum",
    "bcdedit /set {default} recoveryenabled yes",
    "reagentc /info",
    "wevtutil el",
    "wevtutil qe Security /c:5",
    "journalctl -f",
    "journalctl -u nginx --since yesterday",
    "journalctl --disk-usage",
    "rm -f /var/log/nginx/access.log.7.gz",
    "rm -f /var/log/auth.log.4.gz",
    "rm -rf build /tmp/var/log",
    "rm -f /var/lib/docker/overlay2/x/var/log/syslog",
    "truncate -s 0 /var/log/app/big.log",
    "cat /var/log/auth.log",
    "ln -s /var/log logs",
    "man shred",
    "shred --help",
    "shred --version",
    "apt install scrub wipe",
    "grep -c 'shred ' tool.sh",
    "cipher /e /s:C:\\work",
    "sdelete -?",
    "dd if=disc.iso of=/dev/null",
    "dd if=/dev/zero of=swap.img count=4",
    "git log --format=%H",
    "auditctl -l",
    "auditctl -e 1",
    "auditctl -s",
    "auditctl -R /etc/audit/audit.rules",
    "systemctl stop nginx",
    "systemctl restart rsyslog",
    "systemctl kill -s HUP rsyslog.service",
    "systemctl kill --signal=HUP rsyslog",
    "systemctl status auditd",
    "service auditd status",
    "service nginx stop",
    "pkill -HUP rsyslogd",
    "killall -s HUP rsyslogd",
    "pkill -9 firefox",
    "setenforce 1",
    "auditpol /get /category:*",
    "sc query WinDefend",
    "sc stop Spooler",
    "net stop spooler",
    "net use",
    "Get-MpPreference",
    "Set-MpPreference -DisableRealtimeMonitoring $false",
    "sysmon -c config.xml",
    "taskkill /im notepad.exe",
    "netsh advfirewall show allprofiles",
    "fltmc filters",
    "",
]
KNOWN = dict(zip(COMMAND_RULES, (RECOVERY, TRACES, DESTRUCTION, DEFENCES), strict=True))

_SCHEMA = {
    c.SOURCE_ID: pl.Int32, c.GENERATION: pl.Int32, c.OFFSET: pl.Int64, c.LENGTH: pl.Int64,
    c.FILE_PATH: pl.String, c.ORIGINAL: pl.String, c.INGESTED: pl.Datetime("us", "UTC"),
    c.KIND: pl.String, c.TIMESTAMP: pl.Datetime("us", "UTC"), c.DATASET: pl.String,
    c.ACTION: pl.String, c.COMMAND: pl.String, c.HOST: pl.String, c.USER: pl.String,
    c.OUTCOME: pl.String, c.EVENT_CODE: pl.String, c.PARENT_PROCESS: pl.String,
}  # fmt: skip


def row(command, i=0, **more):
    """One process start, `i` seconds after noon."""
    at = NOON + timedelta(seconds=i)
    values = {
        c.SOURCE_ID: 1, c.GENERATION: 0, c.OFFSET: i * 100, c.LENGTH: 90, c.FILE_PATH: "/x/log",
        c.ORIGINAL: f"line {i}: {command}", c.INGESTED: at, c.KIND: "event", c.TIMESTAMP: at,
        c.DATASET: "windows", c.ACTION: "process-started", c.COMMAND: command, c.HOST: "pc01",
        c.USER: "ada", c.OUTCOME: "success", c.EVENT_CODE: "4688", c.PARENT_PROCESS: "cmd.exe",
    }  # fmt: skip
    return {**values, **more}


def batch(rows):
    return EventBatch(0, pl.DataFrame(rows, schema=_SCHEMA))


def of(commands, **more):
    return batch([row(command, i, **more) for i, command in enumerate(commands)])


@pytest.mark.parametrize(
    ("rule", "command"),
    [(rule, command) for rule, commands in KNOWN.items() for command in commands],
    ids=lambda value: getattr(value, "id", value),
)
def test_known_commands_are_found(rule, command):
    found = starts.judge(of(["ls -l", command]))
    assert found.rows.tolist() == [1]
    (finding,) = found.findings
    assert (finding.rule, finding.technique) == (rule.id, rule.technique)
    assert found.scores.tolist() == pytest.approx([finding.score])


def test_every_known_command_has_an_example():
    texts = [command for commands in KNOWN.values() for command in commands]
    met = starts._known(starts._started(of(texts)))["command"].to_list()
    assert set(met) == set(range(len(COMMANDS)))


@pytest.mark.parametrize("command", HARMLESS)
def test_harmless_uses_are_left_alone(command):
    found = starts.judge(of([command]))
    assert len(found.rows) == 0
    assert found.findings == ()


@pytest.mark.parametrize(
    ("more", "is_told"),
    [
        ({c.ACTION: "user-cmd", c.DATASET: "host.audit"}, True),
        ({c.ACTION: "script-block"}, True),
        ({c.ACTION: None, c.EVENT_CODE: "EXECVE", c.DATASET: "host.audit"}, True),
        ({c.ACTION: "file-written", c.DATASET: "host.audit"}, False),
        ({c.ACTION: "service-installed"}, False),
        ({c.OUTCOME: "failure"}, False),
        ({c.OUTCOME: None}, True),
        ({c.DATASET: "web.access"}, False),
        ({c.DATASET: None}, False),
        ({c.COMMAND: None}, False),
        ({c.ACTION: None, c.EVENT_CODE: None}, False),
    ],
)
def test_only_started_programs_count(more, is_told):
    found = starts.judge(batch([row("wevtutil cl Security", **more)]))
    assert bool(found.findings) == is_told


def test_a_finding_says_who_ran_what_and_what_to_do():
    (finding,) = starts.judge(of(["vssadmin  delete shadows /all"])).findings
    assert finding.title == "Backups and recovery are being removed"
    assert finding.summary == "ada ran: vssadmin delete shadows /all (started by cmd.exe)."
    assert (finding.entity, finding.entity_type) == ("pc01", "host.name")
    assert (finding.severity, finding.score, finding.threshold) == (Severity.HIGH, 0.9, 0.5)
    assert finding.first_seen == finding.last_seen == NOON
    assert any("take the host off the network" in step for step in finding.next_steps)
    (line,) = finding.evidence
    assert [line.raw[a:b] for a, b in line.highlights] == ["vssadmin"]


def test_what_administrators_do_too_is_less_severe():
    for usual in ("journalctl --vacuum-time=2weeks", "systemctl stop rsyslog", "rm -rf /var/log/*"):
        (finding,) = starts.judge(of([usual])).findings
        assert (finding.severity, finding.score) == (Severity.MEDIUM, 0.7)


@pytest.mark.parametrize(
    ("missing", "entity"),
    [
        ({}, ("pc01", c.HOST)),
        ({c.HOST: None}, ("/x/log", c.FILE_PATH)),
        ({c.HOST: None, c.FILE_PATH: None}, ("1", c.SOURCE_ID)),
    ],
)
def test_the_log_stands_for_a_host_that_is_not_named(missing, entity):
    (finding,) = starts.judge(batch([row("auditctl -e 0", **missing)])).findings
    assert (finding.entity, finding.entity_type) == entity


def test_the_machine_that_sent_the_line_stands_for_it():
    frame = batch([row("auditctl -e 0", **{c.HOST: None})]).frame
    frame = frame.with_columns(pl.lit("192.0.2.7:514").alias(c.SENDER))
    (finding,) = starts.judge(EventBatch(0, frame)).findings
    assert (finding.entity, finding.entity_type) == ("192.0.2.7", c.SENDER)


def test_frames_without_commands_are_taken():
    frame = of(["auditctl -e 0"]).frame
    for name in (c.COMMAND, c.ACTION):
        assert starts.judge(EventBatch(0, frame.drop(name))).findings == ()
    few = frame.drop(c.HOST, c.USER, c.OUTCOME, c.EVENT_CODE, c.PARENT_PROCESS)
    (finding,) = starts.judge(EventBatch(0, few)).findings
    assert finding.summary == "Someone ran: auditctl -e 0."
    assert starts.judge(batch([])).findings == ()


def test_a_flood_is_one_finding_with_a_bounded_number_of_lines():
    (finding,) = starts.judge(of(["shred -u f"] * 3_000)).findings
    assert finding.count == 3_000
    assert len(finding.evidence) == EVIDENCE_PER_FINDING


def test_hosts_and_days_are_kept_apart():
    rows = [row("auditctl -D"), row("auditctl -D", 1, **{c.HOST: "pc02"}),
            row("auditctl -D", 43_200)]  # fmt: skip
    found = starts.judge(batch(rows)).findings
    assert [(f.entity, f.day.day) for f in found] == [("pc01", 10), ("pc02", 10), ("pc01", 11)]


def _alerts(batches):
    alerts = {}
    for one in batches:
        for key, part in group(starts.judge(one).findings).items():
            values, lines = alerts.get(key, (None, {}))
            values = part.values if values is None else merged(values, part.values)
            lines |= part.evidence
            kept = choose(line_of(line) for line in lines.values())
            alerts[key] = values, {name: line for name, line in lines.items() if name in kept}
    return alerts


SOME = [commands[i] for commands in (*KNOWN.values(), HARMLESS) for i in (0, -1)]
PICKED = st.lists(
    st.tuples(st.sampled_from([*SOME, "journalctl --vacuum-time=9d"]), st.integers(0, 90_000)),
    max_size=40,
)


@given(PICKED, st.lists(st.integers(0, 40), max_size=4))
def test_batches_make_no_difference(picked, cuts):
    rows = [row(text, at) | {c.OFFSET: i} for i, (text, at) in enumerate(picked)]
    bounds = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    parts = [batch(rows[a:b]) for a, b in pairwise(bounds)]
    assert _alerts(parts) == _alerts([batch(rows)])


@given(st.lists(st.text(max_size=60), max_size=6), st.sampled_from(SOME))
def test_hostile_text_does_no_harm(texts, command):
    rows = [row(text + command + text, i, **{c.USER: text}) for i, text in enumerate(texts)]
    found = starts.judge(batch(rows))
    scores = np.full(len(rows), np.nan, np.float32)
    scores[found.rows] = found.scores
    check_detections(Detections("host", scores, found.findings), "host", len(rows))


def test_long_commands_and_odd_characters_are_seen_through():
    long = "cmd /c rem " + "A" * 60_000 + " & vssadmin\0 delete\u00a0\u3000shadows /all"
    (finding,) = starts.judge(of([long])).findings
    assert finding.rule == "host.recovery"
    assert len(finding.summary) < 300


AUDIT = [
    'type=SYSCALL msg=audit(1773144000.1:7): arch=c000003e syscall=59 success=yes items=2 pid=9 '
    'auid=0 uid=0 comm="systemctl" exe="/usr/bin/systemctl"\n'
    'type=EXECVE msg=audit(1773144000.1:7): argc=3 a0="systemctl" a1="stop" a2="auditd"\n'
    'type=PATH msg=audit(1773144000.1:7): name="/usr/bin/systemctl" nametype=NORMAL',
    "type=USER_CMD msg=audit(1773144001.1:8): pid=9 uid=1000 auid=1000 msg='cwd=\"/\" "
    "cmd=617564697463746C202D652030 exe=\"/usr/bin/sudo\" res=success'",
    'type=SYSCALL msg=audit(1773144002.1:9): arch=c000003e syscall=257 success=yes a0=ffffff9c '
    'a2=241 items=1 pid=10 comm="shred" exe="/usr/bin/shred"\n'
    'type=PATH msg=audit(1773144002.1:9): name="/srv/a" nametype=NORMAL\n'
    "type=PROCTITLE msg=audit(1773144002.1:9): proctitle=7368726564002D7500612E747874",
]  # fmt: skip
WINDOWS = [
    '{"Event":{"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Sysmon"}},'
    '"EventID":1,"Computer":"pc07"},"EventData":{"Image":"C:\\\\Windows\\\\System32\\\\cmd.exe",'
    '"CommandLine":"cmd /c \\"vssadmin delete shadows /all\\"","User":"CORP\\\\ada"}}}',
    '{"Channel":"Security","EventID":4688,"Computer":"pc08","SubjectUserName":"bob",'
    '"NewProcessName":"C:\\\\w\\\\wevtutil.exe","CommandLine":"wevtutil cl Security"}',
]


@pytest.mark.parametrize(
    ("form", "lines", "wanted"),
    [
        (AuditFormat(), AUDIT, [("host.defences", 2, "/x/log")]),
        (WindowsEventFormat(), WINDOWS, [("host.recovery", 1, "pc07"), ("host.traces", 1, "pc08")]),
    ],
    ids=["audit", "windows"],
)
def test_what_the_parsers_make_of_real_lines_is_judged(form, lines, wanted):
    parsed = form.parse(pl.Series(lines), ParseContext(NOON))
    base = batch([row("", i) for i in range(len(lines))]).frame
    frame = base.drop([name for name in parsed.columns if name in base.columns]).hstack(parsed)
    frame = frame.with_columns(pl.lit(form.dataset).alias(c.DATASET), base[c.TIMESTAMP])
    found = starts.judge(EventBatch(0, frame)).findings
    assert [(finding.rule, finding.count, finding.entity) for finding in found] == wanted
