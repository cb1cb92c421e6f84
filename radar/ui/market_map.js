// Funding per hour (x) against the change of open interest within an hour (y), both on a scale that is linear around zero
// and logarithmic beyond (radar/ui/market_map.py names the payload). Area by volume; light by shape and colour.
const TONE = ["red", "amber", "green", "grey"], PAD = { l: 46, r: 14, t: 6, b: 34 }, INSET = 20, LEAST = 3, MOST = 16, NEAR = 26;
const KNEE = { x: 0.01, y: 1 }, EDGE = { x: [0.05, 4], y: [5, 400] };  // where the log begins; least and furthest reach of an axis
const STEPS = { x: [0.01, 0.05, 0.2, 0.5, 1, 2, 4], y: [1, 5, 20, 100, 400] };
const ACROSS = "Funding per hour, %", UP = "ΔOI in 1 h, %";
const bend = (v, knee) => Math.asinh(v / knee);
const signed = (v) => (v > 0 ? "+" : v < 0 ? "−" : "") + Math.abs(v);

// Nothing beyond the furthest reach is lost: it is drawn at the rim, and its numbers are told.
const scale = (values, name, from, to) => {
  const [least, furthest] = EDGE[name], knee = KNEE[name];
  const reach = (sign) => Math.min(furthest, Math.max(least, ...values.map((v) => sign * v)));
  const low = bend(-reach(-1), knee), high = bend(reach(1), knee);
  const at = (v) => from + (Math.max(low, Math.min(high, bend(v, knee))) - low) / (high - low) * (to - from);
  const steps = STEPS[name].flatMap((v) => [-v, v]).filter((v) => bend(v, knee) >= low && bend(v, knee) <= high);
  return { at, ticks: [0, ...steps].sort((a, b) => a - b) };
};
const SHAPES = [
  (r) => { const h = r * 0.886; return `M${-h} ${-h}H${h}V${h}H${-h}Z`; },
  (r) => { const h = r * 1.347; return `M0 ${-h}L${h} ${h * 0.732}H${-h}Z`; },
  (r) => `M${-r} 0A${r} ${r} 0 1 1 ${r} 0A${r} ${r} 0 1 1 ${-r} 0Z`,
  (r) => { const h = r * 1.253; return `M0 ${-h}L${h} 0L0 ${h}L${-h} 0Z`; },
];

const axes = (self, x, y, w, h) => {
  const g = self.axes, nodes = [];
  const text = (at, words, cls = "tick") => { const node = svgEl("text", { ...at, class: cls }); node.textContent = words; nodes.push(node); return node; };
  let last = -99;
  for (const v of x.ticks) {
    const at = x.at(v);
    nodes.push(svgEl("line", { x1: at, x2: at, y1: PAD.t, y2: h - PAD.b, class: v ? "grid" : "zero" }));
    if (v === 0 || (at - last > 34 && Math.abs(at - x.at(0)) > 24)) { text({ x: at, y: h - PAD.b + 14, "text-anchor": "middle" }, signed(v)); last = at; }
  }
  for (const v of y.ticks) {
    const at = y.at(v);
    nodes.push(svgEl("line", { x1: PAD.l, x2: w - PAD.r, y1: at, y2: at, class: v ? "grid" : "zero" }));
    text({ x: PAD.l - 6, y: at + 4, "text-anchor": "end" }, signed(v));
  }
  text({ x: w - PAD.r, y: h - 4, "text-anchor": "end" }, ACROSS, "axis");
  text({ x: 4, y: h - 4 }, UP + " ↑", "axis");
  const left = x.at(0) - PAD.l > 190, right = w - PAD.r - x.at(0) > 150;
  if (left) { text({ x: PAD.l + 6, y: PAD.t + 12 }, "shorts pay, positions build", "corner"); text({ x: PAD.l + 6, y: h - PAD.b - 7 }, "shorts pay, positions leave", "corner"); }
  if (right) { text({ x: w - PAD.r - 5, y: PAD.t + 12, "text-anchor": "end" }, "longs pay, positions build", "corner"); text({ x: w - PAD.r - 5, y: h - PAD.b - 7, "text-anchor": "end" }, "longs pay, positions leave", "corner"); }
  g.replaceChildren(...nodes);
};

const make = (self, symbol) => {
  const g = svgEl("g", { class: "point", role: "link", tabindex: "-1" });
  g.append(svgEl("path"));
  g.onfocus = () => tell(self, symbol);
  self.points.set(symbol, { g, symbol });
  return self.points.get(symbol);
};

