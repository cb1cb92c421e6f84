// Shared by every component. Text always arrives through textContent.
const el = (tag, cls, text) => {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text !== undefined && text !== null) node.textContent = text;
  return node;
};
const svgEl = (tag, attrs) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attrs || {})) node.setAttribute(k, v);
  return node;
};
const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };
const ageText = (sec) => {
  const s = Math.max(0, Math.floor(sec));
  if (s < 120) return s + " s";
  if (s < 7200) return Math.floor(s / 60) + " min";
  return s < 172800 ? Math.floor(s / 3600) + " h" : Math.floor(s / 86400) + " d";
};
const two = (n) => String(n).padStart(2, "0");
const countdown = (ms) => {
  const s = Math.floor(ms / 1000);
  return s > 0 ? two(Math.floor(s / 3600)) + ":" + two(Math.floor(s / 60) % 60) + ":" + two(s % 60) : "settling";
};
// One record per mounted instance: its nodes, its payload, and the clock that ticks it.
const mounted = new WeakMap();
const mount = (component, create, tick) => {
  const parent = component.parentElement;
  const root = parent.querySelector(".root");
  let self = mounted.get(parent);
  if (!self) {
    self = { root, ...create(root) };
    mounted.set(parent, self);
    self.timer = setInterval(() => tick(self), 1000);
  }
  if (self.data !== component.data) { self.data = component.data; self.received = performance.now(); }
  self.trigger = component.setTriggerValue;
  self.keep = component.setStateValue;
  self.silence = () => (performance.now() - self.received) / 1000;
  self.now = () => self.data.now + performance.now() - self.received;
  self.unmount = () => { clearInterval(self.timer); mounted.delete(parent); };
  return self;
};
