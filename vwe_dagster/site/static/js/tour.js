// The boss tour: the shortest way from the start to one altar of each boss, in the order of the fights.
/* global L */

import { at } from "./crs.js";
import { h } from "./dom.js";
import { bearing, degrees, meters, number } from "./geo.js";
import { t } from "./texts.js";

/** The box of the sign of a place around its point, in pixels; see plan.css. */
const PLACE = { left: -4, right: 4, top: -4, bottom: 4 };
/** The side of a stop's number, and the offsets from its place that it may have, in pixels, the preferred one first. */
const NUMBER = 26;
const CORNERS = [
  [6, -30],
  [6, 4],
  [-32, -30],
  [-32, 4],
];
/** The positions on a leg that the label of its length may have, as fractions, the preferred one first. */
const PARTS = [0.5, 0.35, 0.65];

export class Tour {
  /**
   * @param page the page, see `Plan`.
   * @param element the parent of the list.
   */
  constructor(page, element) {
    this.page = page;
    this.on = false;
    const kinds = new Map(page.locations.kinds.map((kind) => [kind.kind, kind]));
    let before = page.start;
    this.stops = page.facts.boss_tour.map(({ kind, x_m: x, z_m: z }) => {
      const [dx, dz] = [x - before[0], z - before[1]];
      const stop = { kind: kinds.get(kind), x, z, before, leg: Math.hypot(dx, dz), way: bearing(dx, dz) };
      before = [x, z];
      return stop;
    });
    const total = this.stops.reduce((sum, { leg }) => sum + leg, 0);
    this.switch = h(
      "button",
      { type: "button", class: "text", "aria-pressed": "false", onclick: () => this.toggle() },
      t("tour.show"),
    );
    element.append(
      h("h2", {}, t("tour.heading")),
      h("p", { class: "faint" }, t("tour.total", { km: number(total / 1000, 1) })),
      h("div", { class: "buttons" }, this.switch),
      h("ol", { class: "places tour" }, ...this.stops.map((stop, index) => this.#item(stop, index))),
    );
    this.layer = L.layerGroup();
    page.labels.add(this, "tour");
  }

  toggle() {
    this.set(!this.on);
    this.page.changed();
    if (this.on) this.page.showPoints([this.page.start, ...this.stops.map(({ x, z }) => [x, z])]);
  }

  set(on) {
    this.on = on;
    this.switch.setAttribute("aria-pressed", String(on));
    if (on && this.layer.getLayers().length === 0) this.#draw();
    if (on) this.layer.addTo(this.page.map);
    else this.layer.remove();
    this.page.labels.sift();
  }

  /** Moves the numbers of stops and the lengths of legs to free positions, and hides labels without a free position. */
  sift(labels) {
    if (!this.on) return;
    for (const { x, z } of this.stops) labels.reserve(x, z, PLACE);
    for (const { x, z, number } of this.stops) {
      const corner = CORNERS.find(([left, top]) =>
        labels.take(x, z, { left, right: left + NUMBER, top, bottom: top + NUMBER }),
      );
      const element = number.getElement();
      element.hidden = !corner;
      if (corner) element.firstChild.style.translate = `${corner[0]}px ${corner[1]}px`;
    }
    for (const stop of this.stops) this.#siftLength(labels, stop);
  }

  #siftLength(labels, { x, z, before, leg, length }) {
    const half = 9 + 3.5 * meters(leg).length;
    const along = (part) => [before[0] + part * (x - before[0]), before[1] + part * (z - before[1])];
    const part = PARTS.find((each) => labels.take(...along(each), { left: -half, right: half, top: -12, bottom: 12 }));
    length.getElement().hidden = !part;
    if (part) length.setLatLng(at(...along(part)));
  }

  #item({ kind, x, z, leg, way }, index) {
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", onclick: () => this.page.flyTo(x, z) },
        h("b", { class: "stop" }, String(index + 1)),
        h("span", { class: "what" }, h("strong", {}, kind.label)),
        h("span", { class: "where" }, meters(leg), h("small", {}, degrees(way))),
      ),
    );
  }

  #draw() {
    const line = [this.page.start, ...this.stops.map(({ x, z }) => [x, z])].map((point) => at(...point));
    for (const className of ["tour-casing", "tour-line"]) {
      this.layer.addLayer(L.polyline(line, { className, interactive: false }));
    }
    this.stops.forEach((stop, index) => {
      stop.length = sign([stop.x, stop.z], "measure-label", meters(stop.leg));
      stop.number = sign([stop.x, stop.z], "stop-sign", String(index + 1), stop.kind.label);
      this.layer.addLayer(stop.length);
      this.layer.addLayer(stop.number);
    });
  }
}

/** Returns a sign with a text on the map. */
function sign(point, className, text, title) {
  const mark = L.marker(at(...point), {
    interactive: false,
    keyboard: false,
    icon: L.divIcon({ className, iconSize: [0, 0], html: "" }),
    zIndexOffset: 300,
  });
  mark.on("add", () => {
    if (!mark.getElement().firstChild) mark.getElement().append(h("span", { title }, text));
  });
  return mark;
}
