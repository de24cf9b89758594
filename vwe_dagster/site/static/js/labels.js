// The signs and labels that the map has room for: one is hidden if it would cover one of a higher priority.

import { metersPerPixel } from "./geo.js";

/** The layers by priority, the highest first; the charts have the lowest, see `charts.js`. */
const ORDER = ["start", "tour", "locations", "pins", "island", "peak"];
/** Least distance between labels in pixels. */
const GAP = 2;
/** Side of the cells by which boxes are found, in pixels. */
const CELL = 64;

const overlap = (one, other) =>
  one.west < other.east && other.west < one.east && one.south < other.north && other.south < one.north;

export class Labels {
  #layers = [];
  /** The occupied boxes in meters, and the same by cell. */
  #boxes = [];
  #cells = new Map();
  #pixel = 1;
  #isHeld = false;

  /** @param map Leaflet's map. */
  constructor(map) {
    this.map = map;
    map.on("zoomend moveend", () => this.sift());
  }

  /** Adds a layer of `ORDER` with a method `sift(labels)`, which occupies the boxes of its signs and labels. */
  add(layer, name) {
    this.#layers.push({ layer, rank: ORDER.indexOf(name) });
    this.#layers.sort((one, other) => one.rank - other.rank);
  }

  /** Selects the labels only once, after `act`, which changes several layers. */
  afterAll(act) {
    this.#isHeld = true;
    try {
      act();
    } finally {
      this.#isHeld = false;
    }
    this.sift();
  }

  /** Selects the labels again, after a change of the zoom or of what is shown. */
  sift() {
    if (this.#isHeld) return;
    this.#boxes = [];
    this.#cells.clear();
    this.#pixel = metersPerPixel(this.map.getZoom());
    for (const { layer } of this.#layers) layer.sift(this);
    this.map.fire("labels");
  }

  /**
   * Occupies a box if it is free, and returns whether it was.
   *
   * @param x of the labeled point.
   * @param z of the labeled point.
   * @param box `{left, right, top, bottom}`, pixels to the east and to the south of the point.
   */
  take(x, z, box) {
    const taken = this.#inMeters(x, z, box);
    const isFree = !this.#cellsOf(taken).some((cell) => this.#cells.get(cell)?.some((other) => overlap(taken, other)));
    if (isFree) this.#occupy(taken);
    return isFree;
  }

  /** Occupies a box like `take`, even if it is not free: that of a sign which is always visible. */
  reserve(x, z, box) {
    this.#occupy(this.#inMeters(x, z, box));
  }

  /** Returns the occupied boxes in a view of `charts.js`, as `{left, right, top, bottom}` in its pixels. */
  boxesIn(view) {
    return this.#boxes
      .filter((box) => overlap(box, view))
      .map(({ west, east, south, north }) => ({
        left: view.column(west),
        right: view.column(east),
        top: view.row(north),
        bottom: view.row(south),
      }));
  }

  #occupy(box) {
    this.#boxes.push(box);
    for (const cell of this.#cellsOf(box)) {
      const others = this.#cells.get(cell);
      if (others) others.push(box);
      else this.#cells.set(cell, [box]);
    }
  }

  /** Returns the names of the cells that a box covers. */
  #cellsOf({ west, east, south, north }) {
    const indexOf = (meters) => Math.floor(meters / (CELL * this.#pixel));
    const cells = [];
    for (let row = indexOf(south); row <= indexOf(north); row++) {
      for (let column = indexOf(west); column <= indexOf(east); column++) cells.push(`${column} ${row}`);
    }
    return cells;
  }

  #inMeters(x, z, { left, right, top, bottom }) {
    return {
      west: x + (left - GAP / 2) * this.#pixel,
      east: x + (right + GAP / 2) * this.#pixel,
      south: z - (bottom + GAP / 2) * this.#pixel,
      north: z - (top - GAP / 2) * this.#pixel,
    };
  }
}
