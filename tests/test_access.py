"""Who may write, as a table: this machine itself, or whoever brings the password or the token."""

import pytest
from pydantic import SecretStr

from radar.access import FORWARDING, check_password, is_editor, is_foreign_host, is_local, may_write_api, may_write_page
from radar.settings import Settings

LOCAL = {"Host": "localhost:8501"}


def settings(tmp_path, **secrets):
    """Settings of a process with these secrets, whatever the environment says."""
    return Settings(_env_file=None, data_dir=tmp_path, **{"api_token": None, "password": None} | secrets)


@pytest.mark.parametrize(
    ("ip", "headers", "local"),
    [
        ("127.0.0.1", {"Host": "localhost:8501"}, True),
        ("127.0.0.1", {"host": "127.0.0.1"}, True),
        ("127.0.0.1", {"HOST": "LOCALHOST:1"}, True),
        ("127.8.9.1", {"Host": "127.0.0.1:8501"}, True),
        ("::1", {"Host": "[::1]:8501"}, True),
        ("::1", {"Host": "[::1]"}, True),
        ("[::1]", {"Host": "[::1]"}, True),
        (None, {"Host": "localhost:8501"}, True),
        ("127.0.0.1", {"Host": "evil.example"}, False),
        ("127.0.0.1", {"Host": "evil.example:8501"}, False),
        ("127.0.0.1", {"Host": "localhost.evil.example"}, False),
        ("127.0.0.1", {"Host": "evil.example:localhost"}, False),
        ("127.0.0.1", {"Host": "localhost:8501:1"}, False),
        ("127.0.0.1", {"Host": "localhost, evil.example"}, False),
        ("127.0.0.1", {"Host": "0.0.0.0:8501"}, False),
        ("127.0.0.1", {"Host": ""}, False),
        ("127.0.0.1", {}, False),
        (None, {}, False),
        (None, {"Host": "radar.example"}, False),
        ("192.168.1.7", {"Host": "localhost:8501"}, False),
        ("10.0.0.1", {"Host": "127.0.0.1"}, False),
        ("2001:db8::1", {"Host": "[::1]:8501"}, False),
        ("not an address", {"Host": "localhost"}, False),
        ("", {"Host": "localhost"}, False),
    ],
)
def test_only_loopback_with_a_loopback_host_is_local(ip, headers, local):
    """A visitor is local by its address and by the Host it asked for, both."""
    assert is_local(ip, headers) is local


@pytest.mark.parametrize("header", FORWARDING)
@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", None])
def test_behind_a_proxy_nobody_is_local(header, ip):
    """Any forwarding header means that loopback is only the proxy, however the header is written."""
    assert is_local(ip, LOCAL)

    assert not is_local(ip, LOCAL | {header: "127.0.0.1"})
    assert not is_local(ip, LOCAL | {header.upper(): ""})


@pytest.mark.parametrize(
    ("token", "ip", "headers", "allowed"),
    [
        (None, "127.0.0.1", LOCAL, True),
        (None, "192.168.1.7", LOCAL, False),
        (None, None, LOCAL, False),
        (None, "127.0.0.1", {"Host": "evil.example"}, False),
        (None, "192.168.1.7", LOCAL | {"Authorization": "Bearer "}, False),
        (None, "192.168.1.7", LOCAL | {"Authorization": "Bearer None"}, False),
        ("s3cret", "127.0.0.1", LOCAL, True),
        ("s3cret", "192.168.1.7", {"Host": "radar.example"}, False),
        ("s3cret", "192.168.1.7", {"Host": "radar.example", "Authorization": "Bearer s3cret"}, True),
        ("s3cret", None, {"Host": "radar.example", "Authorization": "Bearer s3cret"}, True),
        ("s3cret", "192.168.1.7", {"Host": "radar.example", "authorization": "bearer s3cret"}, True),
        ("s3cret", "127.0.0.1", {"Host": "radar.example", "X-Forwarded-For": "9.9.9.9", "Authorization": "Bearer s3cret"}, True),
        ("s3cret", "192.168.1.7", {"Authorization": "Bearer s3cre"}, False),
        ("s3cret", "192.168.1.7", {"Authorization": "Bearer S3CRET"}, False),
        ("s3cret", "192.168.1.7", {"Authorization": "s3cret"}, False),
        ("s3cret", "192.168.1.7", {"Authorization": "Basic s3cret"}, False),
        ("s3cret", "192.168.1.7", {"Authorization": "Bearer ✓"}, False),
        ("s3cret", "192.168.1.7", {"Authorization": ""}, False),
        ("s3cret", "192.168.1.7", {"X-Api-Token": "s3cret"}, False),
        ("pässwört", "192.168.1.7", {"Authorization": "Bearer pässwört"}, True),
    ],
)
def test_rest_writes_need_this_machine_or_the_token(tmp_path, token, ip, headers, allowed):
    """REST lets write from loopback itself, or with the exact token; a refusal says what to do and never the token."""
    secret = SecretStr(token) if token else None

    found, sentence = may_write_api(settings(tmp_path, api_token=secret), ip, headers)

    assert found is allowed
    assert bool(sentence) is not allowed
    assert allowed or "RADAR_API_TOKEN" in sentence
    assert "s3cret" not in sentence


