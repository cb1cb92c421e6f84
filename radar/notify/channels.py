"""RADAR_CHANNELS: named Apprise URLs, read with suspicion, and what one can do with them."""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit

from apprise import AppriseAsset, NotifyFormat, NotifyType, PersistentStoreMode
from apprise.plugins import custom_json, discord, gotify, ntfy, pushover, slack, telegram, workflows

from radar.models import Outcome
from radar.notify.addresses import PRIVATE, NotFound, PrivateAddress, addresses, spelt_private
from radar.notify.plain import clean
from radar.notify.sending import Attempt
from radar.notify.silence import silence
from radar.notify.wires import install

with warnings.catch_warnings():  # its PGP, which is not used here, imports imghdr, which Python 3.11 deprecates
    warnings.simplefilter("ignore", DeprecationWarning)
    from apprise.plugins.email import base as email
    from apprise.plugins.email import smtp

__all__ = ["Channel", "parse_channels"]

RESOLVE_SEC = 5.0  # to look a host up while reading; one that nobody knows yet is looked up again at each send
NAME = re.compile(r"[a-z0-9_-]{1,32}")
HEADER = re.compile(r"X-[A-Za-z0-9-]{1,60}|Authorization", re.IGNORECASE)

ASSET = AppriseAsset(
    app_id="Short-Risk Radar",
    app_desc="Short-Risk Radar",
    async_mode=False,
    http_redirects=False,
    secure_logging=True,
    interpret_emojis=False,
    allow_templates=False,
    storage_mode=PersistentStoreMode.MEMORY,
)

install((custom_json, discord, gotify, ntfy, pushover, slack, telegram, workflows), smtp)


@dataclass(frozen=True)
class _Kind:
    """A schema: its plugin, the fields kept of a URL, what we set, the host a person names, and whom it writes to."""

    plugin: Any
    fields: str
    ours: Mapping[str, Any]
    host: Callable[[Any], str | None] | None = None
    recipients: Callable[[Any], int] = lambda _: 1


def _own(plugin: Any) -> str:
    return plugin.host


_JSON = _Kind(custom_json.NotifyJSON, "host port user password fullpath headers", {}, _own)
_GOTIFY = _Kind(gotify.NotifyGotify, "host port fullpath token priority", {}, _own)
_NTFY = _Kind(
    ntfy.NotifyNtfy,
    "host port user password targets mode auth token priority",
    {"include_image": False},
    lambda plugin: plugin.host if plugin.mode == ntfy.NtfyMode.PRIVATE else None,
    lambda plugin: len(plugin.topics),
)
_MAIL = _Kind(
    email.NotifyEmail,
    "host port user password smtp_host from_addr secure_mode targets",
    {},
    lambda plugin: plugin.smtp_host,
    lambda plugin: len(plugin.targets),
)
KINDS = {
    "tgram": _Kind(
        telegram.NotifyTelegram,
        "bot_token targets topic silent",
        {"detect_owner": False, "include_image": False},
        recipients=lambda plugin: len(plugin.targets),
    ),
    "discord": _Kind(discord.NotifyDiscord, "webhook_id webhook_token user thread", {"avatar": False}),
    "slack": _Kind(
        slack.NotifySlack,
        "access_token token_a token_b token_c targets mode workflow_path user",
        {"include_image": False, "include_footer": False, "use_blocks": False},
        recipients=lambda plugin: len(plugin.channels),
    ),
    "mailto": _MAIL,
    "mailtos": _MAIL,
    "ntfy": _NTFY,
    "ntfys": _NTFY,
    "gotify": _GOTIFY,
    "gotifys": _GOTIFY,
    "pover": _Kind(
        pushover.NotifyPushover, "user_key token targets priority sound", {}, None, lambda plugin: bool(plugin.devices) + len(plugin.groups)
    ),
    "workflows": _Kind(
        workflows.NotifyWorkflows,
        "host port workflow signature power_automate routing_id version",
        {"include_image": False},
        _own,
    ),
    "json": _JSON,
    "jsons": _JSON,
}


class _Unusable(Exception):
    """Why an entry cannot be used: the rest of a sentence that begins with the channel's name."""


