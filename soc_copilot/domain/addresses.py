"""Addresses that a listener can be given: an IP address of this machine and a port."""

import ipaddress
from typing import Final

from soc_copilot.domain.errors import SourceError

LOOPBACK: Final = "127.0.0.1"
_MAX_PORT = 65_535  # RFC 768 and RFC 9293: 16 bits


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of a listener's address.

    Args:
        text: "127.0.0.1:5514", "[::1]:5514", "localhost:5514", or a port alone, which
            means the loopback address.

    Returns:
        The host as an IP address without brackets, and the port, 1 to 65,535.

    Raises:
        SourceError: It is none of these.
    """
    host, colon, port_text = text.strip().rpartition(":")
    if not colon:
        host = LOOPBACK
    if not (port_text.isascii() and port_text.isdecimal() and len(port_text) <= 5):
        raise SourceError(
            f'"{text}" is no address to listen on. Give a port, or an IP address and a port, '
            "such as 127.0.0.1:5514 or [::1]:5514."
        )
    port = int(port_text)
    if not 1 <= port <= _MAX_PORT:
        raise SourceError(f'A port is a number from 1 to 65535; found "{port_text}" in "{text}".')
    return _host(host, text), port


def _host(host: str, text: str) -> str:
    if host == "localhost":
        return LOOPBACK
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        found = ipaddress.ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        raise SourceError(
            f'"{host}" in "{text}" is no IP address. Give one that this machine has, such as '
            "127.0.0.1 for this machine alone or 0.0.0.0 for every network."
        ) from None
    if bracketed != (found.version == 6):
        raise SourceError(
            f'"{text}" is no address to listen on: put an IPv6 address, and no other, in '
            "brackets, such as [::1]:5514."
        )
    return str(found)


def format_address(host: str, port: int) -> str:
    """The one way to write an address; IPv6 stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
