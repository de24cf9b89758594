// The line with the place and the sample under the pointer.

import { h } from "./dom.js";
import { bearing, degrees, meters, metersExactly, number, place, SEA_M, VOID_M } from "./geo.js";
import { t } from "./texts.js";

/** Returns the text of a height: above the sea or under water. */
export function seaText(height, format = meters) {
  const above = height - SEA_M;
  return above < 0
    ? t("readout.under_water", { height: format(-above) })
    : t("readout.above_sea", { height: format(above) });
}

/** Returns the texts of a sample: its biome, and its height above or below the sea. */
export function describe(sample, biomes) {
  if (sample === undefined) return { biome: "…", sea: "…" };
  if (sample === null || sample.height < VOID_M) return { biome: t("readout.beyond"), sea: "" };
  return {
    biome: biomes.get(sample.biome)?.title ?? t("readout.unknown"),
    color: biomes.get(sample.biome)?.color,
    sea: seaText(sample.height, metersExactly),
  };
}

export class Readout {
  constructor(element, biomes) {
    this.element = element;
    this.biomes = biomes;
    const part = (name, title) => h("span", { class: `part ${name}`, title });
    this.swatch = h("i", { class: "swatch" });
    this.parts = {
      biome: part("biome", t("readout.biome_title")),
      sea: part("sea", t("readout.sea_title")),
      place: part("place", t("readout.place_title")),
      distance: part("distance", t("readout.distance_title")),
      bearing: part("bearing", t("readout.bearing_title")),
    };
    this.idle = h("span", { class: "idle" }, t(element.dataset.idle));
    const center = h("span", { class: "center" }, t("readout.from_center"));
    const { biome, sea, place: where, distance, bearing: way } = this.parts;
    this.filled = h(
      "span",
      { class: "filled" },
      h("span", { class: "group" }, this.swatch, biome),
      h("span", { class: "group" }, sea),
      h("span", { class: "group" }, where),
      h("span", { class: "group from-center" }, distance, way, center),
    );
    // Screen readers announce places that were requested by key, not those that a pointer passes.
    this.announced = h("span", { class: "unseen", role: "status" });
    element.append(this.idle, this.filled, this.announced);
    this.show(null);
  }

  /** Shows a place and announces its sample once it is read, after the name of the world if there are several. */
  say(looked, name) {
    this.show(looked);
    const { biome, sea } = describe(looked.sample, this.biomes);
    const words = [name, biome, sea, place(looked.x, looked.z)].filter(Boolean);
    this.announced.textContent = looked.sample === undefined ? "" : words.join("; ");
  }

  show(looked) {
    this.looked = looked;
    this.idle.hidden = looked !== null;
    this.filled.hidden = looked === null;
    if (!looked) return;
    const { x, z, sample } = looked;
    const words = describe(sample, this.biomes);
    this.element.dataset.ready = sample !== undefined;
    this.swatch.style.setProperty("--color", words.color ?? "transparent");
    this.parts.biome.textContent = words.biome;
    this.parts.sea.textContent = words.sea;
    this.parts.place.textContent = `x ${number(x)}  z ${number(z)}`;
    this.parts.distance.textContent = meters(Math.hypot(x, z));
    this.parts.bearing.textContent = Math.hypot(x, z) < 0.5 ? "" : degrees(bearing(x, z));
  }
}
