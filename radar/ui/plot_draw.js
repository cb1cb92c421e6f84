// Panels → one plotly figure, and the light's history on a canvas under the price.
const loading = {};
// The library is asked for when the first chart is drawn, from this very server, beside the page. Reading it takes a second of the
// browser's time: the light and its reasons are on the screen before that begins.
const library = (path) => {
  if (window.Plotly && window.Plotly.react) return Promise.resolve(window.Plotly);
  if (!loading[path]) {
    loading[path] = new Promise((resolve, reject) => {
      const page = new URL(document.baseURI);
      page.pathname = page.pathname.replace(/(.)\/+$/, "$1");
      const script = el("script"), early = Object.assign(el("link"), { rel: "preload", as: "script", href: new URL(path, page).href });
      script.src = early.href;
      script.onload = () => (window.Plotly ? resolve(window.Plotly) : script.onerror());
      script.onerror = () => { delete loading[path]; script.remove(); early.remove(); reject(new Error("charts: the library did not come")); };
      document.head.append(early);
      const idle = window.requestIdleCallback || ((act) => act());
      setTimeout(() => idle(() => document.head.append(script), { timeout: 1000 }), 350);
    });
  }
  return loading[path];
};

const colours = (root) => {
  const style = getComputedStyle(root), get = (name) => style.getPropertyValue(name).trim();
  const named = Object.fromEntries(["red", "amber", "green", "grey", "blue", "violet", "line", "soft", "panel"].map((name) => [name, get("--" + name)]));
  return { ...named, ink: style.color, font: style.fontFamily };
};
const thin = (colour, part) => {
  const probe = thin.canvas || (thin.canvas = document.createElement("canvas").getContext("2d"));
  probe.fillStyle = "#000";
  probe.fillStyle = colour;
  const hex = probe.fillStyle;
  return hex[0] === "#" ? "rgba(" + [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)).join(",") + "," + part + ")" : colour;
};

// [first, end) of the stretches without a gap, the 60 longest: plotly would fill a gap.
const stretches = (values) => {
  const found = [];
  for (let i = 0, from = -1; i <= values.length; i++) {
    const here = i < values.length && !Number.isNaN(values[i]);
    if (here && from < 0) from = i;
    if (!here && from >= 0) { found.push([from, i]); from = -1; }
  }
  return found.sort((a, b) => b[1] - b[0] - (a[1] - a[0])).slice(0, 60);
};

const lineTraces = (d, c, [column, , colour, dash, , right], axes) => {
  const yaxis = right ? axes.right : axes.left, common = { type: "scatter", mode: "lines", xaxis: axes.x, yaxis, hoverinfo: "skip", connectgaps: false };
  if (dash === "bars") {
    return [{
      type: "bar", xaxis: axes.x, yaxis, hoverinfo: "skip", y: d.settled.map((s) => s[2]), x: d.settled.map(([end, hours]) => end - (hours * HOUR) / 2),
      width: d.settled.map(([, hours]) => hours * HOUR * 0.94), marker: { color: d.settled.map((s) => thin(s[2] < 0 ? c.red : c.green, 0.55)), line: { width: 0 } },
    }];
  }
  const values = d.values[column], extremes = d.values[column + ":extremes"];
  if (!values || dash === "none") return [];
  if (dash === "area") {
    return stretches(values).map(([from, to]) => ({
      ...common, x0: d.t0 + from * d.dt, dx: d.dt, y: values.subarray(from, to), fill: "tozeroy", fillcolor: thin(c[colour], 0.28), line: { color: c[colour], width: 0.8 },
    }));
  }
  const line = { color: c[colour], dash, width: dash === "dot" ? 1 : dash === "dash" ? 1.2 : 1.4 };
  return [extremes ? { ...common, x0: d.t0 - d.dt * 0.75 + MIN, dx: d.dt / 2, y: extremes, line } : { ...common, x0: d.t0, dx: d.dt, y: values, line }];
};

