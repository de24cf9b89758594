// Charts over the tiles, on a canvas as large as the view: grid of coordinates, rings, rivers.
/* global L */

import { at } from "./crs.js";
import { metersPerPixel, number, RADIUS_M } from "./geo.js";

/** A canvas over the view that is redrawn with every step of a move, and zooms with the tiles. */
const Canvas = L.Layer.extend({
  initialize(options) {
    L.setOptions(this, options);
  },

  onAdd() {
    this._canvas = L.DomUtil.create("canvas", "chart leaflet-zoom-animated", this.getPane());
    this._canvas.setAttribute("aria-hidden", "true");
    // Labels of other charts are above it.
    if (this.options.isBelow) this.getPane().prepend(this._canvas);
    this._themed = () => this._draw();
    document.addEventListener("themechange", this._themed);
    this._draw();
  },

  onRemove() {
    document.removeEventListener("themechange", this._themed);
    this._canvas.remove();
  },

  getEvents() {
    return {
      labels: this._draw,
      move: this._draw,
      zoom: this._draw,
      zoomend: this._draw,
      viewreset: this._draw,
      resize: this._draw,
      zoomanim: this._zoom,
    }; // prettier-ignore
  },

  redraw() {
    if (this._map) this._draw();
  },

  _zoom(event) {
    const scale = this._map.getZoomScale(event.zoom);
    const offset = this._map._latLngBoundsToNewLayerBounds(this._map.getBounds(), event.zoom, event.center).min;
    L.DomUtil.setTransform(this._canvas, offset, scale);
  },

  _draw() {
    const map = this._map;
    if (!map || map._animatingZoom) return;
    const size = map.getSize();
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(size.x * ratio), Math.round(size.y * ratio)];
    if (this._canvas.width !== width || this._canvas.height !== height) {
      this._canvas.width = width;
      this._canvas.height = height;
      this._canvas.style.width = `${size.x}px`;
      this._canvas.style.height = `${size.y}px`;
    }
    L.DomUtil.setPosition(this._canvas, map.containerPointToLayerPoint([0, 0]));
    const context = this._canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.x, size.y);
    const pixel = metersPerPixel(map.getZoom());
    const corner = map.containerPointToLatLng([0, 0]);
    const view = {
      width: size.x,
      height: size.y,
      pixel,
      west: corner.lng,
      north: corner.lat,
      east: corner.lng + size.x * pixel,
      south: corner.lat - size.y * pixel,
      column: (x) => (x - corner.lng) / pixel,
      row: (z) => (corner.lat - z) / pixel,
    };
    const style = window.getComputedStyle(document.documentElement);
    this.paint(context, view, (name) => style.getPropertyValue(name).trim());
  },
});

const LABEL_FONT = "500 11px system-ui, sans-serif";
const LABEL_HEIGHT = 14;

/**
 * Draws the labels `{text, x, y, align}` that have room.
 *
 * @param taken boxes `{left, right, top, bottom}`; those of drawn labels are added.
 */
function drawLabels(context, labels, taken, ink, halo) {
  context.font = LABEL_FONT;
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 3.5;
  context.strokeStyle = halo;
  context.fillStyle = ink;
  for (const { text, x, y, align } of labels) {
    const width = context.measureText(text).width;
    const left = align === "left" ? x : x - width / 2;
    const box = { left, right: left + width, top: y - LABEL_HEIGHT / 2, bottom: y + LABEL_HEIGHT / 2 };
    if (taken.some((other) => isCovered(box, other))) continue;
    taken.push(box);
    context.textAlign = align;
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }
}

const isCovered = (one, other) =>
  one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;

const STEPS = [20, 50, 100, 200, 500, 1000, 2000, 5000];

/** Lines of equal x and z, with their coordinates along the edges of the view. */
export const GridChart = Canvas.extend({
  paint(context, view, color) {
    const step = STEPS.find((meters) => meters / view.pixel >= 84) ?? 5000;
    const lines = (from, to) => {
      const first = Math.ceil(from / step);
      return Array.from(
        { length: Math.max(0, Math.floor(to / step) - first + 1) },
        (_, index) => (first + index) * step,
      );
    };
    const within = (value) => Math.abs(value) <= RADIUS_M;
    const columns = lines(view.west, view.east).filter(within);
    const rows = lines(view.south, view.north).filter(within);
    for (const strong of [false, true]) {
      context.beginPath();
      for (const x of columns.filter((value) => (value === 0) === strong)) {
        context.moveTo(Math.round(view.column(x)) + 0.5, 0);
        context.lineTo(Math.round(view.column(x)) + 0.5, view.height);
      }
      for (const z of rows.filter((value) => (value === 0) === strong)) {
        context.moveTo(0, Math.round(view.row(z)) + 0.5);
        context.lineTo(view.width, Math.round(view.row(z)) + 0.5);
      }
      context.strokeStyle = color("--chart-line");
      context.lineWidth = strong ? 1.6 : 0.8;
      context.stroke();
    }
    this.taken = this.options.labels.boxesIn(view);
    const labels = this._edgeLabels(view, columns, rows);
    drawLabels(context, labels, this.taken, color("--chart-ink"), color("--chart-halo"));
  },

  _edgeLabels(view, columns, rows) {
    const { top, right, bottom, left } = this.options.inset();
    const labels = [];
    for (const z of rows) {
      const y = view.row(z);
      if (y > top + 30 && y < view.height - bottom - 8) labels.push({ text: number(z), x: left + 6, y, align: "left" });
    }
    for (const value of columns) {
      const x = view.column(value);
      if (x > 52 && x < view.width - right - 20) {
        labels.push({ text: number(value), x, y: top + 12, align: "center" });
      }
    }
    return labels;
  },
});