// Points come largest volume first; the few beyond the 97th percentile are drawn no larger, or all others would be dots.
const draw = (self) => {
  const d = self.data, w = self.plot.clientWidth, h = self.plot.clientHeight;
  if (!w || !h) return;
  self.svg.setAttribute("viewBox", `0 0 ${w} ${h}`);
  const x = scale(d.points.map((p) => p[2]), "x", PAD.l + INSET, w - PAD.r - INSET), y = scale(d.points.map((p) => p[3]), "y", h - PAD.b - INSET, PAD.t + INSET);
  axes(self, x, y, w, h);
  const volumes = d.points.map((p) => p[4] || 0), top = Math.max(1, volumes[Math.floor(volumes.length * 0.03)] || 0), room = Math.max(0.6, Math.min(1, w / 900));
  const wanted = new Set(d.points.map((p) => p[0]));
  for (const [symbol, p] of self.points) if (!wanted.has(symbol)) { p.g.remove(); self.points.delete(symbol); }
  d.points.forEach(([symbol, tone, fx, fy, volume, said, watched], i) => {
    const p = self.points.get(symbol) || make(self, symbol);
    const r = Math.min(MOST * room, Math.max(LEAST, MOST * room * Math.sqrt((volume || 0) / top)));
    Object.assign(p, { x: x.at(fx), y: y.at(fy), r, said, tone, watched, fx, fy });
    p.g.setAttribute("class", "point " + TONE[tone] + (watched ? " watched" : "") + (symbol === self.shown ? " shown" : ""));
    p.g.setAttribute("transform", `translate(${p.x.toFixed(1)} ${p.y.toFixed(1)})`);
    p.g.firstChild.setAttribute("d", SHAPES[tone](r));
    p.g.setAttribute("aria-label", [symbol, said[0], "funding " + said[1], "open interest " + said[2] + " in 1 h", "volume " + said[3] + " in 24 h", said[4] && "fires " + said[4]].filter(Boolean).join(", "));
    if (self.cloud.children[i] !== p.g) self.cloud.insertBefore(p.g, self.cloud.children[i] || null);
  });
  if (self.points.size && !self.cloud.querySelector('[tabindex="0"]')) self.points.get(d.named[0] || d.points[0][0]).g.setAttribute("tabindex", "0");
  labels(self, w, h);
  if (self.shown) { if (self.points.has(self.shown)) tell(self, self.shown); else tell(self, null); }
};

// The first that finds room gets its name; nobody's name lies on another's, nor on a larger point.
const labels = (self, w, h) => {
  const taken = [], found = [];
  const named = self.data.named.filter((symbol) => self.points.has(symbol)).map((symbol) => self.points.get(symbol));
  for (const p of self.points.values()) if (p.r > 6) taken.push([p.x - p.r, p.y - p.r, p.x + p.r, p.y + p.r, p]);
  const free = (box, own) => box[0] > PAD.l && box[2] < w - 4 && box[1] > PAD.t + 14 && box[3] < h - PAD.b - 14
    && !taken.some((t) => t[4] !== own && box[0] < t[2] && box[2] > t[0] && box[1] < t[3] && box[3] > t[1]);
  for (const p of named) {
    const text = p.symbol.replace(/USDT$/, ""), wide = text.length * 6.9 + 2, gap = p.r + 4;
    const places = [[p.x + gap, p.y - 6], [p.x - gap - wide, p.y - 6], [p.x - wide / 2, p.y - gap - 12], [p.x - wide / 2, p.y + gap], [p.x + gap, p.y - 18], [p.x + gap, p.y + 6]];
    const at = places.find(([left, up]) => free([left, up, left + wide, up + 12], p));
    if (!at) continue;
    taken.push([at[0], at[1], at[0] + wide, at[1] + 12, null]);
    const node = svgEl("text", { x: at[0].toFixed(1), y: (at[1] + 10).toFixed(1), class: "name" });
    node.textContent = text;
    found.push(node);
  }
  self.names.replaceChildren(...found);
};

