// The sailing distance between two points.
/* global L */

import { at } from "./crs.js";
import { h, toast } from "./dom.js";
import { meters, number, place } from "./geo.js";
import { Sea } from "./sea.js";
import { t } from "./texts.js";

/** Walks to the shore that are shorter than a block of the sea are not shown. */
const SHOWN_WALK_M = 48;

const kilometers = (value) => `${number(value / 1000, 2)} km`;

export class Sailing {
  /**
   * @param page the page, see `Plan`.
   * @param element the parent of the result.
   */
  constructor(page, element) {
    this.page = page;
    this.element = element;
    this.ends = [];
    this.result = h("div", { class: "sailing", role: "status" });
    const button = (text, act) => h("button", { type: "button", class: "text", onclick: act }, text);
    this.keep = button(t("sailing.keep"), () => page.pins.create(this.points, t("sailing.route")));
    this.clear = button(t("sailing.clear"), () => {
      this.set([]);
      page.changed();
    });
    element.append(
      h("h2", {}, t("sailing.heading")),
      h("p", { class: "faint" }, t("sailing.method")),
      h(
        "div",
        { class: "buttons" },
        button(t("sailing.pick"), () => this.pick()),
        this.keep,
        this.clear,
      ),
      this.result,
    );
    this.layer = L.layerGroup().addTo(page.map);
    this.#show(null);
  }

  async pick() {
    const from = await this.page.picker.pick(t("sailing.first"));
    if (!from) return;
    await this.set([from]);
    const to = await this.page.picker.pick(t("sailing.second"));
    if (to) await this.set([from, to]);
    else await this.set([]);
    this.page.openSection(this.element);
    this.page.changed();
  }

  /** Shows the way between two points; fewer points show none. */
  async set(ends) {
    this.ends = ends;
    this.#show(null);
    if (ends.length < 2) return;
    this.result.textContent = t("sailing.computing");
    try {
      const ground = await this.page.ground.load();
      this.sea ??= new Sea(this.page.ground.grid, ground);
      if (this.ends === ends) this.#show(this.sea.way(...ends));
    } catch (error) {
      if (this.ends === ends) this.#show(null);
      toast(error.message);
    }
  }

  #show(way) {
    this.layer.clearLayers();
    const [from, to] = this.ends;
    this.points = way?.points ?? [];
    this.keep.hidden = this.points.length < 2;
    this.clear.hidden = this.ends.length === 0;
    this.result.replaceChildren();
    if (way) this.#draw(way);
    for (const end of this.ends) {
      this.layer.addLayer(L.circleMarker(at(...end), { radius: 7, className: "sail-end", interactive: false }));
    }
    if (!to) return;
    const facts = [[t("sailing.straight"), kilometers(Math.hypot(to[0] - from[0], to[1] - from[1]))]];
    if (way) {
      facts.unshift([t("sailing.distance"), kilometers(way.meters)]);
      for (const [index, end] of this.ends.entries()) {
        if (way.ashore[index] > SHOWN_WALK_M) {
          facts.push([t("sailing.walk", { place: place(...end) }), meters(way.ashore[index])]);
        }
      }
    } else {
      this.result.append(h("p", {}, h("strong", {}, t("sailing.none"))));
    }
    this.result.append(
      h("dl", { class: "lines" }, ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    );
  }

  #draw({ points, ashore }) {
    const line = points.map((point) => at(...point));
    const walks = [
      [this.ends[0], points[0]],
      [this.ends[1], points.at(-1)],
    ].filter((_, index) => ashore[index] > 0);
    for (const className of ["sail-casing", "sail-line"]) {
      this.layer.addLayer(L.polyline(line, { className, interactive: false }));
    }
    for (const walk of walks) {
      this.layer.addLayer(
        L.polyline(
          walk.map((point) => at(...point)),
          { className: "sail-walk", interactive: false },
        ),
      );
    }
  }
}
