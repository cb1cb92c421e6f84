// The whole grid from one payload (radar/ui/tiles.py names its keys). Nodes are kept by symbol, so focus survives a refresh.
const FIELDS = [
  ["Basis", "TWAP 15m", "Perp dominance"],
  ["Funding /h", "Per day, est.", "Next in"],
  ["Open interest", "ΔOI 1h", "OI / volume"],
];
const SILENT_SEC = 60;

// The readings open below the tile, above it in the last row, and over its numbers when there is only one row.
const place = (t) => {
  const grid = t.tile.parentNode, end = t.tile.offsetTop + t.tile.offsetHeight, need = t.pop.offsetHeight;
  const room = grid.offsetTop + grid.offsetHeight - end >= need;
  t.pop.className = "pop " + (room ? "below" : t.tile.offsetTop - grid.offsetTop >= need ? "above" : "over");
};

const build = (symbol, open) => {
  const tile = el("div", "tile");
  tile.tabIndex = -1;
  tile.setAttribute("role", "link");
  const t = { tile, symbol, cells: [] };
  const head = tile.appendChild(el("div", "head"));
  t.name = head.appendChild(el("b", "name", symbol));
  t.every = head.appendChild(el("span", "every"));
  t.light = head.appendChild(el("span", "light tone"));
  const top = tile.appendChild(el("div", "top"));
  const prices = top.appendChild(el("div", "prices"));
  t.mark = prices.appendChild(el("div", "mark"));
  t.index = prices.appendChild(el("div", "soft"));
  t.spark = top.appendChild(svgEl("svg", { viewBox: "0 0 100 36", preserveAspectRatio: "none", class: "spark", "aria-hidden": "true" }));
  t.area = t.spark.appendChild(svgEl("path", { class: "area" }));
  t.path = t.spark.appendChild(svgEl("path", { class: "line", "vector-effect": "non-scaling-stroke" }));
  const srs = top.appendChild(el("div", "srs"));
  const line = srs.appendChild(el("div", "srsline"));
  line.appendChild(el("span", "soft", "SRS "));
  t.srs = line.appendChild(el("b", "tone"));
  const bar = srs.appendChild(el("div", "bar"));
  t.range = bar.appendChild(el("i", "range"));
  t.fill = bar.appendChild(el("i", "fill"));
  bar.appendChild(el("i", "at40"));
  bar.appendChild(el("i", "at70"));
  t.coverage = srs.appendChild(el("div", "soft tiny"));
  const grid = tile.appendChild(el("dl", "fields"));
  for (const label of FIELDS.flat()) {
    const cell = grid.appendChild(el("div"));
    cell.appendChild(el("dt", "", label));
    t.cells.push(cell.appendChild(el("dd")));
  }
  const foot = tile.appendChild(el("div", "foot"));
  const spot = foot.appendChild(el("span", "spot"));
  spot.appendChild(el("span", "soft", "Spot short "));
  t.spot = spot.appendChild(el("span"));
  t.age = foot.appendChild(el("span", "age"));
  t.chips = tile.appendChild(el("div", "chips"));
  t.pop = tile.appendChild(el("div", "pop"));
  t.pop.setAttribute("role", "tooltip");
  tile.onclick = () => open(symbol);
  tile.onmouseenter = tile.onfocus = () => place(t);
  return t;
};

const spark = (t, code) => {
  if (t.code === code) return;
  t.code = code;
  let path = "", area = "", run = "", from = "";
  const close = () => { if (run) area += "M" + from + " 36" + run.replace("M", "L") + " V36Z"; run = ""; };
  for (let i = 0; i < code.length; i++) {
    if (code[i] === " ") { close(); continue; }
    const x = ((i / Math.max(1, code.length - 1)) * 100).toFixed(1), y = (34 - ((code.charCodeAt(i) - 40) / 80) * 32).toFixed(1);
    if (!run) from = x;
    path += (run ? "L" : "M") + x + " " + y;
    run += (run ? "L" : "M") + x + " " + y;
  }
  close();
  t.path.setAttribute("d", path);
  t.area.setAttribute("d", area);
};

// Chips that do not fit are counted in the last one; the readings list them all.
const fit = (t) => {
  const all = [...t.chips.children], more = all.pop();
  for (const chip of all) chip.hidden = false;
  more.hidden = true;
  const full = () => t.chips.scrollHeight > t.chips.clientHeight + 2;
  let left = 0;
  for (let i = all.length - 1; i > 0 && full(); i--) {
    all[i].hidden = true;
    more.hidden = false;
    put(more, "+" + ++left);
  }
};

const chips = (t, d) => {
  const rows = d.k === "red" ? d.c : [["headline", d.h], ...d.c], key = JSON.stringify([d.k, rows]);
  if (t.chipKey === key) return;
  t.chipKey = key;
  t.reasons = rows.map((row) => row[1]);
  t.chips.replaceChildren(...rows.map(([tone, text]) => {
    const chip = el("span", tone === "headline" ? tone : "chip " + tone, text);
    chip.title = text;
    return chip;
  }), el("span", "chip more grey"));
  fit(t);
};

