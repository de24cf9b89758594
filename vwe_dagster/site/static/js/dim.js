// Dimming of the map except for chosen biomes and islands, or except for land.
/* global L */

import { $, $$, h, icon, toast } from "./dom.js";
import { metersPerPixel, RADIUS_M, share } from "./geo.js";
import { BIOME, DRY } from "./ground.js";
import { islandSamples } from "./islands.js";
import { t } from "./texts.js";

const PIXELS = 256;
const HIGH_DENSITY = window.devicePixelRatio > 1.3 ? 1 : 0;
const LAND = "land";

/** A layer that covers all samples outside the chosen ones; each pixel shows the sample nearest to its center. */
const Shade = L.GridLayer.extend({
  /**
   * Sets the samples that stay bright.
   *
   * @param grid `grid` of world.json.
   * @param ground the bytes of all samples, see `Ground`.
   * @param isBright for each byte, whether samples with it stay bright.
   * @param islands for each sample, 1 if it may stay bright; null for all.
   * @param color the color of all other samples, as a pixel.
   */
  set(grid, ground, isBright, islands, color) {
    Object.assign(this, { _grid: grid, _ground: ground, _isBright: isBright, _islands: islands, _color: color });
    if (this._map) this.redraw();
  },

  createTile({ x, y, z }) {
    const canvas = L.DomUtil.create("canvas", "shade");
    canvas.width = PIXELS;
    canvas.height = PIXELS;
    const context = canvas.getContext("2d");
    const picture = context.createImageData(PIXELS, PIXELS);
    const pixels = new Uint32Array(picture.data.buffer);
    const pixel = metersPerPixel(z) / 2 ** HIGH_DENSITY;
    const { first_m: first, cell_m: cell, size } = this._grid;
    const indices = (from, step) =>
      Int32Array.from({ length: PIXELS }, (_, index) => Math.round((from + step * (index + 0.5) - first) / cell));
    const half = (metersPerPixel(0) * 256) / 2;
    const columns = indices(x * PIXELS * pixel - half, pixel);
    const rows = indices(half - y * PIXELS * pixel, -pixel);
    for (let row = 0, at = 0; row < PIXELS; row += 1) {
      for (let column = 0; column < PIXELS; column += 1, at += 1) {
        const [south, west] = [rows[row], columns[column]];
        if (south < 0 || west < 0 || south >= size || west >= size) continue;
        const sample = south * size + west;
        const isOnIsland = !this._islands || this._islands[sample] === 1;
        if (!isOnIsland || !this._isBright[this._ground[sample]]) pixels[at] = this._color;
      }
    }
    context.putImageData(picture, 0, 0);
    // The page around the world stays bright.
    context.globalCompositeOperation = "destination-in";
    context.beginPath();
    context.arc(half / pixel - x * PIXELS, half / pixel - y * PIXELS, RADIUS_M / pixel, 0, 2 * Math.PI);
    context.fill();
    return canvas;
  },
});

