"use strict";
// What is packed in the page: numbers and pictures. See packed.py and sheets.py.
const latentlab = {};

latentlab.content = () => JSON.parse(document.getElementById("content").textContent);

{
  // Python's base85, with a full stop for what begins a tag
  const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;.=>?@^_`{|}~";
  const VALUES = new Uint8Array(128);
  for (let i = 0; i < LETTERS.length; i++) VALUES[LETTERS.charCodeAt(i)] = i;

  latentlab.bytes = (letters) => {
    const words = new DataView(new ArrayBuffer((letters.length / 5) * 4));
    for (let i = 0, at = 0; i < letters.length; i += 5, at += 4) {
      let word = 0;
      for (let j = i; j < i + 5; j++) word = word * 85 + VALUES[letters.charCodeAt(j)];
      words.setUint32(at, word);
    }
    return words.buffer;
  };
}

// The library, which the page has as a zlib stream of its own text.
latentlab.library = async () => {
  const stream = new Blob([latentlab.bytes(document.getElementById("library").textContent)]).stream();
  const reader = stream.pipeThrough(new DecompressionStream("deflate")).getReader();
  const parts = [];
  for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value);
  const text = await new Blob(parts).text();
  document.head.append(Object.assign(document.createElement("script"), { textContent: text }));
};

latentlab.counts = ({ bits, count, letters }) => {
  const kind = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array }[bits];
  return new kind(latentlab.bytes(letters), 0, count);
};

latentlab.steps = (packed) => {
  const share = (packed.high - packed.low) / 65535;
  return Float64Array.from(latentlab.counts(packed), (step) => packed.low + step * share);
};

// Images in rows on one picture.
latentlab.Sheet = class {
  static async open(packed) {
    const file = new Blob([latentlab.bytes(packed.file)], { type: "image/webp" });
    return new latentlab.Sheet(packed, await createImageBitmap(file));
  }

  constructor({ columns, count, width, height }, picture) {
    Object.assign(this, { columns, count, width, height, picture });
    this.draw(document.createElement("canvas"), 0); // the first time takes longest
  }

  draw(canvas, number) {
    const { width, height, columns } = this;
    Object.assign(canvas, { width, height });
    const left = (number % columns) * width;
    const top = Math.floor(number / columns) * height;
    canvas.getContext("2d").drawImage(this.picture, left, top, width, height, 0, 0, width, height);
    return canvas;
  }
};

// The sign of a class or a variant in its colour.
latentlab.sign = ({ colour, sign }) => {
  const shown = latentlab.element("span", sign, { className: "sign", ariaHidden: "true" });
  shown.style.color = colour;
  return shown;
};

// An element with text or other elements in it; text is never read as HTML.
latentlab.element = (name, inner = [], properties = {}) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...[inner].flat());
  return made;
};