const readings = (t, rows) => {
  const key = JSON.stringify([rows, t.reasons]);
  if (t.popKey === key) return;
  t.popKey = key;
  const table = el("table");
  table.createTHead().insertRow().append(...["Last minutes", "Funding", "Basis", "OI"].map((h) => el("th", "", h)));
  const body = table.createTBody();
  for (const row of rows) body.insertRow().append(...row.map((v) => el("td", "", v)));
  t.pop.replaceChildren(rows.length ? table : el("span", "soft", "No completed minute yet"), ...t.reasons.map((text) => el("div", "reason", text)));
};

const fill = (t, d) => {
  t.d = d;
  t.tile.title = d.k === "red" ? d.h : "";
  t.tile.className = "tile " + d.k + (d.w ? " waiting" : "");
  t.tile.setAttribute("aria-label", [d.s, d.l, d.h, d.c.map((c) => c[1]).join(", ")].join(". "));
  put(t.every, d.i);
  put(t.light, d.l);
  put(t.mark, d.m);
  put(t.index, d.x);
  put(t.srs, d.r);
  t.srs.className = "tone " + d.rk;
  t.fill.className = "fill " + d.rk;
  t.fill.style.width = (d.rn ?? 0) + "%";
  t.range.style.left = (d.rr ? d.rr[0] : 0) + "%";
  t.range.style.width = (d.rr ? d.rr[1] - d.rr[0] : 0) + "%";
  const reading = d.g !== null;
  put(t.coverage, reading ? "history " + d.g + " %" : d.rc);
  t.fill.parentNode.classList.toggle("reading", reading && d.rn === null);
  if (reading && d.rn === null) t.fill.style.width = d.g + "%";
  t.coverage.parentNode.title = d.rt;
  d.f.forEach(([text, cls], i) => { put(t.cells[i], text); t.cells[i].className = cls || ""; });
  put(t.spot, d.b);
  t.spot.parentNode.title = d.b;
  chips(t, d);
};

const tick = (self) => {
  if (!self.data) return;
  const now = self.now(), silent = self.silence(), frozen = silent > SILENT_SEC;
  const banner = self.root.querySelector(".frozen");
  banner.hidden = !frozen;
  if (frozen) put(banner, (self.data.paused ? "Refresh is off" : "No answer from the radar") + ": what you see is " + ageText(silent) + " old.");
  for (const t of self.tiles.values()) {
    const d = t.d;
    if (d.n) put(t.cells[5], countdown(d.n - now));
    const age = d.a === null ? null : (now - d.a) / 1000;
    const stale = age !== null && (age > d.z || d.q);
    const old = age === null ? "no reading" : stale && age <= d.z ? d.o : ageText(age);
    put(t.age, (stale ? "STALE " : "") + old + (d.y && !stale ? " · " + d.y : ""));
    t.age.classList.toggle("old", stale);
    t.tile.classList.toggle("dim", stale || frozen);
  }
};

const arrows = (self, event) => {
  const all = [...self.grid.children].filter((n) => n.matches(".tile"));
  const at = all.indexOf(event.target.closest(".tile"));
  if (at < 0) return;
  const columns = getComputedStyle(self.grid).gridTemplateColumns.split(" ").length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.target.closest(".tile").click(); return; }
  const next = event.key === "Home" ? all[0] : event.key === "End" ? all[all.length - 1] : step && all[at + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
};

const create = (root) => {
  const grid = root.querySelector(".grid");
  const self = { grid, tiles: new Map(), past: new Map() };
  let width = 0;
  self.watcher = new ResizeObserver(() => {
    if (grid.clientWidth === width) return;
    width = grid.clientWidth;
    for (const t of self.tiles.values()) fit(t);
  });
  self.watcher.observe(grid);
  grid.onkeydown = (event) => arrows(self, event);
  grid.addEventListener("focusin", (event) => {
    for (const n of grid.children) n.tabIndex = n === event.target.closest(".tile") ? 0 : -1;
  });
  return self;
};

export default function (component) {
  const self = mount(component, create, tick);
  for (const [symbol, known] of Object.entries(self.data.past)) self.past.set(symbol, known);
  const wanted = self.data.tiles.map((d) => d.s);
  for (const [symbol, t] of self.tiles) if (!wanted.includes(symbol)) { t.tile.remove(); self.tiles.delete(symbol); }
  self.data.tiles.forEach((d, i) => {
    if (!self.tiles.has(d.s)) self.tiles.set(d.s, build(d.s, (symbol) => self.trigger("opened", symbol)));
    const t = self.tiles.get(d.s);
    fill(t, d);
    const [code, rows] = self.past.get(d.s) || ["", []];
    spark(t, code);
    readings(t, rows);
    if (self.grid.children[i] !== t.tile) self.grid.insertBefore(t.tile, self.grid.children[i] || null);
  });
  if (self.grid.firstChild && !self.grid.querySelector('[tabindex="0"]')) self.grid.firstChild.tabIndex = 0;
  tick(self);
  return () => { self.watcher.disconnect(); self.unmount(); };
}
