from collections.abc import Sequence

import pytest

from soc_copilot.detection.phishing.evidence import MAX_ADDED, domain_of, weigh, weigh_text
from soc_copilot.domain.phishing import Attachment, Link, ParsedEmail, defang


def harmless(urls: Sequence[str]) -> list[float]:
    return [-5.0] * len(urls)


def link(text: str, target: str) -> Link:
    return Link(text, target, defang(target))


def kinds(mail: ParsedEmail) -> list[str]:
    return [reason.kind for reason in weigh(mail, harmless)[1]]


@pytest.mark.parametrize(
    ("mail", "found"),
    [
        (ParsedEmail(from_name="PayPal", from_address="a@paypal.com"), []),
        (ParsedEmail(from_name="PayPal", from_address="a@evil.example.net"), ["sender"]),
        (ParsedEmail(from_name="Ann Lee", from_address="ann@x.example.net"), []),
        (ParsedEmail(from_name="a@bank.com", from_address="a@x.example.net"), ["sender"]),
        (ParsedEmail(from_address="a@firm.com", reply_to="boss1@gmail.com"), ["reply-to"]),
        (ParsedEmail(from_address="a@firm.com", reply_to="b@other.com"), []),
        (ParsedEmail(n_forms=1), ["form"]),
        (ParsedEmail(n_hidden=9), ["hidden"]),
        (
            ParsedEmail(attachments=(Attachment("Invoice.HTML", "text/html", 1, ""),)),
            ["attachment"],
        ),
        (ParsedEmail(attachments=(Attachment("a.pdf", "application/pdf", 1, ""),)), []),
        (ParsedEmail(links=(link("www.bank.com/login", "http://evil.net/"),)), ["link"]),
        (ParsedEmail(links=(link("www.bank.com", "https://login.bank.com/x"),)), []),
        (ParsedEmail(links=(link("click here", "http://evil.net/"),)), []),
        (ParsedEmail(links=(link("bank.com", "mailto:a@evil.net"),)), []),
    ],
)
def test_what_speaks_for_phishing(mail: ParsedEmail, found: list[str]) -> None:
    assert kinds(mail) == found


def test_the_worst_link_counts() -> None:
    mail = ParsedEmail(links=(link("", "http://a.example/"), link("", "http://b.example/")))
    scored = {"http://a.example/": 0.5, "http://b.example/": 4.0}
    added, reasons = weigh(mail, lambda urls: [scored[url] for url in urls])
    assert added > 0.5
    assert "b[.]example" in reasons[0].text


def test_what_is_added_is_bounded() -> None:
    mail = ParsedEmail(
        from_name="PayPal a@b.com",
        from_address="x@evil.net",
        reply_to="y@gmail.com",
        n_forms=3,
        n_hidden=50,
        attachments=(Attachment("a.exe", "", 1, ""),),
        links=(link("paypal.com", "http://evil.net/"),),
    )
    added, reasons = weigh(mail, lambda urls: [30.0] * len(urls))
    assert added == MAX_ADDED
    assert [r.weight for r in reasons] == sorted((r.weight for r in reasons), reverse=True)
    assert "http:" not in " ".join(reason.text for reason in reasons)


def test_links_of_a_short_text() -> None:
    assert weigh_text("see http://a.example/x", harmless) == (0, [])
    assert weigh_text("see http://a.example/x", lambda urls: [6.0])[0] > 1.0


@pytest.mark.parametrize(
    ("targets", "is_less"),
    [
        (["https://www.paypal.com/x"], True),
        (["https://www.paypal.com/x", "mailto:a@b.example"], True),
        (["https://www.paypal.com/x", "http://evil.example.net/"], False),
        (["https://docs.google.com/forms/d/e/x"], False),
        (["https://storage.googleapis.com/a/b.html"], False),
        (["https://paypal.pages.dev/"], False),
        (["https://www.paypal.com@evil.example.net/"], False),
        ([], False),
    ],
)
def test_links_that_all_lead_home_speak_against_it(targets: list[str], *, is_less: bool) -> None:
    mail = ParsedEmail(links=tuple(link("", target) for target in targets))
    assert (weigh(mail, harmless)[0] < 0) is is_less


def test_domains_of_addresses() -> None:
    assert domain_of("a@mail.firm.co.uk") == "firm.co.uk"
    assert domain_of("nobody") == ""