const tell = (self, symbol) => {
  if (self.shown !== symbol) {
    if (self.points.has(self.shown)) self.points.get(self.shown).g.classList.remove("shown");
    self.shown = symbol;
  }
  const p = self.points.get(symbol);
  self.pop.hidden = !p;
  if (!p) return;
  p.g.classList.add("shown");
  const [light, funding, oi, volume, fired] = p.said, line = (name, value) => { const row = el("div", "pair"); row.append(el("span", "soft", name), el("span", "", value)); return row; };
  const first = el("div", "pair");
  first.append(el("b", "", symbol), el("b", "tone " + TONE[p.tone], light));
  self.pop.replaceChildren(first, line("funding", funding), line("ΔOI 1 h", oi), line("volume 24 h", volume), ...(fired ? [line("fires", fired)] : []), ...(p.watched ? [el("div", "soft", "on the watchlist")] : []));
  const w = self.plot.clientWidth, right = p.x > w - 220;
  self.pop.style.left = (right ? Math.max(4, p.x - p.r - 12 - self.pop.offsetWidth) : p.x + p.r + 12) + "px";
  self.pop.style.top = Math.max(2, Math.min(p.y - 20, self.plot.clientHeight - self.pop.offsetHeight - 4)) + "px";
};

const nearest = (self, event) => {
  const box = self.plot.getBoundingClientRect(), ex = event.clientX - box.left, ey = event.clientY - box.top;
  let best = null, least = NEAR;
  for (const p of self.points.values()) {
    const away = Math.hypot(p.x - ex, p.y - ey) - p.r;
    if (away < least) { least = away; best = p.symbol; }
  }
  return best;
};
const DIRECTIONS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
const keys = (self, event) => {
  const g = event.target.closest(".point"), from = [...self.points.values()].find((p) => p.g === g), way = DIRECTIONS[event.key];
  if (!from) return;
  if (event.key === "Enter" || event.key === " ") { event.preventDefault(); self.trigger("opened", from.symbol); return; }
  if (event.key === "Escape") { tell(self, null); return; }
  if (!way) return;
  event.preventDefault();
  let best = null, least = Infinity;
  for (const p of self.points.values()) {
    const along = (p.x - from.x) * way[0] + (p.y - from.y) * way[1], aside = Math.abs((p.x - from.x) * way[1]) + Math.abs((p.y - from.y) * way[0]);
    if (p !== from && along > 0.01 && along + 2 * aside < least) { least = along + 2 * aside; best = p; }
  }
  if (best) best.g.focus();
};

const build = (self) => {
  const box = self.root.appendChild(el("section", "map"));
  box.setAttribute("aria-label", "Map of the market");
  const top = box.appendChild(el("header"));
  top.append(el("h3", "", "Who pays, and who builds"), el("span", "legend"), el("span", "soft note"));
  [, self.legend, self.note] = top.children;
  self.plot = box.appendChild(el("div", "plot"));
  self.svg = self.plot.appendChild(svgEl("svg", { role: "group", "aria-label": "Every perpetual by funding per hour and by the change of its open interest within an hour; the same numbers are in the table below" }));
  self.axes = self.svg.appendChild(svgEl("g", { "aria-hidden": "true" }));
  self.cloud = self.svg.appendChild(svgEl("g"));
  self.names = self.svg.appendChild(svgEl("g", { "aria-hidden": "true", class: "names" }));
  self.pop = self.plot.appendChild(el("div", "pop"));
  self.pop.hidden = true;
  self.pop.setAttribute("role", "tooltip");
  self.points = new Map();
  self.shown = null;
  self.plot.onpointermove = (event) => { if (event.pointerType === "mouse") { const symbol = nearest(self, event); tell(self, symbol); self.plot.style.cursor = symbol ? "pointer" : ""; } };
  self.plot.onpointerleave = (event) => { if (event.pointerType === "mouse") tell(self, null); };
  self.plot.onpointerdown = (event) => { self.told = self.shown; self.touch = event.pointerType !== "mouse"; };
  self.plot.onclick = (event) => {
    const symbol = nearest(self, event);
    if (symbol && (!self.touch || self.told === symbol)) self.trigger("opened", symbol);  // a finger asks first, and opens with the second tap
    else tell(self, symbol);
  };
  self.svg.addEventListener("focusin", (event) => { for (const p of self.points.values()) p.g.setAttribute("tabindex", p.g === event.target ? "0" : "-1"); });
  self.svg.addEventListener("focusout", () => tell(self, null));
  self.svg.onkeydown = (event) => keys(self, event);
  self.watcher = new ResizeObserver(() => draw(self));
  self.watcher.observe(self.plot);
};

export default function (component) {
  const self = mount(component, () => ({}), () => {});
  if (!self.svg) build(self);
  const d = self.data, key = JSON.stringify(d.legend);
  if (self.legendKey !== key) {
    self.legendKey = key;
    self.legend.replaceChildren(...d.legend.map(([tone, shape, word]) => { const item = el("span", "tone " + tone, shape + " "); item.append(el("span", "soft", word)); return item; }));
  }
  put(self.note, d.note);
  draw(self);
  return () => { self.watcher.disconnect(); self.unmount(); };
}
