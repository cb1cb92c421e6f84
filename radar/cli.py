"""`python -m radar`: collect, export, snapshot, market, backtest, backup, restore."""

import argparse
import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from radar import logs
from radar.backtest_question import EVENT_NAMES, MAX_DAYS, MIN_DAYS, Question, asked, parse_variant
from radar.backtests import backtest, venue_for
from radar.backups import back_up, restore
from radar.clock import SystemClock
from radar.errors import BadRequest, RadarError
from radar.market_print import printed
from radar.report import Report
from radar.runtime import open_collecting, open_radar, run_collector
from radar.settings import load_settings
from radar.symbols import clean_symbol
from radar.ui.backtest_cards import terminal

__all__ = ["main"]

log = logging.getLogger("radar.cli")

MAX_HOURS = 24 * 30
MAX_ROWS = 1000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m radar", description="Short-Risk Radar without its pages.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("collect", help="collect until Ctrl-C, without pages")
    export = commands.add_parser("export", help="print the stored metrics of a symbol, minute by minute")
    export.add_argument("symbol")
    export.add_argument("--hours", type=float, default=48, help="how far back, at most 720 (default 48)")
    export.add_argument("--format", choices=("csv", "json"), default="csv")
    commands.add_parser("snapshot", help="print the present answer for a symbol as JSON").add_argument("symbol")
    market = commands.add_parser("market", help="print the market as a running radar scans it, the most dangerous first")
    market.add_argument("--top", type=int, default=20, help="how many symbols, 1 to 1000 (default 20)")
    market.add_argument(
        "--sort", default="danger", metavar="COLUMN",
        help="danger (default), window, or a numeric column such as funding_1h_pct; --sort=-delta_oi_1h_pct for descending",
    )  # fmt: skip
    test = commands.add_parser("backtest", help="how often the light and its rules were right: replay the past, see what followed")
    test.add_argument("symbols", nargs="+", metavar="SYMBOL")
    test.add_argument("--days", type=int, default=30, help=f"how far back, {MIN_DAYS} to {MAX_DAYS} (default 30); open interest: 30")
    test.add_argument("--event", choices=tuple(EVENT_NAMES), default="24h10", help="what counts as a squeeze: within 24 h up 10 %% (default), …")
    test.add_argument(
        "--set", dest="sets", action="append", nargs="+", metavar="NAME=VALUE", default=[],
        help="thresholds to try beside the defaults; give it once for every set",
    )  # fmt: skip
    test.add_argument("--format", choices=("table", "csv", "json"), default="table", help="table: to read (default); csv, json: --what")
    test.add_argument("--what", choices=("rows", "table", "alerts"), default="rows", help="csv, json: every row (default), the grades; csv: the alerts")
    test.add_argument("--out", type=Path, metavar="FILE", help="write there instead of printing")
    backup = commands.add_parser("backup", help="copy the databases into a folder, checked, with the moment in their names; the radar may run")
    backup.add_argument("folder", type=Path)
    backup.add_argument("--keep", type=int, default=14, metavar="N", help="how many of each database stay there (default 14)")
    backup.add_argument("--only", choices=("user", "market"), help="one of them: market can be rebuilt from the exchange, user cannot")
    commands.add_parser("restore", help="put a backup back; no radar may run, and the present file is set aside").add_argument("file", type=Path)
    return parser


def _told(share: float, said: str) -> None:
    """Progress, on the one line of a terminal."""
    if sys.stderr.isatty():
        print(f"\r{100 * share:3.0f} %  {said[:70]:<70}", end="\n" if share >= 1 else "", file=sys.stderr, flush=True)


