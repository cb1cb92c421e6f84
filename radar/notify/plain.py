"""Messages as plain text that every service takes literally: no markup, no links in disguise, nobody pinged."""

import json
import re
from typing import Any

__all__ = ["clean", "plain_payload"]

TITLE_MAX = 200
LIMITS = {"discord": 1900, "pover": 1000}  # characters of a message; the services' own are 2,000 and 1,024
LIMIT = 3500
BYTES = {"ntfy": 3900, "ntfys": 3900}  # ntfy counts bytes, and makes a file of more than 4,096

DISCORD_MARKUP = re.compile(r"https?://[\w./:?&=%#~+-]+|([\\*_~`|<\[\]]|(?m:^[#>-]))")
ZERO_WIDTH = "\u200b"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _printable(text: str) -> str:
    """Without what does not print: control characters, and marks that turn or hide text."""
    return "".join(char if char == "\n" or char.isprintable() else " " for char in text.replace("\r\n", "\n")).strip()


def _escaped(text: str) -> str:
    """For Discord, which reads markup in every message; links stay whole."""
    return DISCORD_MARKUP.sub(lambda match: "\\" + match[1] if match[1] else match[0], text)


def clean(kind: str, title: str, body: str) -> tuple[str, str]:
    """Title and body without what does not print, cut to what the service takes; the body is never empty."""
    title, body = _cut(_printable(title).replace("\n", " "), TITLE_MAX), _printable(body)
    room = LIMITS.get(kind, LIMIT) - len(title) - 1
    if kind == "discord":
        while len(_escaped(f"{title}\n{_cut(body, room)}")) > LIMITS[kind]:
            room -= 50
    body = _cut(body, room)
    if kind in BYTES:
        body = body.encode()[: BYTES[kind] - len(title.encode())].decode(errors="ignore")
    return title, body or title or "…"


def _slack(payload: dict[str, Any], text: str) -> dict[str, Any]:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if "attachments" not in payload:  # a workflow: its own form shows the text
        return payload | {"text": escaped}
    kept = {key: payload[key] for key in ("channel", "thread_ts", "username") if key in payload}
    return kept | {"text": escaped, "mrkdwn": False, "parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}


def _teams(payload: dict[str, Any], title: str, body: str) -> dict[str, Any]:
    """A card whose text cannot hold a link in disguise or a mention; a line is a block, else lines run together."""
    inert = [line.replace("](", f"]{ZERO_WIDTH}(").replace("<", f"<{ZERO_WIDTH}") for line in (title, *body.split("\n"))]
    blocks: list[dict[str, Any]] = [{"type": "TextBlock", "text": line, "wrap": True, "spacing": "None"} for line in inert if line.strip()]
    if title:
        blocks[0] |= {"weight": "Bolder"}
    for attachment in payload["attachments"]:
        attachment["content"] |= {"body": blocks, "msteams": {"width": "full"}}
    return payload


def plain_payload(kind: str, data: Any, title: str, body: str) -> Any:
    """`data`, as Apprise would post it, with our text in place of its markup. Other services take text as it is."""
    if kind == "pover" and isinstance(data, dict):
        return {key: value for key, value in data.items() if key != "html"}
    if kind not in {"tgram", "discord", "slack", "workflows"} or not isinstance(data, str):
        return data
    payload = json.loads(data)
    text = f"{title}\n{body}" if title and title != body else body
    if kind == "tgram":
        del payload["parse_mode"]
        payload["text"] = text
    elif kind == "discord":
        kept = {key: payload[key] for key in ("username",) if key in payload}
        payload = kept | {"content": _escaped(text), "allowed_mentions": {"parse": []}, "flags": 4}  # 4: no previews of links
    elif kind == "slack":
        payload = _slack(payload, text)
    else:
        payload = _teams(payload, title, body)
    return json.dumps(payload)
