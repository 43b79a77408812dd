"""nginx with the files of docs/nginx, asking a checking service about each request."""

from pathlib import Path
from typing import Final

from tests.tools.nginx import Nginx, listening

DOCS: Final = Path(__file__).resolve().parents[2] / "docs" / "nginx"
# A busy machine is no reason to let a request through unchecked.
_PATIENT: Final = {
    f"proxy_{what}_timeout {short};": f"proxy_{what}_timeout 120s;"
    for what, short in (("connect", "250ms"), ("send", "1s"), ("read", "1s"))
}
_OPEN: Final = "    return 204;\n}\n\nlocation /soc-copilot/ {"
CLOSED: Final = {_OPEN: _OPEN.replace("204", "503")}
ONLY_REPORT: Final = {
    "auth_request /soc-copilot/check;": "",
    "mirror /soc-copilot/mirror-bodies;": "mirror /soc-copilot/mirror;",
}
ONLY_REFUSE: Final = {"mirror /soc-copilot/mirror-bodies;": ""}
_CONFIG: Final = """
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000; keepalive_timeout 1h;
    client_max_body_size 8m; client_body_buffer_size 1m;
    client_header_buffer_size 16k; large_client_header_buffers 16 64k;
    include {folder}/http.conf;
    server {{
        listen 127.0.0.1:{port};
        include {folder}/server.conf;
        {site}
    }}
}}
"""


class CheckingNginx(Nginx):
    """nginx on a free loopback port.

    Args:
        folder: Its own, made here.
        checker: Port of the service.
        token: Of the service.
        site: Locations of the server that is protected.
        changes: What stands in server.conf, and what an administrator writes instead.
    """

    def __init__(
        self, folder: Path, checker: int, token: str, site: str, changes: dict[str, str]
    ) -> None:
        folder.mkdir()
        secret = folder / "token.conf"
        secret.write_text(f'proxy_set_header Authorization "Bearer {token}";\n')
        places = {"127.0.0.1:8765": f"127.0.0.1:{checker}"}
        (folder / "http.conf").write_text(_changed("http.conf", places))
        places = {"/etc/nginx/soc-copilot-token.conf": str(secret), **_PATIENT, **changes}
        (folder / "server.conf").write_text(_changed("server.conf", places))
        sock = listening()
        self.port: int = sock.getsockname()[1]
        super().__init__(folder, _CONFIG.format(folder=folder, port=self.port, site=site), sock)
        self.wait_ready()


def _changed(name: str, changes: dict[str, str]) -> str:
    """A shipped file with other words in place of some that stand in it once."""
    text = (DOCS / name).read_text("utf-8")
    for old, new in changes.items():
        assert text.count(old) == 1, f'"{old}" stands {text.count(old)} times in {name}.'
        text = text.replace(old, new)
    return text
