"use strict";
// Figures of Bokeh in the colours of the page, and charts of lines that can be hidden one by one.
{
  const figures = [];
  // A colour of the style sheet as the scheme of now has it.
  const colour = (name) => {
    const probe = latentlab.element("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };

  const paint = (figure) => {
    figure.background_fill_color = colour("--ground");
    figure.border_fill_color = colour("--ground");
    figure.outline_line_color = colour("--line");
    for (const axis of [...figure.below, ...figure.left]) {
      if (!("major_label_text_color" in axis)) continue;
      axis.major_label_text_color = colour("--soft");
      axis.axis_label_text_color = colour("--soft");
      for (const part of ["axis", "major_tick", "minor_tick"]) axis[`${part}_line_color`] = colour("--line");
    }
    for (const grid of figure.center) {
      if ("grid_line_color" in grid) grid.grid_line_color = colour("--line");
    }
    figure.renderers.filter(({ name }) => name === "ink").forEach(({ glyph }) => (glyph.line_color = colour("--text")));
  };

  // The look of what is drawn over all else, in the colour of text: the points below are not drawn again for it.
  latentlab.ink = { name: "ink", level: "overlay" };

  latentlab.scheme = (dark) => {
    document.documentElement.classList.toggle("dark", dark);
    document.documentElement.classList.toggle("light", !dark);
    figures.forEach(paint);
  };

  latentlab.figure = (options) => {
    const figure = Bokeh.Plotting.figure({ sizing_mode: "stretch_both", toolbar_location: "above", ...options });
    figure.toolbar.logo = null;
    return figure;
  };

  // A figure of what `frame` says, and no more.
  latentlab.framed = (options) => {
    const range = () => new Bokeh.Range1d({ start: 0, end: 1 });
    return latentlab.figure({ x_range: range(), y_range: range(), ...options });
  };

  // Show, and return to, what lies between the ends [start, end] of both axes.
  latentlab.frame = ({ x_range, y_range }, x, y) => {
    for (const [range, [start, end]] of [[x_range, x], [y_range, y]]) range.setv({ start, end, reset_start: start, reset_end: end });
  };

  // Figures of one document share their sources; each is shown in an element.
  latentlab.show = async (shown) => {
    const whole = new Bokeh.Document();
    for (const [figure] of shown) {
      whole.add_root(figure);
      figures.push(figure);
      paint(figure);
    }
    const elements = shown.map(([, element]) => element);
    return Bokeh.embed.add_document_standalone(whole, elements[0], elements);
  };

  const toggle = (fieldset, name, look, renderers) => {
    const box = latentlab.element("input", [], { type: "checkbox", checked: true });
    box.addEventListener("change", () => renderers.forEach((each) => (each.visible = box.checked)));
    fieldset.append(latentlab.element("label", [box, " ", latentlab.sign(look), name]));
  };

  // Each of `groups` has a name, a colour, a marker, a sign and lines {x, y, dash, word}.
  latentlab.chart = (id, groups, x, y) => {
    const tools = "pan,wheel_zoom,box_zoom,reset,save";
    const figure = latentlab.figure({ tools, x_axis_label: x, y_axis_label: y });
    for (const { name, colour: line_color, marker, sign, lines } of groups) {
      const renderers = lines.flatMap((line) => {
        const source = new Bokeh.ColumnDataSource({ data: { x: line.x, y: line.y } });
        const look = { source, line_color, line_width: 2, line_dash: line.dash ?? "solid" };
        const drawn = figure.line({ field: "x" }, { field: "y" }, look);
        const tooltips = [["", `${name}${line.word ? `, ${line.word}` : ""}`.replaceAll(/[@$]/g, " ")], [x, "@x"], [y, "@y"]];
        figure.add_tools(new Bokeh.HoverTool({ renderers: [drawn], tooltips, visible: false }));
        const ends = line.x.length > 20 ? [line.x.length - 1] : [...line.x.keys()];
        const at = { x: Array.from(ends, (i) => line.x[i]), y: Array.from(ends, (i) => line.y[i]) };
        if (!line.marked) return [drawn];
        const marks = figure.scatter(at.x, at.y, { marker, size: 8, fill_color: line_color, line_color });
        return [drawn, marks];
      });
      toggle(document.getElementById(`${id}-shown`), name, { colour: line_color, sign }, renderers);
    }
    return latentlab.show([[figure, document.getElementById(`${id}-chart`)]]);
  };
}
