// The signs of locations: a disc in the color of the group, hollow for candidates, with the glyph of the kind.

import { h, s } from "./dom.js";

/** Width of the glyph as a share of the width of the disc; the glyph is in a square of 24 units. */
const GLYPH_SHARE = 0.64;

/** Returns the sign of a kind as an element. */
export function sign(kind, { hollow = false } = {}) {
  return h(
    "span",
    { class: `sign location${hollow ? " hollow" : ""}`, "data-group": kind.group },
    s(
      "svg",
      { viewBox: "0 0 24 24", class: "glyph", "aria-hidden": "true", focusable: "false" },
      s("path", { d: kind.glyph }),
    ),
  );
}

/** Signs as pictures for a canvas, each drawn only once; every theme has its own. */
export class SignPictures {
  #pictures = new Map();
  #colors = new Map();
  #style = window.getComputedStyle(document.documentElement);

  /** @param ratio device pixels per pixel. */
  constructor(ratio) {
    this.ratio = ratio;
  }

  /** Returns a color of the page by the name of its custom property. */
  color(name) {
    let value = this.#colors.get(name);
    if (value === undefined) {
      value = this.#style.getPropertyValue(name).trim();
      this.#colors.set(name, value);
    }
    return value;
  }

  /** Returns the sign of a place, `size` pixels wide, in the middle of a picture `side` pixels wide. */
  of({ location, candidate }, size) {
    const key = `${location.group} ${location.icon} ${candidate} ${size}`;
    let sign = this.#pictures.get(key);
    if (!sign) {
      const side = size + 4;
      sign = { side, picture: this.#draw(location, candidate, size, side) };
      this.#pictures.set(key, sign);
    }
    return sign;
  }

  #draw(kind, hollow, size, side) {
    const picture = document.createElement("canvas");
    picture.width = Math.round(side * this.ratio);
    picture.height = picture.width;
    const context = picture.getContext("2d");
    const scale = picture.width / side;
    context.scale(scale, scale);
    context.translate(side / 2, side / 2);
    const [own, paper] = [this.color(`--group-${kind.group}`), this.color("--sign-paper")];
    context.beginPath();
    context.arc(0, 0, size / 2, 0, 2 * Math.PI);
    context.fillStyle = hollow ? paper : own;
    context.fill();
    context.lineWidth = hollow ? 2 : 1.2;
    context.strokeStyle = hollow ? own : paper;
    context.stroke();
    context.scale((size * GLYPH_SHARE) / 24, (size * GLYPH_SHARE) / 24);
    context.translate(-12, -12);
    context.fillStyle = hollow ? own : paper;
    context.fill(new Path2D(kind.glyph));
    return picture;
  }
}
