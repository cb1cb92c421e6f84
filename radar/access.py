"""Who may write: a request from this machine itself, or one that brings the password or a login (pages), or the token (REST)."""

import hmac
import ipaddress
from collections.abc import Mapping

from pydantic import SecretStr

from radar.settings import Settings

__all__ = ["bearer", "check_password", "is_editor", "is_foreign_host", "is_local", "may_write_api", "may_write_page"]

FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via", "cf-connecting-ip", "true-client-ip")
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


def _loopback(ip: str | None) -> bool:
    try:
        return ip is not None and ipaddress.ip_address(ip.strip("[]")).is_loopback
    except ValueError:
        return False


def _names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _loopback_name(host: str) -> bool:
    return (host.rsplit(":", 1)[0] if host.rsplit(":", 1)[-1].isdigit() else host) in LOCAL_NAMES


def is_local(remote_ip: str | None, headers: Mapping[str, str]) -> bool:
    """From loopback, through no proxy, and addressed to a loopback Host.

    Behind a proxy loopback is not private, and a page elsewhere can point a name at 127.0.0.1. Streamlit reports its
    own loopback visitors as None, so None counts as loopback.
    """
    names = _names(headers)
    passed_on = any(header in names for header in FORWARDING)
    return (remote_ip is None or _loopback(remote_ip)) and not passed_on and _loopback_name(names.get("host", "").lower())


def is_foreign_host(remote_ip: str | None, headers: Mapping[str, str]) -> bool:
    """From loopback, through no proxy, yet by a name that is not loopback's: a page elsewhere that pointed its name at 127.0.0.1."""
    names = _names(headers)
    passed_on = any(header in names for header in FORWARDING)
    return _loopback(remote_ip) and not passed_on and not _loopback_name(names.get("host", "").lower())


def _same(secret: SecretStr | None, given: str) -> bool:
    return secret is not None and hmac.compare_digest(secret.get_secret_value().encode(), given.encode())


def check_password(settings: Settings, text: str) -> bool:
    """Is it RADAR_PASSWORD? Never true when none is set."""
    return _same(settings.password, text)


def is_editor(settings: Settings, user: Mapping[str, object]) -> bool:
    """Did Streamlit's own login bring somebody whom RADAR_EDITORS names? A login alone is no right to write.

    An address that the identity provider says it has not verified is nobody's.
    """
    email = user.get("email")
    if user.get("is_logged_in") is not True or user.get("email_verified", True) not in (True, "true") or not isinstance(email, str):
        return False
    return email.strip().casefold() in {name.casefold() for name in settings.editors}


def may_write_page(
    settings: Settings, remote_ip: str | None, headers: Mapping[str, str], password_ok: bool = False, editor: bool = False
) -> tuple[bool, str]:
    """(allowed, what to do when not) for a visitor of a page.

    `password_ok`: the session gave the password; `editor`: it belongs to somebody of RADAR_EDITORS.
    """
    if password_ok or editor or is_local(remote_ip, headers):
        return True, ""
    if settings.password is None and not settings.editors:
        return False, "This radar is read-only from elsewhere: its owner can set RADAR_PASSWORD to allow changes with a password."
    if settings.password is None:
        return False, "Changes need the login of an editor."
    return False, "Changes need the password." if not settings.editors else "Changes need the password, or the login of an editor."


def bearer(headers: Mapping[str, str]) -> str | None:
    """The token that a request brings; None for none."""
    scheme, _, token = _names(headers).get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def may_write_api(settings: Settings, remote_ip: str | None, headers: Mapping[str, str]) -> tuple[bool, str]:
    """(allowed, what to do when not) for a REST request."""
    token = bearer(headers)
    if token is not None and _same(settings.api_token, token):
        return True, ""
    if remote_ip is not None and is_local(remote_ip, headers):
        return True, ""
    if settings.api_token is None:
        return False, "Writing is allowed from this machine only: its owner can set RADAR_API_TOKEN to allow it from elsewhere."
    return False, "Writing needs the token: Authorization: Bearer <RADAR_API_TOKEN>."
