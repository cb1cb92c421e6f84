// Plays a past window (radar/ui/replay.py names the keys). Everything was sent once; nothing after the playhead is drawn.
const SPEEDS = [1, 10, 60, 300];  // minutes a second
const MIN = 60000;
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// A text column: at which frames it changes, which sentence, the numbers of its slots.
const column = (c) => {
  let sum = 0;
  const starts = c.at.map((step) => (sum += step));
  return (frame) => {
    let low = 0, high = starts.length - 1;
    while (low < high) { const mid = (low + high + 1) >> 1; if (starts[mid] <= frame) low = mid; else high = mid - 1; }
    const numbers = c.n[low].replace(/-/g, "\u2212").split(";");
    let n = 0;
    return c.s[c.i[low]].replace(/\u0001/g, () => numbers[n++]);
  };
};

const stamp = (self, ms) => self.day.format(ms).replace(",", "") + " " + self.zoneName;
const agoText = (sec) => (sec < 172800 ? ageText(sec) : Math.floor(sec / 86400) + " d") + " ago";

const frameAt = (self, minute) => {
  let low = 0, high = self.minutes.length - 1;
  while (low < high) { const mid = (low + high + 1) >> 1; if (self.minutes[mid] <= minute) low = mid; else high = mid - 1; }
  return low;
};

