// What is drawn, and what happens where somebody points, clicks or types. The data is beside it, in #data; names and
// sentences in it are only ever set as text.
"use strict";
{
  const data = JSON.parse(document.getElementById("data").textContent);
  const { words, axes, components, rows, curves, comparison, noise } = data;
  const byNumber = new Map(components.map((component) => [component.number, component]));
  const at = (id) => document.getElementById(id);

  // The state of the page: the axes of the two pictures, the component that is chosen, the row that is pointed at.
  const [x, y = x] = data.first;
  const state = { x, y, feature: x, component: null, row: null };

  // Text

  const element = (name, text = "", attributes = {}) => {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const named = (name) => element("bdi", name);
  const number = (value) => Number(value.toPrecision(5)).toString();
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const nameOf = (k) => (byNumber.has(k) || k >= 0 ? `${words.component} ${k}` : words.noise_label);
  const colourOf = (k) => byNumber.get(k)?.colour ?? (k === noise.label ? noise.colour : "#808080");
  const rowName = (i) => {
    if (rows.names) return rows.names[i];
    return `${words.row} ${(rows.numbers ? rows.numbers[i] : i).toLocaleString("en")}`;
  };
  const isMissing = axes.map((_, j) => new Set(rows ? rows.missing[j] : []));
  const told = (i, j) => {
    const value = `${axes[j].name}: ${number(rows.values[j][i])}`;
    return isMissing[j].has(i) ? `${value} (${words.not_observed})` : value;
  };
  const responsibilities = (i) => {
    const all = rows.responsibilities[i];
    const shares = all.map(([k, share]) => `${nameOf(k < data.nComponents ? k : noise.label)}: ${percent(share)}`);
    const rest = 1 - all.reduce((sum, [, share]) => sum + share, 0);
    return rest > 0.002 ? [...shares, `${words.and_less}: ${percent(rest)}`] : shares;
  };

  function table(head, lines) {
    const made = element("table");
    const first = made.createTHead().insertRow();
    head.forEach((name) => first.append(element("th", name, { scope: "col" })));
    const body = made.createTBody();
    for (const [name, ...cells] of lines) {
      const line = body.insertRow();
      const header = element("th", "", { scope: "row" });
      header.append(named(name));
      line.append(header, ...cells.map((cell) => element("td", cell)));
    }
    return made;
  }

  // Pictures

  const width = () => Math.max(280, document.querySelector("main").clientWidth - 32);
  const AS_THEY_ARE = { color: { type: "identity" }, opacity: { type: "identity" } };
  const TIP = { fontSize: 13, lineHeight: 1.3 };
  const frame = (label, options) => ({
    width: width(), marginLeft: 55, marginBottom: 45, grid: true, ariaLabel: label, ...options, ...AS_THEY_ARE,
    style: { background: "transparent", fontSize: "13px", fontFamily: "inherit" },
  });
  const isFaded = (k) => state.component !== null && state.component !== k;

  // Points of the ellipse of a component that is `radius` wide, in two axes: by the Cholesky factor of its covariance.
  function ellipse(component, i, j, radius) {
    const [a, b, c] = [component.covariance[i][i], component.covariance[i][j], component.covariance[j][j]];
    const along = Math.sqrt(a), slope = a > 0 ? b / along : 0, across = Math.sqrt(Math.max(0, c - slope * slope));
    return d3.range(65).map((step) => {
      const [u, v] = [Math.cos((step * Math.PI) / 32), Math.sin((step * Math.PI) / 32)];
      return [component.mean[i] + radius * along * u, component.mean[j] + radius * (slope * u + across * v)];
    });
  }

  const isInside = (value, axis) => !axis.domain || (value >= axis.domain[0] && value <= axis.domain[1]);
  const visible = (x, y) => d3.range(rows ? rows.label.length : 0)
    .filter((i) => isInside(rows.values[x][i], axes[x]) && isInside(rows.values[y][i], axes[y]));
  const seen = (x, y) => components.filter((one) => isInside(one.mean[x], axes[x]) && isInside(one.mean[y], axes[y]));

  function ellipses(x, y, strokeWidth) {
    const marks = [];
    for (const one of seen(x, y)) for (const radius of one.radii) {
      const points = ellipse(one, x, y, radius);
      marks.push(Plot.line(points, {
        x: "0", y: "1", stroke: one.colour, strokeWidth, strokeDasharray: one.dash || null, clip: true,
        strokeOpacity: isFaded(one.number) ? 0.15 : 1,
      }));
    }
    return marks;
  }

  function dots(shown, x, y, r) {
    const missing = (i) => isMissing[x].has(i) || isMissing[y].has(i);
    return Plot.dot(shown, {
      x: (i) => rows.values[x][i], y: (i) => rows.values[y][i], r, clip: true,
      fill: (i) => (missing(i) ? "none" : colourOf(rows.label[i])),
      stroke: (i) => (missing(i) ? colourOf(rows.label[i]) : "none"),
      opacity: (i) => (isFaded(rows.label[i]) ? 0.05 : rows.opacity[i]),
    });
  }

  function scatter() {
    const { x, y } = state, shown = visible(x, y);
    const radius = Math.max(1.8, Math.min(4, 60 / Math.sqrt(shown.length || 1)));
    const position = { x: (i) => rows.values[x][i], y: (i) => rows.values[y][i] };
    const centre = { x: (one) => one.mean[x], y: (one) => one.mean[y] };
    const opacity = (one) => (isFaded(one.number) ? 0.15 : 1);
    const plot = Plot.plot(frame(words.scatter, {
      height: Math.max(300, Math.min(560, 0.75 * width())), inset: 10,
      x: { label: axes[x].name, domain: axes[x].domain ?? undefined, nice: !axes[x].domain },
      y: { label: axes[y].name, domain: axes[y].domain ?? undefined, nice: !axes[y].domain },
      marks: [
        dots(shown, x, y, radius),
        ...ellipses(x, y, 1.6),
        Plot.dot(seen(x, y), { ...centre, r: 9, fill: "var(--paper)", stroke: "colour", strokeWidth: 1.6, opacity }),
        Plot.text(seen(x, y), { ...centre, text: (one) => `${one.number}`, fill: "currentColor", fontSize: 11, opacity }),
        state.row === null ? null
          : Plot.dot([state.row], { ...position, r: radius + 4, stroke: "currentColor", strokeWidth: 2 }),
        Plot.tip(shown, Plot.pointer({ ...position, title: tipOf([x, y]), maxRadius: 25, ...TIP })),
      ],
    }));
    plot.addEventListener("click", () => plot.value !== null && point(plot.value));
    at("scatter").replaceChildren(plot);
    at("outside").textContent = notes(x, y);
  }

  const notes = (...shown) => [...new Set(shown)].map((j) => axes[j].note).filter(Boolean).join(" ");
  const tipOf = (shown) => (i) =>
    [rowName(i), ...responsibilities(i), ...new Set(shown.map((j) => told(i, j)))].join("\n");

  function pairs() {
    const n = Math.min(5, data.nFeatures), drawn = (x, y) => visible(x, y).slice(0, 400);
    const grid = at("pairs").querySelector(".grid");
    grid.replaceChildren();
    for (let y = 1; y < n; y += 1) for (let x = 0; x < y; x += 1) {
      const button = element("button", "", { type: "button", "aria-label": `${axes[x].name}, ${axes[y].name}` });
      button.append(Plot.plot({
        ...AS_THEY_ARE, width: 170, height: 150, margin: 22, marginTop: 12, style: { background: "transparent", fontSize: "11px" },
        x: { label: axes[x].name, ticks: [], domain: axes[x].domain ?? undefined },
        y: { label: axes[y].name, ticks: [], domain: axes[y].domain ?? undefined },
        marks: [rows ? dots(drawn(x, y), x, y, 1.6) : null, ...ellipses(x, y, 1), Plot.frame({ stroke: "var(--line)" })],
      }));
      button.addEventListener("click", () => { Object.assign(state, { x, y }); choices(); scatter(); });
      grid.append(button);
    }
  }

  function histogram() {
    const axis = axes[state.feature], curve = curves[state.feature];
    const bars = (curve.heights ?? []).map((height, i) => ({ x1: curve.edges[i], x2: curve.edges[i + 1], height }));
    const ticks = d3.range(rows ? rows.label.length : 0).filter((i) => isInside(rows.values[state.feature][i], axis));
    const tick = { x: (i) => rows.values[state.feature][i], y1: 0, y2: -0.04 * curve.top };
    const points = ({ x, y }) => x.map((value, i) => [value, y[i]]);
    const lines = components.map((one, i) => Plot.line(points(curve.components[i]), {
      x: "0", y: "1", stroke: one.colour, strokeWidth: 2, strokeDasharray: one.dash || null, clip: true,
      strokeOpacity: isFaded(one.number) ? 0.15 : 1,
    }));
    at("histogram").replaceChildren(Plot.plot(frame(words.histogram, {
      height: 300,
      x: { label: axis.name, domain: axis.domain ?? undefined },
      y: { label: words.density, domain: [-0.04 * curve.top, 1.05 * curve.top] },
      marks: [
        Plot.rectY(bars, { x1: "x1", x2: "x2", y: "height", fill: "var(--bars)", clip: true }),
        components.length > 1
          ? Plot.line(points(curve.sum), { x: "0", y: "1", stroke: "currentColor", strokeWidth: 1.2, clip: true }) : null,
        ...lines,
        Plot.ruleY([0]),
        Plot.ruleX(ticks, { ...tick, stroke: (i) => colourOf(rows.label[i]), opacity: (i) => (isFaded(rows.label[i]) ? 0.05 : 0.5) }),
        Plot.tip(ticks, Plot.pointerX({ x: tick.x, y: 0, anchor: "bottom", title: tipOf([state.feature]), ...TIP })),
      ],
    })));
    at("outside-one").textContent = notes(state.feature);
  }

  function criterion() {
    const shown = comparison.points.filter((one) => one.isShown), best = comparison.points[comparison.best];
    const marks = [];
    for (const [, models] of d3.group(shown, (one) => one.name)) {
      const { colour, dash, symbol, filled } = models[0];
      const position = { x: "k", y: "value" };
      marks.push(Plot.line(models, { ...position, stroke: colour, strokeDasharray: dash || null }));
      marks.push(Plot.dot(models, { ...position, symbol, stroke: colour, r: 4, fill: filled ? colour : "var(--paper)" }));
    }
    const side = best.k > d3.mean(shown, (one) => one.k) ? -1 : 1;
    const title = (one) => `${one.name}, ${one.k}\n${comparison.criterion}: ${one.value.toLocaleString("en")}`;
    at("criterion").replaceChildren(Plot.plot(frame(words.criterion, {
      height: 360, marginLeft: 75, inset: 14,
      x: { label: words.n_components, ticks: [...new Set(shown.map((one) => one.k))].slice(0, 25), tickFormat: "d" },
      y: { label: comparison.criterion, nice: true },
      marks: [
        ...marks,
        Plot.dot([best], { x: "k", y: "value", r: 10, stroke: "currentColor", strokeWidth: 2 }),
        Plot.text([best], { x: "k", y: "value", text: () => `${words.best}: ${best.name}, ${best.k}`,
          dx: side * 16, textAnchor: side > 0 ? "start" : "end", fontSize: 13, stroke: "var(--paper)", strokeWidth: 5,
          fill: "currentColor" }),
        Plot.tip(shown, Plot.pointer({ x: "k", y: "value", title, ...TIP })),
      ],
    })), legend(shown));
  }

  const SIGNS = { circle: "●○", square: "■□", triangle: "▲△", diamond: "◆◇", triangle2: "▼▽" };
  function legend(models) {
    const list = element("p", "", { class: "legend" });
    for (const [name, [{ colour, symbol, filled }]] of d3.group(models, (one) => one.name)) {
      const item = element("span"), sign = element("span", SIGNS[symbol][filled ? 0 : 1], { "aria-hidden": "true" });
      sign.style.color = colour;
      item.append(sign, ` ${name}`);
      list.append(item);
    }
    return list;
  }

  // What is chosen

  function parameters() {
    const chosen = byNumber.get(state.component), panel = at("parameters");
    panel.replaceChildren();
    if (!chosen) return;
    const facts = [[words.weight, chosen.weight], ["df", chosen.df], [words.verdict, chosen.verdict]]
      .filter(([, value]) => value !== null).map(([name, value]) => `${name} ${value}`);
    panel.append(element("h3", nameOf(chosen.number)), element("p", facts.join(", ")));
    const wide = element("div", "", { class: "wide", tabindex: "0" });
    const head = chosen.df === null ? words.mean : words.scale;
    wide.append(table([words.feature, head], data.features.map((name, j) => [name, chosen.parameters[j]])));
    panel.append(wide);
    if (data.nFeatures > 1) panel.append(element("h3", words.correlations), correlations(chosen));
  }

  function correlations({ covariance }) {
    const features = d3.range(data.nFeatures), wide = element("div", "", { class: "wide", tabindex: "0" });
    const of = (i, j) => covariance[i][j] / Math.sqrt(covariance[i][i] * covariance[j][j]);
    const cell = (i, j) => (Number.isFinite(of(i, j)) ? of(i, j).toFixed(2) : "–");
    wide.append(table(["", ...features.map((j) => axes[j].name)],
      features.map((i) => [axes[i].name, ...features.map((j) => cell(i, j))])));
    return wide;
  }

  function choose(k) {
    state.component = state.component === k ? null : k;
    document.querySelectorAll("[data-component]").forEach((button) =>
      button.setAttribute("aria-pressed", String(Number(button.dataset.component) === state.component)));
    at("all").hidden = state.component === null;
    parameters();
    draw();
  }

  function point(i) {
    state.row = i;
    const panel = at("row");
    panel.replaceChildren();
    if (i !== null) {
      const title = element("h3");
      title.append(named(rowName(i)));
      panel.append(title, element("p", responsibilities(i).join(", ")), element("p", axes.map((_, j) => told(i, j)).join(", ")));
    }
    scatter();
  }

  // Left and right go along the horizontal axis, up and down along the vertical one.
  const KEYS = { ArrowRight: ["x", 1], ArrowLeft: ["x", -1], ArrowUp: ["y", 1], ArrowDown: ["y", -1] };
  function keys(event) {
    if (event.key === "Escape") { state.component = null; choose(null); point(null); return; }
    if (event.key === "Enter" && state.row !== null) { choose(rows.label[state.row]); return; }
    if (!(event.key in KEYS) || !rows) return;
    event.preventDefault();
    const [which, step] = KEYS[event.key], values = rows.values[state[which]];
    const order = visible(state.x, state.y)
      .filter((i) => !isFaded(rows.label[i])).sort((a, b) => values[a] - values[b]);
    const place = order.indexOf(state.row);
    if (order.length) point(order[place < 0 ? 0 : (place + step + order.length) % order.length]);
  }

  const MOST_LINES = 500;
  function tableOfRows() {
    const all = d3.range(rows.label.length).filter((i) => !isFaded(rows.label[i])), some = all.slice(0, MOST_LINES);
    const head = [words.row, words.label, words.certainty, ...axes.map((axis) => axis.name)];
    const lines = some.map((i) => [
      rowName(i), rows.label[i] === noise.label ? words.noise_label : String(rows.label[i]), percent(rows.certainty[i]),
      ...axes.map((_, j) => number(rows.values[j][i])),
    ]);
    const left = all.length - some.length;
    const note = left ? words.first_of.replace("{n}", some.length).replace("{all}", all.length) : "";
    at("table").querySelector("div").replaceChildren(element("p", note), table(head, lines));
  }

  // The page

  function choices() {
    for (const id of ["x", "y", "feature"]) {
      const options = axes.map((axis, j) => new Option(axis.name, j, false, j === state[id]));
      at(id).replaceChildren(...options);
    }
  }

  function draw() {
    if (axes.length > 1) scatter();
    histogram();
    if (at("pairs").open) pairs();
    if (at("table").open) tableOfRows();
  }

  const isDark = () => {
    const { theme } = document.documentElement.dataset;
    return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  at("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  });
  document.querySelectorAll("[data-component]").forEach((button) =>
    button.addEventListener("click", () => choose(Number(button.dataset.component))));
  at("all").addEventListener("click", () => choose(state.component));
  for (const id of ["x", "y", "feature"]) {
    at(id).addEventListener("change", () => { state[id] = Number(at(id).value); draw(); });
  }
  at("scatter").addEventListener("keydown", keys);
  at("pairs").addEventListener("toggle", () => at("pairs").open && pairs());
  at("table").addEventListener("toggle", () => at("table").open && tableOfRows());
  let waiting = null;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(draw, 150); });

  choices();
  at("axes").hidden = at("scatter").hidden = axes.length < 2;
  at("feature-form").hidden = axes.length < 2;
  at("pairs").hidden = data.nFeatures < 3;
  at("table").hidden = !rows;
  draw();
  if (comparison) criterion();
}
