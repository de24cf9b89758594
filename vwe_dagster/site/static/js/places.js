// Islands and peaks on the map; these and locations in a list that can be searched, and in popups.
/* global L */

import { at } from "./crs.js";
import { $, copy, h, icon } from "./dom.js";
import { area, bearing, degrees, fromCenter, meters, metersPerPixel, number, place, share } from "./geo.js";
import { sign } from "./signs.js";
import { t } from "./texts.js";

const ISLAND_PIXELS = 26;
const CLOSE_ZOOM = 4;
/** Number of items that are added to the list at a time, as it is scrolled. */
const LISTED = 100;
const REST_MS = 250;
const SIGNS = { peak: "peak", island: "island" };

/** Titles of peaks and islands, which exist in every world. */
export const KINDS = { peak: t("overlay.peak"), island: t("overlay.island") };

/** Returns peaks and islands as `{id, kind, title, note, words, x, z, zoom, facts}`, the members of locations. */
export function placesOf(facts) {
  const titles = new Map(facts.biomes.map(({ name, title }) => [name, title]));
  const peaks = facts.peaks.map((peak) => ({
    id: `peak-${peak.peak}`,
    kind: "peak",
    title: t("places.peak", { rank: peak.peak }),
    label: number(peak.above_sea_m),
    note: `${meters(peak.above_sea_m)} · ${titles.get(peak.biome)}`,
    x: peak.x_m,
    z: peak.z_m,
    zoom: CLOSE_ZOOM,
    facts: [
      [t("places.height"), meters(peak.above_sea_m)],
      [t("places.biome"), titles.get(peak.biome)],
      [t("places.on_island"), peak.island === null ? t("places.rock") : t("places.island_no", { rank: peak.island })],
      [t("places.from_center"), fromCenter(peak.x_m, peak.z_m)],
    ],
  }));
  const islands = facts.islands.map((island) => ({
    id: `island-${island.island}`,
    kind: "island",
    title: t(island.is_start ? "places.start_island" : "places.island", { rank: island.island }),
    label: String(island.island),
    note: `${area(island.area_km2)} · ${titles.get(island.dominant_biome)}`,
    // Worlds of earlier versions have only the middle, which may be in the sea.
    x: island.inland_x_m ?? island.centroid_x_m,
    z: island.inland_z_m ?? island.centroid_z_m,
    zoom: Math.min(5, Math.max(1.5, Math.log2(96 / ((Math.sqrt(island.area_km2) * 1000) / 220)))),
    across: Math.sqrt(island.area_km2) * 1000,
    facts: [
      [t("places.area"), area(island.area_km2)],
      [t("places.mostly"), `${titles.get(island.dominant_biome)}, ${share(island.dominant_biome_share)}`],
      [
        t("places.highest"),
        t("places.height_at", {
          height: meters(island.peak_above_sea_m),
          place: place(island.peak_x_m, island.peak_z_m),
        }),
      ],
      [t("places.shore"), `${number(island.shoreline_km, 1)} km`],
      [t("places.nearest_shore"), `${meters(island.nearest_m)} · ${degrees(island.nearest_bearing_deg)}`],
    ],
  }));
  return [...peaks, ...islands].map((each) => ({ ...each, words: `${each.title} ${each.note}`.toLowerCase() }));
}

/** Returns the kinds of the given places. */
export const kindsOf = (places) => Object.keys(KINDS).filter((kind) => places.some((each) => each.kind === kind));

const COARSE = window.matchMedia("(pointer: coarse)").matches;
/** Width in pixels of the part of a mark that can be pressed. */
const TARGET = COARSE ? 44 : 26;
const LABELLED_ZOOM = 1.5;

