// The watchlist by SRS: rows of [symbol, shape, tone, word, score, tone of its band].
export default function (component) {
  const self = mount(component, () => ({}), () => {});
  const key = JSON.stringify(self.data.rows);
  if (self.key !== key) {
    self.key = key;
    const list = el("ul", "rail");
    for (const [symbol, shape, tone, word, score, band] of self.data.rows) {
      const row = list.appendChild(el("li")).appendChild(el("button", tone));
      row.type = "button";
      row.title = word;
      row.append(el("span", "tone shape", shape), el("span", "name", symbol), el("b", "tone " + band, score));
      row.setAttribute("aria-label", symbol + ", " + word + ", SRS " + score);
      row.onclick = () => self.trigger("opened", symbol);
    }
    self.root.replaceChildren(list);
  }
  return self.unmount;
}
