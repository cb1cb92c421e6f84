"""HTTP and SMTP as an attempt allows them, and their place inside Apprise.

Apprise 2.2.0 answers True or False: the status, the headers and Retry-After are read inside a plugin and lost, and
Discord's plugin asks a second time on its own. Its plugins reach the network by two names alone, `requests` in a
plugin's module and `smtplib` in the mail controller's. Those names are replaced, in Apprise's modules and nowhere else, by
stand-ins that work for the current attempt: they keep the answer, connect where the attempt allows, and offer nothing else,
so a plugin that reaches for more fails instead of slipping past. Unlike a patch of requests itself, other threads and
the collector's own calls cannot notice.
"""

import io
import os
import smtplib
import ssl
from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import parse_url

from radar.models import Outcome
from radar.notify.outcomes import http_outcome, slack_outcome, smtp_outcome
from radar.notify.plain import plain_payload
from radar.notify.sending import Attempt, current

__all__ = ["install", "request"]

MAX_BYTES = 65_536  # of an answer; only its first words matter

# Hosts that Apprise's code names, not a person's URL: a proxy of the environment may look them up for us. Other hosts
# are asked directly, because nobody can check which address a proxy takes.
FIXED = frozenset({"api.telegram.org", "discord.com", "hooks.slack.com", "hooks.slack-gov.com", "slack.com", "ntfy.sh", "api.pushover.net"})


class _Direct:
    """A connection that the attempt opens, to an address it has checked."""

    _dns_host: str
    port: int
    trusted = False

    def _new_conn(self) -> Any:
        return current().connect(self._dns_host, self.port, trusted=self.trusted)


class _Http(_Direct, HTTPConnection):
    pass


class _Https(_Direct, HTTPSConnection):
    pass


class _ProxyHttp(_Http):
    trusted = True


class _ProxyHttps(_Https):
    trusted = True


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class _ProxyHttpPool(HTTPConnectionPool):
    ConnectionCls = _ProxyHttp


class _ProxyHttpsPool(HTTPSConnectionPool):
    ConnectionCls = _ProxyHttps


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        if not args[0].lower().startswith("socks"):
            manager.pool_classes_by_scheme = {"http": _ProxyHttpPool, "https": _ProxyHttpsPool}
        return manager


class Refused(requests.RequestException):
    """It was not accepted; the attempt knows why. Apprise takes it for a lost connection, and asks no second time."""


def _read(response: requests.Response) -> bytes:
    """The first MAX_BYTES of the body."""
    body = bytearray()
    for chunk in response.iter_content(8192):
        body += chunk
        if len(body) >= MAX_BYTES:
            break
    return bytes(body[:MAX_BYTES])


def _proxies(url: str) -> dict[str, str]:
    return get_environ_proxies(url) if parse_url(url).host in FIXED else {}


def _ask(attempt: Attempt, session: requests.Session, method: str, url: str, **kwargs: Any) -> requests.Response:
    try:
        proxies = _proxies(url)
        with session.request(
            method,
            url,
            **kwargs,
            proxies=proxies if select_proxy(url, proxies) else None,
            stream=True,
            timeout=attempt.socket_sec,
            allow_redirects=False,
            verify=os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True,
        ) as response:
            answer = requests.Response()  # without the request, which holds the address
            answer.status_code, answer.headers, answer.raw = response.status_code, response.headers, io.BytesIO(_read(response))
            return answer
    except (requests.exceptions.SSLError, ssl.SSLError):
        attempt.refuse(Outcome(ok=False, sentence=f"{attempt.whom} could not be reached: no secure connection came about."))
    except (requests.RequestException, OSError, ValueError):
        if attempt.refusal is None:
            attempt.refuse(Outcome(ok=False, sentence=f"{attempt.whom} could not be reached."))
    raise Refused("not sent") from None


def request(
    method: str,
    url: str,
    *,
    data: Any = None,
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    files: Any = None,
    **_: Any,
) -> requests.Response:
    """One request of the current attempt; the answer is a 2xx.

    What a plugin wants of timeouts, redirects and certificates does not count. Raises Refused, when the attempt knows why.
    """
    attempt = current()
    attempt.check()
    if files:
        raise Refused("no files")
    with requests.Session() as session:
        session.trust_env = False  # no .netrc: its passwords are not for channels
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(max_retries=0))
        sent = plain_payload(attempt.kind, data, attempt.title, attempt.body) if method.lower() != "get" else data
        unpacked = {**(headers or {}), "Accept-Encoding": "identity"}
        answer = _ask(attempt, session, method, url, data=sent, params=params, headers=unpacked, auth=auth)
    attempt.check()  # a connection that was cut looks like the end of an answer
    body = answer.content
    attempt.status = answer.status_code
    refusal = slack_outcome(body) if attempt.kind == "slack" and answer.status_code == 200 else None
    if not 200 <= answer.status_code < 300:
        refusal = http_outcome(answer.status_code, answer.headers, body, attempt.whom)
    if refusal is not None:
        attempt.refuse(refusal)
        raise Refused("refused")
    return answer


class _Requests:
    """All that a plugin of Apprise finds under the name `requests`."""

    codes = requests.codes
    RequestException = requests.RequestException
    request = staticmethod(request)

    @staticmethod
    def post(url: str, **kwargs: Any) -> requests.Response:
        return request("POST", url, **kwargs)


class _Mail:
    """A mail connection that the attempt opens; it keeps what was refused."""

    _host: str

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:  # noqa: ARG002 - the attempt has its own time
        return current().connect(host, port)

    def login(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().login(*args, **kwargs)  # type: ignore[misc]
        except smtplib.SMTPResponseException as error:
            current().refuse(smtp_outcome(error.smtp_code, login=True))
            raise

    def sendmail(self, *args: Any, **kwargs: Any) -> Any:
        current().check()
        try:
            return super().sendmail(*args, **kwargs)  # type: ignore[misc]
        except smtplib.SMTPRecipientsRefused as error:
            current().refuse(smtp_outcome(max(code for code, _ in error.recipients.values()), login=False))
            raise
        except smtplib.SMTPResponseException as error:
            current().refuse(smtp_outcome(error.smtp_code, login=False))
            raise


class _Smtp(_Mail, smtplib.SMTP):
    pass


class _SmtpTls(_Mail, smtplib.SMTP_SSL):
    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        return self.context.wrap_socket(super()._get_socket(host, port, timeout), server_hostname=self._host)


class _Smtplib:
    """All that Apprise's mail finds under the name `smtplib`."""

    SMTP = _Smtp
    SMTP_SSL = _SmtpTls
    SMTPException = smtplib.SMTPException


def install(plugins: tuple[Any, ...], mail: Any) -> None:
    """Put the stand-ins into Apprise's modules."""
    for module in plugins:
        module.requests = _Requests
    mail.smtplib = _Smtplib
