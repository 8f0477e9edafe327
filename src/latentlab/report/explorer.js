"use strict";
// Two maps of the same images, side by side: what is pointed at, pinned and selected in one is so in the other.
latentlab.Explorer = class {
  static SIDES = ["left", "right"];
  static REACH = 12; // pixels from a point within which it is pointed at

  static async open(content) {
    const variants = await Promise.all(content.variants.map(latentlab.Explorer.unpack));
    const images = await latentlab.Sheet.open(content.images);
    const explorer = new latentlab.Explorer(content, variants, images);
    await explorer.start();
    return explorer;
  }

  static async unpack(packed) {
    const open = (sheet) => sheet && latentlab.Sheet.open(sheet);
    const places = Object.entries(packed.places).map(([name, axes]) => [name, axes.map(latentlab.steps)]);
    const scores = Object.entries(packed.scores).map(([name, values]) => [name, latentlab.steps(values)]);
    const [reconstructions, inputs, grid] = await Promise.all(["reconstructions", "inputs", "grid"].map((role) => open(packed[role])));
    return {
      ...packed,
      places: Object.fromEntries(places),
      scores: Object.fromEntries(scores),
      neighbours: latentlab.counts(packed.neighbours),
      reconstructions,
      inputs,
      grid,
    };
  }

  constructor(content, variants, images) {
    Object.assign(this, { content, variants, images, pinned: null, hovered: null });
    this.labels = content.labels && latentlab.counts(content.labels);
    this.index = latentlab.counts(content.index);
    this.count = this.index.length;
    this.maps = variants.flatMap((variant) => Object.keys(variant.places).map((place) => ({ variant, place })));
    this.source = new Bokeh.ColumnDataSource({ data: this.columns() });
    this.panels = latentlab.Explorer.SIDES.map((side) => this.panel(side));
  }

  columns() {
    const same = (value) => Array.from({ length: this.count }, () => value);
    const sides = latentlab.Explorer.SIDES.flatMap((side) => [[`${side}_x`, same(0)], [`${side}_y`, same(0)]]);
    const markers = this.labels ? Array.from(this.labels, (label) => this.content.looks[label].marker) : same("circle");
    return { ...Object.fromEntries(sides), colour: same("#888888"), marker: markers };
  }

  panel(side) {
    const figure = latentlab.framed({
      tools: "lasso_select,box_select,pan,wheel_zoom,reset,save",
      active_scroll: "wheel_zoom",
      active_drag: "lasso_select",
    });
    const field = (name) => ({ field: name });
    const points = figure.scatter(field(`${side}_x`), field(`${side}_y`), {
      source: this.source,
      size: 7,
      marker: field("marker"),
      line_color: null,
      fill_color: field("colour"),
      fill_alpha: 0.75,
      selection_fill_alpha: 0.9,
      nonselection_fill_alpha: 0.07,
    });
    const marks = new Bokeh.ColumnDataSource({ data: { x: [], y: [], size: [], marker: [] } });
    const rings = { source: marks, marker: field("marker"), size: field("size"), fill_color: null, line_width: 2 };
    figure.scatter(field("x"), field("y"), { ...rings, ...latentlab.ink });
    for (const tool of figure.toolbar.tools) if ("renderers" in tool) tool.renderers = [points];
    figure.on_event("mousemove", (event) => this.look(this.nearest(panel, event)));
    figure.on_event("mouseleave", () => this.look(null));
    figure.on_event("tap", (event) => this.pin(this.nearest(panel, event)));
    const panel = { side, figure, marks, select: document.getElementById(side) };
    return panel;
  }

  async start() {
    for (const [number, panel] of this.panels.entries()) {
      const titles = this.maps.map(({ variant, place }) => `${variant.name}, ${place}`);
      panel.select.append(...titles.map((title, value) => latentlab.element("option", title, { value })));
      panel.select.selectedIndex = Math.min(number, this.maps.length - 1);
      panel.select.addEventListener("change", () => this.place(panel));
      this.place(panel);
    }
    this.controls();
    this.inspect(null);
    this.source.selected.properties.indices.change.connect(() => this.tell());
    await latentlab.show(this.panels.map(({ figure, side }) => [figure, document.getElementById(`${side}-plot`)]));
  }

  controls() {
    const on = (id, event, action) => document.getElementById(id).addEventListener(event, action);
    on("colour", "change", () => this.paint());
    on("search", "change", ({ target }) => this.find(target.value.trim()));
    on("previous", "click", () => this.step(-1));
    on("next", "click", () => this.step(1));
    on("clear", "click", () => this.clear());
  }

  // Show the map that a panel's list says.
  place(panel) {
    Object.assign(panel, this.maps[panel.select.selectedIndex]);
    const [x, y] = panel.variant.places[panel.place];
    this.source.data[`${panel.side}_x`] = Array.from(x);
    this.source.data[`${panel.side}_y`] = Array.from(y);
    this.source.change.emit();
    latentlab.frame(panel.figure, ...[x, y].map(latentlab.Explorer.around));
    for (const axis of [...panel.figure.below, ...panel.figure.left]) axis.visible = panel.place === "code";
    if (this.panels?.every(({ variant }) => variant)) this.pair();
  }

  // The ends of an axis on which all values stand free of the edge.
  static around(values) {
    const low = values.reduce((one, other) => Math.min(one, other));
    const high = values.reduce((one, other) => Math.max(one, other));
    const margin = (high - low || 1) * 0.04;
    return [low - margin, high + margin];
  }

  // What follows from which two variants are shown.
  pair() {
    const [one, other] = this.panels.map(({ variant }) => variant);
    const shared = this.kept(one, other);
    const mean = shared.reduce((sum, share) => sum + share, 0) / this.count;
    const cka = this.content.cka[this.variants.indexOf(one)][this.variants.indexOf(other)];
    const alike = cka === null ? "not defined" : cka.toFixed(2);
    const text = `${one.name} and ${other.name}: ${(100 * mean).toFixed(0)} % of ${one.near} neighbours shared, CKA ${alike}`;
    document.getElementById("agreement").textContent = text;
    const scores = this.panels.flatMap(({ variant }) =>
      Object.entries(variant.scores).map(([name, values]) => [`${name}, ${variant.name}`, values]));
    this.colours = new Map([...(this.labels ? [["class", null]] : []), ...scores, ["share of neighbours kept", shared], ["none", undefined]]);
    const list = document.getElementById("colour");
    const before = list.value;
    list.replaceChildren(...[...this.colours.keys()].map((name) => latentlab.element("option", name)));
    list.value = this.colours.has(before) ? before : this.colours.keys().next().value;
    this.paint();
    this.mark();
  }

  // The share of each point's neighbours that both variants have.
  kept(one, other) {
    const { near } = one;
    return Float64Array.from({ length: this.count }, (_, row) => {
      const theirs = new Set(other.neighbours.subarray(row * near, (row + 1) * near));
      const shared = one.neighbours.subarray(row * near, (row + 1) * near).filter((each) => theirs.has(each));
      return near ? shared.length / near : 0;
    });
  }

  paint() {
    const name = document.getElementById("colour").value;
    const values = this.colours.get(name);
    const legend = document.getElementById("legend");
    if (values === null) this.paintClasses(legend);
    else if (values === undefined) this.setColours(() => this.content.looks[0].colour, legend, []);
    else this.paintValues(name, values, legend);
  }

  setColours(colourOf, legend, entries) {
    this.source.data.colour = Array.from({ length: this.count }, (_, row) => colourOf(row));
    this.source.change.emit();
    legend.replaceChildren(...entries);
  }

  paintClasses(legend) {
    const { looks } = this.content;
    const entries = this.content.classes.map((name, label) => latentlab.element("span", [latentlab.sign(looks[label]), name]));
    this.setColours((row) => looks[this.labels[row]].colour, legend, entries);
  }

  // From the lowest value to one that 1 % exceed.
  paintValues(name, values, legend) {
    const { scale } = this.content;
    const sorted = Float64Array.from(values).toSorted();
    const low = sorted[0];
    const high = sorted[Math.floor(0.99 * (sorted.length - 1))];
    const level = (value) => Math.min(scale.length - 1, Math.floor(((value - low) / (high - low || 1)) * scale.length));
    const bar = latentlab.element("span", [], { className: "scale" });
    bar.style.background = `linear-gradient(to right, ${scale.join(",")})`;
    const entries = [name, latentlab.Explorer.number(low), bar, `${latentlab.Explorer.number(high)} and more`];
    this.setColours((row) => scale[level(values[row])], legend, entries.map((each) => latentlab.element("span", each)));
  }

  static number(value) {
    return Number.parseFloat(value.toPrecision(3)).toString();
  }

  // The row of the point under the pointer, or null.
  nearest({ figure, variant, place }, { x, y }) {
    const [xs, ys] = variant.places[place];
    const across = figure.inner_width / (figure.x_range.end - figure.x_range.start);
    const down = figure.inner_height / (figure.y_range.end - figure.y_range.start);
    let found = null;
    let least = latentlab.Explorer.REACH ** 2;
    for (let row = 0; row < this.count; row++) {
      const distance = ((xs[row] - x) * across) ** 2 + ((ys[row] - y) * down) ** 2;
      if (distance < least) [least, found] = [distance, row];
    }
    return found;
  }

  look(row) {
    if (row === this.hovered) return;
    this.hovered = row;
    this.inspect(row ?? this.pinned);
    this.mark();
  }

  pin(row) {
    this.pinned = row;
    this.inspect(row);
    this.mark();
    this.list();
  }

  step(by) {
    this.pin(this.pinned === null ? 0 : (this.pinned + by + this.count) % this.count);
  }

  clear() {
    this.source.selected.indices = [];
    document.getElementById("search").value = "";
    this.pin(null);
  }

  // A class selects its images, a number pins the image of this row.
  find(text) {
    const label = this.labels ? this.content.classes.indexOf(text) : -1;
    const row = this.index.indexOf(/^\d+$/.test(text) ? Number(text) : -1);
    if (row >= 0) this.pin(row);
    if (label >= 0) this.source.selected.indices = [...this.labels.keys()].filter((each) => this.labels[each] === label);
    if (row < 0 && label < 0 && text) document.getElementById("selected").textContent = `no row or class "${text}" here`;
  }

  near(variant, row) {
    return variant.neighbours.subarray(row * variant.near, (row + 1) * variant.near);
  }

  // Rings around what is looked at, pinned, and near to that: circles by the left variant's codes, squares by the right's.
  mark() {
    const marks = [];
    const add = (row, marker, size) => marks.push({ row, marker, size });
    if (this.pinned !== null) {
      add(this.pinned, "star", 22);
      for (const row of this.near(this.panels[0].variant, this.pinned)) add(row, "circle", 12);
      for (const row of this.near(this.panels[1].variant, this.pinned)) add(row, "square", 15);
    }
    if (this.hovered !== null) add(this.hovered, "circle", 18);
    for (const { variant, place, marks: source } of this.panels) {
      const [x, y] = variant.places[place];
      source.data = {
        x: marks.map(({ row }) => x[row]),
        y: marks.map(({ row }) => y[row]),
        size: marks.map(({ size }) => size),
        marker: marks.map(({ marker }) => marker),
      };
    }
  }

  title(row) {
    return `row ${this.index[row]}${this.labels ? `, class ${this.content.classes[this.labels[row]]}` : ""}`;
  }

  picture(sheet, row, caption, side) {
    const canvas = sheet.draw(document.createElement("canvas"), row);
    canvas.style.width = `${side}px`;
    return latentlab.element("figure", [canvas, latentlab.element("figcaption", caption)]);
  }

  inspect(row) {
    const looked = document.getElementById("looked");
    if (row === null) return looked.replaceChildren(latentlab.element("p", "Point at an image's place to see it here."));
    const shown = [latentlab.element("p", this.title(row)), this.picture(this.images, row, "image", 120)];
    for (const variant of new Set(this.panels.map((panel) => panel.variant))) {
      if (variant.inputs) shown.push(this.picture(variant.inputs, row, `${variant.name}: input`, 120));
      const scores = Object.entries(variant.scores).map(([name, values]) => `${name} ${latentlab.Explorer.number(values[row])}`);
      const caption = [variant.name, ...scores].join(", ");
      if (variant.reconstructions) shown.push(this.picture(variant.reconstructions, row, caption, 120));
    }
    return looked.replaceChildren(...shown);
  }

  // The pinned image's nearest codes, as buttons that pin them.
  list() {
    document.getElementById("pinned-title").hidden = this.pinned === null;
    const groups = this.pinned === null ? [] : this.panels.flatMap(({ variant }, number) => {
      const buttons = Array.from(this.near(variant, this.pinned), (row) => {
        const canvas = this.images.draw(document.createElement("canvas"), row);
        canvas.style.width = "36px";
        const button = latentlab.element("button", canvas, { type: "button", title: this.title(row), ariaLabel: `pin ${this.title(row)}` });
        button.addEventListener("click", () => this.pin(row));
        return button;
      });
      const text = `${["○", "□"][number]} in ${variant.name}`;
      return [latentlab.element("p", text), latentlab.element("div", buttons, { className: "near" })];
    });
    document.getElementById("neighbours").replaceChildren(...groups);
  }

  // How many are selected, of which classes.
  tell() {
    const { indices } = this.source.selected;
    const counts = new Map();
    if (this.labels) for (const row of indices) counts.set(this.labels[row], (counts.get(this.labels[row]) ?? 0) + 1);
    const classes = [...counts].toSorted((one, other) => other[1] - one[1]).map(([label, count]) => `${this.content.classes[label]}: ${count}`);
    const text = indices.length ? `${indices.length} selected${classes.length ? ` (${classes.join(", ")})` : ""}` : "";
    document.getElementById("selected").textContent = text;
  }
};
