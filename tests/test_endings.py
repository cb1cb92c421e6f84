"""How processes end: killed at any moment, asked to stop in the middle of a write, and with nobody who reads their log."""

import signal
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from radar.store import MarketStore, UserStore
from tests.serving import ROOT, Rest, environment, free_port, until
from trials.kill_loop import run
from trials.killing import TOKEN, Person


@pytest.mark.fault("F39")
def test_three_kills_lose_nothing(tmp_path):
    """Killed under load three times: what was confirmed, decided and stored is there, every message arrives, and what comes twice says so."""
    told = run(3, 7, tmp_path, lives=(2.5, 4.0), shares=(0.0, 0.0), tell=lambda _: None)

    assert told.broken == []
    assert told.acknowledged > 20
    assert told.messages >= 1
    assert told.bars > 1000


@pytest.mark.fault("F66")
def test_a_stop_in_the_middle_of_writes_is_clean_and_a_lost_log_stops_nothing(tmp_path):
    """The reader of its log dies: it serves on. SIGTERM while things are entered: over within 5 s, lease given back, nothing confirmed is lost."""
    port = free_port()
    settings = {"RADAR_DATA_DIR": tmp_path, "RADAR_BINANCE_FUTURES_HOSTS": "http://127.0.0.1:9", "RADAR_BINANCE_SPOT_HOSTS": "", "RADAR_SCAN": "off"}
    arguments = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    env = environment(**settings, RADAR_WATCHLIST="BTCUSDT,ETHUSDT", RADAR_API_TOKEN=TOKEN)
    with subprocess.Popen(arguments, cwd=ROOT, env=env, start_new_session=True, **pipes) as process, closing(Rest(f"http://127.0.0.1:{port}/api")) as rest:
        try:
            until(lambda: rest.get("/symbols").status_code == 200, 40)
            process.stdout.close()
            person = Person(3, ("BTCUSDT", "ETHUSDT"), ("ARBUSDT",))
            worker = threading.Thread(target=person.work, args=[rest.base])
            worker.start()
            until(lambda: person.acknowledged > 20, 20)
            served = rest.get("/symbols").status_code
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(10)
            took = time.monotonic() - began
        finally:
            process.kill()
        worker.join(10)
    left = sorted(path.name for path in tmp_path.glob("*.sqlite3*"))
    with closing(MarketStore(tmp_path)) as market, closing(UserStore(tmp_path)) as user:
        lease, watched = market.lease(), [w.symbol for w in user.watchlist()]

    assert served == 200
    assert took < 5
    assert left == ["market.sqlite3", "user.sqlite3"]
    assert lease is None
    assert watched in [known.watchlist for known in (person.known, person.maybe) if known]
    assert person.refused == []
