"""`python -m radar`: collect, export, snapshot."""

import argparse
import logging
import signal
import sys
from collections.abc import Sequence

from radar.errors import RadarError
from radar.runtime import open_collecting, open_radar, run_collector
from radar.settings import load_settings
from radar.symbols import clean_symbol

__all__ = ["main"]

MAX_HOURS = 24 * 30


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m radar", description="Short-Risk Radar without its pages.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("collect", help="collect until Ctrl-C, without pages")
    export = commands.add_parser("export", help="print the stored metrics of a symbol, minute by minute")
    export.add_argument("symbol")
    export.add_argument("--hours", type=float, default=48, help="how far back, at most 720 (default 48)")
    export.add_argument("--format", choices=("csv", "json"), default="csv")
    commands.add_parser("snapshot", help="print the present answer for a symbol as JSON").add_argument("symbol")
    return parser


def _collect() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = load_settings()
    radar = open_collecting(settings)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: radar.ask_to_stop())
    print(f"Collecting into {settings.data_dir.resolve()}; Ctrl-C stops.", file=sys.stderr)
    run_collector(radar)
    radar.close()
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. A known error is one line on stderr and exit code 2."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.command == "collect":
            return _collect()
        if asked.command == "export" and not 0 < asked.hours <= MAX_HOURS:
            print(f"--hours: between 0 and {MAX_HOURS}", file=sys.stderr)
            return 2
        radar = open_radar(load_settings())
        symbol = clean_symbol(asked.symbol)
        if asked.command == "export":
            sys.stdout.write(radar.export(symbol, asked.hours, asked.format))
        else:
            print(radar.snapshot(symbol).model_dump_json(indent=2))
        radar.close()
    except RadarError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
