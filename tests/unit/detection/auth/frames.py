"""Small event frames, written by hand, as the parsers make them."""

from datetime import UTC, datetime

import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import to_us
from soc_copilot.domain.columns import Action
from soc_copilot.domain.events import EventBatch

NOON = to_us(datetime(2019, 6, 3, 12, tzinfo=UTC))  # years old, as logs may be
SCHEMA = {
    c.SOURCE_ID: pl.Int32,
    c.GENERATION: pl.Int32,
    c.OFFSET: pl.Int64,
    c.LENGTH: pl.Int64,
    c.FILE_PATH: pl.String,
    c.ORIGINAL: pl.String,
    c.INGESTED: pl.Datetime("us", "UTC"),
    c.KIND: pl.String,
    c.TIMESTAMP: pl.Datetime("us", "UTC"),
    c.DATASET: pl.String,
    c.ACTION: pl.String,
    c.OUTCOME: pl.String,
    c.HOST: pl.String,
    c.USER: pl.String,
    c.USER_TARGET: pl.String,
    c.SOURCE_IP: pl.String,
    c.PROCESS: pl.String,
    c.PID: pl.Int64,
    c.COMMAND: pl.String,
    c.GROUP: pl.String,
    c.SSH_METHOD: pl.String,
    c.REPEAT: pl.Int32,
}
KEYS = {
    "action": c.ACTION,
    "outcome": c.OUTCOME,
    "host": c.HOST,
    "user": c.USER,
    "address": c.SOURCE_IP,
    "process": c.PROCESS,
    "pid": c.PID,
    "command": c.COMMAND,
    "group": c.GROUP,
    "method": c.SSH_METHOD,
    "repeat": c.REPEAT,
    "raw": c.ORIGINAL,
}


def event(at_s, **fields):
    """One event, `at_s` seconds after noon."""
    return {"at_s": at_s, "host": "gw", **fields}


def failed(at_s, address="192.0.2.77", user="root", **more):
    raw = f"sshd[9]: Failed password for {user} from {address} port 4 ssh2"
    fields = {"action": Action.SSH_LOGIN, "outcome": "failure", "process": "sshd", "raw": raw}
    return event(at_s, **{**fields, "address": address, "user": user, "method": "password", **more})


def accepted(at_s, address="192.0.2.77", user="root", method="password", **more):
    raw = f"sshd[9]: Accepted {method} for {user} from {address} port 4 ssh2"
    fields = {"action": Action.SSH_LOGIN, "outcome": "success", "process": "sshd", "raw": raw}
    return event(at_s, **{**fields, "address": address, "user": user, "method": method, **more})


def pam(at_s, address="192.0.2.77", user="root", process="sshd", **more):
    fields = {"action": Action.PAM_AUTH, "outcome": "failure", "raw": "authentication failure"}
    return event(at_s, **{**fields, "address": address, "user": user, "process": process, **more})


def sudo(at_s, command, user="ann", outcome="success", **more):
    fields = {"action": Action.SUDO, "process": "sudo", "raw": f"{user} : COMMAND={command}"}
    return event(at_s, **{**fields, "user": user, "command": command, "outcome": outcome, **more})


def batches(events, sizes=()):
    """The events as batches of these sizes; the rest is the last one."""
    frame = pl.DataFrame(
        [
            {
                c.SOURCE_ID: 1,
                c.GENERATION: 1,
                c.OFFSET: 100 * i,
                c.LENGTH: 100,
                c.FILE_PATH: "/var/log/auth.log",
                c.INGESTED: NOON + 10**15,
                c.KIND: c.KIND_EVENT,
                c.DATASET: "syslog",
                c.TIMESTAMP: NOON + int(values["at_s"] * 1_000_000),
                **{KEYS[key]: value for key, value in values.items() if key in KEYS},
            }
            for i, values in enumerate(events)
        ],
        schema=SCHEMA,
    )
    done = []
    start = 0
    for size in [*sizes, frame.height]:
        done.append(EventBatch(len(done) + 1, frame[start : start + size]))
        start += size
    return [one for one in done if one.n_events]


def run(detector, split, *, restart=False):
    """The answers to the batches, each committed; with a restart from the state after each."""
    answers = []
    for one in split:
        answer = detector.detect(one)
        detector.commit()
        answers.append(answer)
        if restart and answer.state is not None:
            detector.restore(answer.state)
    return answers


def alerts(answers):
    """What the store makes of the findings: one alert by rule, entity and day."""
    found = {}
    for answer in answers:
        for finding in answer.findings:
            key = (finding.rule, finding.entity, finding.day)
            now = found.setdefault(key, {"count": 0, "lines": []})
            now["count"] += finding.count
            now["first"] = min(now.get("first", finding.first_seen), finding.first_seen)
            now["last"] = max(now.get("last", finding.last_seen), finding.last_seen)
            now["score"] = max(now.get("score", 0), finding.score)
            now["severity"] = max(now.get("severity", 0), finding.severity)
            now["summary"] = finding.summary  # the latest
            now["lines"] += [line.event_id for line in finding.evidence]
    return found
