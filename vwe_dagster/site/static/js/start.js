// The sign of the point where players first appear.
/* global L */

import { at } from "./crs.js";
import { h, icon } from "./dom.js";
import { t } from "./texts.js";

/** The box of the sign and its label around the point, in pixels; see plan.css. */
const BOX = { left: -14, right: 62, top: -40, bottom: -12 };

/** Adds the sign to a map, and its box to the map's `Labels`; `open` is called when it is pressed. */
export function addStart(map, labels, { x_m: x, z_m: z }, open) {
  const sign = L.divIcon({ className: "start-sign", iconSize: [28, 28], iconAnchor: [14, 40], html: "" });
  const mark = L.marker(at(x, z), { icon: sign, title: t("start.title"), alt: t("start.title"), zIndexOffset: 500 });
  mark.on("add", () => {
    const element = mark.getElement();
    if (element.firstChild) return;
    element.append(icon("flag"), h("span", {}, t("start.label")));
    element.setAttribute("aria-label", t("start.title"));
  });
  mark.on("click", open).on("keypress", ({ originalEvent }) => originalEvent.key === "Enter" && open());
  labels.add({ sift: () => labels.reserve(x, z, BOX) }, "start");
  return mark.addTo(map);
}
