// The left panel's list (radar/ui/rail.py names the payload). Nodes are kept, so focus and scroll survive a refresh.
const HIDE = "✕";
const makeFilter = (self) => (name) => {
  const node = el("button", "filter");
  node.type = "button";
  node.append(el("span", "tone shape"), el("span", "label"), el("b", "number"));
  node.onclick = () => self.ask("show", name);
  return node;
};
const filters = (self, d) => {
  sync(self.filterNodes, self.filters, d.filters.map(([name]) => name), makeFilter(self));
  for (const [name, label, number, shape, tone] of d.filters) {
    const node = self.filterNodes.get(name), [mark, word, count] = node.children;
    node.className = "filter " + tone;
    put(mark, shape); put(word, label); put(count, String(number));
    node.setAttribute("aria-pressed", String(name === d.show));
    node.title = name === "red" ? "Red includes the symbols without data: treat them as red" : "";
  }
};
const sorting = (self, d) => {
  const key = JSON.stringify(d.sorts);
  if (self.sortKey !== key) {
    self.sortKey = key;
    self.sort.replaceChildren(...d.sorts.map(([name, label]) => { const o = el("option", "", label); o.value = name; return o; }));
  }
  if (self.sort.value !== d.sort) self.sort.value = d.sort;
};

const makeRow = (self) => (symbol) => {
  const row = el("li", "row");
  const open = button(row, "open", null, () => self.trigger("opened", symbol));
  const middle = el("span", "middle");
  middle.append(el("span", "name", symbol), el("span", "tone badge"));
  open.append(el("span", "tone shape"), middle, el("b", "tone score"));
  const hide = button(row, "hide", HIDE, () => {
    const next = row.nextElementSibling || row.previousElementSibling;
    if (next && self.root.getRootNode().activeElement === hide) next.lastChild.focus();
    self.ask("hide", symbol);
  });
  hide.title = "Hide from my view";
  hide.setAttribute("aria-label", "Hide " + symbol + " from my view");
  for (const node of row.children) node.tabIndex = -1;
  return row;
};
const rows = (self, d) => {
  sync(self.rowNodes, self.list, d.rows.map(([symbol]) => symbol), makeRow(self));
  for (const [symbol, shape, tone, word, score, band, [text, badgeTone, sentence] = []] of d.rows) {
    const row = self.rowNodes.get(symbol), open = row.firstChild, [mark, middle, number] = open.children, badge = middle.lastChild;
    row.className = "row " + tone;
    put(mark, shape); put(number, score); put(badge, text || "");
    badge.className = "tone badge " + (badgeTone || "");
    number.className = "tone score " + band;
    open.title = sentence ? symbol + ": " + sentence : symbol + ": " + word;
    open.setAttribute("aria-label", [symbol, word, "SRS " + score, sentence].filter(Boolean).join(", "));
    if (symbol === d.open) open.setAttribute("aria-current", "page"); else open.removeAttribute("aria-current");
  }
  if (!self.list.querySelector('[tabindex="0"]')) reach(self, self.list.querySelector("[aria-current]")?.parentNode || self.list.firstChild);
};
// Tab enters the list at one row; arrows go on from there.
const reach = (self, row) => {
  for (const each of self.list.children) for (const node of each.children) node.tabIndex = each === row ? 0 : -1;
};
const arrows = (self, event) => {
  const row = event.target.closest(".row"), at = [...row.children].indexOf(event.target.closest("button"));
  const step = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling, Home: self.list.firstChild, End: self.list.lastChild }[event.key];
  const next = step ? step.children[at] : { ArrowRight: row.lastChild, ArrowLeft: row.firstChild }[event.key];
  if (!next) return;
  event.preventDefault();
  next.focus();
};

const hidden = (self, d) => {
  self.away.hidden = !d.hidden.length;
  put(self.awayCount, d.hidden.length + " hidden");
  const make = (symbol) => {
    const item = el("li"), node = button(item, "", "+ " + symbol, () => self.ask("unhide", symbol));
    node.setAttribute("aria-label", "Show " + symbol + " again");
    return item;
  };
  sync(self.awayNodes, self.awayList, d.hidden, make);
};

const build = (self) => {
  const root = self.root;
  self.ask = (what, value) => self.trigger("asked", [what, value]);
  self.filters = root.appendChild(el("div", "filters"));
  self.filters.setAttribute("role", "group");
  self.filters.setAttribute("aria-label", "Show");
  self.sort = root.appendChild(el("select", "sort"));
  self.sort.setAttribute("aria-label", "Sort by");
  self.sort.onchange = () => self.ask("sort", self.sort.value);
  self.foreign = root.appendChild(el("p", "note", "This view came with a link. "));
  button(self.foreign, "plain", "Back to mine", () => self.ask("mine", ""));
  self.head = root.appendChild(el("p", "note head"));
  self.none = root.appendChild(el("p", "note none"));
  self.none.setAttribute("role", "status");
  self.list = root.appendChild(el("ul", "rail"));
  self.list.setAttribute("aria-label", "Watchlist");
  self.list.onkeydown = (event) => arrows(self, event);
  self.list.addEventListener("focusin", (event) => reach(self, event.target.closest(".row")));
  self.away = root.appendChild(el("div", "away"));
  const details = self.away.appendChild(el("details"));
  self.awayCount = details.appendChild(el("summary"));
  self.awayList = details.appendChild(el("ul"));
  button(self.away, "plain", "show all", () => self.ask("all", ""));
};

export default function (component) {
  const self = mount(component, () => ({ filterNodes: new Map(), rowNodes: new Map(), awayNodes: new Map() }), () => {});
  const d = self.data;
  if (!self.list) build(self);
  filters(self, d);
  sorting(self, d);
  self.foreign.hidden = !d.foreign;
  put(self.head, d.head);
  put(self.none, d.none);
  rows(self, d);
  hidden(self, d);
  return self.unmount;
}