const load = (self, d) => {
  let sum = 0;
  self.minutes = d.steps.map((step) => d.first + (sum += step));
  self.texts = d.texts.map(column);
  self.lights = d.lights;
  self.kinds = d.kinds;
  self.marks = d.marks;
  self.changes = [];
  for (let i = 1; i < d.lights.length; i++) if (d.lights[i] !== d.lights[i - 1]) self.changes.push(i);
  self.zoneName = d.zone === "UTC" ? "UTC" : d.zone;
  self.day = new Intl.DateTimeFormat("en-GB", { timeZone: d.zone, day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  self.hour = new Intl.DateTimeFormat("en-GB", { timeZone: d.zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const kept = self.place && self.place.startsWith(d.window + " ") ? Number(self.place.split(" ").pop()) : d.at ? d.at / MIN : 0;
  self.frame = frameAt(self, kept);
  self.clock = self.minutes[self.frame];
  self.slider.max = self.minutes.length - 1;
};

// ── drawing ──
const colours = (self) => {
  const style = getComputedStyle(self.root);
  const get = (name) => style.getPropertyValue(name).trim();
  return { red: get("--red"), amber: get("--amber"), green: get("--green"), grey: get("--grey"), ink: style.color, line: get("--line"), soft: get("--soft"), violet: get("--violet") };
};

const chart = (self) => {
  const canvas = self.canvas, ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width || !self.minutes.length) return;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) { canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); }
  const g = canvas.getContext("2d"), c = colours(self), top = 10, right = 66, strip = 14, foot = 18;
  const floor = height - foot - strip - 6, w = width - right;
  const first = self.minutes[0], span = Math.max(1, self.minutes[self.minutes.length - 1] - first);
  const x = (minute) => ((minute - first) / span) * w;
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  g.font = "11px " + (getComputedStyle(self.root).fontFamily || "sans-serif");
  let low = Infinity, high = -Infinity;
  for (let i = 0; i <= self.frame; i++) { const v = self.marks[i]; if (v !== null) { if (v < low) low = v; if (v > high) high = v; } }
  if (low === Infinity) { low = 0; high = 1; }
  const pad = (high - low) * 0.06 || Math.abs(high) * 0.002 || 1;
  low -= pad; high += pad;
  const y = (v) => top + (1 - (v - low) / (high - low)) * (floor - top);
  const here = x(self.minutes[self.frame]);
  // the future: a field without anything in it
  g.fillStyle = c.line; g.globalAlpha = 0.28; g.fillRect(here, 0, w - here, floor + strip + 6); g.globalAlpha = 1;
  g.fillStyle = c.soft; g.textBaseline = "middle";
  if (w - here > 120) g.fillText("not known yet", here + 12, top + 8);
  // the light's history, up to now
  const tone = self.data.tones;
  let from = 0;
  for (let i = 1; i <= self.frame + 1; i++) {
    if (i <= self.frame && self.lights[i] === self.lights[from] && self.kinds[i] === self.kinds[from]) continue;
    const a = x(self.minutes[from]), b = i <= self.frame ? x(self.minutes[i]) : here;
    g.fillStyle = c[tone[self.lights[from]] || "grey"];
    const guess = self.kinds[from] > "1";
    g.globalAlpha = guess ? 0.7 : 1;
    g.fillRect(a, floor + 6 + (guess ? 4 : 0), Math.max(1, b - a), strip - (guess ? 8 : 0));
    from = i;
  }
  g.globalAlpha = 1;
  // the price
  g.strokeStyle = c.ink; g.lineWidth = 1.5; g.beginPath();
  let pen = false, before = 0;
  for (let i = 0; i <= self.frame; i++) {
    const v = self.marks[i];
    if (v === null || self.minutes[i] - before > 6) pen = false;
    if (v === null) continue;
    if (pen) g.lineTo(x(self.minutes[i]), y(v)); else g.moveTo(x(self.minutes[i]), y(v));
    pen = true; before = self.minutes[i];
  }
  g.stroke();
  g.strokeStyle = c.violet; g.lineWidth = 1.5; g.setLineDash([4, 3]);
  g.beginPath(); g.moveTo(here, 0); g.lineTo(here, floor + strip + 6); g.stroke(); g.setLineDash([]);
  const v = self.marks[self.frame];
  if (v !== null) { g.fillStyle = c.violet; g.beginPath(); g.arc(here, y(v), 3.5, 0, 7); g.fill(); }
  g.fillStyle = c.soft; g.textAlign = "left";
  const digits = (value) => value.toPrecision(5).replace(/e.*$/, "");
  for (const value of [high - pad, low + pad]) g.fillText(Number(digits(value)).toLocaleString("en-GB", { maximumSignificantDigits: 6 }), w + 6, y(value));
  g.fillText("light", w + 6, floor + 6 + strip / 2);
  const ticks = Math.max(2, Math.min(8, Math.floor(w / 110)));
  for (let i = 0; i < ticks; i++) {
    const minute = first + (span * i) / (ticks - 1);
    g.textAlign = i === 0 ? "left" : i === ticks - 1 ? "right" : "center";
    const long = span > 1440 ? self.day.format(minute * MIN).replace(",", "") : self.hour.format(minute * MIN);
    g.fillText(long, x(minute), height - 8);
  }
  g.textAlign = "left";
};

const toned = (node, text) => {
  const cut = text.indexOf("|");
  put(node, text.slice(cut + 1));
  node.className = text.slice(0, cut);
};

const show = (self) => {
  if (!self.minutes.length) return;
  const f = self.frame, d = self.data, at = self.minutes[f] * MIN, kind = self.kinds[f];
  let n = 0;
  const text = () => self.texts[n++](f);
  const [tone, light] = text().split("|");
  put(self.light, light);
  self.hero.className = "hero " + tone + (kind > "1" ? " guess" : "");
  put(self.headline, text());
  const [mark, index] = text().split("|");
  put(self.mark, mark);
  put(self.index, " index " + index);
  put(self.spot, text());
  const [srsTone, srs, known] = text().split("|");
  put(self.srs, srs);
  self.srs.parentNode.className = srsTone;
  put(self.known, known ? " " + known : "");
  for (const cell of self.cells) toned(cell, text());
  for (const r of self.rules) {
    const [ruleTone, shape, word, ...why] = text().split("|");
    r.row.className = "rule " + ruleTone;
    put(r.shape, shape);
    put(r.word, word);
    put(r.why, why.join("|"));
  }
  put(self.parts, "z: " + d.parts.map((name) => name + " " + text()).join(", "));
  const chips = text();
  if (self.chipText !== chips) {
    self.chipText = chips;
    self.chips.replaceChildren(...(chips ? chips.split("\n") : []).map((line) => el("span", "chip " + line.slice(0, line.indexOf("|")), line.slice(line.indexOf("|") + 1))));
  }
  put(self.kind, d.said[Number(kind)]);
  put(self.when, "REPLAY: " + stamp(self, at));
  self.slider.value = f;
  self.slider.setAttribute("aria-valuetext", stamp(self, at) + ", " + light);
  put(self.count, (f + 1) + " of " + self.minutes.length);
  self.back.disabled = self.hourBack.disabled = f === 0;
  self.on.disabled = self.hourOn.disabled = self.play.disabled = f === self.minutes.length - 1;
  self.previous.disabled = !self.changes.some((i) => i <= f);
  self.next.disabled = !self.changes.some((i) => i > f);
  put(self.play, self.playing ? "❚❚ Pause" : f === self.minutes.length - 1 ? "End" : "▶ Play");
  self.canvas.setAttribute("aria-label", "Price up to " + stamp(self, at) + ": " + mark + ", " + light + ". Nothing later is drawn.");
  self.shown = d.window + " " + self.minutes[f];
  chart(self);
  tick(self);
};

const tick = (self) => {
  if (self.data && self.minutes && self.minutes.length) put(self.ago, agoText((self.now() - self.minutes[self.frame] * MIN) / 1000) + ". Not live.");
};

// ── moving ──
const told = (self) => {
  put(self.aloud, self.when.textContent + ". " + self.light.textContent + ". " + self.headline.textContent);
  const url = new URL(window.location.href);
  url.searchParams.set("symbol", self.data.symbol);
  url.searchParams.set("at", new Date(self.minutes[self.frame] * MIN).toISOString().slice(0, 16) + "Z");
  window.history.replaceState(window.history.state, "", url);
};
const stop = (self) => {
  if (!self.playing) return;
  self.playing = false;
  cancelAnimationFrame(self.raf);
  show(self);
  told(self);
};
const go = (self, frame) => {
  self.frame = Math.max(0, Math.min(self.minutes.length - 1, frame));
  self.clock = self.minutes[self.frame];
  show(self);
  clearTimeout(self.quiet);
  if (!self.playing) self.quiet = setTimeout(() => told(self), 400);
};
const stepBy = (self, minutes) => {
  stop(self);
  let frame = frameAt(self, self.minutes[self.frame] + minutes);
  if (frame === self.frame) frame += Math.sign(minutes);  // over a gap
  go(self, frame);
};
const jump = (self, forward) => {
  stop(self);
  const found = forward ? self.changes.find((i) => i > self.frame) : self.changes.filter((i) => i < self.frame).pop() ?? (self.changes.length && self.frame >= self.changes[0] ? 0 : undefined);
  if (found !== undefined) go(self, found);
};
const play = (self) => {
  if (self.playing) { stop(self); return; }
  if (self.frame >= self.minutes.length - 1) return;
  self.playing = true;
  let last = performance.now(), drawn = 0;
  const run = (t) => {
    if (!self.playing || !self.root.isConnected) return;
    self.clock += ((t - last) / 1000) * self.speed;
    last = t;
    const frame = frameAt(self, self.clock);
    if (frame !== self.frame && t - drawn >= (calm() ? 500 : 33)) { drawn = t; self.frame = frame; show(self); }
    if (self.clock >= self.minutes[self.minutes.length - 1]) { self.frame = self.minutes.length - 1; stop(self); return; }
    self.raf = requestAnimationFrame(run);
  };
  show(self);
  self.raf = requestAnimationFrame(run);
};
const faster = (self, speed) => {
  self.speed = speed;
  for (const [button, value] of self.speeds) button.setAttribute("aria-pressed", String(value === speed));
};

const keys = (self, event) => {
  if (!self.minutes || !self.minutes.length || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const path = event.composedPath(), inside = path.includes(self.root);
  if (!inside && path[0] !== document.body && path[0] !== document.documentElement) return;
  const button = path[0] instanceof HTMLButtonElement;
  const act = {
    ArrowLeft: () => stepBy(self, event.shiftKey ? -60 : -1),
    ArrowRight: () => stepBy(self, event.shiftKey ? 60 : 1),
    Home: inside && (() => { stop(self); go(self, 0); }),
    End: inside && (() => { stop(self); go(self, self.minutes.length - 1); }),
    " ": !button && (() => play(self)),
    n: () => jump(self, true), p: () => jump(self, false),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
};

const button = (parent, text, label, act) => {
  const node = parent.appendChild(el("button", "", text));
  node.type = "button";
  node.setAttribute("aria-label", label);
  node.title = label;
  node.onclick = act;
  return node;
};

const create = (root) => {
  let self = { root, speed: 10, minutes: [] };
  self.bind = (mounted) => { self = mounted; };  // `mount` copies what this returns: the handlers below mean the copy
  root.replaceChildren();
  const past = root.appendChild(el("div", "past"));
  self.when = past.appendChild(el("b", "when"));
  self.ago = past.appendChild(el("span"));
  self.kind = past.appendChild(el("span", "kind"));
  self.hero = root.appendChild(el("section", "hero"));
  self.hero.setAttribute("aria-label", "What the radar showed in that minute");
  const row = self.hero.appendChild(el("div", "headrow"));
  self.name = row.appendChild(el("h2"));
  row.appendChild(el("span", "was", "was"));
  self.light = row.appendChild(el("span", "light tone"));
  const price = row.appendChild(el("span", "price"));
  self.mark = price.appendChild(el("span"));
  self.index = price.appendChild(el("small"));
  self.headline = self.hero.appendChild(el("div", "headline"));
  self.chips = self.hero.appendChild(el("div", "chips"));
  self.fields = self.hero.appendChild(el("dl", "fields"));
  self.parts = self.hero.appendChild(el("div", "hint"));
  const bar = root.appendChild(el("div", "bar"));
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Replay controls");
  self.play = button(bar, "▶ Play", "Play or pause (space)", () => play(self));
  self.play.className = "play";
  self.hourBack = button(bar, "−1 h", "An hour back (shift and left arrow)", () => stepBy(self, -60));
  self.back = button(bar, "−1", "A minute back (left arrow)", () => stepBy(self, -1));
  self.on = button(bar, "+1", "A minute on (right arrow)", () => stepBy(self, 1));
  self.hourOn = button(bar, "+1 h", "An hour on (shift and right arrow)", () => stepBy(self, 60));
  self.previous = button(bar, "◀ light", "Previous change of light (p)", () => jump(self, false));
  self.next = button(bar, "light ▶", "Next change of light (n)", () => jump(self, true));
  const speeds = bar.appendChild(el("div", "speeds"));
  speeds.setAttribute("role", "group");
  speeds.setAttribute("aria-label", "Speed, minutes a second");
  self.speeds = SPEEDS.map((value) => [button(speeds, value + "×", value + (value === 1 ? " minute" : " minutes") + " a second", () => faster(self, value)), value]);
  self.count = bar.appendChild(el("span", "hint"));
  const stage = root.appendChild(el("div", "stage"));
  self.canvas = stage.appendChild(el("canvas"));
  self.canvas.setAttribute("role", "img");
  self.canvas.onclick = (event) => {
    const first = self.minutes[0], span = self.minutes[self.minutes.length - 1] - first, w = self.canvas.clientWidth - 66;
    stop(self);
    go(self, frameAt(self, first + (event.offsetX / w) * span));
  };
  self.slider = stage.appendChild(el("input"));
  self.slider.type = "range";
  self.slider.min = 0;
  self.slider.setAttribute("aria-label", "Moment of the replay");
  self.slider.oninput = () => { stop(self); go(self, Number(self.slider.value)); };
  root.appendChild(el("div", "hint", "← → a minute · shift an hour · space plays · n and p jump to the next and previous change of light. Thin pieces of the light's history are reconstructed."));
  self.ruleBox = root.appendChild(el("section", "rules"));
  self.ruleBox.setAttribute("aria-label", "Rules in that minute");
  self.aloud = root.appendChild(el("div", "aloud"));
  self.aloud.setAttribute("aria-live", "polite");
  self.onkey = (event) => keys(self, event);
  document.addEventListener("keydown", self.onkey);
  self.watch = new ResizeObserver(() => chart(self));
  self.watch.observe(self.canvas);
  return self;
};

const frameFields = (self, d) => {
  self.root.querySelector(".past").classList.toggle("lower", d.simulated);  // the simulated market's banner stays above it
  put(self.name, d.symbol + (d.simulated ? " (simulated)" : ""));
  self.fields.replaceChildren();
  const add = (label) => {
    const box = self.fields.appendChild(el("div"));
    box.appendChild(el("dt", "", label));
    return box.appendChild(el("dd"));
  };
  const srs = add("SRS");
  self.srs = srs.appendChild(el("span"));
  self.known = srs.appendChild(el("small"));
  self.cells = d.fields.map(add);
  self.spot = add("Spot short");
  self.rules = d.rules.map(([code, name]) => {
    const row = el("div", "rule"), shape = row.appendChild(el("span", "tone shape")), body = row.appendChild(el("div", "body"));
    const head = body.appendChild(el("div", "rulehead"));
    head.appendChild(el("b", "", code + " " + name));
    return { row, shape, word: head.appendChild(el("span", "badge tone")), why: body.appendChild(el("div", "soft")) };
  });
  self.ruleBox.replaceChildren(...self.rules.map((r) => r.row));
};

export default function (component) {
  const self = mount(component, create, tick);
  self.bind(self);
  const d = self.data, key = [d.window, d.first, d.lights.length].join(" ");
  if (self.key !== key) {
    self.playing = false;
    cancelAnimationFrame(self.raf);
    self.key = key;
    self.place = self.shown;
    load(self, d);
    frameFields(self, d);
    faster(self, self.speed);
  }
  show(self);
  const unmount = self.unmount;
  return () => { self.playing = false; document.removeEventListener("keydown", self.onkey); self.watch.disconnect(); unmount(); };
}
