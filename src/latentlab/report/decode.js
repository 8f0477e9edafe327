"use strict";
// A plane of codes: the image that the decoder makes of the place under the pointer, from a grid decoded before.
latentlab.Plane = class {
  constructor(variants) {
    this.variants = variants;
    this.select = document.getElementById("decoder");
    this.codes = new Bokeh.ColumnDataSource({ data: { x: [], y: [] } });
    this.place = new Bokeh.ColumnDataSource({ data: { x: [], y: [] } });
    this.circles = [1, 2, 3].map(() => new Bokeh.ColumnDataSource({ data: { x: [], y: [] } }));
    this.figure = this.draw();
  }

  async start() {
    this.select.append(...this.variants.map(({ name }, value) => latentlab.element("option", name, { value })));
    this.select.addEventListener("change", () => this.show());
    const element = document.getElementById("decode-plot");
    element.addEventListener("keydown", (event) => this.key(event));
    this.show();
    await latentlab.show([[this.figure, element]]);
  }

  draw() {
    const figure = latentlab.framed({
      tools: "pan,wheel_zoom,reset,save",
      x_axis_label: "first latent dimension",
      y_axis_label: "second latent dimension",
    });
    const [x, y] = [{ field: "x" }, { field: "y" }];
    figure.scatter(x, y, { source: this.codes, size: 3, fill_alpha: 0.6, fill_color: "#8a8f98", line_color: null });
    for (const source of this.circles) figure.line(x, y, { source, line_dash: "dashed", line_width: 1.5, ...latentlab.ink });
    figure.scatter(x, y, { source: this.place, marker: "square", size: 14, fill_color: null, line_width: 2, ...latentlab.ink });
    figure.on_event("mousemove", (event) => this.at(event.x, event.y));
    figure.on_event("tap", (event) => this.at(event.x, event.y));
    return figure;
  }

  show() {
    this.variant = this.variants[this.select.selectedIndex];
    const [x, y] = this.variant.places.code;
    this.codes.data = { x: Array.from(x), y: Array.from(y) };
    const turns = Array.from({ length: 121 }, (_, i) => (i / 60) * Math.PI);
    for (const [number, source] of this.circles.entries()) {
      const radius = this.variant.variational ? number + 1 : Number.NaN;
      source.data = { x: turns.map((turn) => radius * Math.cos(turn)), y: turns.map((turn) => radius * Math.sin(turn)) };
    }
    latentlab.frame(this.figure, ...this.variant.axes.map((axis) => [axis[0], axis.at(-1)]));
    this.to(...this.variant.axes.map((axis) => latentlab.Plane.closest(axis, 0)));
  }

  static closest(axis, value) {
    const step = (axis.at(-1) - axis[0]) / (axis.length - 1) || 1;
    return Math.max(0, Math.min(axis.length - 1, Math.round((value - axis[0]) / step)));
  }

  at(x, y) {
    const [across, up] = this.variant.axes;
    this.to(latentlab.Plane.closest(across, x), latentlab.Plane.closest(up, y));
  }

  // The image of a column and a row of the grid, counted from the lowest code; the sheet begins with the highest row.
  to(column, row) {
    const { axes, grid } = this.variant;
    Object.assign(this, { column, row });
    grid.draw(document.getElementById("decoded"), (axes[1].length - 1 - row) * axes[0].length + column);
    this.place.data = { x: [axes[0][column]], y: [axes[1][row]] };
    const code = [axes[0][column], axes[1][row]].map((value) => value.toFixed(2)).join(", ");
    document.getElementById("decoded-code").textContent = `decoded from (${code})`;
  }

  key(event) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!by) return;
    event.preventDefault();
    const within = (value, axis) => Math.max(0, Math.min(axis.length - 1, value));
    this.to(within(this.column + by[0], this.variant.axes[0]), within(this.row + by[1], this.variant.axes[1]));
  }
};
