// The charts of the symbol page: one crosshair and one zoom for all panels. What is drawn stays until the next drawing is ready.
const RETRY_SEC = 10, LEAST = 5;  // seconds; points a zoom holds at least
const NARROW = 720;  // pixels; below it panels stand in one column

// ── where things are ──
const arrange = (self) => {
  const width = self.box.clientWidth, one = width < NARROW, left = one ? 50 : 58, right = one ? 46 : 54, gap = 18;
  if (!self.size || self.size.width !== width) self.tall = [];
  self.root.classList.toggle("one", one);
  let y = 0;
  self.places = [];
  for (let i = 0; i < PANELS.length;) {
    const row = one || PANELS[i].wide ? [PANELS[i]] : PANELS.slice(i, i + 2), each = (width - gap * (row.length - 1)) / row.length;
    const heads = row.map((panel, k) => {
      const head = self.heads[i + k].box;
      head.style.cssText = "left:" + k * (each + gap) + "px;top:" + y + "px;width:" + each + "px";
      return (self.tall[i + k] = Math.max(self.tall[i + k] || 0, head.offsetHeight));
    });
    const times = PANELS[i].id !== "basis" && PANELS[i].id !== "funding", band = PANELS[i].id === "price" ? 15 : 0;
    y += Math.max(...heads) + 5;
    row.forEach((panel, k) => self.places.push({ panel, x: k * (each + gap) + left, w: each - left - right, y, h: panel.height, times: times || i + k === PANELS.length - 1 }));
    y += PANELS[i].height + band + (times ? 24 : 10);
    i += row.length;
  }
  self.size = { width, height: y };
  self.box.style.height = y + "px";
};

const whole = (d) => [d.from, d.to];
const shownSpan = (self) => {
  const d = self.d;
  if (!self.zoom) return whole(d);
  const from = Math.max(self.zoom[0], d.from), to = Math.min(self.zoom[1], d.to);
  return to - from >= LEAST * d.dt ? [from, to] : whole(d);
};

// ── words ──
const at = (self) => (self.cross === null ? self.d.latest : Math.max(0, Math.min(self.d.count - 1, Math.round((self.cross - self.d.t0) / self.d.dt))));
const say = (self) => {
  const d = self.d, i = at(self), t = d.timeOf(i), light = lightAt(d, i), lines = [];
  put(self.when, (self.cross === null ? "Latest: " : "") + self.clock.full(t));
  put(self.light, light.text);
  self.light.className = "light tone " + light.tone;
  PANELS.forEach((panel, p) => {
    const values = panel.lines.map((line, k) => {
      const text = said(d, line, i), node = self.heads[p].values[k];
      put(node, text);
      node.classList.toggle("soft", text === "n/a" || text.startsWith("not "));
      return line[1] + " " + text;
    });
    lines.push(panel.title + ": " + values.join(", "));
  });
  self.line.setAttribute("aria-valuemax", d.count - 1);
  self.line.setAttribute("aria-valuenow", i);
  self.line.setAttribute("aria-valuetext", self.clock.full(t) + ", " + light.text + ". " + lines.join(". "));
  return lines;
};
const hoursText = (h) => (h > 48 ? h / 24 + " days" : h + " h");
const summary = (self, lines) => {
  const d = self.d, last = lightAt(d, d.latest).text;
  return d.symbol + ", charts of the last " + hoursText(d.hours) + ", to " + self.clock.full(d.timeOf(d.latest)) + ". Light: " + last + ". " + lines.join(". ") + ".";
};

const placeCross = (self) => {
  const span = shownSpan(self), t = self.d.timeOf(at(self)), part = (t - span[0]) / (span[1] - span[0]), on = self.cross !== null && part >= 0 && part <= 1;
  self.places.forEach((p, k) => {
    const node = self.bars[k];
    node.style.display = on ? "" : "none";
    node.style.cssText += ";left:" + (p.x + part * p.w) + "px;top:" + p.y + "px;height:" + (p.h + (p.panel.id === "price" ? 13 : 0)) + "px";
  });
};
const moveTo = (self, t) => {
  self.cross = t;
  say(self);
  placeCross(self);
  if (self.heads.some((head, k) => head.box.offsetHeight > self.tall[k])) draw(self);  // longer words take room of their own, not the chart's
};