class Channel:
    """A named way to reach people. What it holds is secret: it prints as its name and kind, and cannot be copied or stored."""

    __slots__ = ("_allow_local", "_plugin", "kind", "name")

    def __init__(self, name: str, kind: str, plugin: Any, *, allow_local: bool) -> None:
        self.name, self.kind, self._plugin, self._allow_local = name, kind, plugin, allow_local

    def __repr__(self) -> str:
        """Name and kind."""
        return f"Channel({self.name!r}, {self.kind!r})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise TypeError("a channel holds a secret and stays where it is")

    def send(self, title: str, body: str, *, timeout_sec: float = 15) -> Outcome:
        """Send once, as plain text cut to what the service takes; back after about `timeout_sec` seconds at most.

        Raises nothing. A channel that was slow may still have delivered: who sends again may double.
        """
        title, body = clean(self.kind, title, body)
        attempt = Attempt(allow_local=self._allow_local, seconds=timeout_sec, kind=self.kind, title=title, body=body)
        return attempt.run(
            lambda: self._plugin.notify(body=body, title=title, notify_type=NotifyType.INFO, body_format=NotifyFormat.TEXT, attach=None)
        )


def parse_channels(text: str, *, allow_local: bool) -> tuple[list[Channel], list[str]]:
    """Usable channels of `name=URL name=URL …`, and a sentence for each entry that cannot be used.

    Sentences name the channel or the entry's place, never any part of a URL. Raises nothing.
    """
    channels: dict[str, Channel] = {}
    problems = []
    for place, entry in enumerate(text.split(), start=1):
        name, _, url = entry.partition("=")
        if not NAME.fullmatch(name) or "://" not in url:  # what stands before "=" may be half a URL, so it is not named
            problems.append(f"Entry {place} of RADAR_CHANNELS is not name=URL with a name of a-z, 0-9, _ and -, at most 32 characters.")
        elif name in channels:
            problems.append(f"Channel {name} is named twice; the first one counts.")
        else:
            try:
                channels[name] = _channel(name, url, allow_local=allow_local)
            except _Unusable as why:
                problems.append(f"Channel {name} {why}.")
    return list(channels.values()), problems


def _channel(name: str, url: str, *, allow_local: bool) -> Channel:
    schema = url.partition("://")[0].lower()
    kind = KINDS.get(schema)
    if kind is None:
        raise _Unusable(f"has a schema that is not among {', '.join(KINDS)}")
    if kind.host and not allow_local and spelt_private(_spelt_host(url)):
        raise _Unusable(PRIVATE)
    plugin = _plugin(kind, url)
    many = kind.recipients(plugin)
    if not many:
        raise _Unusable("names nobody to write to")
    if many > 1:
        raise _Unusable("writes to several; give each a channel of its own, so that none is told twice")
    host = kind.host(plugin) if kind.host else None
    if host and not allow_local and _is_private(host):
        raise _Unusable(PRIVATE)
    return Channel(name, schema, plugin, allow_local=allow_local)


def _plugin(kind: _Kind, url: str) -> Any:
    """Apprise's object, rebuilt from the fields of a URL that are kept."""
    encrypted = False
    try:
        with silence():
            fields = kind.plugin.parse_url(url)
            encrypted = bool(fields.get("encryption_key") or fields.get("pgp_mode"))
            kept = {key: fields[key] for key in ("schema", "secure", *kind.fields.split()) if fields.get(key) is not None}
            if "headers" in kept:
                kept["headers"] = {key: value for key, value in kept["headers"].items() if HEADER.fullmatch(key)}
            plugin = kind.plugin(asset=ASSET, **kept, **kind.ours, store=False)
    except Exception:  # noqa: BLE001 - Apprise's errors quote the token
        plugin = None
    if encrypted:
        raise _Unusable("asks for encryption of the message, which the radar does not do")
    if plugin is None:
        raise _Unusable("cannot be read: a host, token, password or recipient is missing or misspelt")
    plugin.throttle = lambda *_, **__: None  # waiting is for who sends again, not inside one attempt
    return plugin


def _spelt_host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_private(host: str) -> bool:
    """Whether a host has an address that is not public; False when that takes too long or nobody knows it."""
    found: list[bool] = []

    def look() -> bool:
        try:
            addresses(host, 0, allow_local=False)
        except PrivateAddress:
            found.append(True)
        except NotFound:
            pass
        return True

    Attempt(allow_local=False, seconds=RESOLVE_SEC).run(look)
    return bool(found)
