"""Which addresses a message may be sent to: public ones, unless local ones are allowed."""

import contextlib
import ipaddress
import socket
from typing import Any

__all__ = ["PRIVATE", "NotFound", "PrivateAddress", "addresses", "is_public", "spelt_private"]

PRIVATE = "points into a private network; set RADAR_ALLOW_LOCAL_CHANNELS=1 to allow that"

NAT64 = ipaddress.ip_network("64:ff9b::/96")

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


class PrivateAddress(OSError):
    """The host has an address that is not public."""


class NotFound(OSError):
    """The host has no address."""


def _inside(ip: Ip) -> list[ipaddress.IPv4Address]:
    """IPv4 addresses that an IPv6 address leads to: mapped, 6to4, Teredo, NAT64, and the old ::a.b.c.d."""
    if isinstance(ip, ipaddress.IPv4Address):
        return []
    found = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in NAT64 or int(ip) < 2**32:
        found.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return [address for address in found if address is not None]


def is_public(address: str) -> bool:
    """Whether `address` (as the resolver spells it) is one machine on the public internet.

    >>> [is_public(address) for address in ("1.1.1.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::ffff:127.0.0.1", "224.0.0.1")]
    [True, False, False, False, False, False]
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    special = ip.is_multicast or ip.is_unspecified or ip.is_link_local or getattr(ip, "is_site_local", False) or (ip.is_reserved and ip not in NAT64)
    return ip.is_global and not special and all(is_public(str(inner)) for inner in _inside(ip))


def addresses(host: str, port: int, *, allow_local: bool) -> list[tuple[Any, ...]]:
    """(family, type, protocol, name, socket address) of `host`, all of which may be connected to.

    Raises NotFound, and PrivateAddress when any of them is not public and local ones are not allowed.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotFound("no address") from None
    if not allow_local and not all(is_public(str(entry[4][0])) for entry in found):
        raise PrivateAddress("a private address")
    return found


def spelt_private(host: str) -> bool:
    """Whether `host` is a number that is not a public address, however it is spelt; asks no resolver.

    >>> [spelt_private(host) for host in ("127.1", "0177.0.0.1", "2130706433", "0x7f000001", "[::1]", "8.8.8.8", "localhost")]
    [True, True, True, True, True, False, False]
    """
    host = host.strip("[]")
    with contextlib.suppress(OSError, UnicodeError):
        return not is_public(socket.inet_ntoa(socket.inet_aton(host)))
    return ":" in host and not is_public(host)
