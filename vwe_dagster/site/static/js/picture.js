// The picture of the present view, as a file and for printing: title, map, scale bar, and the biomes in view.

import { fetchBytes } from "./files.js";
import { metersPerPixel, number } from "./geo.js";
import { paintElement } from "./snapshot.js";
import { t } from "./texts.js";

const MARGIN = 20;
const TITLE_HEIGHT = 64;
const LEGEND_ROW = 26;
const LEGEND_COLUMN = 150;
const SCALE_WIDTH = 160;
const SCALE_ROW = 44;
/** Narrower pictures, in pixels, have the scale bar below the legend. */
const NARROW = 560;
/** Maximum width and height of a picture in pixels; larger canvases fail on some phones. */
const MOST_PIXELS = 4096;
/** The panes of the map that are not part of a picture. */
const LEFT_OUT = new Set(["popup", "shadow"]);
/** The lower bits of a byte of `ground.bin`, which are the biome. */
const BIOME_BITS = 15;

/** Returns the largest round length in meters that fits into a width in pixels. */
export function roundLength(pixels, pixelM) {
  const power = 10 ** Math.floor(Math.log10(pixels * pixelM));
  return [5, 2, 1].map((digit) => digit * power).find((length) => length <= pixels * pixelM);
}

export class ViewPicture {
  #ground;

  /** @param world a `WorldMap`. */
  constructor(world) {
    this.world = world;
  }

  /** Reads the biomes of all samples, so that the legend shows only those in view. */
  async prepare() {
    const { base, facts } = this.world;
    this.#ground ??= new Uint8Array(await fetchBytes(`${base}ground.bin?v=${facts.data.version}`, facts.data.version));
  }

  /** Returns a canvas with the picture. It is drawn immediately, because browsers print without waiting. */
  draw() {
    const { x: width, y: height } = this.world.map.getSize();
    const biomes = this.#biomesInView();
    // On a phone the scale bar has a row of its own.
    const isNarrow = width < NARROW;
    const columns = Math.max(
      1,
      Math.floor((width - (isNarrow ? 2 : 3) * MARGIN - (isNarrow ? 0 : SCALE_WIDTH)) / LEGEND_COLUMN),
    );
    const rows = Math.ceil(biomes.length / columns);
    const legend = Math.max(2, rows) * LEGEND_ROW + 1.5 * MARGIN + (isNarrow ? SCALE_ROW : 0);
    const full = TITLE_HEIGHT + height + legend;
    const ratio = Math.min(Math.max(2, window.devicePixelRatio), MOST_PIXELS / Math.max(width, full));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(full * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const style = window.getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    context.fillStyle = color("--panel");
    context.fillRect(0, 0, width, full);
    this.#drawMap(context, width, height, color);
    this.#drawTitle(context, width, color);
    context.translate(0, TITLE_HEIGHT + height);
    this.#drawLegend(context, biomes, columns, color);
    if (isNarrow) context.translate(0, legend - SCALE_ROW - MARGIN / 2);
    this.#drawScale(context, width, color);
    return canvas;
  }

  /** Returns the picture as a PNG file. */
  async png() {
    await this.prepare().catch(() => {});
    const canvas = this.draw();
    return new Promise((resolve, reject) => {
      try {
        canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(t("picture.too_large")))), "image/png");
      } catch {
        // Browsers do not let a page that was opened as a file read back its own pictures.
        reject(new Error(t("picture.from_disk")));
      }
    });
  }

  #drawMap(context, width, height, color) {
    const container = this.world.map.getContainer();
    const { left, top } = container.getBoundingClientRect();
    context.save();
    context.beginPath();
    context.rect(0, TITLE_HEIGHT, width, height);
    context.clip();
    context.fillStyle = color("--paper");
    context.fillRect(0, TITLE_HEIGHT, width, height);
    const panes = Object.entries(this.world.map.getPanes())
      .filter(([name]) => name !== "mapPane" && !LEFT_OUT.has(name.replace("Pane", "")))
      .map(([, pane]) => pane)
      .sort((one, other) => levelOf(one) - levelOf(other));
    for (const pane of panes) paintElement(context, pane, { left, top: top - TITLE_HEIGHT });
    context.restore();
  }

  #drawTitle(context, width, color) {
    const { key, number: seed } = this.world.facts;
    context.textBaseline = "alphabetic";
    context.fillStyle = color("--ink");
    context.font = `600 26px ${color("--serif")}`;
    context.textAlign = "left";
    const note = key === `@${seed}` ? "" : t("picture.seed_number", { number: String(seed) });
    const noteFont = `14px ${color("--sans")}`;
    context.fillText(key, MARGIN, 42, width - 2 * MARGIN);
    const reach = MARGIN + context.measureText(key).width + 14;
    context.font = noteFont;
    context.fillStyle = color("--soft");
    if (reach + context.measureText(note).width < width - MARGIN) context.fillText(note, reach, 42);
    else context.fillText(note, MARGIN, 58, width - 2 * MARGIN);
  }

  #drawLegend(context, biomes, columns, color) {
    context.font = `14px ${color("--sans")}`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    biomes.forEach((biome, place) => {
      const x = MARGIN + (place % columns) * LEGEND_COLUMN;
      const y = MARGIN + (Math.floor(place / columns) + 0.25) * LEGEND_ROW;
      context.beginPath();
      context.roundRect(x, y - 8, 24, 16, 4);
      context.fillStyle = biome.color;
      context.fill();
      context.lineWidth = 1;
      context.strokeStyle = color("--line-strong");
      context.stroke();
      context.fillStyle = color("--ink");
      context.fillText(biome.title, x + 32, y, LEGEND_COLUMN - 40);
    });
  }

  #drawScale(context, width, color) {
    const pixel = metersPerPixel(this.world.map.getZoom());
    const length = roundLength(SCALE_WIDTH, pixel);
    const [right, y] = [width - MARGIN, MARGIN + 22];
    const left = right - length / pixel;
    context.strokeStyle = color("--ink");
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(left, y - 6);
    context.lineTo(left, y);
    context.lineTo(right, y);
    context.lineTo(right, y - 6);
    context.stroke();
    context.fillStyle = color("--ink");
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    context.font = `13px ${color("--sans")}`;
    const text = length >= 1000 ? `${number(length / 1000)} km` : `${number(length, length < 1 ? 1 : 0)} m`;
    context.fillText(text, (left + right) / 2, y - 8);
  }

  /** Returns the biomes in the view, or all of the world if their samples are not read yet. */
  #biomesInView() {
    const { facts, map } = this.world;
    if (!this.#ground) return facts.biomes;
    const { first_m: first, cell_m: cell, size } = facts.grid;
    const bounds = map.getBounds();
    const sampleAt = (meters) => Math.min(Math.max(Math.round((meters - first) / cell), 0), size - 1);
    const [west, east] = [sampleAt(bounds.getWest()), sampleAt(bounds.getEast())];
    const [south, north] = [sampleAt(bounds.getSouth()), sampleAt(bounds.getNorth())];
    const seen = new Set();
    for (let row = south; row <= north; row++) {
      for (let column = west; column <= east; column++) seen.add(this.#ground[row * size + column] & BIOME_BITS);
    }
    return facts.biomes.filter(({ index }) => seen.has(index));
  }
}

const levelOf = (pane) => Number(window.getComputedStyle(pane).zIndex) || 0;
