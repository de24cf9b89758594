// The labels that the map has room for: a label is hidden if it would cover one of a higher priority.

import { metersPerPixel } from "./geo.js";

/** Least distance between labels in pixels. */
const GAP = 2;

const overlap = (one, other) =>
  one.west < other.east && other.west < one.east && one.south < other.north && other.south < one.north;

export class Labels {
  #layers = [];
  /** The occupied boxes in meters. */
  #boxes = [];
  #pixel = 1;

  /** @param map Leaflet's map. */
  constructor(map) {
    this.map = map;
    map.on("zoomend moveend", () => this.sift());
  }

  /** Adds a layer with a method `sift(labels)`, which takes the boxes of its labels; the lowest rank is first. */
  add(layer, rank) {
    this.#layers.push({ layer, rank });
    this.#layers.sort((one, other) => one.rank - other.rank);
  }

  /** Selects the labels again, after a change of the zoom or of what is shown. */
  sift() {
    this.#boxes = [];
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
    const isFree = !this.#boxes.some((other) => overlap(taken, other));
    if (isFree) this.#boxes.push(taken);
    return isFree;
  }

  /** Returns the occupied boxes in a view of `charts.js`, as `{left, right, top, bottom}` in its pixels. */
  boxesIn(view) {
    return this.#boxes.map(({ west, east, south, north }) => ({
      left: view.column(west),
      right: view.column(east),
      top: view.row(north),
      bottom: view.row(south),
    }));
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
