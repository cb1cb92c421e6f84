// Hero and cards of the symbol page (radar/ui/cards.py names the keys). Redrawn only when the payload changed.
const glued = (text) => text.replace(/(\d) (%|s\b|min\b|h\b|d\b|USDT\b|points\b)/g, "$1\u00a0$2");  // a number keeps its unit on its line
// A cell: text, [text, tone], or {v, k, tag, next}; the first one names its row.
const cell = (given, at, cls, self) => {
  const c = typeof given === "string" ? { v: given } : Array.isArray(given) ? { v: given[0], k: given[1] } : given;
  const node = el(at ? "td" : "th", cls(at, c.k ? c.k + " tone" : ""));
  if (!at) node.scope = "row";
  if (c.tag) node.append(at ? el("span", "tag", c.tag) : "", at ? " " : "");
  const value = node.appendChild(el("span", "", c.v));
  if (c.tag && !at) node.append(" ", el("span", "tag", c.tag));
  if (c.next) self.live.push(["next", value, c.next]);
  return node;
};
const BLOCKS = {
  rule(b) {
    const row = el("div", "rule " + b.k);
    row.append(el("span", "tone shape", b.shape));
    const body = row.appendChild(el("div", "body"));
    const head = body.appendChild(el("div", "rulehead"));
    head.append(el("b", "", b.name), el("span", "badge tone", b.word));
    body.append(el("div", "soft", glued(b.text)));
    if (b.flip) body.append(el("div", "soft flip", glued(b.flip)));
    if (b.record) body.append(el("div", "soft record", glued(b.record)));
    return row;
  },
  flips(b) {
    const list = el("dl", "flips");
    for (const [goal, how] of b.rows) list.append(el("dt", "", goal), ...how.map((way) => el("dd", "soft", glued(way))));
    return list;
  },
  pairs(b) {
    const list = el("dl", "pairs");
    for (const [k, v, cls] of b.rows) list.append(el("dt", "soft", k), el("dd", cls || "", v));
    return list;
  },
  table(b, self, title) {
    const wrap = el("div", "scroll"), table = wrap.appendChild(el("table"));
    const minor = new Set(b.minor || []), cls = (i, more) => [minor.has(i) ? "minor" : "", more].filter(Boolean).join(" ");
    if (b.wrap) table.className = "wraps";
    table.setAttribute("aria-label", title);
    table.createTHead().insertRow().append(...b.head.map((h, i) => Object.assign(el("th", cls(i), h), { scope: "col" })));
    const body = table.createTBody();
    for (const row of b.rows) {
      const line = body.insertRow(), cells = row.cells || row;
      line.className = row.k || "";
      cells.forEach((c, i) => line.append(cell(c, i, cls, self)));
      if (row.note) {
        const note = body.insertRow();
        note.className = "note " + line.className;
        note.append(Object.assign(el("td", "soft", glued(row.note)), { colSpan: cells.length }));
        line.classList.add("noted");
      }
    }
    return wrap;
  },
  bar(b) {
    const bar = el("div", "stack");
    bar.setAttribute("role", "img");
    bar.setAttribute("aria-label", b.label);
    b.parts.forEach(([width, label], i) => {
      const part = bar.appendChild(el("i", "p" + (i % 5)));
      part.style.width = width + "%";
      part.title = label;
      part.textContent = width >= 7 ? label.slice(0, 1) : "";
    });
    bar.append(Object.assign(el("i", "line40"), { title: "40" }), Object.assign(el("i", "line70"), { title: "70" }));
    return bar;
  },
  text(b) { return el("p", (b.k || "soft") + (b.k ? " tone" : ""), glued(b.v)); },
};

const card = (self, c) => {
  const box = el("section", "card");
  box.setAttribute("aria-label", c.title);
  const head = box.appendChild(el("header"));
  head.append(el("h3", "", c.title), el("span", "soft", c.aside || ""));
  for (const block of c.blocks) box.append(BLOCKS[block.t](block, self, c.title));
  return box;
};

const hero = (self, h) => {
  const box = el("section", "hero " + h.k + (h.stale ? " dim" : ""));
  const who = box.appendChild(el("div", "who"));
  who.append(el("div", "soft facts", h.facts), el("h2", "", h.symbol));
  const say = box.appendChild(el("div", "say"));
  say.append(el("div", "light tone", h.light), el("div", "headline", h.headline));
  if (h.code) say.firstChild.title = h.code;
  for (const [tone, text] of h.flags) say.append(el("div", "flag tone " + tone, text));
  const stats = box.appendChild(el("dl", "stats"));
  for (const s of h.stats) {
    const stat = stats.appendChild(el("div"));
    const value = el("dd", s.k ? "tone " + s.k : "", s.v);
    stat.append(el("dt", "soft", s.t), value, el("dd", "soft note", s.n));
    if (s.live) self.live.push([s.live, value, h.next]);
  }
  return box;
};

const tick = (self) => {
  if (!self.data) return;
  const h = self.data.hero, now = self.now(), silent = self.silence() > 60;
  for (const [kind, node, at] of self.live) {
    if (kind === "next") put(node, at ? countdown(at - now) : "n/a");
    if (kind === "age") {
      const age = h.read === null ? null : (now - h.read) / 1000, old = age !== null && (age > h.limit || h.stale);
      put(node, age === null ? "n/a" : ageText(age) + (old ? " STALE" : ""));
      node.className = old ? "old" : "";
    }
  }
  if (h) self.root.firstChild.classList.toggle("dim", silent || h.stale);
  if (self.data.now) for (const box of self.root.querySelectorAll(".card")) box.classList.toggle("silent", silent);
};

export default function (component) {
  const self = mount(component, () => ({ live: [] }), tick);
  const key = JSON.stringify([self.data.hero, self.data.cards]);
  if (self.key !== key) {
    self.key = key;
    self.live = [];
    self.root.replaceChildren(...(self.data.hero ? [hero(self, self.data.hero)] : []), ...(self.data.cards || []).map((c) => card(self, c)));
  }
  tick(self);
  return self.unmount;
}
