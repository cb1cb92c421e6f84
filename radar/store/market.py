"""market.sqlite3: bars, hours, settlements, the latest observations, listings. It can all be fetched again."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database, Migrations

from radar.errors import StoreError
from radar.models import Contract, Observation, Progress, Settlement, SpotPair
from radar.store import aging, scanned, stood
from radar.store.base import Damaged, SqliteFile
from radar.store.codec import BAR_FIELDS, decode, encode
from radar.store.scanned import ScanStore
from radar.store.stood import Stood

__all__ = ["HOUR_COLUMNS", "MarketStore"]

HOUR_COLUMNS = ("mark", "basis_twap15_pct", "perp_dominance_binance_pct", "oi_qty", "depth_ratio", "srs")
ADDED_LATER = {"spot_vol24_binance_usdt"}  # columns of bars that a migration of their own brought
WRITTEN = (*BAR_FIELDS, *stood.COLUMNS)
NEVER = 2**62
schema = Migrations("market")


@schema()
def minute_bars(db: Database) -> None:
    """Bars and who they belong to."""
    db.execute("CREATE TABLE symbols (id INTEGER PRIMARY KEY, symbol TEXT NOT NULL UNIQUE)")
    columns = ", ".join(f'"{name}" {"REAL" if scale is None else "INTEGER"}' for name, (scale, _) in BAR_FIELDS.items() if name not in ADDED_LATER)
    db.execute(f"CREATE TABLE bars (sym INTEGER NOT NULL, minute INTEGER NOT NULL, {columns}, PRIMARY KEY (sym, minute)) WITHOUT ROWID")


@schema()
def hourly(db: Database) -> None:
    """Values at full hours (the SRS history), and the archive of minutes that are past the retention."""
    columns = ", ".join(f'"{name}" REAL' for name in HOUR_COLUMNS)
    db.execute(f"CREATE TABLE hours (sym INTEGER NOT NULL, hour INTEGER NOT NULL, {columns}, PRIMARY KEY (sym, hour)) WITHOUT ROWID")
    db.execute(
        "CREATE TABLE archive (sym INTEGER NOT NULL, hour INTEGER NOT NULL, mark REAL, mark_high REAL, mark_low REAL, basis_mean_pct REAL,"
        " funding_1h_pct REAL, oi_qty REAL, perp_vol24_usdt REAL, spot_vol24_usdt REAL, imbalance_min REAL, imbalance_max REAL,"
        " perp_depth_usdt REAL, spot_depth_usdt REAL, srs REAL, light INTEGER, minutes INTEGER, PRIMARY KEY (sym, hour)) WITHOUT ROWID"
    )


@schema()
def settled_funding(db: Database) -> None:
    """Settlements as the exchange lists them, % per interval."""
    db.execute("CREATE TABLE settlements (sym INTEGER NOT NULL, ts_ms INTEGER NOT NULL, rate_pct REAL NOT NULL, PRIMARY KEY (sym, ts_ms)) WITHOUT ROWID")


@schema()
def latest(db: Database) -> None:
    """One observation a symbol, backfill progress, listings, and small facts."""
    db.execute("CREATE TABLE observations (symbol TEXT PRIMARY KEY, ts_ms INTEGER NOT NULL, body TEXT NOT NULL)")
    db.execute("CREATE TABLE progress (symbol TEXT PRIMARY KEY, done INTEGER NOT NULL, total INTEGER NOT NULL, stage TEXT NOT NULL)")
    db.execute("CREATE TABLE contracts (symbol TEXT PRIMARY KEY, body TEXT NOT NULL)")
    db.execute("CREATE TABLE spot_pairs (symbol TEXT PRIMARY KEY, body TEXT NOT NULL)")
    db.execute("CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
    db.execute("CREATE TABLE lease (name TEXT PRIMARY KEY, holder TEXT NOT NULL, expires_ms INTEGER NOT NULL)")


@schema()
def spot_of_binance_alone(db: Database) -> None:
    """Until now Binance was the only spot venue: its turnover is the sum that was stored."""
    db.execute('ALTER TABLE bars ADD COLUMN "spot_vol24_binance_usdt" INTEGER')
    db.execute("UPDATE bars SET spot_vol24_binance_usdt = spot_vol24_usdt WHERE spot_vol24_usdt > 0")


@schema()
def what_lights_stood_on(db: Database) -> None:
    """A minute can be judged again: qualities and claims, odd values, and thresholds. Older minutes do not tell theirs."""
    stood.create(db)


@schema()
def the_whole_market(db: Database) -> None:
    """What the scan knows of symbols that nobody watches."""
    scanned.create(db)


class MarketStore:
    """The market file. A damaged file is set aside and rebuilt; `notice` then says so."""

    def __init__(self, folder: Path) -> None:
        self.notice = ""
        path = folder / "market.sqlite3"
        try:
            self.file = SqliteFile(path, schema, durable=False)
        except Damaged:
            aside = set_aside(path)
            self.file = SqliteFile(path, schema, durable=False)
            self.notice = _rebuilt(aside)
        self._ids: dict[str, int] = {}
        self.stood = Stood(self.file, self._id)
        self.scan = ScanStore(self.file)

    def mend(self, *, mine: bool) -> bool:
        """Set a file that turned out to be damaged aside and begin a new one, if that is up to this process (`mine`).

        Goes over to the new file of another process that did. True: the file is another one now. Raises StoreError.
        """
        if not self.file.moved and not (mine and self.file.damage):
            return False
        self._ids = {}
        if self.file.follow(mine=mine):
            return True
        if not mine:
            return False  # somebody is about to put one there
        aside = set_aside(self.file.path)
        self.file.reopen()
        self.notice = _rebuilt(aside)
        return True

    def _id(self, symbol: str, *, create: bool = False) -> int | None:
        if create:
            return self._idents([symbol])[0]
        if symbol not in self._ids:
            self._learn([symbol])
        return self._ids.get(symbol)

    def _idents(self, symbols: Sequence[str]) -> list[int]:
        """The numbers of these symbols; new ones get one."""
        if not self._ids.keys() >= set(symbols):
            self._learn(symbols)
        if new := sorted({symbol for symbol in symbols if symbol not in self._ids}):
            with self.file.writing() as conn:
                conn.executemany("INSERT INTO symbols (symbol) VALUES (?) ON CONFLICT DO NOTHING", [(symbol,) for symbol in new])
            self._learn(new)
        return [self._ids[symbol] for symbol in symbols]

    def _learn(self, symbols: Iterable[str]) -> None:
        with self.file.reading() as conn:
            self._ids |= conn.execute("SELECT symbol, id FROM symbols WHERE symbol IN (SELECT value FROM json_each(?))", [json.dumps(list(symbols))]).fetchall()

    # ── bars ──
    def write_bars(self, rows: Iterable[tuple[str, int, Mapping[str, float | None]]], *, keep: bool = False) -> None:
        """Store (symbol, minute, columns). Unknown columns leave what is there; with `keep` known ones do, too."""
        listed = list(rows)
        bars = np.array([[*map(values.get, WRITTEN)] for _, _, values in listed], dtype=float).reshape(len(listed), len(WRITTEN))
        self._write([symbol for symbol, _, _ in listed], [minute for _, minute, _ in listed], bars, keep=keep)

    def write_columns(self, minute: int, symbols: Sequence[str], columns: Mapping[str, np.ndarray]) -> None:
        """Store one minute of many symbols, a float array a column, NaN where unknown: the rows that `write_bars` makes of the same values."""
        bars = np.full((len(symbols), len(WRITTEN)), np.nan)
        for place, name in enumerate(WRITTEN):
            if name in columns:
                bars[:, place] = columns[name]
        self._write(symbols, [minute] * len(symbols), bars)

    def _write(self, symbols: Sequence[str], minutes: Sequence[int], bars: np.ndarray, *, keep: bool = False) -> None:
        idents = self._idents(symbols)
        coded = np.column_stack([idents, minutes, encode(bars[:, : len(BAR_FIELDS)])])
        with self.file.writing() as conn:
            conn.executemany(MERGE[keep], coded.tolist())
            self.stood.write(conn, idents, minutes, bars[:, len(BAR_FIELDS) :])

    def bars(self, symbol: str, first_minute: int, last_minute: int) -> pd.DataFrame:
        """Bars of [first_minute, last_minute] as they were stored, indexed by minute, ascending, gaps left out."""
        ident = self._id(symbol)
        names = ", ".join(f'"{name}"' for name in BAR_FIELDS)
        rows: list[Any] = []
        if ident is not None:
            with self.file.reading() as conn:
                cursor = conn.cursor()
                cursor.row_factory = None  # thousands of rows: plain tuples
                rows = cursor.execute(
                    f"SELECT minute, {names} FROM bars WHERE sym = ? AND minute BETWEEN ? AND ? ORDER BY minute", [ident, first_minute, last_minute]
                ).fetchall()
        found = decode([row[1:] for row in rows], pd.Index([row[0] for row in rows], dtype="int64", name="minute"))
        return self.stood.read(ident, found)

    def minutes_with(self, symbol: str, column: str, first_minute: int, last_minute: int, *, step: int = 1) -> np.ndarray:
        """Slots of `step` minutes in [first_minute, last_minute] in which `column` is known somewhere, ascending."""
        if column not in BAR_FIELDS:
            raise KeyError(column)
        with self.file.reading() as conn:
            rows = conn.execute(
                f'SELECT DISTINCT minute / :step * :step FROM bars WHERE sym = :sym AND minute BETWEEN :first AND :last AND "{column}" IS NOT NULL',
                {"step": step, "sym": self._id(symbol), "first": first_minute, "last": last_minute},
            ).fetchall()
        return np.sort(np.array([row[0] for row in rows], dtype=np.int64))

    # ── hours and settlements ──
    def write_hours(self, symbol: str, hours: pd.DataFrame) -> None:
        """Store values at full hours (index: hours since the epoch); what is already known stays."""
        ident = self._id(symbol, create=True)
        names = [name for name in HOUR_COLUMNS if name in hours]
        listed = ", ".join(f'"{name}"' for name in names)
        merge = ", ".join(f'"{name}" = coalesce(hours."{name}", excluded."{name}")' for name in names)
        rows = [
            (ident, int(hour), *(None if np.isnan(v) else float(v) for v in values))
            for hour, values in zip(hours.index, hours[names].to_numpy(), strict=True)
        ]
        with self.file.writing() as conn:
            conn.executemany(
                f"INSERT INTO hours (sym, hour, {listed}) VALUES (?, ?{', ?' * len(names)}) ON CONFLICT (sym, hour) DO UPDATE SET {merge}", rows
            )

    def hours(self, symbol: str, first_hour: int, last_hour: int) -> pd.DataFrame:
        """HOUR_COLUMNS on the complete hourly grid of [first_hour, last_hour], NaN where unknown."""
        grid = pd.RangeIndex(first_hour, last_hour + 1, name="hour")
        with self.file.reading() as conn:
            rows = conn.execute(
                f"SELECT hour, {', '.join(HOUR_COLUMNS)} FROM hours WHERE sym = ? AND hour BETWEEN ? AND ?", [self._id(symbol), first_hour, last_hour]
            ).fetchall()
        block = np.array([tuple(row)[1:] for row in rows], dtype=float).reshape(len(rows), len(HOUR_COLUMNS))
        return pd.DataFrame(block, columns=list(HOUR_COLUMNS), index=[row["hour"] for row in rows]).reindex(grid)

    def write_settlements(self, symbol: str, settlements: Sequence[Settlement]) -> None:
        """Store settled payments."""
        ident = self._id(symbol, create=True)
        with self.file.writing() as conn:
            conn.executemany("INSERT INTO settlements VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [(ident, s.ts_ms, s.rate_pct) for s in settlements])

    def settlements(self, symbol: str, since_ms: int) -> list[Settlement]:
        """Settled payments from `since_ms` on, ascending."""
        with self.file.reading() as conn:
            rows = conn.execute("SELECT ts_ms, rate_pct FROM settlements WHERE sym = ? AND ts_ms >= ? ORDER BY ts_ms", [self._id(symbol), since_ms]).fetchall()
        return [Settlement(ts_ms=row["ts_ms"], rate_pct=row["rate_pct"]) for row in rows]

    # ── latest ──
    def write_observations(self, observations: Sequence[Observation], *, until_ms: int = NEVER) -> None:
        """Keep the newest observation of each symbol; an older one never replaces a newer one.

        But one stamped after `until_ms`: it is of a clock that ran ahead, and would stand until that moment comes.
        """
        with self.file.writing() as conn:
            conn.executemany(
                "INSERT INTO observations VALUES (?, ?, ?) ON CONFLICT (symbol) DO UPDATE SET ts_ms = excluded.ts_ms, body = excluded.body"
                " WHERE excluded.ts_ms >= observations.ts_ms OR observations.ts_ms > ?",
                [(o.symbol, o.ts_ms, o.model_dump_json(), until_ms) for o in observations],
            )

    def observations(self) -> dict[str, tuple[int, str]]:
        """Symbol -> (when, JSON of the newest observation)."""
        with self.file.reading() as conn:
            return {row["symbol"]: (row["ts_ms"], row["body"]) for row in conn.execute("SELECT * FROM observations")}

    def drop_observation(self, symbol: str) -> None:
        """The symbol left the watchlist: its bars stay until they are too old, its light does not."""
        with self.file.writing() as conn:
            conn.execute("DELETE FROM observations WHERE symbol = ?", [symbol])
            conn.execute("DELETE FROM progress WHERE symbol = ?", [symbol])

    def write_progress(self, progress: Progress) -> None:
        """How far a backfill is."""
        with self.file.writing() as conn:
            conn.execute("INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?)", [progress.symbol, progress.done, progress.total, progress.stage])

    def progress(self, symbol: str) -> Progress | None:
        """How far the backfill of the symbol is; None when nothing was begun."""
        with self.file.reading() as conn:
            row = conn.execute("SELECT * FROM progress WHERE symbol = ?", [symbol]).fetchone()
        return Progress(**dict(row)) if row else None

    def write_listings(self, contracts: Sequence[Contract] | None = None, pairs: Sequence[SpotPair] | None = None) -> None:
        """Replace what is tradable; an empty answer replaces nothing."""
        with self.file.writing() as conn:
            for table, rows in (("contracts", contracts), ("spot_pairs", pairs)):
                if rows:
                    conn.execute(f"DELETE FROM {table}")
                    conn.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", [(row.symbol, row.model_dump_json()) for row in rows])

    def contracts(self) -> dict[str, Contract]:
        """Tradable perpetuals by symbol."""
        with self.file.reading() as conn:
            rows = conn.execute("SELECT * FROM contracts ORDER BY symbol").fetchall()
        return {row["symbol"]: contract for row in rows if (contract := Contract.read(row["body"])) is not None}

    def spot_pairs(self) -> dict[str, SpotPair]:
        """Tradable USDT spot pairs by symbol."""
        with self.file.reading() as conn:
            rows = conn.execute("SELECT * FROM spot_pairs").fetchall()
        return {row["symbol"]: pair for row in rows if (pair := SpotPair.read(row["body"])) is not None}

    def set_fact(self, name: str, value: Any) -> None:
        """Remember something small, as JSON."""
        with self.file.writing() as conn:
            conn.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", [name, json.dumps(value)])

    def fact(self, name: str, default: Any = None) -> Any:
        """What was remembered."""
        with self.file.reading() as conn:
            row = conn.execute("SELECT value FROM facts WHERE name = ?", [name]).fetchone()
        try:
            return json.loads(row["value"]) if row else default
        except ValueError:
            return default

    # ── the lease ──
    def take_lease(self, holder: str, now_ms: int, seconds: float) -> bool:
        """Become, or stay, the only collector until `now_ms` + `seconds`; False when somebody else is."""
        with self.file.writing() as conn:
            conn.execute(
                "INSERT INTO lease VALUES ('collector', ?, ?) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_ms = excluded.expires_ms"
                " WHERE lease.holder = excluded.holder OR lease.expires_ms < ? OR lease.expires_ms > ?",
                [holder, now_ms + round(seconds * 1000), now_ms, now_ms + round(2 * seconds * 1000)],  # nobody takes it for so long: a clock was set back
            )
            return conn.execute("SELECT holder FROM lease WHERE name = 'collector'").fetchone()["holder"] == holder

    def give_lease(self, holder: str) -> None:
        """Stop being the collector."""
        with self.file.writing() as conn:
            conn.execute("DELETE FROM lease WHERE name = 'collector' AND holder = ?", [holder])

    def lease_free_or_unknown(self, now_ms: int) -> bool:
        """Could this process collect although the lease cannot be written? Not while somebody else's still lasts."""
        try:
            held = self.lease()
        except StoreError:
            return True
        return held is None or held[1] < now_ms

    def lease(self) -> tuple[str, int] | None:
        """(holder, expiry ms) of the collector."""
        with self.file.reading() as conn:
            row = conn.execute("SELECT holder, expires_ms FROM lease WHERE name = 'collector'").fetchone()
        return (row["holder"], row["expires_ms"]) if row else None

    # ── housekeeping ──
    def archive(self, before_minute: int) -> int:
        """Roll minutes older than `before_minute` into hours, delete them in small steps; returns how many went."""
        return aging.archive(self.file, self.stood, before_minute)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def _merging(first: str, second: str) -> str:
    names = [f'"{name}"' for name in BAR_FIELDS]
    merge = ", ".join(f"{name} = coalesce({first}.{name}, {second}.{name})" for name in names)
    return f"INSERT INTO bars (sym, minute, {', '.join(names)}) VALUES (?, ?{', ?' * len(names)}) ON CONFLICT (sym, minute) DO UPDATE SET {merge}"


def _rebuilt(aside: Path) -> str:
    return f"The market database was damaged; it was set aside as {aside.name} and is being rebuilt from the exchange."


MERGE = {False: _merging("excluded", "bars"), True: _merging("bars", "excluded")}  # whether what is there stays


def set_aside(path: Path) -> Path:
    """Rename a damaged database and its companions; nothing is ever deleted."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    names = (f"{path.name}.damaged-{stamp}{again}" for again in ("", *(f"-{n}" for n in range(2, 100))))
    aside = next(aside for name in names if not (aside := path.with_name(name)).exists())
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside
