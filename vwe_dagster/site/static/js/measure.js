// Measuring: a line of any number of points, its length and bearings.
/* global L */

import { at } from "./crs.js";
import { bearing, degrees, meters } from "./geo.js";
import { t } from "./texts.js";

const FINGER = 24;

const dot = (last) => L.divIcon({ className: `vertex${last ? " last" : ""}`, iconSize: [FINGER, FINGER], html: "" });

export const lengthOf = (points) =>
  points.slice(1).reduce((sum, [x, z], index) => sum + Math.hypot(x - points[index][0], z - points[index][1]), 0);

export class Measure {
  /**
   * @param map Leaflet's map, of a `WorldMap`.
   * @param changed called with every change of the line; `{done}` is true if the user has finished a step.
   * @param snap returns the place `{x, z}` at a point of the view, if any.
   */
  constructor(map, changed, snap) {
    this.map = map;
    this.changed = changed;
    this.points = [];
    this.active = false;
    this.line = L.polyline([], { className: "measure-line", interactive: false });
    this.casing = L.polyline([], { className: "measure-casing", interactive: false });
    this.ahead = L.polyline([], { className: "measure-ahead", interactive: false });
    this.marks = L.layerGroup();
    map.on("click", ({ latlng, containerPoint }) => {
      if (!this.active) return;
      const { x, z } = snap(containerPoint) ?? { x: latlng.lng, z: latlng.lat };
      this.add(x, z);
    });
    map.on("point", (event) => this.active && this.#reach(event.latlng));
    map.on("dblclick", () => this.active && this.stop());
  }

  start() {
    if (this.active) return;
    this.active = true;
    this.map.doubleClickZoom.disable();
    this.map.getContainer().classList.add("measuring");
    this.#draw();
    this.changed({ done: false });
  }

  stop() {
    if (!this.active) return;
    this.active = false;
    this.ahead.setLatLngs([]).unbindTooltip();
    this.map.getContainer().classList.remove("measuring");
    window.setTimeout(() => this.map.doubleClickZoom.enable(), 0);
    if (this.points.length < 2) this.points = [];
    this.#draw();
    this.changed({ done: true });
  }

  add(x, z) {
    const last = this.points.at(-1);
    // The second press of a double press does not add a point.
    if (
      last &&
      this.map.latLngToContainerPoint(at(...last)).distanceTo(this.map.latLngToContainerPoint(at(x, z))) < 4
    ) {
      return;
    }
    this.points.push([x, z]);
    this.#draw();
    this.changed({ done: this.points.length > 1 });
  }

  undo() {
    this.points.pop();
    if (!this.active && this.points.length < 2) this.points = [];
    this.ahead.setLatLngs([]);
    this.#draw();
    this.changed({ done: true });
  }

  clear() {
    this.set([]);
    this.stop();
    this.changed({ done: true });
  }

  /** Shows the line of a link. */
  set(points) {
    this.points = points.map((point) => [...point]);
    this.ahead.setLatLngs([]);
    this.#draw();
  }

  #reach(latlng) {
    const last = this.points.at(-1);
    if (!last) return;
    this.ahead.setLatLngs([at(...last), latlng]);
    const [dx, dz] = [latlng.lng - last[0], latlng.lat - last[1]];
    const total = lengthOf(this.points) + Math.hypot(dx, dz);
    this.ahead.bindTooltip("", { permanent: true, className: "measure-tip", direction: "right", offset: [14, 0] });
    this.ahead.setTooltipContent(
      `${meters(Math.hypot(dx, dz))} · ${degrees(bearing(dx, dz))}` +
        (this.points.length > 1 ? `<br>${t("measure.in_all", { length: meters(total) })}` : ""),
    );
    this.ahead.openTooltip(latlng);
  }

  #draw() {
    const shown = this.points.map((point) => at(...point));
    for (const layer of [this.casing, this.line, this.ahead, this.marks]) layer.addTo(this.map);
    this.casing.setLatLngs(shown);
    this.line.setLatLngs(shown);
    this.marks.clearLayers();
    this.points.forEach((point, index) => {
      this.marks.addLayer(this.#vertex(point, index));
    });
    this.points.slice(1).forEach(([x, z], index) => {
      const [fromX, fromZ] = this.points[index];
      const text = meters(Math.hypot(x - fromX, z - fromZ));
      const middle = L.marker(at((x + fromX) / 2, (z + fromZ) / 2), {
        interactive: false,
        keyboard: false,
        icon: L.divIcon({ className: "measure-label", iconSize: [0, 0], html: `<span>${text}</span>` }),
      });
      if (this.points.length > 2) this.marks.addLayer(middle);
    });
  }

  #vertex(point, index) {
    const vertex = L.marker(at(...point), {
      draggable: true,
      keyboard: false,
      icon: dot(index === this.points.length - 1),
      title: t("measure.drag"),
      zIndexOffset: 1000,
    });
    vertex.on("drag", ({ latlng }) => {
      this.points[index] = [latlng.lng, latlng.lat];
      const shown = this.points.map((each) => at(...each));
      this.casing.setLatLngs(shown);
      this.line.setLatLngs(shown);
      this.changed({ done: false });
    });
    vertex.on("dragend", () => {
      this.#draw();
      this.changed({ done: true });
    });
    vertex.on("click", () => this.active && index === this.points.length - 1 && this.stop());
    return vertex;
  }
}
