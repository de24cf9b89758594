// The signs of locations: a disc in the color of the group, hollow for candidates, with the glyph of the kind.

import { h, s } from "./dom.js";

/** Paths in a square of 24 units, filled by the even-odd rule. */
const GLYPHS = {
  boss: "M12 2l3 6.500 7 .8-5.200 4.800 1.400 6.900-6.200-3.500-6.200 3.500 1.400-6.900L2 9.300l7-.8z",
  trader: "M4 9h16l1.500 12h-19zM7.500 9a4.500 5.500 0 0 1 9 0h-2a2.500 3.500 0 0 0-5 0z",
  dungeon: "M3 21V12a9 9 0 0 1 18 0v9h-5v-8a4 4 0 0 0-8 0v8z",
  camp: "M12 3l10 18h-6l-4-8-4 8H2z",
  resource: "M12 2l8 8-8 12-8-12z",
  ruin: "M3 21V4h4v4h3V4h4v9h3V9h4v12z",
  other: "M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14z",
};

const GLYPH_SHARE = 0.6;

export const glyphOf = (kind) => GLYPHS[kind.group];

/** The sign of a kind as an element. */
export function sign(kind, { hollow = false } = {}) {
  return h(
    "span",
    { class: `sign location${hollow ? " hollow" : ""}`, "data-group": kind.group },
    s(
      "svg",
      { viewBox: "0 0 24 24", class: "glyph", "aria-hidden": "true", focusable: "false" },
      s("path", { d: glyphOf(kind), "fill-rule": "evenodd" }),
    ),
  );
}

/** Signs as pictures to be drawn on a canvas, each of them drawn only once; a theme has pictures of its own. */
export class SignPictures {
  #pictures = new Map();
  #colours = new Map();
  #style = window.getComputedStyle(document.documentElement);

  /** @param ratio device pixels of a pixel. */
  constructor(ratio) {
    this.ratio = ratio;
  }

  /** A color of the page, by the name of its custom property. */
  colour(name) {
    let value = this.#colours.get(name);
    if (value === undefined) {
      value = this.#style.getPropertyValue(name).trim();
      this.#colours.set(name, value);
    }
    return value;
  }

  /** The sign of a place, `size` pixels wide, in the middle of a picture `side` pixels wide. */
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
    const [own, paper] = [this.colour(`--group-${kind.group}`), this.colour("--sign-paper")];
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
    context.fill(new Path2D(glyphOf(kind)), "evenodd");
    return picture;
  }
}