/** A layer of the map with the places of one kind. */
export class PlacesLayer {
  /** @param places the places, those with priority first. */
  constructor(worldMap, places, open) {
    this.map = worldMap.map;
    this.marks = places.map((each) => ({ place: each, mark: this.#mark(each, open) }));
    this.group = L.layerGroup();
    worldMap.labels.add(this, places[0].kind);
  }

  addTo(map) {
    this.group.addTo(map);
  }

  remove() {
    this.group.remove();
  }

  #mark(each, open) {
    const sign = L.divIcon({ className: `place ${each.kind}`, iconSize: [TARGET, TARGET], html: "" });
    const mark = L.marker(at(each.x, each.z), { icon: sign, title: `${each.title}: ${each.note}`, alt: each.title });
    mark.on("add", () => {
      const element = mark.getElement();
      if (!element.firstChild) element.append(icon(SIGNS[each.kind]), h("span", {}, each.label));
      element.setAttribute("aria-label", `${each.title}, ${each.note}`);
      element.dataset.place = each.id;
    });
    return mark
      .on("click", () => open(each))
      .on("keypress", (event) => {
        if (event.originalEvent.key === "Enter") open(each);
      });
  }

  /** Shows the places in the view that have room, and islands only if they are large enough to be distinguishable. */
  sift(labels) {
    if (!this.map.hasLayer(this.group)) return;
    const seen = this.map.getBounds().pad(0.3);
    const zoom = this.map.getZoom();
    const pixel = metersPerPixel(zoom);
    for (const { place: each, mark } of this.marks) {
      const isLarge = each.kind !== "island" || each.across / pixel > ISLAND_PIXELS;
      // Places out of the view take room, too, so that a move does not show or hide labels.
      const hasRoom = isLarge && labels.take(each.x, each.z, BOXES[each.kind](each.label.length));
      const hasLabel =
        hasRoom &&
        each.kind === "peak" &&
        zoom >= LABELLED_ZOOM &&
        labels.take(each.x, each.z, labelBox(each.label.length));
      if (hasRoom && seen.contains(mark.getLatLng())) {
        this.group.addLayer(mark);
        mark.getElement()?.classList.toggle("labelled", hasLabel);
      } else if (!mark.getElement()?.matches(":focus")) {
        // A focused mark stays: the map is on its way to it, and the keyboard continues from it.
        this.group.removeLayer(mark);
      }
    }
  }
}

/** Returns a box around a place, in pixels. */
const around = (width, height) => ({ left: -width / 2, right: width / 2, top: -height / 2, bottom: height / 2 });

/** The boxes of the signs on the map by kind, for a label of some letters; see map.css. */
const BOXES = {
  island: (letters) => around(Math.max(22, 12 + 7 * letters), 18),
  peak: () => around(18, 14),
};

/** Returns the box of the label under the sign of a peak. */
const labelBox = (letters) => ({ ...around(2 + 7 * letters, 0), top: 10, bottom: 20 });

const signOf = (each) =>
  each.location
    ? sign(each.location, { hollow: each.candidate })
    : h("span", { class: `sign ${each.kind}` }, icon(SIGNS[each.kind]));

/**
 * Returns the popup of a place.
 *
 * @param showSet shows all candidates of a place.
 * @param dim a `Dim`.
 */
export function popupOf(each, showSet, dim) {
  const copied = (text, label) =>
    h(
      "button",
      { class: "text", type: "button", onclick: () => copy(text) },
      icon("copy"),
      label ?? h("code", {}, text),
    );
  const [x, z] = [Math.round(each.x), Math.round(each.z)];
  return h(
    "article",
    { class: "place-card" },
    h("h2", {}, signOf(each), each.title),
    each.candidate
      ? h(
          "p",
          {},
          `${t("places.becomes", { count: each.set.length, place: each.title })} `,
          h(
            "button",
            { class: "link", type: "button", onclick: () => showSet(each.set) },
            t("places.show_set", { count: each.set.length }),
          ),
        )
      : null,
    h("dl", {}, ...each.facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h(
      "div",
      { class: "copies" },
      copied(`${x}, ${z}`, place(each.x, each.z)),
      each.location ? copied(`goto ${x} ${z}`) : null,
      dim.eyeOf(each),
    ),
    each.location ? h("small", {}, t("places.console")) : null,
  );
}

const ORDERS = {
  rank: t("places.order.rank"),
  center: t("places.order.center"),
  pointer: t("places.order.pointer"),
  middle: t("places.order.middle"),
};

/** The list of places, with a box to search in, and a filter below it. */
export class PlacesList {
  /**
   * @param element the parent of the list.
   * @param places the peaks and islands.
   * @param filter a `KindTabs` or a `KindChips`.
   * @param dim a `Dim`.
   * @param open opens a place.
   */
  constructor(element, places, filter, dim, open) {
    this.places = places;
    this.filter = filter;
    this.dim = dim;
    this.open = open;
    this.found = [];
    this.from = { pointer: { x: 0, z: 0 }, middle: { x: 0, z: 0 } };
    this.moving = {};
    this.search = h("input", {
      type: "search",
      placeholder: t("places.search"),
      "aria-label": t("places.search"),
      autocomplete: "off",
      spellcheck: false,
      oninput: () => this.show(),
    });
    this.order = h(
      "select",
      { "aria-label": t("places.order"), onchange: () => this.show() },
      ...filter.orders.map((name) => h("option", { value: name }, ORDERS[name])),
    );
    this.list = h("ol", { class: "places" });
    this.more = h("p", { class: "faint", role: "status" });
    new IntersectionObserver((seen) => seen.some(({ isIntersecting }) => isIntersecting) && this.#extend(), {
      root: element.closest(".pane"),
      rootMargin: "600px",
    }).observe(this.more);
    element.append(h("div", { class: "search" }, icon("search"), this.search), ...filter.elements, this.order);
    element.append(dim.showAllButton(), this.list, this.more);
    filter.onchange = () => this.show();
    this.show();
  }

  focus() {
    this.search.focus();
    this.search.select();
  }

  /** Searches the list for a word. */
  find(word) {
    this.search.value = word;
    this.show();
  }

  mark(id) {
    this.marked = id;
    for (const item of this.list.children) {
      item.firstChild.setAttribute("aria-current", String(item.dataset.place === id));
    }
  }

  /** Replaces the places of the list. */
  set(places) {
    this.places = places;
    this.show();
  }

  /** Records a move of the pointer or of the middle of the map; the list follows when it rests. */
  moved(name, x, z) {
    this.stay(name);
    this.moving[name] = window.setTimeout(() => {
      this.from[name] = { x, z };
      if (this.order.value === name) this.show();
    }, REST_MS);
  }

  /** Ignores the last move, for example when the pointer leaves the map on its way to the list. */
  stay(name) {
    window.clearTimeout(this.moving[name]);
  }

  show() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    this.list.parentElement.classList.toggle("searching", words.length > 0);
    const matches = (text) => words.every((word) => text.includes(word));
    this.filter.search(words.length ? matches : null);
    const found = this.places.filter((each) => this.filter.has(each, words.length > 0) && matches(each.words));
    const { x, z } = this.origin;
    const far = (each) => Math.hypot(each.x - x, each.z - z);
    this.found = this.order.value === "rank" ? found : found.toSorted((a, b) => far(a) - far(b));
    const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
    this.list.replaceChildren();
    this.more.textContent = found.length ? "" : this.filter.nothing(words.length > 0);
    this.#extend();
    if (!focused) return;
    const item = $(`[data-place="${CSS.escape(focused.parentElement.dataset.place)}"]`, this.list);
    if (item) $(focused.matches(".eye") ? ".eye" : "button", item).focus({ preventScroll: true });
  }

  /** Returns the point from which distances in the list are measured. */
  get origin() {
    return this.from[this.order.value] ?? { x: 0, z: 0 };
  }

  /** Returns the text that states from where the distances in the list are. */
  #originText() {
    return this.from[this.order.value] ? this.order.selectedOptions[0].textContent : t("places.from_center");
  }

