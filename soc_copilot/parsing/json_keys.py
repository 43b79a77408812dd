"""Which JSON keys fill which event column: ECS names themselves, then common other ones."""

from typing import Final

from soc_copilot.domain import columns as c

# The column's own name always comes first. Dots stand for nesting or for a dot in the key.
ALIASES: Final[dict[str, tuple[str, ...]]] = {
    c.TIMESTAMP: (
        "timestamp", "time", "ts", "datetime", "date", "time_iso8601", "time_local", "msec",
        "asctime", "eventTime", "__REALTIME_TIMESTAMP",
    ),
    c.MESSAGE: ("msg", "log", "text", "MESSAGE"),
    c.SEVERITY: ("level", "severity", "loglevel", "lvl", "levelname"),
    c.HOST: ("host.hostname", "hostname", "host", "_HOSTNAME"),
    c.USER: ("user", "username", "user_name", "remote_user", "account"),
    c.USER_TARGET: (),
    c.GROUP: (),
    c.SOURCE_IP: (
        "source.address", "client.ip", "client.address", "src_ip", "srcip", "source_ip",
        "client_ip", "clientip", "remote_addr", "remote_ip", "request.remote_ip", "remote_host",
        "c-ip", "ip",
    ),
    c.SOURCE_PORT: ("client.port", "src_port", "source_port", "remote_port"),
    c.DESTINATION_IP: ("destination.address", "server.ip", "dst_ip", "dest_ip", "server_addr"),
    c.PROCESS: ("process", "program", "service.name", "service", "app", "SYSLOG_IDENTIFIER"),
    c.PID: ("pid", "_PID"),
    c.COMMAND: ("cmdline", "command", "_CMDLINE"),
    c.PATH: ("filename", "file"),
    c.METHOD: ("request_method", "method", "verb", "request.method", "cs-method"),
    c.URL: (
        "request_uri", "uri", "url", "request.uri", "request.url", "url.full", "cs-uri-stem",
    ),
    c.URL_PATH: (),
    c.URL_QUERY: ("cs-uri-query",),
    c.HTTP_VERSION: (),
    c.STATUS: (
        "status_code", "status", "response_status", "response.status", "response_code",
        "sc-status",
    ),
    c.BODY_BYTES: ("http.response.bytes", "body_bytes_sent", "bytes_sent", "bytes", "size"),
    c.REFERRER: ("http_referer", "http_referrer", "referer", "referrer"),
    c.USER_AGENT: ("http_user_agent", "user_agent", "useragent", "userAgent", "agent"),
    c.BODY: ("request_body", "body"),
    c.ACTION: (),
    c.CATEGORY: (),
    c.OUTCOME: (),
}  # fmt: skip

# A whole request line as nginx ($request) and Apache (%r) give it.
REQUEST_LINE: Final = ("request", "request_line", "http.request.line")

# A URL in the logs of web applications, but any other path where no request method stands by.
URL_BESIDE_METHOD: Final = ("path",)

# Other fields of the Elastic Common Schema that are kept, as text, under their own names.
KEPT: Final = (
    "agent.name", "client.domain", "cloud.account.id", "cloud.region", "container.id",
    "container.name", "destination.domain", "destination.port", "dns.question.name",
    "error.message", "event.code", "event.id", "event.module", "event.provider", "event.reason",
    "file.hash.sha256", "file.name", "host.ip", "http.request.body.bytes", "http.request.id",
    "log.logger", "network.protocol", "network.transport", "observer.name",
    "process.executable", "process.hash.sha256", "process.parent.name", "process.parent.pid",
    "rule.id", "rule.name", "server.domain", "source.domain", "source.geo.country_iso_code",
    "tls.version", "trace.id", "url.domain", "url.scheme", "user.domain", "user.email", "user.id",
    "winlog.event_id",
)  # fmt: skip
