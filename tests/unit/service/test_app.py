import pytest

from soc_copilot.service.app import Call, read_original
from soc_copilot.service.wire import RefusedError
from tests.unit.service.parts import TOKEN, Service


@pytest.fixture(scope="module")
def service():
    with Service(limits__batch=5) as found:
        yield found


def test_one_request(service: Service) -> None:
    status, _, first = service.check({"path": "/a", "id": "mine"})
    _, _, second = service.check({"path": "/a"})
    assert (status, first["id"]) == (200, "mine")
    assert first["request_id"] != second["request_id"]
    assert first["time"].endswith("+00:00")
    assert first["took_ms"] > 0


def test_a_long_body_is_read_as_a_short_one_is(service: Service) -> None:
    long = "a" * 100_000
    assert service.check({"path": "/", "body": f"{long}attack"})[2]["is_threat"] is True
    status, _, answer = service.check({"path": "/", "body": long, "pth": 1})
    assert (status, answer["error"]["code"]) == (422, "bad_request")


def test_several_requests_are_answered_in_order(service: Service) -> None:
    rows = [{"path": "/a", "id": "x"}, {"path": "/attack"}, {"path": "/b"}]
    status, _, answer = service.call("POST", "/check/batch", {"requests": rows})
    assert (status, answer["n_threats"]) == (200, 1)
    assert [result["is_threat"] for result in answer["results"]] == [False, True, False]
    assert [result.get("id") for result in answer["results"]] == ["x", None, None]
    assert service.call("POST", "/check/batch", {"requests": rows * 2})[0] == 413


def test_nginx_is_answered_by_status(service: Service) -> None:
    status, headers, body = service.call(
        "GET", "/check/nginx", X_Original_URI="/a?b=1", X_Original_Method="POST",
        X_Original_Host="shop.example", X_Real_IP="192.0.2.7", User_Agent="curl",
    )  # fmt: skip
    assert (status, headers["x-soc-verdict"], body) == (200, "pass", b"")
    checked = service.scorer.batches[-1][0]
    assert (checked.request.method, checked.request.target) == ("POST", "/a?b=1")
    assert checked.client_ip == "192.0.2.7"
    assert checked.request.headers["host"] == "shop.example"
    assert checked.request.headers["user-agent"] == "curl"
    assert "authorization" not in checked.request.headers
    status, headers, answer = service.call("GET", "/check/nginx", X_Original_URI="/attack")
    assert (status, headers["x-soc-verdict"], headers["x-soc-class"]) == (403, "threat", "sqli")
    assert answer["request_id"] == headers["x-soc-request-id"]
    assert service.call("GET", "/check/nginx")[0] == 422


def test_no_header_of_a_visitor_hides_behind_another_of_its_name(service: Service) -> None:
    connection = service.connect()
    connection.putrequest("GET", "/check/nginx")
    connection.putheader("Authorization", f"Bearer {TOKEN.decode()}")
    connection.putheader("X-Original-URI", "/")
    connection.putheader("X-A", "attack")
    connection.putheader("X-A", "harmless")
    connection.endheaders()
    assert connection.getresponse().status == 200
    connection.close()
    assert service.scorer.batches[-1][0].request.headers["x-a"] == "attack, harmless"


def test_what_nginx_mirrors_is_scored_with_its_body(service: Service) -> None:
    seen: list[object] = []
    for method in ("GET", "POST", "PUT", "PROPFIND"):
        status, _, body = service.call(
            method, "/check/mirror", b"q=attack\xff", X_Original_URI="/form",
            Content_Type="application/x-www-form-urlencoded", Content_Encoding="gzip",
        )  # fmt: skip
        assert (status, body) == (204, b"")
        service.check({"path": "/wait"})  # scored after it
        seen = [c.request for batch in service.scorer.batches for c in batch]
        assert (seen[-2].method, seen[-2].body) == (method, "q=attack\\xff")


def test_headers_that_are_about_the_call_are_no_part_of_the_request() -> None:
    headers = {
        b"host": b"127.0.0.1", b"authorization": b"Bearer secret", b"x-original-uri": b"/\xe9?a",
        b"x-original-authorization": b"Basic x", b"cookie": b"a=1", b"x-real-ip": b"nobody",
        b"x-forwarded-for": b"1.2.3.4, ' or 1",
    }  # fmt: skip
    found = read_original(Call("GET", headers, b"", "127.0.0.1"), "")
    assert found.client_ip == ""
    assert found.request.target == "/é?a"
    assert dict(found.request.headers) == {
        "cookie": "a=1", "x-forwarded-for": "1.2.3.4, ' or 1", "authorization": "Basic x",
    }  # fmt: skip
    with pytest.raises(RefusedError):
        read_original(Call("GET", {}, b"", ""), "")


def test_what_is_loaded_and_how_it_stands_is_told(service: Service) -> None:
    status, _, answer = service.call("GET", "/model/info")
    assert (status, answer["web"]["model_version"], answer["host"]) == (200, "fake-1", None)
    assert answer["limits"]["batch"] == 5
    assert service.call("GET", "/health")[2] == {"status": "ok", "detail": ""}
    status, headers, text = service.call("GET", "/metrics")
    assert headers["content-type"].startswith("text/plain")
    assert b'endpoint="check"' in text
    assert service.call("POST", "/predict", {"events": []})[0] == 404  # switched off


def test_trouble_with_recording_shows_in_health() -> None:
    with Service(recording=lambda: "The spool is full.") as service:
        status, _, answer = service.call("GET", "/health")
        assert (status, answer["status"], answer["detail"]) == (
            200,
            "degraded",
            "The spool is full.",
        )


def test_what_cannot_be_scored_is_told(service: Service) -> None:
    status, _, answer = service.check({"path": "/fail"})
    assert (status, answer["error"]["code"]) == (503, "failed")
