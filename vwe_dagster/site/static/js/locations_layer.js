// Locations on the map: thousands of signs on one canvas, clustered where they would cover each other.
/* global L */

import { alone, cluster } from "./clusters.js";
import { at } from "./crs.js";
import { metersPerPixel, number } from "./geo.js";
import { GROUPS } from "./locations.js";
import { SignPictures } from "./signs.js";

/** The canvas reaches beyond the view by this share of it, so that most moves need no drawing. */
const MARGIN = 0.25;
/** Width in pixels of signs of kinds that are shown initially, and of others; `small` applies below SMALL_ZOOM. */
const PIXELS = { large: [28, 20], small: [20, 16] };
const SMALL_ZOOM = 1.5;
/** Maximum distance in pixels at which a press beside a sign hits it. */
const SLACK = window.matchMedia("(pointer: coarse)").matches ? 12 : 3;
/** While a zoom is animated the canvas is scaled as a picture, up to this factor. */
const MOST_SCALED = 1.6;

const radiusOf = (count) => 10.5 + 1.25 * Math.log2(count);

const shorten = (count) => (count < 1000 ? String(count) : `${number(count / 1000, count < 10000 ? 1 : 0)}k`);

/** Returns the mark of a cluster `{x, z, places}`. */
function markOf({ x, z, places }, zoom) {
  const sizes = zoom < SMALL_ZOOM ? PIXELS.small : PIXELS.large;
  const size = sizes[places[0].location.shown ? 0 : 1];
  return { x, z, places, size, radius: places.length === 1 ? size / 2 : radiusOf(places.length) };
}

/** Moves a cluster away from the landmark that would cover its number. */
function giveWay(mark, landmarks, pixel) {
  if (mark.places.length === 1) return;
  for (const landmark of landmarks) {
    const [dx, dz] = [mark.x - landmark.x, mark.z - landmark.z];
    const least = (mark.radius + landmark.radius) * pixel;
    if (Math.abs(dx) >= least || Math.abs(dz) >= least) continue;
    const apart = Math.hypot(dx, dz);
    if (apart >= least || apart === 0) continue;
    mark.x = landmark.x + (dx / apart) * least;
    mark.z = landmark.z + (dz / apart) * least;
    return;
  }
}

export class LocationsLayer extends L.Layer {
  #canvas = document.createElement("canvas");
  #pictures = null;
  /** The drawn part of the world, its north-west corner, the zoom, and the marks in order. */
  #bounds = null;
  #corner = at(0, 0);
  #zoom = 0;
  #marks = [];
  #landmarks = [];
  #many = [];
  #drawn = null;
  #chosen = null;

  /**
   * @param locations a `Locations`.
   * @param labels the `Labels` of the map.
   */
  constructor(locations, labels) {
    super();
    this.locations = locations;
    this.labels = labels;
    labels.add(this, "locations");
    L.setOptions(this, { pane: "locations" });
    this.#canvas.className = "chart locations leaflet-zoom-animated";
    this.#canvas.setAttribute("aria-hidden", "true");
    document.addEventListener("themechange", () => {
      this.#pictures = null;
      this.#draw();
    });
  }

