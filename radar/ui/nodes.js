// Lists whose nodes are kept from one payload to the next, so that focus and scroll survive a refresh.
const sync = (map, parent, keys, make) => {
  for (const [key, node] of map) if (!keys.includes(key)) { node.remove(); map.delete(key); }
  keys.forEach((key, i) => {
    if (!map.has(key)) map.set(key, make(key));
    const node = map.get(key);
    if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] || null);
  });
};
const button = (parent, cls, text, act) => {
  const node = parent.appendChild(el("button", cls, text));
  node.type = "button";
  node.onclick = act;
  return node;
};