export class Dim {
  /**
   * @param worldMap a `WorldMap`.
   * @param ground a `Ground`.
   * @param changed called when the user changes what is dimmed.
   */
  constructor(worldMap, ground, changed) {
    this.worldMap = worldMap;
    this.ground = ground;
    this.changed = changed;
    this.chosen = new Set();
    const pane = worldMap.map.createPane("shade");
    pane.style.zIndex = 300;
    pane.style.pointerEvents = "none";
    this.layer = new Shade({ pane: "shade", tileSize: PIXELS >> HIGH_DENSITY, updateWhenZooming: false });
    this.islands = new Map(worldMap.facts.islands.map((island) => [`island-${island.island}`, island]));
    this.known = new Set([...worldMap.facts.biomes.map(({ name }) => name), LAND, ...this.islands.keys()]);
    this.#addEyes(worldMap.facts);
    document.addEventListener("themechange", () => this.#draw());
  }

  /** The names of the chosen biomes, the ids of the chosen islands, and "land". */
  get names() {
    return [...this.chosen];
  }

  /** Dims all but the biomes with these names and the islands with these ids; "land" dims water. Ignores other names. */
  show(names) {
    this.chosen = new Set(names.filter((name) => this.known.has(name)));
    for (const eye of $$("[data-dim]")) eye.ariaPressed = String(this.chosen.has(eye.dataset.dim));
    for (const button of $$(".show-all")) button.hidden = this.chosen.size === 0;
    this.#draw();
  }

  /** Returns a button that shows only an island; null for places of other kinds. */
  eyeOf(place) {
    return this.islands.has(place.id) ? this.#eye(place.id, place.title) : null;
  }

  /** Returns a button that shows everything; it is hidden while nothing is dimmed. */
  showAllButton() {
    const button = h(
      "button",
      { type: "button", class: "link show-all", hidden: this.chosen.size === 0, onclick: () => this.#showAll(button) },
      t("dim.show_all"),
    );
    return button;
  }

  #toggle(eye) {
    const name = eye.dataset.dim;
    const top = eye.getBoundingClientRect().top;
    this.show(this.chosen.has(name) ? this.names.filter((each) => each !== name) : [...this.names, name]);
    // The button that shows everything appears above lists of islands. A second press meets the same eye.
    const pane = eye.closest(".pane");
    if (pane) pane.scrollTop += eye.getBoundingClientRect().top - top;
    this.changed();
  }

  /** Adds a button to each biome of the legend, and a row for land. */
  #addEyes({ biomes, statistics }) {
    const items = [...$("#legend").children];
    items.forEach((item, index) => {
      item.append(this.#eye(biomes[index].name, biomes[index].title));
    });
    const land = h(
      "li",
      { class: "land" },
      h("span", { class: "name" }, t("dim.land")),
      h("span", { class: "share" }, share(statistics.land_share_of_disc ?? 0)),
      this.#eye(LAND, t("dim.land")),
    );
    $("#legend").append(land);
    $("#legend").after(this.showAllButton());
  }

  #showAll(button) {
    const pane = button.closest(".pane");
    this.show([]);
    this.changed();
    $("[data-dim]", pane)?.focus();
  }

  #eye(name, title) {
    const label = t("dim.only", { title });
    return h(
      "button",
      {
        type: "button",
        class: "eye",
        "aria-pressed": String(this.chosen.has(name)),
        "aria-label": label,
        "data-dim": name,
        title: label,
        onclick: ({ currentTarget }) => this.#toggle(currentTarget),
      },
      icon("eye"),
    );
  }

  async #draw() {
    if (this.chosen.size === 0) {
      this.layer.remove();
      return;
    }
    try {
      const ground = await this.ground.load();
      if (this.chosen.size === 0) return;
      this.layer.set(this.ground.grid, ground, this.#bright(), this.#islandsIn(ground), this.#color());
      this.layer.addTo(this.worldMap.map);
    } catch (error) {
      toast(error.message);
    }
  }

  /** Returns for each byte of the ground whether samples with it stay bright, apart from the choice of islands. */
  #bright() {
    const { biomes } = this.worldMap.facts;
    const indices = new Set(biomes.filter(({ name }) => this.chosen.has(name)).map(({ index }) => index));
    const isLand = (byte) => !this.chosen.has(LAND) || (byte & DRY) !== 0;
    return Array.from({ length: 256 }, (_, byte) => (indices.size === 0 || indices.has(byte & BIOME)) && isLand(byte));
  }

  /** Returns the samples on chosen islands, see `islandSamples`; null if no island is chosen. */
  #islandsIn(ground) {
    const chosen = this.names.filter((name) => this.islands.has(name)).map((name) => this.islands.get(name));
    if (chosen.length === 0) return null;
    const peaks = chosen.map(({ peak_x_m: x, peak_z_m: z }) => [x, z]);
    return islandSamples(this.ground.grid, ground, peaks);
  }

  /** Returns the color of the theme as a pixel of a picture. */
  #color() {
    const context = L.DomUtil.create("canvas").getContext("2d");
    context.fillStyle = window.getComputedStyle(document.documentElement).getPropertyValue("--shade");
    context.fillRect(0, 0, 1, 1);
    return new Uint32Array(context.getImageData(0, 0, 1, 1).data.buffer)[0];
  }
}
