"""The peer: Debian's nginx with libmodsecurity and the OWASP core rule set, in a folder."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from installer.bootstrap import apt_install
from tests.tools.nginx import Nginx, listening

PACKAGES: Final = ("nginx", "libnginx-mod-http-modsecurity", "modsecurity-crs")
_MODULE: Final = Path("/usr/lib/nginx/modules/ngx_http_modsecurity_module.so")
_SETTINGS: Final = Path("/etc/nginx/modsecurity.conf")
_UNICODE: Final = Path("/etc/nginx/unicode.mapping")
_SETUP: Final = Path("/etc/modsecurity/crs/crs-setup.conf")
_RULES: Final = Path("/usr/share/modsecurity-crs/rules")
_INBOUND: Final = 5  # the rule set's own threshold

# Lines of Debian's modsecurity.conf that are other here: the engine blocks; nothing is logged
# nor reported to the outside, which only makes it faster; files stay in the folder; and its own
# refusals of malformed bodies look like those of the rules, to be told from nginx's.
_CHANGES: Final = (
    (r"^SecRuleEngine .*", "SecRuleEngine On"),
    (r"^SecAuditEngine .*", "SecAuditEngine Off"),
    (r"^SecAuditLog .*", ""),
    (r"^SecStatusEngine .*", "SecStatusEngine Off"),
    (r"^Sec(Tmp|Data)Dir .*", r"Sec\1Dir {folder}"),
    (r"^SecUnicodeMapFile \S+", f"SecUnicodeMapFile {_UNICODE}"),
    (r"status:400", "status:403"),
)
# A page made after every phase before it: `return` in "/" would come before the rules that
# read bodies, and before `auth_request`.
PAGE: Final = "location / { try_files /none @page; } location @page { return 204; }"
_NGINX: Final = """
load_module {module};
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000; keepalive_timeout 1h;
    client_max_body_size 64m; client_body_buffer_size 1m;
    client_header_buffer_size 16k; large_client_header_buffers 16 64k;
    server {{
        listen 127.0.0.1:{port};
        modsecurity on;
        modsecurity_rules_file {folder}/rules.conf;
        {page}
    }}
}}
"""


class PeerMissingError(RuntimeError):
    """The peer's packages are not there and may not be installed from here."""


def provide() -> None:
    """Install what is missing of the peer.

    Raises:
        PeerMissingError: It cannot be installed; the message has the command to do it.
    """
    needed = (_MODULE, _SETTINGS, _UNICODE, _SETUP, _RULES)
    if all(path.exists() for path in needed):
        return
    apt_install(PACKAGES)
    missing = [str(path) for path in needed if not path.exists()]
    if missing:
        raise PeerMissingError(
            f"The peer is not installed ({', '.join(missing)} missing). Install it with:\n"
            f"  sudo apt-get install {' '.join(PACKAGES)}"
        )


def versions() -> str:
    """The peer's packages with their versions, for the report."""
    query = shutil.which("dpkg-query")
    if query is None:
        return "versions unknown"
    names = ["nginx", "libmodsecurity3", "modsecurity-crs"]
    done = subprocess.run(
        [query, "-W", "-f", "${Package} ${Version}\n", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    return ", ".join(done.stdout.split("\n")).strip(", ")


def rules(folder: Path, paranoia: int, without: tuple[int, ...] = ()) -> str:
    """Settings and rules: Debian's with the set's own set-up at a paranoia level.

    Args:
        folder: Where the engine may write.
        paranoia: 1 to 4.
        without: Numbers of rules that are left out.
    """
    settings = _SETTINGS.read_text("utf-8")
    for pattern, new in _CHANGES:
        new = new.replace("{folder}", str(folder))
        settings = re.sub(pattern, new, settings, flags=re.MULTILINE)
    lines = [
        settings,
        f"Include {_SETUP}",
        f'SecAction "id:900000,phase:1,nolog,pass,t:none,setvar:tx.paranoia_level={paranoia}"',
        'SecAction "id:900110,phase:1,nolog,pass,t:none,'
        f'setvar:tx.inbound_anomaly_score_threshold={_INBOUND}"',
        f"Include {_RULES}/*.conf",
        *(f"SecRuleRemoveById {number}" for number in without),
    ]
    return "\n".join(lines) + "\n"


class Peer:
    """The peer running: one worker on a loopback port. A blocked request is answered 403."""

    def __init__(self, folder: Path, paranoia: int = 1, without: tuple[int, ...] = ()) -> None:
        folder.mkdir()
        (folder / "rules.conf").write_text(rules(folder, paranoia, without), encoding="utf-8")
        sock = listening()
        self.port: int = sock.getsockname()[1]
        config = _NGINX.format(module=_MODULE, folder=folder, port=self.port, page=PAGE)
        # Level "crit": what the rules say about each request stays unwritten.
        self.nginx = Nginx(folder, config, sock, log_level="crit")
        try:
            self.nginx.wait_ready()
        except BaseException:
            self.nginx.close()
            raise

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.nginx.close()
