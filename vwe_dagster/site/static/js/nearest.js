// The nearest place of each kind, from the start or from a chosen point.
/* global L */

import { at } from "./crs.js";
import { $, h } from "./dom.js";
import { bearing, degrees, meters, number, place } from "./geo.js";
import { GROUPS } from "./locations.js";
import { sign } from "./signs.js";
import { t } from "./texts.js";

/** Groups whose kinds are listed initially; the others unfold. */
const UNFOLDED = ["boss", "trader"];

export class Nearest {
  /**
   * @param page the page, see `Plan`.
   * @param element the parent of the list.
   */
  constructor(page, element) {
    this.page = page;
    this.element = element;
    this.from = null;
    this.origin = h("p", { class: "faint", role: "status" });
    this.reset = h("button", { type: "button", class: "text", onclick: () => this.#choose(null) }, t("nearest.start"));
    this.lists = h("div", { class: "nearest" });
    this.unfolded = new Set(UNFOLDED);
    this.mark = L.circleMarker(at(0, 0), { radius: 8, className: "origin", interactive: false });
    element.append(
      h("h2", {}, t("nearest.heading")),
      this.origin,
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", class: "text", onclick: () => this.pick() }, t("nearest.pick")),
        this.reset,
      ),
      this.lists,
    );
    this.set(null);
  }

  /** Sets the point `[x, z]` from which distances are measured; null is the start. */
  set(from) {
    this.from = from ?? null;
    this.mark.remove();
    if (this.from) this.mark.setLatLng(at(...this.from)).addTo(this.page.map);
    this.reset.hidden = !this.from;
    this.show();
  }

  async pick() {
    const point = await this.page.picker.pick(t("nearest.hint"));
    if (!point) return;
    this.#choose(point);
    this.page.openSection(this.element);
  }

  /** Fills the list after places were read. */
  show() {
    const { locations, start } = this.page;
    const [x, z] = this.from ?? start;
    this.origin.textContent = this.from ? t("nearest.from", { place: place(x, z) }) : t("nearest.from_start");
    const best = new Map();
    for (const each of locations.all) {
      const meters = Math.hypot(each.x - x, each.z - z);
      if (!(meters >= best.get(each.location)?.meters)) best.set(each.location, { each, meters });
    }
    if (best.size === 0) {
      this.lists.replaceChildren(h("p", { class: "faint" }, t("nearest.loading")));
      return;
    }
    const focused = this.lists.contains(document.activeElement) && document.activeElement.dataset.kind;
    this.lists.replaceChildren(...locations.groups.map((group) => this.#group(group, best)));
    if (focused) $(`[data-kind="${CSS.escape(focused)}"]`, this.lists)?.focus({ preventScroll: true });
  }

  #group(group, best) {
    const found = [...best.values()].filter(({ each }) => each.kind === group).toSorted((a, b) => a.meters - b.meters);
    const details = h(
      "details",
      { open: this.unfolded.has(group) },
      h("summary", {}, GROUPS[group][0], " ", h("span", {}, number(found.length))),
      h("ol", { class: "places" }, ...found.map((one) => this.#item(one))),
    );
    details.addEventListener("toggle", () => this.unfolded[details.open ? "add" : "delete"](group));
    return details;
  }

  #item({ each, meters: away }) {
    const [x, z] = this.from ?? this.page.start;
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", "data-kind": each.location.kind, onclick: () => this.page.open(each) },
        sign(each.location, { hollow: each.candidate }),
        h("span", { class: "what" }, h("strong", {}, each.title)),
        h("span", { class: "where" }, meters(away), h("small", {}, degrees(bearing(each.x - x, each.z - z)))),
      ),
    );
  }

  #choose(point) {
    this.set(point);
    this.page.changed();
  }
}
