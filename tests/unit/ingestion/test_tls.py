"""Certificates: what is wrong with them is said in words, before anyone connects."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from soc_copilot.domain.errors import SourceError
from soc_copilot.ingestion.tls import server_context, trouble_with_dates, validity

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("papers")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("one", "two"):
        issued = ca.issue_cert("localhost")
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        issued.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}-both.pem")
    old = ca.issue_cert("localhost", not_after=datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC))
    old.cert_chain_pems[0].write_to_path(folder / "old.pem")
    (folder / "text.pem").write_text("no certificate\n")
    return folder


def context(papers, certificate, key, client_ca=""):
    return server_context(*(str(papers / p) if p else "" for p in (certificate, key, client_ca)))


def test_a_certificate_and_its_key_make_a_server(papers):
    found = context(papers, "one.pem", "one.key")
    assert found.minimum_version == ssl.TLSVersion.TLSv1_2
    assert found.verify_mode == ssl.CERT_NONE
    assert found.num_tickets == 0
    assert context(papers, "one-both.pem", "").verify_mode == ssl.CERT_NONE
    assert context(papers, "one.pem", "one.key", "ca.pem").verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("certificate", "key", "client_ca", "words"),
    [
        ("", "", "", "needs a certificate. Give its path as tls_certificate"),
        ("gone.pem", "one.key", "", 'certificate "{}/gone.pem": No such file or directory. Give'),
        ("one.pem", "gone.key", "", 'key "{}/gone.key": No such file'),
        ("one.pem", "one.key", "gone.pem", 'client certificates file "{}/gone.pem": No such'),
        ("one.pem", "two.key", "", 'key "{}/two.key" does not belong to the certificate "{}/one'),
        ("text.pem", "one.key", "", '"{}/text.pem" (tls_certificate) holds no PEM certificate'),
        ("one.pem", "text.pem", "", '"{}/text.pem" (tls_key) holds no PEM key'),
        ("one.pem", "", "", '"{}/one.pem" (tls_key) holds no PEM key'),
        ("one.pem", "one.key", "text.pem", "(tls_client_ca) holds no PEM certificate"),
    ],
)
def test_what_is_wrong_is_named(papers, certificate, key, client_ca, words):
    with pytest.raises(SourceError) as caught:
        context(papers, certificate, key, client_ca)
    assert words.replace("{}", str(papers)) in str(caught.value)


def test_a_key_with_a_password_is_refused_without_asking_for_it(papers):
    key = serialization.load_pem_private_key((papers / "one.key").read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"word"),
    )
    (papers / "locked.key").write_bytes(locked)
    with pytest.raises(SourceError, match=r"locked.key\" has a password\. Give one without"):
        context(papers, "one.pem", "locked.key")


def test_a_certificate_that_is_damaged_is_refused(papers):
    text = (papers / "one.pem").read_text().replace("\nM", "\n*", 1)
    (papers / "damaged.pem").write_text(text)
    with pytest.raises(SourceError, match=r"damaged\.pem\" with the key .* cannot be used"):
        context(papers, "damaged.pem", "one.key")


def test_validity_is_what_others_read(papers):
    for name in ("one.pem", "old.pem", "ca.pem"):
        read = x509.load_pem_x509_certificate((papers / name).read_bytes())
        expected = (read.not_valid_before_utc, read.not_valid_after_utc)
        assert validity(str(papers / name)) == expected


def test_times_beyond_2049_are_read(papers):
    ca = trustme.CA()
    issued = ca.issue_cert("localhost", not_after=datetime(2077, 1, 2, 3, 4, 5, tzinfo=UTC))
    issued.cert_chain_pems[0].write_to_path(papers / "late.pem")
    assert validity(str(papers / "late.pem"))[1] == datetime(2077, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "content", [b"", b"text", b"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_has_no_validity(tmp_path, content):
    (tmp_path / "x.pem").write_bytes(content)
    assert validity(str(tmp_path / "x.pem")) is None
    assert trouble_with_dates(str(tmp_path / "x.pem"), NOW) == ""
    assert validity(str(tmp_path / "gone.pem")) is None


def test_dates_that_senders_dislike_are_told(papers):
    old, good = str(papers / "old.pem"), str(papers / "one.pem")
    assert "expired on 2020-02-03; senders that check it refuse" in trouble_with_dates(old, NOW)
    begins, ends = validity(good)
    assert trouble_with_dates(good, begins + timedelta(days=1)) == ""
    assert "is valid from" in trouble_with_dates(good, begins - timedelta(days=1))
    assert "expired" in trouble_with_dates(good, ends + timedelta(days=1))
