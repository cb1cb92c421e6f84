// What is drawn where: panels, their lines, the words and units beside them.
// A line: column, name, colour, dash, text of a value; `right`: on the right axis; `kind`: area or bars instead of a line.
const PANELS = [
  {
    id: "price", title: "Price", left: "USDT", height: 146, wide: true, range: "fit",
    lines: [["last", "last", "grey", "dot"], ["index", "index", "blue", "dash"], ["mark", "mark", "ink", "solid"]],
    ticks: (values) => tickText(values, ""),
  },
  {
    id: "basis", title: "Basis", left: "mark against index, %", height: 112, range: "zero",
    lines: [
      ["basis_pct", "now", "grey", "dot", pct(3)], ["basis_twap5_pct", "TWAP5", "blue", "dash", pct(3)],
      ["basis_twap60_pct", "TWAP60", "violet", "solid", pct(3)], ["basis_twap15_pct", "TWAP15", "amber", "solid", pct(3)],
    ],
    ticks: (values) => tickText(values, " %", true),
  },
  {
    id: "funding", title: "Funding", left: "% an hour", right: "% a day, est.", height: 112, range: "zero",
    lines: [
      ["funding_daily_est_pct", "a day, est.", "blue", "none", (v) => (known(v) ? num(v, 2, true) + " %/day" : "n/a"), true],
      ["funding_1h_pct", "running", "blue", "solid", perHour], ["settled", "settled", "red", "bars", perHour],
    ],
    ticks: (values) => tickText(values, " %", true), rightTicks: (values) => tickText(values, " %", true), rightRange: "24x",
  },
  {
    id: "oi", title: "Open interest", left: "USDT", right: "change, USDT", height: 112, range: "fit",
    lines: [
      ["delta_oi_24h_usdt", "\u0394 24 h", "grey", "dot", usd(true), true], ["delta_oi_4h_usdt", "\u0394 4 h", "blue", "dash", usd(true), true],
      ["delta_oi_1h_usdt", "\u0394 1 h", "amber", "solid", usd(true), true], ["oi_usdt", "OI", "violet", "solid", usd()],
    ],
    ticks: (values) => values.map(usd()), rightTicks: (values) => values.map(usd(true)), rightRange: "zero",
  },
  {
    id: "volume", title: "Volume, 24 h", left: "USDT, stacked", right: "perp dominance, %", height: 112, range: "from0",
    lines: [
      ["both", "spot", "violet", "area", usd()], ["perp_vol24_usdt", "perp", "blue", "area", usd()],
      ["perp_dominance_binance_pct", "Binance alone", "grey", "dot", pct(1, false), true], ["perp_dominance_pct", "perp dominance", "amber", "solid", pct(1, false), true],
    ],
    ticks: (values) => values.map(usd()), rightTicks: (values) => tickText(values, " %"), rightRange: [0, 104],
  },
  {
    id: "book", title: "Bids / asks", left: "\u00d7", right: "\u00b1 band, %", height: 84, wide: true, range: "log",
    lines: [
      ["imbalance_band_pct", "band of the perp book", "grey", "dot", (v) => (known(v) ? "\u00b1" + num(v, 2) + " %" : "n/a"), true],
      ["spot_imbalance", "spot", "violet", "dash", (v) => (known(v) ? num(v, 2) + " \u00d7" : "n/a")],
      ["orderbook_imbalance", "perp", "ink", "solid", (v) => (known(v) ? num(v, 2) + " \u00d7" : "n/a")],
    ],
    ticks: (values) => values.map((v) => String(v) + " \u00d7"), rightTicks: (values) => tickText(values, " %"), rightRange: [0, 2.2],
  },
];

