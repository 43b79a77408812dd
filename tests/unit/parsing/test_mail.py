from datetime import UTC, datetime

import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.domain.mail_lines import FoundMessage, line_of
from soc_copilot.domain.phishing import Attachment, Link, ParsedEmail
from soc_copilot.parsing.mail import MailFormat
from soc_copilot.parsing.protocol import ParseContext
from soc_copilot.parsing.registry import FORMAT_NAMES, detect, get_format

MAIL = ParsedEmail(
    subject="Verify now", from_name="Bank", from_address="x@y.example", text="Hello. " * 100,
    links=(Link("Click", "http://a.example/x", ""),), date=datetime(2020, 1, 1, tzinfo=UTC),
    attachments=(Attachment("a.zip", "application/zip", 12, "ab" * 32),),
)  # fmt: skip
LINE = line_of(FoundMessage("email", MAIL, 99, "cd" * 32)).decode()


def parse(*lines: str) -> pl.DataFrame:
    return MailFormat().parse(pl.Series(lines), ParseContext(datetime(2026, 3, 10, tzinfo=UTC)))


def test_a_message_has_its_columns() -> None:
    (row,) = parse(LINE).rows(named=True)
    assert row[c.KIND] == c.KIND_EVENT
    assert row[c.TIMESTAMP] is None  # when it was found; what it says itself is no proof
    assert row[c.EMAIL_DATE].startswith("2020-01-01")
    assert (row[c.CATEGORY], row[c.ACTION]) == ("email", "email-found")
    assert (row[c.EMAIL_SUBJECT], row[c.EMAIL_FROM]) == ("Verify now", "x@y.example")
    assert (row[c.EMAIL_FROM_NAME], row[c.EMAIL_REPLY_TO]) == ("Bank", None)
    assert (row[c.EMAIL_FILES], row[c.EMAIL_HASHES]) == ("a.zip", "ab" * 32)
    assert (row[c.EMAIL_DOMAINS], row[c.PHISH_KIND]) == ("a.example", "email")
    assert (row[c.FILE_SIZE], row[c.FILE_HASH]) == (99, "cd" * 32)
    assert len(row[c.MESSAGE]) == 300


def test_other_lines_are_unparsed() -> None:
    found = parse("x", "{}", '{"email.subject":"a"}', LINE)
    assert found[c.KIND].to_list() == [c.KIND_UNPARSED] * 3 + [c.KIND_EVENT]
    assert parse("x").columns == parse(LINE).columns


def test_nobody_else_can_have_lines_read_in_it() -> None:
    assert detect([LINE] * 50).format.name == "json"
    assert "mail" not in FORMAT_NAMES
    assert get_format("mail").name == "mail"
    context = ParseContext(datetime(2026, 3, 10, tzinfo=UTC))
    assert c.PHISH_KIND not in get_format("json").parse(pl.Series([LINE]), context).columns
