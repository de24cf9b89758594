// The sign at coordinates that the user went to.
/* global L */

import { at } from "./crs.js";
import { copy, h, icon } from "./dom.js";
import { fromCenter, place } from "./geo.js";
import { t } from "./texts.js";

export class Spot {
  /**
   * @param map Leaflet's map.
   * @param keep called with the point `[x, z]` to keep it as a pin.
   * @param changed called when the user removes the sign.
   */
  constructor(map, keep, changed) {
    this.map = map;
    this.keep = keep;
    this.changed = changed;
    this.point = null;
    this.mark = L.marker(at(0, 0), {
      icon: L.divIcon({ className: "spot-sign", iconSize: [30, 30], html: "" }),
      zIndexOffset: 400,
    });
    this.mark.on("add", () => {
      const element = this.mark.getElement();
      if (!element.firstChild) element.append(icon("target"));
      element.setAttribute("aria-label", this.#title());
      element.title = this.#title();
    });
    this.mark.bindPopup(() => this.#popup(), { autoPan: false, minWidth: 200, offset: [0, -4] });
  }

  /** Marks a point `[x, z]`; null marks none. */
  set(point) {
    this.mark.remove();
    this.point = point ?? null;
    if (point) this.mark.setLatLng(at(...point)).addTo(this.map);
  }

  #title() {
    return t("spot.title", { place: place(...this.point) });
  }

  #popup() {
    const [x, z] = this.point;
    const text = `${Math.round(x)}, ${Math.round(z)}`;
    const button = (label, act) => h("button", { type: "button", class: "text", onclick: act }, label);
    return h(
      "article",
      { class: "place-card" },
      h("h3", {}, place(x, z)),
      h("p", {}, fromCenter(x, z)),
      h(
        "div",
        { class: "copies" },
        button(t("spot.copy"), () => copy(text)),
        button(t("spot.keep"), () => {
          this.map.closePopup();
          this.keep([x, z]);
        }),
        button(t("spot.remove"), () => {
          this.set(null);
          this.changed();
        }),
      ),
    );
  }
}