// ── drawing ──
const palette = (self) => JSON.stringify(colours(self.root));
const paint = (self, Plotly) => {
  const d = self.d;
  self.box.hidden = false;
  self.skeleton.hidden = true;
  const lines = say(self);
  arrange(self);
  const c = colours(self.root), span = shownSpan(self), { traces, layout } = figure(d, c, self.places, self.size, span, self.clock);
  self.drawn = Plotly.react(self.plot, traces, layout, { staticPlot: true, displayModeBar: false, responsive: false });
  drawLights(self.canvas, d, c, self.places[0], span);
  tellEmpty(self, span);
  self.painted = palette(self);
  placeCross(self);
  self.reset.hidden = !self.zoom;
  self.root.setAttribute("data-shown", d.symbol + " " + d.hours + " " + d.last);
  self.root.setAttribute("data-span", span.join(" "));
  self.figure.setAttribute("aria-label", summary(self, self.cross === null ? lines : PANELS.map((panel) => panel.title + ": " + panel.lines.map((l) => l[1] + " " + said(d, l, d.latest)).join(", "))));
};
const draw = (self) => {
  if (!self.d || !self.d.count) return;
  library(self.d.library).then((Plotly) => {
    self.failedAt = 0;
    self.trouble.hidden = true;
    if (self.root.isConnected && self.d.count) paint(self, Plotly);
  }, () => {
    self.failedAt = performance.now();
    self.trouble.hidden = false;
    put(self.skeletonText, "");
  });
};

// A panel without a reading says so, where its lines would be.
const tellEmpty = (self, span) => {
  self.places.forEach((p, k) => {
    const columns = p.panel.lines.map((line) => line[0]), note = self.notes[k];
    note.hidden = reach(self.d, columns, span) !== null;
    if (note.hidden) return;
    put(note, columns.some((column) => self.d.values[column]) ? "no readings in this stretch" : "not recorded yet");
    note.style.cssText = "left:" + p.x + "px;width:" + p.w + "px;top:" + (p.y + p.h / 2 - 9) + "px";
  });
};

const zoomTo = (self, span) => {
  self.zoom = span;
  draw(self);
};
const unzoom = (self) => {
  if (document.activeElement && self.root.getRootNode().activeElement === self.reset) self.line.focus();
  zoomTo(self, null);
};

const take = (self, bytes) => {
  const d = unpack(bytes), before = self.d;
  if (!d.count && before && before.count && before.symbol === d.symbol && before.hours === d.hours && before.market === d.market) { tellReading(self, d.reading); return; }
  self.d = d;
  self.clock = clocks(d.zone);
  d.hourOf = self.clock.hour;
  self.top.classList.toggle("lower", d.market === "demo");  // the simulated market's banner stays above it
  tellReading(self, d.reading);
  if (!d.count) {
    self.box.hidden = true;
    self.skeleton.hidden = false;
    self.reset.hidden = true;
    self.root.removeAttribute("data-shown");
    put(self.when, d.symbol);
    put(self.light, "");
    self.figure.setAttribute("aria-label", d.symbol + ": no history to draw yet. " + self.reading.textContent);
    return;
  }
  const other = before && (before.symbol !== d.symbol || before.hours !== d.hours || before.market !== d.market);
  if (other) self.tall = [];
  if (self.zoom && (other ? self.zoom[0] < d.from - d.dt || self.zoom[1] > d.to + d.dt : self.zoom[1] < d.from + LEAST * d.dt)) self.zoom = null;
  if (self.zoom && self.zoom[1] - self.zoom[0] < LEAST * d.dt) self.zoom = null;
  if (self.cross !== null && (self.cross < d.from || self.cross > d.to)) self.cross = null;
};
const tellReading = (self, reading) => {
  const share = reading && reading[1] ? Math.min(100, Math.floor((100 * reading[0]) / reading[1])) : null;
  put(self.reading, share === null ? "" : "Reading the past: " + reading[2] + ", " + share + " %");
  self.progress.hidden = share === null;
  if (share !== null) self.progress.value = share;
  put(self.skeletonText, self.d.count ? "Drawing the charts." : share === null ? "Nothing is stored of this window yet." : self.reading.textContent);
};

const tick = (self) => {
  if (self.failedAt && performance.now() - self.failedAt > RETRY_SEC * 1000) { self.failedAt = 0; draw(self); }
};

export default function (component) {
  const self = mount(component, create, tick);
  if (!self.watch) {
    hands(self);
    self.watch = new ResizeObserver(() => { if (self.size && self.box.clientWidth && self.box.clientWidth !== self.size.width) draw(self); });
    self.watch.observe(self.figure);
  }
  if (self.taken !== self.data) {
    self.taken = self.data;
    take(self, self.data);
    draw(self);
  } else if (self.painted && self.painted !== palette(self)) draw(self);
  const unmount = self.unmount;
  return () => { self.watch.disconnect(); if (window.Plotly) window.Plotly.purge(self.plot); unmount(); };
}
