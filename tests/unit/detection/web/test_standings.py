from datetime import timedelta
from typing import Any

import pytest

from soc_copilot.detection.web import create
from soc_copilot.detection.web.detector import WebDetector
from soc_copilot.domain import columns as c
from soc_copilot.domain.web import MAX_COUNTS, MAX_REQUESTS, MAX_TEXT, WebCount, WebStanding
from tests.unit.detection.web.test_detector import START, batch_of

SQLI = "/item.php?id=1%27%20UNION%20SELECT%20user,password%20FROM%20users--%20"
TRAVERSAL = "/get?file=../../../../../etc/passwd"


@pytest.fixture(scope="module")
def detector() -> WebDetector:
    found = create({"detection.web.budget": "0.1%"})
    found.start("cpu")
    return found


def told(detector: WebDetector, urls: list[str | None], **columns: Any) -> WebStanding:
    found = detector.detect(batch_of(urls, **columns)).web
    assert found is not None
    return found


def test_counts_by_class_path_and_address(detector: WebDetector) -> None:
    urls = [SQLI, "/", TRAVERSAL, SQLI, None]
    who = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1", "192.0.2.9"]
    web = told(detector, list(urls), **{c.SOURCE_IP: list(who)})
    assert (web.n_requests, web.n_threats) == (4, 3)
    assert web.classes == (WebCount("sqli", 2, "sqli"), WebCount("traversal", 1, "traversal"))
    assert web.targets == (WebCount("/item.php", 2, "sqli"), WebCount("/get", 1, "traversal"))
    assert web.attackers[0] == WebCount("192.0.2.1", 2, "sqli")


def test_a_request_is_told_once_with_what_speaks_for_it(detector: WebDetector) -> None:
    web = told(detector, [SQLI, SQLI], **{c.METHOD: ["GET", "GET"]})
    (request,) = web.requests
    assert request.at == START
    assert (request.method, request.path, request.status) == ("GET", "/item.php", 200)
    assert (request.kind, request.technique, request.capec) == ("sqli", "T1190", "CAPEC-66")
    assert request.text == SQLI
    assert request.marked
    assert "union" in " ".join(request.words)


def test_a_disguise_is_told(detector: WebDetector) -> None:
    twice = SQLI.replace("%", "%25")
    (request,) = told(detector, [twice]).requests
    assert request.decoding == ("percent-encoding", "percent-encoding")


def test_harmless_requests_leave_a_number_alone(detector: WebDetector) -> None:
    assert told(detector, ["/", "/index.html"]) == WebStanding(2)
    assert detector.detect(batch_of([None])).web is None


def test_it_stays_small(detector: WebDetector) -> None:
    urls = [f"/p{i}?id=1%27+UNION+SELECT+{i}+FROM+users--" for i in range(200)]
    web = told(detector, list(urls), **{c.SOURCE_IP: [f"10.0.0.{i}" for i in range(200)]})
    assert web.n_threats > MAX_COUNTS
    assert len(web.targets) == len(web.attackers) == MAX_COUNTS
    assert len(web.requests) == MAX_REQUESTS


def test_a_long_request_is_cut_around_what_speaks_for_an_attack(detector: WebDetector) -> None:
    url = f"/a?pad={'x' * 6_000}&id=1%27%20UNION%20SELECT%20password%20FROM%20users--"
    (request,) = told(detector, [url]).requests
    assert len(request.text) <= MAX_TEXT + 2
    assert request.text.startswith("…")
    start, end = request.marked[0]
    assert request.text[start:end] in url
    assert "x" * 30 not in request.text[start:end]


def test_a_scanner_is_named_by_its_user_agent(detector: WebDetector) -> None:
    when = [START + timedelta(days=1)]
    web = told(detector, ["/"], **{c.USER_AGENT: ["sqlmap/1.7"], c.TIMESTAMP: when})
    (request,) = web.requests
    assert (request.kind, request.marked, request.at) == ("scanner", (), when[0])
