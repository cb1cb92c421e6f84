"""The dead man's switch: a monitor outside that notices when the radar stops calling."""

from pydantic import SecretStr
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from radar.models import Outcome
from radar.notify.sending import Attempt
from radar.notify.wires import request

__all__ = ["Heartbeat"]

TIMEOUT_SEC = 10.0


class Heartbeat:
    """An address that wants to be called while all is well; `repr` does not show it."""

    def __init__(self, url: SecretStr, *, allow_local: bool) -> None:
        self._url, self._allow_local = url, allow_local

    def beat(self, *, timeout_sec: float = TIMEOUT_SEC) -> Outcome:
        """One GET of about `timeout_sec` at most; redirects are not followed. Raises nothing."""
        url = self._url.get_secret_value()
        try:
            usable = url.lower().startswith(("http://", "https://")) and bool(parse_url(url).host)
        except LocationParseError:
            usable = False
        if not usable:
            return Outcome(ok=False, permanent=True, sentence="RADAR_HEARTBEAT_URL is not an address of http or https.")
        attempt = Attempt(allow_local=self._allow_local, seconds=timeout_sec, whom="The monitor")
        return attempt.run(lambda: bool(request("GET", url, headers={"User-Agent": "short-risk-radar"})))
