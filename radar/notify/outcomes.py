"""What an answer means: whether to ask again, when, and what to tell people. Never an address or a token."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from radar.models import Outcome

__all__ = ["http_outcome", "slack_outcome", "smtp_outcome"]

LONGEST_SEC = 3600.0  # no endpoint may silence its channel for longer

HTTP = {
    400: "the message or its recipient is not accepted",
    401: "the token or password is not accepted",
    403: "writing there is not allowed",
    404: "nothing is there, or the token is wrong",
    405: "it takes no messages",
    410: "it is gone",
}

LATER = {408, 425, 429}
SLACK_LATER = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
SLACK = frozenset(
    {
        "account_inactive", "channel_not_found", "invalid_auth", "is_archived", "missing_scope", "no_permission", "not_authed",
        "not_in_channel", "restricted_action", "token_expired", "token_revoked",
    }
)  # fmt: skip


def _wait(value: object) -> float | None:
    """Seconds in a number, or until a date of HTTP."""
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        try:
            seconds = (parsedate_to_datetime(str(value)).astimezone(UTC) - datetime.now(UTC)).total_seconds()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), LONGEST_SEC) if math.isfinite(seconds) else None


def _retry_after(headers: Mapping[str, str], body: bytes) -> float | None:
    """When to ask again, in seconds: Discord's `retry_after`, Telegram's `parameters.retry_after`, else the header."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        inner = answer.get("parameters")
        for said in (answer.get("retry_after"), inner.get("retry_after") if isinstance(inner, dict) else None):
            if isinstance(said, int | float) and (wait := _wait(said)) is not None:
                return wait
    return _wait(headers["Retry-After"]) if "Retry-After" in headers else None


def http_outcome(status: int, headers: Mapping[str, str], body: bytes, whom: str) -> Outcome:
    """What a refusing HTTP answer means; `whom` begins the sentence. Only what may pass by itself is worth another attempt."""
    again = status in LATER or status >= 500
    wait = _retry_after(headers, body) if again else None
    if 300 <= status < 400:
        why = "a redirect, which is not followed"
    elif status == 429:
        why = "too many messages" if wait is None else f"too many messages; again in {math.ceil(wait)} s"
    elif status >= 500:
        why = "it has a fault of its own"
    else:
        why = HTTP.get(status, "not accepted")
    return Outcome(ok=False, permanent=not again, retry_after_sec=wait, sentence=f"{whom} answered HTTP {status}: {why}.")


def slack_outcome(body: bytes) -> Outcome | None:
    """Slack's API answers HTTP 200 to a bot and says in the body that it refused; None when it did not."""
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    if not isinstance(answer, dict) or answer.get("ok") is not False:
        return None
    said = str(answer.get("error"))
    known = said in SLACK | SLACK_LATER
    return Outcome(ok=False, permanent=said not in SLACK_LATER, sentence=f"Slack refused (HTTP 200): {said if known else 'it did not say why'}.")


def smtp_outcome(code: int, *, login: bool) -> Outcome:
    """What a refusing answer of a mail server means; `login`: to the password."""
    if login:
        return Outcome(ok=False, permanent=code >= 500, sentence=f"The mail server answered {code}: the user or password is not accepted.")
    gone = code in {530, 550, 551, 553}
    why = "it wants a password" if code == 530 else "the sender or recipient is not accepted" if gone else "the mail is not accepted"
    return Outcome(ok=False, permanent=code >= 500, sentence=f"The mail server answered {code}: {why}.")