class _Telling:
    """Progress where nobody watches a line change: a line a symbol and step."""

    def __init__(self) -> None:
        self.last = ""

    def __call__(self, share: float, said: str) -> None:
        """One step."""
        step = said.partition(":")[0]
        if step != self.last:
            self.last = step
            print(f"{100 * share:3.0f} %  {step}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _stop_on_interrupt() -> Iterator[threading.Event]:
    """Ctrl-C asks to stop; what was fetched is kept."""
    stop = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stop.set()) if threading.current_thread() is threading.main_thread() else None
    try:
        yield stop
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def _tested(question: Question) -> Report:
    """The report, from a process that does not collect."""
    settings, clock = load_settings(), SystemClock()
    radar = open_radar(settings)
    tell: Callable[[float, str], None] = _told if sys.stderr.isatty() else _Telling()
    try:
        with _stop_on_interrupt() as stop, venue_for(settings, radar.market, len(radar.watchlist()), clock) as venue:
            policies = {symbol: radar.alert_policy(symbol) for symbol in question.symbols}
            report = backtest(radar.market, venue, question, settings=settings, policies=policies, clock=clock, tell=tell, stop=stop)
    finally:
        radar.close()
    for symbol, why in report.errors.items():
        print(f"{symbol}: {why}", file=sys.stderr)
    return report


def _write(report: Report, stream: TextIO, fmt: str, what: str) -> None:
    if fmt == "table":
        stream.write(terminal(report))
    elif what == "alerts":
        stream.write(report.alerts_csv())
    elif what == "rows":
        report.rows_to(stream, fmt)
    else:
        stream.write(report.table_csv() if fmt == "csv" else report.table_json() + "\n")


def _backtest(given: argparse.Namespace) -> int:
    if given.what == "alerts" and given.format == "json":
        raise BadRequest("--what alerts: is CSV only; the JSON of --what table holds them too")
    variants = [parse_variant(" ".join(pairs)) for pairs in given.sets]
    report = _tested(asked(given.symbols, given.days, EVENT_NAMES[given.event], variants))
    if given.out is None:
        _write(report, sys.stdout, given.format, given.what)
        return 0
    try:
        with given.out.open("w", encoding="utf-8", newline="") as stream:
            _write(report, stream, given.format, given.what)
    except OSError as error:
        raise BadRequest(f"{given.out} cannot be written: {error.strerror or error}") from None
    print(f"Written to {given.out}.", file=sys.stderr)
    return 0


def _market(top: int, sort: str) -> int:
    """The ranked table, from the database of a running radar."""
    if not 1 <= top <= MAX_ROWS:
        raise BadRequest(f"--top: between 1 and {MAX_ROWS}")
    radar = open_radar(load_settings())
    try:
        sys.stdout.write(printed(radar.whole_market(), top, sort))
    finally:
        radar.close()
    return 0


def _backup(folder: Path, keep: int, only: str | None) -> int:
    names = (only,) if only else ("user", "market")
    for made in back_up(load_settings().data_dir, folder, SystemClock().now_ms(), keep=keep, names=names):
        print(f"{made.path} ({made.size / 1e6:.1f} MB, every page checked)")
    return 0


def _restore(file: Path) -> int:
    done = restore(load_settings().data_dir, file, SystemClock().now_ms())
    kept = f" What was there is kept as {done.aside.name}." if done.aside else ""
    print(f"{done.path} is {file} now.{kept}")
    return 0


def _collect() -> int:
    settings = load_settings()
    logs.setup(settings)
    radar = open_collecting(settings)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: radar.ask_to_stop())
    log.info("Collecting into %s; Ctrl-C stops.", settings.data_dir.resolve(), extra=logs.event("collect"))
    run_collector(radar)
    radar.close()
    log.info("the radar has stopped", extra=logs.event("stop"))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. A known error is one line on stderr and exit code 2."""
    asked_for = _parser().parse_args(arguments)
    try:
        if asked_for.command == "collect":
            return _collect()
        if asked_for.command == "backtest":
            return _backtest(asked_for)
        if asked_for.command == "backup":
            return _backup(asked_for.folder, asked_for.keep, asked_for.only)
        if asked_for.command == "restore":
            return _restore(asked_for.file)
        if asked_for.command == "market":
            return _market(asked_for.top, asked_for.sort)
        if asked_for.command == "export" and not 0 < asked_for.hours <= MAX_HOURS:
            print(f"--hours: between 0 and {MAX_HOURS}", file=sys.stderr)
            return 2
        radar = open_radar(load_settings())
        symbol = clean_symbol(asked_for.symbol)
        if asked_for.command == "export":
            sys.stdout.write(radar.export(symbol, asked_for.hours, asked_for.format))
        else:
            print(radar.snapshot(symbol).model_dump_json(indent=2))
        radar.close()
    except RadarError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
