"use strict";
// Bring the page to life.
{
  const lines = (curves, looks, made) => curves.map(({ name, number, ...curve }) => ({ name, ...looks[number], lines: made(curve) }));

  const grey = { colour: "#8a8f98", marker: "circle", sign: "┄" }; // of what is no variant

  const losses = (content) =>
    latentlab.chart(
      "losses",
      lines(content.losses, content.looks, ({ epoch, training, validation }) => [
        { x: epoch, y: training, word: "training", marked: true },
        { x: epoch, y: validation, word: "validation", dash: "dashed" },
      ]),
      "epoch",
      "nats a pixel",
    );

  const denoising = (content) => {
    const made = ({ psnr }) => [{ x: content.levels, y: psnr, marked: true }];
    const others = content.denoising.filter(({ number }) => number === null);
    const greys = others.map(({ name, psnr }, i) => ({
      name,
      ...grey,
      lines: [{ x: content.levels, y: psnr, dash: ["dotted", "dashdot"][i % 2] }],
    }));
    const variants = lines(content.denoising.filter(({ number }) => number !== null), content.looks, made);
    return latentlab.chart("denoising", [...variants, ...greys], "standard deviation of the noise", "PSNR (dB)");
  };

  const roc = (content) => {
    const made = ({ positives, negatives }) => [{ x: negatives, y: positives }];
    const chance = { name: "chance", ...grey, lines: [{ x: [0, 1], y: [0, 1], dash: "dotted" }] };
    const groups = [...lines(content.roc, content.looks, made), chance];
    return latentlab.chart("roc", groups, "false positive rate", "true positive rate");
  };

  const scheme = () => {
    const button = document.getElementById("scheme");
    const prefers = matchMedia("(prefers-color-scheme: dark)");
    const set = (dark) => {
      button.ariaPressed = String(dark);
      latentlab.scheme(dark);
    };
    button.addEventListener("click", () => set(button.ariaPressed !== "true"));
    prefers.addEventListener("change", ({ matches }) => set(matches));
    set(prefers.matches);
  };

  latentlab.start = async () => {
    await latentlab.library();
    const content = latentlab.content();
    scheme();
    document.querySelectorAll("table.sortable").forEach(latentlab.sortable);
    if (content.losses.length) await losses(content);
    if (content.variants.length) {
      latentlab.explorer = await latentlab.Explorer.open(content);
      const plane = latentlab.explorer.variants.filter(({ grid }) => grid);
      if (plane.length) {
        latentlab.plane = new latentlab.Plane(plane);
        await latentlab.plane.start();
      }
    }
    if (content.denoising.length) await denoising(content);
    if (content.roc.length) await roc(content);
    document.body.dataset.ready = "true";
  };

  latentlab.start();
}
