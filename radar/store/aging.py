"""Minutes that are past the retention become hours."""

from radar.store.base import SqliteFile
from radar.store.stood import Stood

__all__ = ["archive"]

DELETE_CHUNK = 20_000


def archive(file: SqliteFile, stood: Stood, before_minute: int) -> int:
    """Roll minutes older than `before_minute` into hours, delete them in small steps; returns how many went. Raises StoreError."""
    gone = 0
    with file.reading() as conn:  # most symbols have nothing that is old: no need to hold up the one writer for them
        aged = conn.execute("SELECT id FROM symbols WHERE EXISTS (SELECT 1 FROM bars WHERE sym = id AND minute < ?)", [before_minute]).fetchall()
    for (ident,) in aged:
        old = {"sym": ident, "before": before_minute - before_minute % 60, "n": DELETE_CHUNK}
        with file.writing() as conn:
            conn.execute(ROLL_UP, old)
            stood.forget(conn, old)
        while True:
            with file.writing() as conn:
                deleted = conn.execute(
                    "DELETE FROM bars WHERE sym = :sym AND minute IN"
                    " (SELECT minute FROM bars WHERE sym = :sym AND minute < :before ORDER BY minute LIMIT :n)",
                    old,
                ).rowcount
            gone += deleted
            if deleted < DELETE_CHUNK:
                break
    return gone


ROLL_UP = """
WITH hourly AS (
  SELECT sym, minute / 60 AS hour, max(minute) AS closing, max(mark * (1 + mark_high / 1e7)) AS high, min(mark * (1 + mark_low / 1e7)) AS low,
         avg(basis_mean_pct) / 1e6 AS basis, min(orderbook_imbalance) / 1e4 AS least, max(orderbook_imbalance) / 1e4 AS most,
         avg(perp_depth_usdt) AS perp, avg(spot_depth_usdt) AS spot, count(*) AS minutes
  FROM bars WHERE sym = :sym AND minute < :before GROUP BY minute / 60
)
INSERT INTO archive
SELECT h.sym, h.hour, b.mark, h.high, h.low, h.basis, b.funding_1h_pct / 1e8, b.oi_qty, b.perp_vol24_usdt, b.spot_vol24_usdt,
       h.least, h.most, h.perp, h.spot, b.srs, b.light, h.minutes
FROM hourly h JOIN bars b ON b.sym = h.sym AND b.minute = h.closing
WHERE true ON CONFLICT (sym, hour) DO NOTHING
"""