const valuesOf = (d, column) => d.values[column];
const settledAt = (d, t) => d.settled.find(([end, hours]) => t <= end && t > end - hours * HOUR);
// The text of a line at row `i`: with its unit, or why there is none.
const said = (d, [column, , , , text], i) => {
  const t = d.timeOf(i);
  if (column === "settled") {
    const latest = d.settled[d.settled.length - 1], found = settledAt(d, t);
    if (!latest) return "not recorded yet";
    return found ? perHour(found[2]) + " over " + found[1] + " h" : t > latest[0] ? perHour(latest[2]) + " at " + d.hourOf(latest[0]) : "n/a";
  }
  if (column === "both") return d.values.spot_vol24_usdt ? text(d.values.spot_vol24_usdt[i]) : "not recorded yet";
  const values = valuesOf(d, column);
  if (!values) return "not recorded yet";
  if (text) return text(values[i]);
  const money = price(d.tick), ends = d.values[column + ":extremes"];
  const between = ends && known(ends[2 * i]) && ends[2 * i] !== ends[2 * i + 1] ? " (" + [ends[2 * i], ends[2 * i + 1]].sort((a, b) => a - b).map(money).join("\u2013") + ")" : "";
  return known(values[i]) ? money(values[i]) + between + " USDT" : "n/a";
};

const RANK = [0, 4, 2, 1, 3];  // of two lights in one place the worse is seen: red, no data, amber, green
const lightAt = (d, i) => {
  const t = d.timeOf(i), from = t - d.dt + MIN, here = d.stretches.find((s) => t >= s.from && t < s.to);
  const red = d.stretches.filter((s) => s.code === 1 && s.to > from && s.from <= t).reduce((sum, s) => sum + (Math.min(s.to, t + MIN) - Math.max(s.from, from)) / MIN, 0);
  const words = here ? d.lights[here.code][0] + (here.relived ? " (back-filled, a borrow assumed)" : "") : "no light recorded";
  return { tone: here ? d.lights[here.code][1] : "grey", text: words + (red && (!here || here.code !== 1) ? ", " + d.lights[1][0] + " for " + Math.round(red) + " min before" : "") };
};

// ── ranges ──
const rows = (d, [from, to]) => [Math.max(0, Math.floor((from - d.t0) / d.dt)), Math.min(d.count, Math.ceil((to - d.t0) / d.dt) + 1)];
const reach = (d, columns, span) => {
  const [a, b] = rows(d, span);
  let low = Infinity, high = -Infinity;
  const take = (values, from, to) => { for (let i = from; i < to; i++) { const v = values[i]; if (v < low) low = v; if (v > high) high = v; } };
  for (const column of columns) {
    if (d.values[column]) take(d.values[column], a, b);
    if (d.values[column + ":extremes"]) take(d.values[column + ":extremes"], 2 * a, 2 * b);
    if (column === "settled") for (const [end, hours, v] of d.settled) if (end > span[0] && end - hours * HOUR < span[1]) { low = Math.min(low, v); high = Math.max(high, v); }
  }
  return low <= high ? [low, high] : null;
};
const LOG_TICKS = [[1.1, [0.01, 0.1, 1, 10, 100]], [0.35, [0.1, 0.2, 0.5, 1, 2, 5, 10]], [0, [0.5, 0.75, 1, 1.5, 2]]];
const rangeOf = (d, kind, columns, span) => {
  if (Array.isArray(kind)) return kind;
  const found = reach(d, columns, span);
  if (!found) return null;
  if (kind === "log") {  // as much above 1 as below it
    const far = found[0] > 0 ? Math.max(Math.abs(Math.log10(found[0])), Math.abs(Math.log10(found[1]))) * 1.08 : 0.2, size = Math.min(2, Math.max(0.2, far));
    return [-size, size];
  }
  let [low, high] = found;
  if (kind === "zero") { low = Math.min(low, 0); high = Math.max(high, 0); }
  if (kind === "from0") low = 0;
  const pad = (high - low) * 0.07 || Math.abs(high) * 0.01 || 0.01;
  return [kind === "from0" ? 0 : low - pad, high + pad];
};
