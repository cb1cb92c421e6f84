// The payload of the charts (radar/ui/charts.py names the keys), numbers as text (as radar/words.py), and the ticks of an axis.
const MIN = 60000, HOUR = 60 * MIN, DAY = 24 * HOUR, GAP = 65535;

const unpack = (bytes) => {
  const raw = bytes.slice().buffer, size = new DataView(raw).getUint32(0, true);
  const d = JSON.parse(new TextDecoder().decode(new Uint8Array(raw, 4, size)));
  let at = 4 + size;
  d.values = {};
  for (const [name, count, first, step] of d.columns) {
    if (step) {
      const found = new Uint16Array(raw, at, count), values = new Float64Array(count);
      for (let i = 0; i < count; i++) values[i] = found[i] === GAP ? NaN : first + step * found[i];
      d.values[name] = values;
    } else d.values[name] = new Float32Array(raw, at, count);
    at += count * (step ? 2 : 4);
  }
  const runs = new Uint16Array(raw, at, 3 * d.runs), n = d.runs;
  d.stretches = Array.from({ length: n }, (_, i) => ({
    from: (d.first + runs[i]) * MIN, to: (d.first + runs[i] + runs[n + i]) * MIN, code: runs[2 * n + i] >> 1, relived: runs[2 * n + i] % 2 === 1,
  }));
  d.dt = d.step * MIN;
  d.t0 = d.count ? (d.first + d.step - 1) * MIN : 0;  // a row holds the last value of its minutes
  d.from = d.t0 - d.dt / 2;
  d.to = d.count ? Math.max(d.last * MIN, d.t0) + MIN / 2 : 0;
  d.latest = d.values.mark ? d.values.mark.findLastIndex((v) => !Number.isNaN(v)) : d.count - 1;  // a minute may be stored a little late
  d.timeOf = (i) => Math.min(d.t0 + i * d.dt, Math.max(d.last * MIN, d.t0));
  if (d.values.funding_1h_pct) d.values.funding_daily_est_pct = d.values.funding_1h_pct.map((v) => 24 * v);
  const perp = d.values.perp_vol24_usdt, spot = d.values.spot_vol24_usdt;
  if (perp && spot) d.values.both = perp.map((v, i) => v + spot[i]);
  return d;
};

// ── numbers ──
const known = (v) => v !== undefined && v !== null && Number.isFinite(v);
const num = (v, digits, sign) => {
  if (!known(v)) return "n/a";
  const rounded = Number(v.toFixed(digits)), text = Math.abs(rounded).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (rounded < 0 ? "\u2212" : sign && rounded > 0 ? "+" : "") + text;
};
const pct = (digits, sign = true) => (v) => (known(v) ? num(v, digits, sign) + " %" : "n/a");
const perHour = (v) => (known(v) ? num(v, 4, true) + " %/h" : "n/a");
const usd = (sign) => (v) => {
  if (!known(v)) return "n/a";
  const size = Math.abs(v), [unit, letter] = [[1e9, "B"], [1e6, "M"], [1e3, "K"]].find(([limit]) => size >= 0.9995 * limit) || [1, ""];
  const scaled = size / unit, text = scaled.toFixed(unit === 1 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2), some = Number(text) > 0;
  return (v < 0 && some ? "\u2212" : sign && some ? "+" : "") + "$" + text + letter;
};
const price = (tick) => (v) => {
  let digits = known(v) && v ? Math.max(2, 4 - Math.floor(Math.log10(Math.abs(v)))) : 2;
  if (tick > 0) digits = Math.min(digits, Math.max(0, Math.ceil(-Math.log10(tick) - 1e-9)));
  return known(v) ? num(v, Math.min(digits, 10)) : "n/a";
};

// ── ticks ──
const roundSteps = (span, most) => {
  const rough = span / most, power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].map((m) => m * power).find((step) => step >= rough * 0.999);
};
const numberTicks = ([low, high], most) => {
  if (!(high > low)) return [];
  const step = roundSteps(high - low, most), found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(k * step);
  return found;
};
const tickText = (values, suffix, sign) => {
  const step = values.length > 1 ? values[1] - values[0] : 1, digits = Math.max(0, Math.min(8, Math.ceil(-Math.log10(step) - 1e-9 + (Math.abs(step * 10 ** -Math.floor(Math.log10(step)) - 2.5) < 1e-6 ? 1 : 0))));
  return values.map((v) => num(Math.abs(v) < step / 1e6 ? 0 : v, digits, sign) + suffix);
};
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 4320, 7200, 10080];

const clocks = (zone) => {
  const form = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
  const day = form({ day: "2-digit", month: "short" }), hour = form({ hour: "2-digit", minute: "2-digit" });
  const parts = form({ year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" });
  const offset = (ms) => {
    const p = Object.fromEntries(parts.formatToParts(ms).map((part) => [part.type, Number(part.value)]));
    return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute) - Math.floor(ms / MIN) * MIN;
  };
  return { day: (ms) => day.format(ms), hour: (ms) => hour.format(ms), full: (ms) => day.format(ms) + " " + hour.format(ms) + " " + zone, offset };
};
// Round local times; midnight reads as its day.
const timeTicks = (clock, [from, to], most) => {
  const step = (TIME_STEPS.find((minutes) => (to - from) / (minutes * MIN) <= most) || 14400) * MIN, shift = clock.offset(to), values = [];
  for (let t = Math.ceil((from + shift) / step) * step - shift; t <= to; t += step) values.push(t);
  return { values, text: values.map((t) => (step >= DAY || clock.hour(t) === "00:00" ? clock.day(t) : clock.hour(t))) };
};