  onAdd() {
    this.getPane().append(this.#canvas);
    this.#draw();
  }

  onRemove() {
    this.#canvas.remove();
  }

  getEvents() {
    return {
      move: this.#move,
      moveend: this.#draw,
      viewreset: this.#draw,
      resize: this.#draw,
      zoom: this.#scale,
      zoomanim: this.#scaleSlowly,
    }; // prettier-ignore
  }

  /** Draws the layer again after places were read, or other kinds are shown. */
  refresh() {
    const shown = this.locations.all.filter(this.locations.shows);
    // Altars are drawn last, above the signs of traders.
    const isBoss = ({ kind }) => Number(kind === "boss");
    this.#landmarks = shown
      .filter((place) => place.location.shown)
      .toSorted((one, other) => isBoss(one) - isBoss(other));
    this.#many = shown.filter((place) => !place.location.shown);
    this.#drawn = null;
    this.#draw();
    this.labels.sift();
  }

  /** Marks a place, and the candidates that it is one of; undefined marks none. */
  choose(place) {
    this.#chosen = place;
    this.#draw();
    this.labels.sift();
  }

  /** Occupies the boxes of all signs: the signs are always visible. */
  sift(labels) {
    if (!this._map) return;
    for (const { x, z, radius } of [...this.#marksAt(this._map.getZoom()), ...this.#set(this._map.getZoom())]) {
      labels.reserve(x, z, { left: -radius, right: radius, top: -radius, bottom: radius });
    }
  }

  /** Returns the mark `{x, z, places}` of a place or a cluster at a point of the view, or undefined. */
  hit(point) {
    const { lng, lat } = this._map.containerPointToLatLng(point);
    const pixel = metersPerPixel(this._map.getZoom());
    let found;
    let least = Infinity;
    for (const mark of this.#marks) {
      const distance = Math.hypot(mark.x - lng, mark.z - lat) / pixel;
      // Of two marks that cover each other the later one is on top.
      if (distance <= mark.radius + SLACK && distance <= least) {
        least = distance;
        found = mark;
      }
    }
    return found;
  }

  /** Draws again when a move reaches beyond the margin of the canvas. */
  #move() {
    if (this._map.getZoom() === this.#zoom && !this.#bounds.contains(this._map.getBounds())) this.#draw();
  }

  #scale() {
    const scale = this._map.getZoomScale(this._map.getZoom(), this.#zoom);
    if (scale > MOST_SCALED || scale < 1 / MOST_SCALED) this.#draw();
    else L.DomUtil.setTransform(this.#canvas, this._map.latLngToLayerPoint(this.#corner), scale);
  }

  #scaleSlowly({ zoom, center }) {
    const offset = this._map._latLngToNewLayerPoint(this.#corner, zoom, center);
    L.DomUtil.setTransform(this.#canvas, offset, this._map.getZoomScale(zoom, this.#zoom));
  }

  #draw() {
    if (!this._map || this._map._animatingZoom) return;
    const pixel = metersPerPixel(this._map.getZoom());
    const context = this.#clear();
    this.#zoom = this._map.getZoom();
    const reach = 40 * pixel;
    const [west, east] = [this.#bounds.getWest(), this.#bounds.getEast()];
    const [south, north] = [this.#bounds.getSouth(), this.#bounds.getNorth()];
    const isSeen = ({ x, z }) => x > west - reach && x < east + reach && z > south - reach && z < north + reach;
    const set = this.#set(this.#zoom);
    this.#marks = [...this.#marksAt(this.#zoom), ...set].filter(isSeen);
    for (const mark of this.#marks) {
      const [column, row] = [(mark.x - west) / pixel, (north - mark.z) / pixel];
      if (mark.places.length > 1) this.#paintCluster(context, mark, column, row);
      else this.#paintPlace(context, mark, column, row, set.includes(mark));
    }
  }

  /** Returns the marks at a zoom, landmarks last. */
  #marksAt(zoom) {
    if (this.#drawn?.zoom === zoom) return this.#drawn.marks;
    const pixel = metersPerPixel(zoom);
    const landmarks = this.#landmarks.map((place) => markOf(alone(place), zoom));
    const marks = cluster(this.#many, pixel).map((each) => markOf(each, zoom));
    for (const mark of marks) giveWay(mark, landmarks, pixel);
    this.#drawn = { zoom, marks: [...marks, ...landmarks] };
    return this.#drawn.marks;
  }

  /** Returns the chosen place after its set, even if the map does not show their kind. */
  #set(zoom) {
    if (!this.#chosen) return [];
    const others = this.#chosen.candidate ? this.#chosen.set.filter((place) => place !== this.#chosen) : [];
    return [...others, this.#chosen].map((place) => markOf(alone(place), zoom));
  }

  /** Clears the canvas over the view and its margin, and returns its context. */
  #clear() {
    const size = this._map.getSize();
    const margin = size.multiplyBy(MARGIN).round();
    const whole = size.add(margin.multiplyBy(2));
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(whole.x * ratio), Math.round(whole.y * ratio)];
    const canvas = this.#canvas;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      canvas.style.width = `${whole.x}px`;
      canvas.style.height = `${whole.y}px`;
    }
    const first = L.point(-margin.x, -margin.y);
    this.#corner = this._map.containerPointToLatLng(first);
    this.#bounds = L.latLngBounds(this.#corner, this._map.containerPointToLatLng(size.add(margin)));
    L.DomUtil.setTransform(canvas, this._map.containerPointToLayerPoint(first), 1);
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, whole.x, whole.y);
    if (this.#pictures?.ratio !== ratio) this.#pictures = new SignPictures(ratio);
    return context;
  }

  #paintPlace(context, { places: [place], size, radius }, column, row, isChosen) {
    if (isChosen) {
      context.beginPath();
      context.arc(column, row, radius + 5, 0, 2 * Math.PI);
      context.lineWidth = place === this.#chosen ? 4 : 2;
      context.strokeStyle = this.#pictures.color("--measure");
      context.stroke();
    }
    const { picture, side } = this.#pictures.of(place, size);
    const snap = (value) => Math.round((value - side / 2) * this.#pictures.ratio) / this.#pictures.ratio;
    context.drawImage(picture, snap(column), snap(row), side, side);
  }

  #paintCluster(context, { places, radius }, column, row) {
    const counts = new Map();
    for (const { kind } of places) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    context.beginPath();
    context.arc(column, row, radius + 1.5, 0, 2 * Math.PI);
    context.fillStyle = this.#pictures.color("--panel");
    context.fill();
    let angle = -Math.PI / 2;
    context.lineWidth = 3.5;
    for (const group of Object.keys(GROUPS)) {
      if (!counts.has(group)) continue;
      const next = angle + (2 * Math.PI * counts.get(group)) / places.length;
      context.beginPath();
      context.arc(column, row, radius - 1, angle, next);
      context.strokeStyle = this.#pictures.color(`--group-${group}`);
      context.stroke();
      angle = next;
    }
    context.font = "600 11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = this.#pictures.color("--ink");
    context.fillText(shorten(places.length), column, row + 0.5);
  }
}
