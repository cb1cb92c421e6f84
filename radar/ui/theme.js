// Light or dark. Streamlit keeps the choice in the browser, a key for the path of each page, and reads it when a page is loaded.
const VERSION = 2;
const dark = (root) => {
  const [r, g, b] = getComputedStyle(root).getPropertyValue("--st-background-color").match(/[\da-f]{2}/gi).map((x) => parseInt(x, 16));
  return 0.3 * r + 0.59 * g + 0.11 * b < 128;
};
const remember = (name, pages) => {
  const base = location.pathname.replace(new RegExp("/(" + pages.join("|") + ")?/?$"), "");
  for (const page of ["", ...pages]) localStorage.setItem("stActiveTheme-" + base + "/" + page + "-v" + VERSION, JSON.stringify(name));
};
export default function (component) {
  const self = mount(component, (root) => ({ button: root.appendChild(el("button", "theme")) }), () => {});
  const other = dark(self.root) ? "Light" : "Dark";
  self.button.type = "button";
  put(self.button, other === "Light" ? "☀" : "☾");
  self.button.title = other + " theme";
  self.button.setAttribute("aria-label", other + " theme");
  self.button.onclick = () => { remember(other, self.data.pages); location.reload(); };
  return self.unmount;
}
