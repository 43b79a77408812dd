"""Contents are read, recognised and analysed; what cannot be is said; nothing runs while halted."""

from pathlib import Path

import pytest

from soc_copilot.detection.phishing.mailboxes import Place
from soc_copilot.domain.errors import (
    DetectorError,
    KillSwitchEngagedError,
    ParseError,
    SocCopilotError,
)
from soc_copilot.domain.paths import bundled
from soc_copilot.phishing.loading import Loaded
from soc_copilot.ui.phishing_checks import BATCH, CheckedRow, Checker, Given, check_all
from tests.ui.phishing_support import PHISH, LookPart, WordPart, checker, mails, png

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100


def collected(made: Checker, paths: list[Path], most: int = 1_000) -> list[CheckedRow]:
    rows: list[CheckedRow] = []
    check_all(
        made, paths, halted=lambda: "", take=rows.extend, report=lambda _done, _all: None, most=most
    )
    return rows


def test_kinds_are_recognised_and_can_be_changed() -> None:
    made = checker()
    found = made.check(Given("pasted", raw=PHISH % 1))
    assert (found.row.kind, found.row.prediction) == ("email", "phish")
    assert found.row.sender == "PayPal <x@evil.example>"
    again = made.check(Given("pasted", raw=PHISH % 1, kind="text"), found.row)
    assert (again.row.kind, again.row.number) == ("text", found.row.number)
    assert made.check(Given("pasted", raw=b"https://a.example/")).row.kind == "url"
    assert made.close()


@pytest.mark.parametrize(
    ("raw", "words"),
    [(OLE, r"\.msg"), (b" \n", "nothing in it"), (b"\xff\xd8\xff\xe0", "PNG")],
)
def test_what_is_not_read_is_refused_in_words(raw: bytes, words: str) -> None:
    made = checker()
    with pytest.raises(SocCopilotError, match=words):
        made.check(Given("x", raw=raw))
    made.close()


def test_a_screenshot_alone_needs_the_part_that_looks() -> None:
    blind = checker()
    with pytest.raises(DetectorError, match="not loaded"):
        blind.check(Given("x.png", raw=png()))
    blind.close()
    made = checker(WordPart(), LookPart())
    found = made.check(Given("x.png", raw=png()))
    assert found.match is not None
    assert (found.row.prediction, found.match.brand) == ("phish", "Example Bank")
    both = made.check(Given("x", raw=b"https://a.example/", screenshot=png()))
    assert both.row.kind == "url"
    assert both.match is not None
    made.close()


def test_a_screenshot_like_no_brand_has_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(png())
    made = checker(WordPart(), LookPart(0))
    with pytest.raises(ParseError, match="none of your brands"):
        made.check(Given("x.png", raw=png()))
    (row,) = collected(made, [tmp_path])
    assert row.prediction is None
    assert "none of your brands" in row.problem
    made.close()


def test_a_row_is_read_again_from_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(PHISH % 1)
    made = checker()
    row = made.check(Given("a.eml", place=Place(path, "a.eml"))).row
    assert made.again(row).content is not None
    path.unlink()
    gone = made.again(row)
    assert gone.analysis is None
    assert "still there" in gone.row.problem
    made.close()


def test_without_any_model_it_says_so() -> None:
    made = Checker(lambda: Loaded((), (("email", "No file."),)))
    with pytest.raises(DetectorError, match=r"email: No file\."):
        made.check(Given("x", raw=b"hello"))
    assert made.close()


def test_a_folder_is_gone_through_and_what_fails_has_its_row(tmp_path: Path) -> None:
    folder = mails(tmp_path / "m", BATCH, 3)
    (folder / "a.msg").write_bytes(OLE)
    (folder / "b.txt").write_bytes(b"break")
    made = checker()
    rows = collected(made, [folder])
    assert len(rows) == BATCH + 5
    assert len({row.number for row in rows}) == len(rows)
    problems = {row.title: row.problem for row in rows if row.prediction is None}
    assert ".msg" in problems["a.msg"]
    assert "It broke" in problems["b.txt"]
    assert len(collected(made, [folder], most=4)) == 4
    made.close()


def test_a_run_ends_when_it_is_halted_or_cancelled(tmp_path: Path) -> None:
    folder = mails(tmp_path / "m", 3 * BATCH, 0)
    made, rows = checker(), list[CheckedRow]()
    with pytest.raises(KillSwitchEngagedError, match="a fire"):
        check_all(
            made, [folder], halted=lambda: "a fire" if rows else "", take=rows.extend,
            report=lambda _done, _all: None,
        )  # fmt: skip
    assert len(rows) == BATCH

    def report(done: int, _all: int) -> None:
        if done == 2 * BATCH:
            raise ParseError("enough")

    rows.clear()
    with pytest.raises(ParseError):
        check_all(made, [folder], halted=lambda: "", take=rows.extend, report=report)
    assert len(rows) == 2 * BATCH
    made.close()


def test_the_examples_have_the_verdicts_that_they_are_to_have() -> None:
    made = Checker()
    rows = collected(made, [bundled("data") / "sample" / "phishing"])
    flagged = {row.given.name for row in rows if row.prediction != "benign"}
    assert flagged == {
        "account-limited.eml", "parcel-fee.eml", "invoice-changed.eml", "link.txt",
        "short-message.txt", "sign-in-page.html",
    }  # fmt: skip
    made.close()
