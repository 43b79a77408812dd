"""Names of event columns: Elastic Common Schema, flat, plus where the record came from."""

from typing import Final

# Where the record came from. Every event frame has these.
SOURCE_ID: Final = "log.source_id"  # Int32, row id of the source
GENERATION: Final = "log.generation"  # Int32, one per file identity within a source
OFFSET: Final = "log.offset"  # Int64, byte offset of the line's first byte
LENGTH: Final = "log.length"  # Int64, bytes of the whole line with its line end, before any cut
FILE_PATH: Final = "log.file.path"  # String (Categorical is not used: batches are short-lived)
ORIGINAL: Final = "event.original"  # String, the line without its line end
INGESTED: Final = "event.ingested"  # Datetime(us, UTC), when the bytes were read
HASH: Final = "event.hash"  # String, of a line longer than what is kept; only where one is
SENDER: Final = "log.source.address"  # String, "ip:port" that a listener received the line from

# What every event frame has after parsing.
KIND: Final = "event.kind"  # String: "event" or "unparsed"
TIMESTAMP: Final = "@timestamp"  # Datetime(us, UTC), never null: falls back to event.ingested
DATASET: Final = "event.dataset"  # String: the format's name, "apache.access", "syslog", ...

KIND_EVENT: Final = "event"
KIND_UNPARSED: Final = "unparsed"

# What a format may add.
CATEGORY: Final = "event.category"  # String: web, authentication, process, session, iam, host
ACTION: Final = "event.action"
OUTCOME: Final = "event.outcome"  # success, failure or null
SEVERITY: Final = "log.level"
HOST: Final = "host.name"
USER: Final = "user.name"
USER_TARGET: Final = "user.effective.name"  # whom sudo or su turned the user into
SOURCE_IP: Final = "source.ip"  # String; also a host name where the log gives only that
SOURCE_PORT: Final = "source.port"  # Int32
DESTINATION_IP: Final = "destination.ip"
PROCESS: Final = "process.name"
PID: Final = "process.pid"  # Int64
COMMAND: Final = "process.command_line"
PATH: Final = "file.path"
METHOD: Final = "http.request.method"
URL: Final = "url.original"
URL_PATH: Final = "url.path"
URL_QUERY: Final = "url.query"  # without "?", null when there is none
HTTP_VERSION: Final = "http.version"
STATUS: Final = "http.response.status_code"  # Int32
BODY_BYTES: Final = "http.response.body.bytes"  # Int64
REFERRER: Final = "http.request.referrer"
USER_AGENT: Final = "user_agent.original"
BODY: Final = "http.request.body.content"
MESSAGE: Final = "message"
GROUP: Final = "group.name"  # the group that an account was put into, or that was made
SSH_METHOD: Final = "ssh.method"  # password, publickey, keyboard-interactive/pam, none, ...
EXTENSION: Final = "file.extension"  # without the dot, lower case
FILE_SIZE: Final = "file.size"  # Int64, bytes
FILE_TARGET: Final = "file.target_path"  # where a renamed file went
FILE_TYPE: Final = "file.type"  # "file", "dir", "link" or "other"
FILE_OWNER: Final = "file.owner"  # account name, or its number where it has no name
FILE_MODE: Final = "file.mode"  # String, octal, "0644"
FILE_OLD_EXTENSION: Final = "file.previous_extension"  # of a renamed file, before it
FILE_OLD_SIZE: Final = "file.previous_size"  # Int64, bytes, as last seen
ENTROPY: Final = "file.entropy"  # Float64, bits per byte of a sample of the content, [0, 8]
OLD_ENTROPY: Final = "file.previous_entropy"  # Float64, the same before the change
EVENT_CODE: Final = "event.code"  # String, a Windows event id, an audit record's type
PROVIDER: Final = "event.provider"  # String, a Windows event provider, a systemd unit
CHANNEL: Final = "winlog.channel"
RECORD_ID: Final = "winlog.record_id"  # Int64
LOGON_TYPE: Final = "winlog.logon.type"  # Int32, as Windows counts them: 2 console, 3 network...
PARENT_PROCESS: Final = "process.parent.name"
PARENT_PID: Final = "process.parent.pid"  # String
AUDIT_ID: Final = "auditd.sequence"  # Int64, the same for all records of one audit event
EXECUTABLE: Final = "process.executable"  # full path
REPEAT: Final = "event.repeat"  # Int32: the line stands for this many events; null counts as 1
SERIES_HOUR: Final = "series.hour"  # Int64, hour since 1970 on the series' clock, its beginning
SERIES_VALUE: Final = "series.value"  # Float64, null where it is no number
SERIES_UNIT: Final = "series.unit"  # String, as a person named it
# A verdict that came with the request, from our own checking service.
WEB_SCORE: Final = "web.score"  # Float32, [0, 1]
WEB_THREAT: Final = "web.is_threat"  # Boolean, never null
WEB_CLASS: Final = "web.attack_class"
WEB_VERSION: Final = "web.model_version"
WEB_TEXT: Final = "web.strongest"  # the part of the request that scored highest
# File activity, and a verdict that came with it from our own service's /predict.
PREDICT_SCORE: Final = "host_activity.score"  # Float32, [0, 1]
PREDICT_THREAT: Final = "host_activity.is_threat"  # Boolean, never null
PREDICT_VERSION: Final = "host_activity.model_version"
PREDICT_STREAM: Final = "host_activity.stream"  # whose events belong together, as the caller said
PREDICT_REASONS: Final = "host_activity.reasons"  # joined by blanks
# A message, from a drop folder or our own analysing service. Several values stand in one text.
EMAIL_SUBJECT: Final = "email.subject"
EMAIL_FROM: Final = "email.from.address"  # lower case
EMAIL_FROM_NAME: Final = "email.from.display_name"
EMAIL_REPLY_TO: Final = "email.reply_to.address"  # lower case
EMAIL_DATE: Final = "email.origination_timestamp"  # String, ISO 8601, as the message says: no proof
EMAIL_FILES: Final = "email.attachments.file.name"  # joined by ", "
EMAIL_HASHES: Final = "email.attachments.file.hash.sha256"  # joined by blanks
EMAIL_DOMAINS: Final = "email.link.domains"  # where links lead, joined by blanks
FILE_HASH: Final = "file.hash.sha256"  # of a whole message, as it lay in its file
# What was looked at for phishing, and a verdict that came with it from our own service.
PHISH_KIND: Final = "phishing.content_type"  # url, email, text, page
PHISH_SCORE: Final = "phishing.score"  # Float32, [0, 1]
PHISH_VERDICT: Final = "phishing.prediction"  # phish, suspicious, benign
PHISH_VERSION: Final = "phishing.model_version"
PHISH_CONTENT: Final = "phishing.content"  # its beginning; not of what is benign, but for URLs
PHISH_HASH: Final = "phishing.content_sha256"
PHISH_USER: Final = "phishing.user_id"  # who asked, as they said
PHISH_REASONS: Final = "phishing.reasons"  # joined by blanks

