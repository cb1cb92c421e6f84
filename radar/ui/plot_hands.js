// Pointer and keys of the charts, and the nodes they stand on. A finger reads and scrolls, it never zooms.
const timeAt = (self, event) => {
  const box = self.line.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
  const inColumn = self.places.filter((p) => x >= p.x - 30 && x <= p.x + p.w + 30);
  const p = (inColumn.length ? inColumn : self.places).reduce((a, b) => (Math.abs(y - a.y - a.h / 2) <= Math.abs(y - b.y - b.h / 2) ? a : b));
  const span = shownSpan(self), part = Math.max(0, Math.min(1, (x - p.x) / p.w));
  return span[0] + part * (span[1] - span[0]);
};
const markSelection = (self, from, to) => {
  const span = shownSpan(self);
  self.places.forEach((p, k) => {
    const a = p.x + ((Math.min(from, to) - span[0]) / (span[1] - span[0])) * p.w, w = (Math.abs(to - from) / (span[1] - span[0])) * p.w;
    self.chosen[k].style.cssText = "left:" + a + "px;width:" + w + "px;top:" + p.y + "px;height:" + p.h + "px";
  });
};
const hideSelection = (self) => self.chosen.forEach((node) => { node.style.display = "none"; });
const step = (self, points) => {
  const d = self.d, span = shownSpan(self), i = Math.max(0, Math.min(d.count - 1, at(self) + points)), t = d.timeOf(i);
  if (self.zoom && (t < span[0] || t > span[1])) {  // the zoom follows the crosshair
    const by = t < span[0] ? t - span[0] - d.dt : t - span[1] + d.dt;
    self.zoom = [Math.max(d.from, span[0] + by), Math.min(d.to, span[1] + by)];
    draw(self);
  }
  moveTo(self, t);
};
const zoomBy = (self, factor) => {
  const d = self.d, span = shownSpan(self), t = d.timeOf(at(self)), mid = t >= span[0] && t <= span[1] ? t : (span[0] + span[1]) / 2;
  const size = Math.max(LEAST * d.dt, (span[1] - span[0]) * factor);
  if (size >= d.to - d.from) return unzoom(self);
  const from = Math.max(d.from, Math.min(d.to - size, mid - (size * (mid - span[0])) / (span[1] - span[0])));
  zoomTo(self, [from, from + size]);
};
const keys = (self, event) => {
  if (!self.d || !self.d.count || event.ctrlKey || event.metaKey || event.altKey) return;
  const hour = Math.max(1, Math.round(60 / self.d.step)), one = event.shiftKey ? hour : 1;
  const act = {
    ArrowLeft: () => step(self, -one), ArrowRight: () => step(self, one), PageUp: () => step(self, -hour * 4), PageDown: () => step(self, hour * 4),
    Home: () => moveTo(self, self.d.timeOf(Math.max(0, Math.ceil((shownSpan(self)[0] - self.d.t0) / self.d.dt)))),
    End: () => moveTo(self, self.d.timeOf(Math.min(self.d.count - 1, Math.floor((shownSpan(self)[1] - self.d.t0) / self.d.dt)))),
    "+": () => zoomBy(self, 0.5), "=": () => zoomBy(self, 0.5), "-": () => zoomBy(self, 2), "0": () => unzoom(self),
    Escape: () => { self.cross = null; say(self); placeCross(self); if (self.zoom) unzoom(self); },
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
};
const hands = (self) => {
  const line = self.line;
  let from = null, x = 0;
  line.onpointermove = (event) => {
    if (!self.d || !self.d.count || !self.places) return;
    const t = timeAt(self, event);
    moveTo(self, t);
    if (from !== null && Math.abs(event.clientX - x) > 6) markSelection(self, from, t);
  };
  line.onpointerdown = (event) => {
    if (!self.d || !self.d.count) return;
    if (event.pointerType === "touch") { moveTo(self, timeAt(self, event)); return; }
    if (event.button !== 0) return;
    from = timeAt(self, event);
    x = event.clientX;
    line.setPointerCapture(event.pointerId);
  };
  const release = (event) => {
    if (from === null) return;
    const start = from, to = timeAt(self, event);
    from = null;
    hideSelection(self);
    if (event.type === "pointerup" && Math.abs(event.clientX - x) > 6 && Math.abs(to - start) >= LEAST * self.d.dt) zoomTo(self, [Math.min(start, to), Math.max(start, to)]);
  };
  line.onpointerup = release;
  line.onpointercancel = release;
  line.onpointerleave = (event) => { if (from === null && event.pointerType === "mouse") { self.cross = null; if (self.d && self.d.count) { say(self); placeCross(self); } } };
  line.ondblclick = () => unzoom(self);
  line.onkeydown = (event) => keys(self, event);
  self.reset.onclick = () => unzoom(self);
};

// ── parts ──
const swatch = (colour, dash) => {
  const box = svgEl("svg", { width: 16, height: 9, "aria-hidden": "true", class: "swatch" });
  const block = dash === "area" || dash === "bars";
  box.append(block ? svgEl("rect", { x: 2, y: 0, width: dash === "bars" ? 5 : 12, height: 9, style: "fill:var(--" + colour + ");opacity:.6" })
    : svgEl("line", { x1: 0, x2: 16, y1: 4.5, y2: 4.5, style: "stroke:var(--" + colour + ", var(--st-text-color));stroke-width:2", "stroke-dasharray": { dash: "6 3", dot: "2 2", none: "1 5" }[dash] || "" }));
  if (dash === "bars") box.append(svgEl("rect", { x: 9, y: 3, width: 5, height: 6, style: "fill:var(--green);opacity:.6" }));
  return box;
};
const headOf = (panel) => {
  const box = el("div", "head");
  const title = box.appendChild(el("h3", "", panel.title));
  title.append(" ", el("small", "soft", panel.left + (panel.right ? " \u00b7 right: " + panel.right : "")));
  const values = [...panel.lines].reverse().map(([, name, colour, dash]) => {
    const key = box.appendChild(el("span", "key"));
    key.append(swatch(colour, dash), el("span", "soft", name + " "));
    return key.appendChild(el("b"));
  }).reverse();
  return { box, values };
};
const create = (root) => {
  const self = { root, zoom: null, cross: null, d: null, places: null, tall: [], failedAt: 0 };
  root.replaceChildren();
  const top = self.top = root.appendChild(el("div", "top"));
  self.when = top.appendChild(el("b", "when"));
  self.light = top.appendChild(el("span", "light"));
  self.reading = top.appendChild(el("span", "soft reading"));
  self.progress = top.appendChild(Object.assign(el("progress"), { max: 100, hidden: true }));
  self.progress.setAttribute("aria-label", "Reading the past");
  self.reset = top.appendChild(Object.assign(el("button", "reset", "Reset zoom"), { type: "button", hidden: true }));
  self.trouble = root.appendChild(Object.assign(el("p", "trouble", "The drawing library did not come from this server, so the charts cannot be drawn. Trying again every " + RETRY_SEC + " s."), { hidden: true }));
  self.trouble.setAttribute("role", "status");
  self.figure = root.appendChild(el("div", "figure"));
  self.figure.setAttribute("role", "group");
  self.skeleton = self.figure.appendChild(el("div", "skeleton"));
  self.skeletonText = self.skeleton.appendChild(el("p", "soft"));
  for (const panel of PANELS) self.skeleton.append(el("i", panel.wide ? "wide" : ""));
  self.box = self.figure.appendChild(Object.assign(el("div", "box"), { hidden: true }));
  self.plot = self.box.appendChild(el("div", "plot"));
  self.plot.setAttribute("aria-hidden", "true");
  self.canvas = self.box.appendChild(el("canvas", "lights"));
  self.canvas.setAttribute("aria-hidden", "true");
  self.heads = PANELS.map(headOf);
  self.box.append(...self.heads.map((head) => head.box));
  self.notes = PANELS.map(() => self.box.appendChild(Object.assign(el("p", "note soft"), { hidden: true })));
  self.chosen = PANELS.map(() => self.box.appendChild(el("i", "chosen")));
  self.bars = PANELS.map(() => self.box.appendChild(el("i", "cross")));
  hideSelection(self);
  self.line = self.box.appendChild(el("div", "line"));
  for (const [name, value] of [["role", "slider"], ["tabindex", "0"], ["aria-label", "Crosshair"], ["aria-valuemin", "0"]]) self.line.setAttribute(name, value);
  return self;
};
