// Choosing a point of the map: by a press, or the middle of the map by a button.

import { $, h } from "./dom.js";
import { t } from "./texts.js";

export class Picker {
  #resolve = null;
  #before = null;

  /**
   * @param map Leaflet's map.
   * @param snap returns the place `{x, z}` at a point of the view, if any.
   * @param begin called when choosing begins.
   */
  constructor(map, snap, begin) {
    this.map = map;
    this.begin = begin;
    this.active = false;
    this.hint = h("span", { role: "status" });
    this.middle = h(
      "button",
      { type: "button", class: "text strong", onclick: () => this.#takeMiddle() },
      t("pick.middle"),
    );
    this.card = h(
      "section",
      { id: "pick", class: "card", "aria-label": t("pick.label"), hidden: true },
      this.hint,
      this.middle,
      h("button", { type: "button", class: "text", onclick: () => this.cancel() }, t("pick.cancel")),
    );
    $(".foot").append(this.card);
    map.on("click", ({ latlng, containerPoint }) => {
      if (this.active) this.take(snap(containerPoint) ?? { x: latlng.lng, z: latlng.lat });
    });
  }

  /** Lets the user choose a point; returns it as `[x, z]`, or null if the user cancels. */
  pick(hint) {
    this.cancel();
    this.begin();
    this.active = true;
    this.#before = document.activeElement;
    this.hint.textContent = hint;
    this.#show(true);
    this.middle.focus({ preventScroll: true });
    return new Promise((resolve) => (this.#resolve = resolve));
  }

  cancel() {
    if (this.active) this.#end(null);
  }

  /** Chooses a point, or a place. */
  take({ x, z }) {
    this.#end([x, z]);
  }

  #takeMiddle() {
    const { lng, lat } = this.map.getCenter();
    this.take({ x: lng, z: lat });
  }

  #end(point) {
    const resolve = this.#resolve;
    this.#resolve = null;
    this.#show(false);
    if (this.card.contains(document.activeElement) || document.activeElement === document.body) {
      this.#before?.focus?.({ preventScroll: true });
    }
    // The other listeners of this press must still find the picker active.
    window.setTimeout(() => (this.active = this.#resolve !== null), 0);
    resolve?.(point);
  }

  #show(on) {
    this.card.hidden = !on;
    document.body.classList.toggle("picking", on);
  }
}