/** Turns of a ring's label, in degrees, that are tried until it has room. */
const TURNS = [0, 5, -5, 10, -10, 16, -16, 24, -24, 34, -34];

/** Circles around the center of the world, every 1000 m. */
export const RingsChart = Canvas.extend({
  paint(context, view, color) {
    const step = 1000 / view.pixel < 15 ? 2000 : 1000;
    const [column, row] = [view.column(0), view.row(0)];
    const [ink, halo] = [color("--chart-ink"), color("--chart-halo")];
    context.strokeStyle = color("--chart-line");
    for (let radius = step; radius < RADIUS_M; radius += step) {
      context.beginPath();
      context.arc(column, row, radius / view.pixel, 0, 2 * Math.PI);
      context.lineWidth = radius % 5000 === 0 ? 1.5 : 0.9;
      context.stroke();
    }
    const { grid, labels } = this.options;
    const taken = grid._map && grid.taken ? [...grid.taken] : labels.boxesIn(view);
    for (let radius = step; radius < RADIUS_M; radius += step) {
      const before = taken.length;
      for (const each of this._places(view, radius)) {
        if (taken.length === before) drawLabels(context, [each], taken, ink, halo);
      }
    }
    context.beginPath();
    context.moveTo(column - 6, row);
    context.lineTo(column + 6, row);
    context.moveTo(column, row - 6);
    context.lineTo(column, row + 6);
    context.lineWidth = 2;
    context.strokeStyle = ink;
    context.stroke();
  },

  /** Returns the possible positions of a ring's label, the preferred one first. */
  _places(view, radius) {
    const [column, row] = [view.column(0), view.row(0)];
    const seen = column > 0 && row > 0 && column < view.width && row < view.height;
    // Labels are north of the center if that is visible, else on the line from it to the middle of the view.
    const middle = seen ? 0 : Math.atan2(view.width / 2 - column, row - view.height / 2);
    return TURNS.map((turn) => {
      const angle = middle + (turn * Math.PI) / 180;
      const pixels = radius / view.pixel;
      return {
        text: `${radius / 1000} km`,
        x: column + Math.sin(angle) * pixels,
        y: row - Math.cos(angle) * pixels,
        align: "center",
      };
    }).filter(({ x, y }) => x > 20 && x < view.width - 20 && y > 8 && y < view.height - 8);
  },
});

const VALUES = 3;

/** Prepares a piece of a waterway, `[x, z, width, ...]`, with the box around it. */
function pieceOf(values) {
  const piece = { values, west: Infinity, east: -Infinity, south: Infinity, north: -Infinity };
  for (let index = 0; index < values.length; index += VALUES) {
    piece.west = Math.min(piece.west, values[index]);
    piece.east = Math.max(piece.east, values[index]);
    piece.south = Math.min(piece.south, values[index + 1]);
    piece.north = Math.max(piece.north, values[index + 1]);
  }
  return piece;
}

/** Rivers and streams with the width of their water, and the points of lakes. */
export const WaterChart = Canvas.extend({
  setWaterways({ rivers, streams, lakes }) {
    this._pieces = { rivers: rivers.map(pieceOf), streams: streams.map(pieceOf) };
    this._lakes = lakes;
    this.redraw();
  },

  paint(context, view, color) {
    if (!this._pieces) return;
    context.fillStyle = color("--water-line");
    const reach = 60;
    for (const [kind, least] of [
      ["streams", 0.7],
      ["rivers", 1.4],
    ]) {
      for (const piece of this._pieces[kind]) {
        if (piece.east < view.west - reach || piece.west > view.east + reach) continue;
        if (piece.north < view.south - reach || piece.south > view.north + reach) continue;
        this._paintPiece(context, view, piece.values, least);
      }
    }
    if (view.pixel > 40) return;
    for (const [x, z] of this._lakes) {
      context.beginPath();
      context.arc(view.column(x), view.row(z), 3.2, 0, 2 * Math.PI);
      context.fill();
    }
  },

  /** Draws a piece that narrows and widens as its water does. */
  _paintPiece(context, view, values, least) {
    let former;
    context.beginPath();
    for (let index = 0; index < values.length; index += VALUES) {
      const [column, row] = [view.column(values[index]), view.row(values[index + 1])];
      const half = Math.max(least, values[index + 2] / view.pixel) / 2;
      context.moveTo(column + half, row);
      context.arc(column, row, half, 0, 2 * Math.PI);
      if (former) {
        const length = Math.hypot(column - former.column, row - former.row) || 1;
        const [x, y] = [(row - former.row) / length, (former.column - column) / length];
        context.moveTo(former.column + x * former.half, former.row + y * former.half);
        context.lineTo(column + x * half, row + y * half);
        context.lineTo(column - x * half, row - y * half);
        context.lineTo(former.column - x * former.half, former.row - y * former.half);
        context.closePath();
      }
      former = { column, row, half };
    }
    context.fill();
  },
});

/** The edge of the world. */
export function edge() {
  return L.circle(at(0, 0), { radius: RADIUS_M, fill: false, interactive: false, className: "edge" });
}
