import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from soc_copilot.cli import main
from soc_copilot.detection.phishing.visual.embedder import shipped
from soc_copilot.governance.database import Governance
from tests.unit.detection.phishing.visual.pages import screenshot

PHISH_URL = "http://paypal-login.pages.dev/verify"
MAIL = (
    b"From: PayPal <x@evil.example.net>\nSubject: Your account is suspended\n\n"
    b"Dear customer, verify your account within 24 hours: http://paypal-login.pages.dev/verify\n"
)


def test_a_url_and_its_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", PHISH_URL]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("PHISH")
    assert "hxxp[://]paypal-login[.]pages[.]dev" in shown
    assert PHISH_URL not in shown
    assert main(["analyze", "https://www.python.org/about"]) == 0
    assert capsys.readouterr().out.startswith("BENIGN")


def test_a_message_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(MAIL)
    assert main(["analyze", str(path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["content_type"], found["prediction"]) == ("email", "phish")
    assert found["links"][0]["target"].startswith("hxxp[://]")
    assert any(reason["kind"] == "sender" for reason in found["reasons"])


def test_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"see you at 8?")))
    assert main(["analyze", "-"]) == 0
    assert "text" in capsys.readouterr().out


def test_a_folder_of_messages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.eml").write_bytes(MAIL)
    (tmp_path / "b.eml").write_bytes(b"Subject: patch\n\nthanks, the build works again")
    assert main(["analyze", str(tmp_path)]) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert [line.split()[0] for line in lines] == ["PHISH", "BENIGN"]


def test_a_kind_can_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    main(["analyze", "a.example.com", "--type", "text"])
    assert " text " in capsys.readouterr().out


@pytest.mark.parametrize("what", ["no such file.eml", "x" * 5_000])
def test_what_is_neither_file_nor_url_is_an_error(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", what]) == 2
    assert "no URL" in capsys.readouterr().err


@pytest.fixture
def look(tmp_path: Path) -> list[str]:
    """Options for a screenshot of a brand that is registered."""
    png = screenshot()
    picture, database = tmp_path / "page.png", tmp_path / "g.db"
    picture.write_bytes(png)
    with Governance.open(database, home=tmp_path) as governance:
        brand = governance.brands.add("Blue Bank", ["python.org"])
        governance.brands.add_reference(brand.id, *shipped().reference(png))
    return ["--screenshot", str(picture), "--db", str(database)]


def test_a_screenshot_beside_a_url(look: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "https://www.wooden-lamp.example/", *look]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("PHISH")
    assert "Blue Bank" in shown
    assert main(["analyze", "https://www.python.org/about", *look, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["prediction"], found["brand"]) == ("benign", "Blue Bank")


def test_a_screenshot_alone_tells_a_look_and_no_more(
    look: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", *look]) == 0
    assert capsys.readouterr().out.startswith("SUSPICIOUS")
    with Governance.open(tmp_path / "g.db", home=tmp_path) as governance:
        governance.brands.remove(governance.brands.all()[0].id)
    assert main(["analyze", *look]) == 0
    assert capsys.readouterr().out.startswith("NOTHING")
    assert main(["analyze", *look, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["prediction"] is None


def test_what_cannot_be_looked_at_is_an_error(
    look: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mail = tmp_path / "a.eml"
    mail.write_bytes(MAIL)
    assert main(["analyze", str(mail), *look]) == 2
    assert "URL or its HTML" in capsys.readouterr().err
    assert main(["analyze"]) == 2
    assert main(["analyze", "--screenshot", str(mail), *look[2:]]) == 2
    assert main(["analyze", "--screenshot", str(tmp_path / "none.png"), *look[2:]]) == 2
    assert main(["analyze", *look[:3], str(tmp_path / "none.db")]) == 2


def test_the_kill_switch_stops_it(look: list[str], tmp_path: Path) -> None:
    with Governance.open(tmp_path / "g.db", home=tmp_path) as governance:
        governance.kill_switch.engage("a drill")
    assert main(["analyze", "https://a.example/", *look]) == 2
