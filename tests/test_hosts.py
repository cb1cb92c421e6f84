"""Who is ever contacted: the configured hosts, and nobody else."""

import json
from urllib.parse import urlsplit

import requests

from tests.serving import ROOT, Process, free_port, until
from tests.stand_in import own_exchange

SPY = '''
import json, os, sys

def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        where = arguments[1] if event != "socket.getaddrinfo" else arguments[:2]
        if isinstance(where, tuple):
            with open(os.environ["SPY_LOG"], "a") as log:
                log.write(json.dumps([str(where[0]), where[1] if isinstance(where[1], int) else str(where[1])]) + "\\n")

sys.addaudithook(note)
'''


def test_no_request_leaves_but_to_the_configured_hosts(tmp_path):
    """The whole process, pages included, connects to the exchange it was given, and looks up no other name."""
    (tmp_path / "sitecustomize.py").write_text(SPY)
    log, port = tmp_path / "contacts", free_port()
    with own_exchange() as exchange:
        env = exchange.settings(RADAR_DATA_DIR=tmp_path / "data", RADAR_WATCHLIST="ARBUSDT", PYTHONPATH=tmp_path, SPY_LOG=log)
        with Process(["-m", "streamlit", "run", ROOT / "app.py", "--server.port", port], cwd=ROOT, log=tmp_path / "log", **env) as app:
            base = f"http://127.0.0.1:{port}"
            until(lambda: requests.get(base + "/api/metrics/ARBUSDT", timeout=5).status_code == 200, 60)
            requests.get(base + "/symbol?symbol=ARBUSDT", timeout=5)
            app.end()
        contacts = {tuple(json.loads(line)) for line in log.read_text().splitlines()}
        asked = urlsplit(exchange.url)

    assert {host for host, _ in contacts} <= {"127.0.0.1", "localhost", "None", "0.0.0.0"}
    assert (asked.hostname, asked.port) in contacts
    assert {there for _, there in contacts if there not in (asked.port, str(asked.port))} <= {port, str(port), "None", 0}
