// Tells the server once a session what this browser keeps (which also says that the page is drawn), and keeps what the visitor chose. Nothing here is a secret.
const NAME = "short-risk-radar.view.", LONGEST = 6000;
const stored = (name) => {
  try { const text = localStorage.getItem(NAME + name); return text && text.length <= LONGEST ? text : null; } catch { return null; }
};
const store = (name, text) => { try { localStorage.setItem(NAME + name, text); } catch { /* full or forbidden: the link still tells the view */ } };
let wrote = null;
export default function (component) {
  const self = mount(component, () => ({}), () => {});
  const { keep, names, session } = self.data, key = JSON.stringify(keep);
  if (globalThis.radarTold !== session) {  // once a session, however often this code is loaded
    globalThis.radarTold = session;
    const found = Object.fromEntries(names.map((name) => [name, stored(name)]).filter(([, text]) => text));
    self.keep("kept", found);  // a state, not a trigger: no busy moment of the server loses it
  }
  if (key !== wrote) { wrote = key; for (const [name, text] of keep) store(name, text); }
  return self.unmount;
}
