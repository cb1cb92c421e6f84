"""Who may write: a request from this machine itself, or one that brings the password (pages) or the token (REST)."""

import hmac
import ipaddress
from collections.abc import Mapping

from pydantic import SecretStr

from radar.settings import Settings

__all__ = ["check_password", "is_local", "may_write_api", "may_write_page"]

FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via", "cf-connecting-ip", "true-client-ip")
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


def _loopback(ip: str | None) -> bool:
    try:
        return ip is not None and ipaddress.ip_address(ip.strip("[]")).is_loopback
    except ValueError:
        return False


def is_local(remote_ip: str | None, headers: Mapping[str, str]) -> bool:
    """From loopback, through no proxy, and addressed to a loopback Host.

    Behind a proxy loopback is not private, and a page elsewhere can point a name at 127.0.0.1. Streamlit reports its
    own loopback visitors as None, so None counts as loopback.
    """
    names = {name.lower(): value for name, value in headers.items()}
    host = names.get("host", "").lower()
    name = host.rsplit(":", 1)[0] if host.rsplit(":", 1)[-1].isdigit() else host
    return (remote_ip is None or _loopback(remote_ip)) and not any(header in names for header in FORWARDING) and name in LOCAL_NAMES


def _same(secret: SecretStr | None, given: str) -> bool:
    return secret is not None and hmac.compare_digest(secret.get_secret_value().encode(), given.encode())


def check_password(settings: Settings, text: str) -> bool:
    """Is it RADAR_PASSWORD? Never true when none is set."""
    return _same(settings.password, text)


def may_write_page(settings: Settings, remote_ip: str | None, headers: Mapping[str, str], password_ok: bool = False) -> tuple[bool, str]:
    """(allowed, what to do when not) for a visitor of a page; `password_ok`: the session gave the password."""
    if password_ok or is_local(remote_ip, headers):
        return True, ""
    if settings.password is None:
        return False, "This radar is read-only from elsewhere: its owner can set RADAR_PASSWORD to allow changes with a password."
    return False, "Changes need the password."


def may_write_api(settings: Settings, remote_ip: str | None, headers: Mapping[str, str]) -> tuple[bool, str]:
    """(allowed, what to do when not) for a REST request."""
    names = {name.lower(): value for name, value in headers.items()}
    scheme, _, token = names.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and _same(settings.api_token, token.strip()):
        return True, ""
    if remote_ip is not None and is_local(remote_ip, headers):
        return True, ""
    if settings.api_token is None:
        return False, "Writing is allowed from this machine only: its owner can set RADAR_API_TOKEN to allow it from elsewhere."
    return False, "Writing needs the token: Authorization: Bearer <RADAR_API_TOKEN>."