@pytest.mark.parametrize(
    ("password", "ip", "headers", "given", "allowed", "says"),
    [
        (None, "127.0.0.1", LOCAL, False, True, ""),
        (None, None, LOCAL, False, True, ""),
        (None, "192.168.1.7", LOCAL, False, False, "RADAR_PASSWORD"),
        (None, None, LOCAL | {"X-Forwarded-For": "9.9.9.9"}, False, False, "RADAR_PASSWORD"),
        ("pw", "192.168.1.7", {"Host": "radar.example"}, False, False, "password"),
        ("pw", "192.168.1.7", {"Host": "radar.example"}, True, True, ""),
        ("pw", "127.0.0.1", {"Host": "radar.example"}, False, False, "password"),
    ],
)
def test_page_writes_need_this_machine_or_the_password(tmp_path, password, ip, headers, given, allowed, says):
    """Pages let write from loopback itself, or a session that gave the password; without one elsewhere is read-only."""
    secret = SecretStr(password) if password else None

    found, sentence = may_write_page(settings(tmp_path, password=secret), ip, headers, given)

    assert found is allowed
    assert says in sentence
    assert bool(sentence) is not allowed


@pytest.mark.parametrize(
    ("password", "given", "right"),
    [
        ("pw", "pw", True),
        ("pw", "PW", False),
        ("pw", "", False),
        ("pw", "pw ", False),
        ("pässwört", "pässwört", True),
        (None, "", False),
        (None, "None", False),
    ],
)
def test_the_password_is_compared_whole(tmp_path, password, given, right):
    """Only the exact password counts, and without one nothing does."""
    secret = SecretStr(password) if password else None

    assert check_password(settings(tmp_path, password=secret), given) is right


DESK = {"is_logged_in": True, "email": "desk@fund.example", "email_verified": True}


@pytest.mark.parametrize(
    ("editors", "user", "may"),
    [
        (("desk@fund.example",), DESK, True),
        (("Desk@Fund.example", "x@y.z"), DESK, True),
        (("desk@fund.example",), {"is_logged_in": True, "email": "DESK@fund.example"}, True),
        (("desk@fund.example",), DESK | {"email_verified": False}, False),
        (("desk@fund.example",), DESK | {"email_verified": "false"}, False),
        (("desk@fund.example",), DESK | {"is_logged_in": False}, False),
        (("desk@fund.example",), DESK | {"is_logged_in": "yes"}, False),
        (("desk@fund.example",), {"email": "desk@fund.example"}, False),
        (("desk@fund.example",), DESK | {"email": "other@fund.example"}, False),
        (("desk@fund.example",), DESK | {"email": None}, False),
        (("desk@fund.example",), {}, False),
        ((), DESK, False),
        ((), DESK | {"email": ""}, False),
    ],
)
def test_a_login_is_no_right_unless_the_settings_name_it(tmp_path, editors, user, may):
    """Only a verified address of somebody who is logged in, and whom RADAR_EDITORS names."""
    assert is_editor(settings(tmp_path, editors=editors), user) is may


@pytest.mark.fault("F61")
@pytest.mark.parametrize(
    ("ip", "headers", "foreign"),
    [
        ("127.0.0.1", {"Host": "evil.example"}, True),
        ("::1", {"Host": "evil.example:8501"}, True),
        ("127.0.0.1", {}, True),
        ("127.0.0.1", {"Host": "localhost:8501"}, False),
        ("127.0.0.1", {"Host": "radar.example", "X-Forwarded-For": "9.9.9.9"}, False),
        ("192.168.1.7", {"Host": "radar.example"}, False),
        (None, {"Host": "evil.example"}, False),
    ],
)
def test_a_name_that_was_pointed_at_this_machine_is_foreign(ip, headers, foreign):
    """Loopback, no proxy, and a name that is not loopback's: no visitor comes that way but one whom a page elsewhere sent."""
    assert is_foreign_host(ip, headers) is foreign
