"""Certificates for the TLS listener: loaded, checked, and what is wrong with them in words."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from soc_copilot.domain.errors import SourceError

_SEQUENCE, _VERSION, _UTC_TIME = 0x30, 0xA0, 0x17
_FIELDS_BEFORE_VALIDITY: Final = 3  # serial number, signature algorithm, issuer


def server_context(certificate: str, key: str, client_ca: str = "") -> ssl.SSLContext:
    """A server's side of TLS 1.2 or newer.

    Args:
        certificate: Path of the certificate chain, PEM.
        key: Path of its key, PEM, without a password; the same file may hold both.
        client_ca: Path of the certificates that senders' ones must be signed by, PEM;
            empty asks senders for none.

    Raises:
        SourceError: A file is missing, cannot be read, is something else, or does not fit.
    """
    if not certificate:
        raise SourceError(
            "A TLS listener needs a certificate. Give its path as tls_certificate and its key's "
            "as tls_key, both PEM."
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Senders never read. A session ticket that waits in their socket hides from them that
    # we closed, and turns their own close into a reset that takes messages with it.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    _read("certificate", certificate)
    _read("key", key or certificate)
    try:
        context.load_cert_chain(certificate, key or None, password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        raise SourceError(_mismatch(error, certificate, key or certificate)) from error
    if client_ca:
        _read("client certificates file", client_ca)
        try:
            context.load_verify_locations(client_ca)
        except ssl.SSLError as error:
            raise SourceError(
                f'The file "{client_ca}" (tls_client_ca) holds no PEM certificate.'
            ) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _read(what: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SourceError(
            f'Cannot read the {what} "{path}": {error.strerror or error}. '
            "Give the path of a PEM file that this user may read."
        ) from error


def _mismatch(error: Exception, certificate: str, key: str) -> str:
    if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
        return (
            f'The key "{key}" does not belong to the certificate "{certificate}". '
            "Give the key that the certificate was made for."
        )
    key_text, text = _read("key", key), _read("certificate", certificate)
    if b"ENCRYPTED" in key_text:
        return (
            f'The key "{key}" has a password. Give one without, readable by this user alone: '
            "openssl pkey -in key.pem -out plain.pem"
        )
    if b"-----BEGIN CERTIFICATE-----" not in text:
        return f'The file "{certificate}" (tls_certificate) holds no PEM certificate.'
    if b"PRIVATE KEY-----" not in key_text:
        return f'The file "{key}" (tls_key) holds no PEM key.'
    reason = getattr(error, "reason", "") or error
    return f'The certificate "{certificate}" with the key "{key}" cannot be used: {reason}.'


def validity(certificate: str) -> tuple[datetime, datetime] | None:
    """From when to when a PEM file's first certificate is valid; None if that is unreadable.

    Source:
        RFC 5280, section 4.1.
    """
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    try:
        text = Path(certificate).read_text("ascii", "replace")
        first = text[text.index(begin) : text.index(end) + len(end)]
        der = ssl.PEM_cert_to_DER_cert(first)
        _, body = _element(der)
        _, rest = _element(body)
        if rest[0] == _VERSION:
            rest = _after(rest)
        for _ in range(_FIELDS_BEFORE_VALIDITY):
            rest = _after(rest)
        tag, dates = _element(rest)
        return (_time(dates), _time(_after(dates))) if tag == _SEQUENCE else None
    except (OSError, ValueError, IndexError):
        return None


def trouble_with_dates(certificate: str, now: datetime) -> str:
    """What senders that check dates will dislike, as a sentence; empty when all is well."""
    found = validity(certificate)
    if found is None:
        return ""
    begins, ends = found
    if now > ends:
        return (
            f'The certificate "{certificate}" expired on {ends:%Y-%m-%d}; senders that check it '
            "refuse to connect. Renew it, then stop and start ingestion."
        )
    if now < begins:
        return (
            f'The certificate "{certificate}" is valid from {begins:%Y-%m-%d} on; senders that '
            "check it refuse to connect. Look at this machine's clock."
        )
    return ""


def _header(der: bytes) -> tuple[int, int]:
    """Where the first element's content begins and ends."""
    n = der[1]
    if n < 0x80:
        return 2, 2 + n
    begin = 2 + (n & 0x7F)
    return begin, begin + int.from_bytes(der[2:begin], "big")


def _element(der: bytes) -> tuple[int, bytes]:
    begin, end = _header(der)
    return der[0], der[begin:end]


def _after(der: bytes) -> bytes:
    return der[_header(der)[1] :]


def _time(der: bytes) -> datetime:
    tag, content = _element(der)
    text = content.decode("ascii")
    if tag == _UTC_TIME:  # years 1950 to 2049
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
