"""The door to people: one message to one named channel, through Apprise, which nothing else imports.

An Apprise URL is executable input: it can name local files as templates, private addresses, redirects and retries.
So a schema has to be on a list, the URL is rebuilt from the fields it needs, every connection goes to an address that was
checked, text goes out as plain text, and no part of a URL comes back: not in logs, sentences, `repr` or errors.
"""

from radar.notify.channels import Channel, parse_channels
from radar.notify.heartbeat import Heartbeat

__all__ = ["Channel", "Heartbeat", "parse_channels"]