  #extend() {
    const count = this.list.children.length;
    if (count === this.found.length) return;
    this.list.append(...this.found.slice(count, count + LISTED).map((each) => this.#item(each)));
    this.mark(this.marked);
  }

  #item(each) {
    const [dx, dz] = [each.x - this.origin.x, each.z - this.origin.z];
    const where = h(
      "span",
      { class: "where", title: this.#originText() },
      meters(Math.hypot(dx, dz)),
      h("small", {}, degrees(bearing(dx, dz))),
    );
    return itemOf(each, where, this.dim, this.open);
  }
}

/**
 * Returns an item of a list of places.
 *
 * @param where an element at its end, or null.
 * @param dim a `Dim`, for the eye of an island.
 * @param open opens the place.
 */
export function itemOf(each, where, dim, open) {
  const what = h("span", { class: "what" }, h("strong", {}, each.title), h("small", {}, each.note));
  return h(
    "li",
    { "data-place": each.id },
    h("button", { type: "button", onclick: () => open(each) }, signOf(each), what, where),
    dim.eyeOf(each),
  );
}

/** The filter of a world without locations: selects the kind that is listed. */
export class KindTabs {
  orders = ["rank", "center"];

  constructor(places) {
    this.kind = null;
    this.chips = [null, ...kindsOf(places)].map((kind) => {
      const count = places.filter((each) => kind === null || each.kind === kind).length;
      const chip = h(
        "button",
        { type: "button", class: "chip", "aria-pressed": String(kind === null), onclick: () => this.#choose(kind) },
        KINDS[kind] ?? t("places.all"),
        h("span", {}, number(count)),
      );
      chip.kind = kind;
      return chip;
    });
    this.elements = [h("div", { class: "chips", role: "group", "aria-label": t("places.kinds") }, ...this.chips)];
  }

  has = (each) => this.kind === null || each.kind === this.kind;

  search() {}

  nothing = () => t("places.none_found");

  #choose(kind) {
    this.kind = kind;
    for (const chip of this.chips) chip.setAttribute("aria-pressed", String(chip.kind === kind));
    this.onchange();
  }
}