BASE: Final = (SOURCE_ID, GENERATION, OFFSET, LENGTH, FILE_PATH, ORIGINAL, INGESTED)


class Action:
    """Values of `event.action` that detectors rely on. Parsers use no other spelling."""

    SSH_LOGIN: Final = "ssh-login"  # "Accepted ..." (success) and "Failed ..." (failure)
    SSH_INVALID_USER: Final = "ssh-invalid-user"  # announces an unknown user; a Failed line follows
    SSH_MAX_AUTH: Final = "ssh-max-auth"  # too many authentication failures
    SSH_BREAK_IN: Final = "ssh-reverse-mapping"  # "POSSIBLE BREAK-IN ATTEMPT"
    SSH_DISCONNECT: Final = (
        "ssh-disconnect"  # closed, reset, received disconnect, no identification
    )
    PAM_AUTH: Final = "pam-auth"  # "authentication failure; ... rhost=" of any service
    SESSION_OPENED: Final = "session-opened"
    SESSION_CLOSED: Final = "session-closed"
    LOGIN: Final = "login"  # console or other service logins, FAILED LOGIN among them
    SUDO: Final = "sudo-command"  # COMMAND= line; failure when refused
    SUDO_AUTH: Final = "sudo-auth"  # wrong password at sudo
    SU: Final = "su"
    USER_ADDED: Final = "user-added"
    GROUP_CHANGED: Final = "group-changed"
    PASSWORD_CHANGED: Final = "password-changed"  # noqa: S105 - an action, not a secret
    HTTP_REQUEST: Final = "http-request"
    EMAIL_FOUND: Final = "email-found"  # in a drop folder
    CONTENT_ANALYSED: Final = "content-analysed"  # by our own service
    FILE_CREATED: Final = "file-created"
    FILE_WRITTEN: Final = "file-written"
    FILE_RENAMED: Final = "file-renamed"
    FILE_DELETED: Final = "file-deleted"
    FILE_MODE_CHANGED: Final = "file-mode-changed"  # chmod, chown
    FILE_OTHER: Final = "file-other"  # told to our own service, and nothing of the above
