// Ranked lists of the market (radar/ui/market.py names the payload). Nodes are kept by symbol, so focus survives a refresh.
const cellOf = (label) => {
  const cell = el("span", "cell"), name = el("span", "label soft", label);
  cell.append(name, el("span", "tone value"));
  return cell;
};
const makeRow = (self, box) => (symbol) => {
  const row = el("li", "row");
  const open = button(row, "open", null, () => self.trigger("opened", symbol));
  const line = open.appendChild(el("span", "line")), why = el("span", "why");
  const name = line.appendChild(el("b", "name", symbol.replace(/USDT$/, "")));
  if (symbol.endsWith("USDT")) name.append(el("span", "quote", "USDT"));
  line.append(el("span", "tone word"));
  for (const [label] of box.cols) open.append(cellOf(label));
  open.append(why);
  why.append(el("span", "flags"), el("span", "soft said"));
  button(row, "watch", "", () => { if (row.dataset.can) self.trigger("asked", symbol); });
  for (const node of row.children) node.tabIndex = -1;
  return row;
};
const fillRow = (self, row, [symbol, shape, tone, word, said, flags, cells, watched]) => {
  const [open, watch] = row.children, [line, ...values] = open.children, light = line.lastChild, [marks, reasons] = values.pop().children;
  row.className = "row " + tone;
  put(light, shape + " " + word);
  put(reasons, said);
  reasons.title = said;
  const key = JSON.stringify(flags);
  if (row.dataset.flags !== key) {
    row.dataset.flags = key;
    marks.replaceChildren(...flags.map(([text, sentence, colour]) => Object.assign(el("span", "flag tone " + colour, text), { title: sentence })));
  }
  cells.forEach(([text, cls], i) => { const value = values[i].lastChild; put(value, text); value.className = "tone value " + (cls || ""); });
  const facts = cells.map(([text], i) => values[i].firstChild.textContent + " " + text);
  open.setAttribute("aria-label", [symbol, word, said, ...facts, ...flags.map(([, sentence]) => sentence)].filter(Boolean).join(", "));
  put(watch, watched ? "✓" : "+ Watch");
  row.dataset.can = watched || self.data.why ? "" : "1";
  watch.classList.toggle("done", watched);
  if (row.dataset.can) watch.removeAttribute("aria-disabled"); else watch.setAttribute("aria-disabled", "true");
  watch.title = watched ? symbol + " is on the watchlist" : self.data.why || "Watch " + symbol + ": books, borrow and 30 days of history";
  watch.setAttribute("aria-label", watched ? symbol + " is on the watchlist" : "Watch " + symbol);
};
// Tab enters a list at one row; arrows go on from there.
const reach = (list, row) => {
  for (const each of list.children) for (const node of each.children) node.tabIndex = each === row ? 0 : -1;
};
const arrows = (list, event) => {
  const row = event.target.closest(".row"), at = row ? [...row.children].indexOf(event.target.closest("button")) : -1;
  if (at < 0) return;
  const step = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling, Home: list.firstChild, End: list.lastChild }[event.key];
  const next = step ? step.children[at] : { ArrowRight: row.lastChild, ArrowLeft: row.firstChild }[event.key];
  if (!next) return;
  event.preventDefault();
  next.focus();
};

const makeList = (self) => (title) => {
  const outer = el("div", "box"), box = outer.appendChild(el("section", "list")), top = box.appendChild(el("header"));
  box.setAttribute("aria-label", title);
  top.append(el("h3", "", title), el("span", "soft aside"), el("span", "heads"));
  const list = box.appendChild(el("ul"));
  list.setAttribute("aria-label", title);
  list.onkeydown = (event) => arrows(list, event);
  list.addEventListener("focusin", (event) => reach(list, event.target.closest(".row")));
  const none = box.appendChild(el("p", "soft none"));
  none.setAttribute("role", "status");
  Object.assign(box, { list, none, aside: top.children[1], heads: top.children[2], rowNodes: new Map(), cols: [] });
  return outer;
};
const fillList = (self, box, d) => {
  box.cols = d.cols;
  box.classList.toggle("slim", d.cols.length === 1);
  box.style.setProperty("--cols", d.cols.map(([, width]) => width + "px").join(" "));
  const key = JSON.stringify(d.cols);
  if (box.dataset.cols !== key) { box.dataset.cols = key; box.heads.replaceChildren(...d.cols.map(([label]) => el("span", "soft", label))); }
  put(box.aside, d.aside);
  put(box.none, d.rows.length ? "" : d.none);
  box.heads.hidden = !d.rows.length;
  sync(box.rowNodes, box.list, d.rows.map(([symbol]) => symbol), makeRow(self, box));
  for (const row of d.rows) fillRow(self, box.rowNodes.get(row[0]), row);
  if (box.list.firstChild && !box.list.querySelector('[tabindex="0"]')) reach(box.list, box.list.firstChild);
};

const head = (self, d) => {
  if (!d) return;
  put(self.scanned, d.scanned);
  const key = JSON.stringify(d.lights);
  if (self.lightKey !== key) {
    self.lightKey = key;
    self.lights.replaceChildren(...d.lights.map(([tone, shape, count, word]) => {
      const light = el("span", "light tone " + tone, shape + " ");
      light.append(el("b", "", count), " " + word);
      return light;
    }));
  }
  put(self.oi, d.oi);
  put(self.weight, d.weight);
};

const tick = (self) => {
  if (!self.data || !self.data.head || !self.age) return;
  const { at, limit } = self.data.head, age = at === null ? null : (self.now() - at) / 1000, old = age !== null && age > limit;
  put(self.age, age === null ? "age n/a" : (old ? "STALE " : "") + ageText(age) + " old");
  self.age.classList.toggle("old", old);
  self.lists.classList.toggle("dim", old);
};

const build = (self) => {
  if (self.data.head) {
    const line = self.root.appendChild(el("p", "head"));
    [self.scanned, self.age, self.lights, self.oi, self.weight] = ["scanned", "age", "lights", "soft oi", "soft weight"].map((cls) => line.appendChild(el("span", cls)));
  }
  self.lists = self.root.appendChild(el("div", "lists"));
  self.boxes = new Map();
};

export default function (component) {
  const self = mount(component, () => ({}), tick);
  if (!self.lists) build(self);
  const d = self.data;
  head(self, d.head);
  sync(self.boxes, self.lists, d.lists.map(({ title }) => title), makeList(self));
  for (const list of d.lists) fillList(self, self.boxes.get(list.title).firstChild, list);
  self.lists.style.setProperty("--lists", d.lists.length);
  tick(self);
  return self.unmount;
}