const axisName = (letter, n) => letter + (n > 1 ? n : "");
const figure = (d, c, places, size, span, clock) => {
  const traces = [], layout = {
    width: size.width, height: size.height, margin: { l: 0, r: 0, t: 0, b: 0 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
    barmode: "overlay", bargap: 0, font: { family: c.font, size: 10.5, color: c.soft }, hovermode: false, dragmode: false, autosize: false,
  };
  places.forEach((place, at) => {
    const { panel } = place, n = at + 1, axes = { x: axisName("x", n), left: axisName("y", n), right: axisName("y", n + PANELS.length) };
    const columns = (right) => panel.lines.filter((l) => Boolean(l[5]) === right).map((l) => l[0]);
    const reading = rangeOf(d, panel.range, columns(false), span), left = reading || [0, 1], times = timeTicks(clock, span, Math.max(4, Math.floor(place.w / 70)));
    const log = panel.range === "log", ticks = !reading ? [] : log ? LOG_TICKS.find(([least]) => left[1] > least)[1] : numberTicks(left, 5);
    const axis = { fixedrange: true, automargin: false, zeroline: false, ticks: "", tickmode: "array" };
    layout["xaxis" + (n > 1 ? n : "")] = {
      ...axis, type: "linear", anchor: axes.left, domain: [place.x / size.width, (place.x + place.w) / size.width], range: span, gridcolor: c.line, showgrid: true,
      tickvals: times.values, ticktext: times.text, showticklabels: place.times, ticklabelstandoff: panel.id === "price" ? 15 : 0,
    };
    layout["yaxis" + (n > 1 ? n : "")] = {
      ...axis, type: log ? "log" : "linear", anchor: axes.x, domain: [1 - (place.y + place.h) / size.height, 1 - place.y / size.height], range: left, gridcolor: c.line,
      tickvals: ticks, ticktext: panel.ticks(ticks), showticklabels: true, zeroline: ticks.length > 0 && (panel.range === "zero" || panel.range === "from0"), zerolinecolor: c.grey, zerolinewidth: 1,
    };
    if (panel.right) {
      const beside = panel.rightRange === "24x" ? reading && left.map((v) => 24 * v) : rangeOf(d, panel.rightRange, columns(true), span), range = beside || [0, 1];
      const rightTicks = !beside || !reach(d, columns(true), span) && !reading ? [] : panel.id === "volume" ? [0, 25, 50, 75, 100] : panel.id === "book" ? [0, 1, 2] : numberTicks(range, 5);
      layout["yaxis" + (n + PANELS.length)] = {
        ...axis, overlaying: axes.left, side: "right", anchor: axes.x, showgrid: false, range, tickvals: rightTicks, ticktext: panel.rightTicks(rightTicks),
      };
      traces.push({ type: "scatter", x: [span[0]], y: [range[0]], mode: "none", xaxis: axes.x, yaxis: axes.right, hoverinfo: "skip" });  // else the axis is left out
    }
    traces.push({ type: "scatter", x: [span[0]], y: [log ? 1 : left[0]], mode: "none", xaxis: axes.x, yaxis: axes.left, hoverinfo: "skip" });
    for (const line of panel.lines) traces.push(...lineTraces(d, c, line, axes));
  });
  return { traces, layout };
};

// The worse light is drawn over the better one and never thinner than two pixels: a red minute shows in thirty days.
const drawLights = (canvas, d, c, place, span) => {
  const ratio = window.devicePixelRatio || 1, w = place.w, h = 11;
  canvas.style.cssText = "left:" + place.x + "px;top:" + (place.y + place.h + 2) + "px;width:" + w + "px;height:" + h + "px";
  canvas.width = Math.round(w * ratio);
  canvas.height = Math.round(h * ratio);
  const g = canvas.getContext("2d"), x = (t) => ((t - span[0]) / (span[1] - span[0])) * w;
  g.scale(ratio, ratio);
  for (const s of [...d.stretches].sort((a, b) => RANK[a.code] - RANK[b.code])) {
    const width = Math.max(s.code === 1 ? 2 : 1, x(s.to) - x(s.from)), from = x(s.to) > w + 1 ? x(s.from) : Math.min(x(s.from), w - width), top = s.relived ? 3 : 0, tall = h - 2 * top;
    if (x(s.from) > w || x(s.to) < 0) continue;
    g.fillStyle = c[d.lights[s.code][1]];
    g.globalAlpha = s.relived ? 0.7 : 1;
    g.fillRect(from, top, width, tall);
    if (s.code === 1 || s.code === 3 || width < 6) continue;
    g.save();  // a pattern beside the colour: strokes for amber, crosses for no data
    g.beginPath();
    g.rect(from, top, width, tall);
    g.clip();
    g.strokeStyle = c.panel;
    g.globalAlpha = 0.8;
    for (let at = Math.max(0, from) - h; at < Math.min(w, from + width) + h; at += 6) {
      g.beginPath();
      g.moveTo(at, top + tall);
      g.lineTo(at + tall, top);
      if (s.code === 4) { g.moveTo(at, top); g.lineTo(at + tall, top + tall); }
      g.stroke();
    }
    g.restore();
  }
};
