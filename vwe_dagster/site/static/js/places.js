// Islands, peaks and locations: on the map, and in a list that can be searched.
/* global L */

import { at } from "./crs.js";
import { copy, h, icon } from "./dom.js";
import { area, bearing, degrees, fromCentre, metres, metresPerPixel, number, place, SEA_M, share } from "./geo.js";

const LISTED = 300;
const ISLAND_PIXELS = 26;
const CLOSE_ZOOM = 4;

// The locations that players look for; all others are told by the name the game has for them.
const KNOWN = {
  StartTemple: ["Sacrificial stones", "start"],
  Eikthyrnir: ["Eikthyr's altar", "boss"],
  GDKing: ["The Elder's altar", "boss"],
  Bonemass: ["Bonemass's altar", "boss"],
  Dragonqueen: ["Moder's altar", "boss"],
  GoblinKing: ["Yagluth's altar", "boss"],
  Mistlands_DvergrBossEntrance1: ["The Queen's citadel", "boss"],
  FaderLocation: ["Fader's altar", "boss"],
  Vendor_BlackForest: ["Haldor", "vendor"],
  Hildir_camp: ["Hildir", "vendor"],
  BogWitch_Camp: ["The Bog Witch", "vendor"],
};
const KINDS = {
  peak: "Peaks",
  island: "Islands",
  boss: "Bosses",
  vendor: "Vendors",
  start: "Start",
  other: "Other places",
};
const SIGNS = { peak: "peak", island: "island", boss: "pin", vendor: "pin", start: "home", other: "pin" };

/** Everything that can be looked for in a world: `{id, kind, title, note, x, z, zoom, facts}`. */
export function placesOf(facts) {
  const titles = new Map(facts.biomes.map(({ name, title }) => [name, title]));
  const peaks = facts.peaks.map((peak) => ({
    id: `peak-${peak.peak}`,
    kind: "peak",
    title: `Peak ${peak.peak}`,
    label: number(peak.height_m),
    note: `${metres(peak.height_m)} · ${titles.get(peak.biome)}`,
    x: peak.x_m,
    z: peak.z_m,
    zoom: CLOSE_ZOOM,
    facts: [
      ["Height", metres(peak.height_m)],
      ["Above the sea", metres(peak.height_m - SEA_M)],
      ["Biome", titles.get(peak.biome)],
      ["Island", peak.island === null ? "a rock" : `no. ${peak.island}`],
      ["From the centre", fromCentre(peak.x_m, peak.z_m)],
    ],
  }));
  const islands = facts.islands.map((island) => ({
    id: `island-${island.island}`,
    kind: "island",
    title: `Island ${island.island}${island.is_start ? ", the start" : ""}`,
    label: String(island.island),
    note: `${area(island.area_km2)} · ${titles.get(island.dominant_biome)}`,
    // Worlds of earlier versions tell only the middle, which may lie in the sea.
    x: island.inland_x_m ?? island.centroid_x_m,
    z: island.inland_z_m ?? island.centroid_z_m,
    zoom: Math.min(5, Math.max(1.5, Math.log2(96 / ((Math.sqrt(island.area_km2) * 1000) / 220)))),
    across: Math.sqrt(island.area_km2) * 1000,
    facts: [
      ["Area", area(island.area_km2)],
      ["Mostly", `${titles.get(island.dominant_biome)}, ${share(island.dominant_biome_share)}`],
      ["Highest", `${metres(island.peak_height_m)} at ${place(island.peak_x_m, island.peak_z_m)}`],
      ["Shore", `${number(island.shoreline_km, 1)} km`],
      ["Nearest shore", `${metres(island.nearest_m)} · ${degrees(island.nearest_bearing_deg)}`],
    ],
  }));
  const locations = (facts.locations ?? []).map((location, index) => {
    const [title, kind] = Object.hasOwn(KNOWN, location.name) ? KNOWN[location.name] : [location.name, "other"];
    return {
      id: `location-${index + 1}`,
      kind,
      title,
      label: "",
      note: fromCentre(location.x_m, location.z_m),
      x: location.x_m,
      z: location.z_m,
      zoom: CLOSE_ZOOM + 1,
      facts: [
        ["The game's name", location.name],
        ["From the centre", fromCentre(location.x_m, location.z_m)],
      ],
    };
  });
  return [...peaks, ...islands, ...locations];
}

/** The kinds of places that a world has. */
export const kindsOf = (places) => Object.keys(KINDS).filter((kind) => places.some((each) => each.kind === kind));

/** The colours of what is drawn on a canvas, which style sheets do not reach. */
function inks() {
  const style = window.getComputedStyle(document.documentElement);
  return { color: style.getPropertyValue("--panel").trim(), fillColor: style.getPropertyValue("--accent").trim() };
}

/** The places of one kind as a layer of the map. */
export class PlacesLayer {
  constructor(worldMap, places, open) {
    this.worldMap = worldMap;
    this.map = worldMap.map;
    this.inks = inks();
    this.marks = places.map((each) => ({ place: each, mark: this.#mark(each, open) }));
    this.group = L.layerGroup();
    this.group.on("add", () => this.#sift());
    this.map.on("zoomend moveend", () => this.map.hasLayer(this.group) && this.#sift());
    document.addEventListener("themechange", () => {
      for (const { mark } of this.marks) mark.setStyle?.(inks());
    });
  }

  addTo(map) {
    this.group.addTo(map);
  }

  remove() {
    this.group.remove();
    this.#sift();
  }

  #mark(each, open) {
    if (each.kind === "other") {
      const dotted = L.circleMarker(at(each.x, each.z), {
        radius: 4,
        weight: 1.5,
        fillOpacity: 1,
        renderer: this.#canvas(),
        ...this.inks,
      }); // prettier-ignore
      // A text of its own, for Leaflet takes one that it is told for HTML.
      return dotted.bindTooltip(() => document.createTextNode(each.title)).on("click", () => open(each));
    }
    const sign = L.divIcon({ className: `place ${each.kind}`, iconSize: [26, 26], html: "" });
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

  #canvas() {
    this.renderer ??= L.canvas({ padding: 0.3 });
    return this.renderer;
  }

  /** Shows what lies in the view, and islands as soon as they are large enough to be told apart. */
  #sift() {
    const seen = this.map.getBounds().pad(0.3);
    const pixel = metresPerPixel(this.map.getZoom());
    for (const { place: each, mark } of this.map.hasLayer(this.group) ? this.marks : []) {
      const large = each.kind !== "island" || each.across / pixel > ISLAND_PIXELS;
      if (large && seen.contains(mark.getLatLng())) this.group.addLayer(mark);
      else this.group.removeLayer(mark);
    }
    const { classList } = this.map.getContainer();
    classList.toggle("labelled", this.map.getZoom() >= 1.5);
    // The numbers of islands would stand on those of peaks.
    const islands = this.worldMap.shown.has("island");
    classList.toggle("crowded", islands && this.map.getZoom() < 3);
  }
}

/** What a popup says of a place. */
export function popupOf(each) {
  return h(
    "article",
    { class: "place-card" },
    h("h3", {}, icon(SIGNS[each.kind]), each.title),
    h("dl", {}, ...each.facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h(
      "button",
      { class: "text", type: "button", onclick: () => copy(`${Math.round(each.x)}, ${Math.round(each.z)}`) },
      icon("copy"),
      `${place(each.x, each.z)}`,
    ),
  );
}

/** The list of places, with a box to search in and buttons for the kinds. */
export class PlacesList {
  constructor(element, places, open) {
    this.places = places;
    this.open = open;
    this.kind = null;
    this.search = h("input", {
      type: "search",
      placeholder: "Search places",
      "aria-label": "Search places",
      autocomplete: "off",
      spellcheck: false,
      oninput: () => this.#show(),
    });
    this.order = h(
      "select",
      { "aria-label": "Order", onchange: () => this.#show() },
      h("option", { value: "rank" }, "Largest first"),
      h("option", { value: "near" }, "Nearest to the centre"),
    );
    this.list = h("ol", { class: "places" });
    this.more = h("p", { class: "faint" });
    this.chips = [null, ...kindsOf(places)].map((kind) =>
      h(
        "button",
        { type: "button", class: "chip", "aria-pressed": String(kind === null), onclick: () => this.#choose(kind) },
        kind === null ? "All" : KINDS[kind],
        h("span", {}, number(places.filter((each) => kind === null || each.kind === kind).length)),
      ),
    );
    this.chips.forEach((chip, index) => {
      chip.kind = [null, ...kindsOf(places)][index];
    });
    element.append(
      h("div", { class: "search" }, icon("search"), this.search),
      h("div", { class: "chips", role: "group", "aria-label": "Kinds of places" }, ...this.chips),
      this.order,
      this.list,
      this.more,
    );
    this.#show();
  }

  focus() {
    this.search.focus();
    this.search.select();
  }

  mark(id) {
    this.marked = id;
    for (const item of this.list.children) {
      item.firstChild.setAttribute("aria-current", String(item.dataset.place === id));
    }
  }

  #choose(kind) {
    this.kind = kind;
    for (const chip of this.chips) chip.setAttribute("aria-pressed", String(chip.kind === kind));
    this.#show();
  }

  #show() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = this.places.filter(
      (each) =>
        (this.kind === null || each.kind === this.kind) &&
        words.every((word) => `${each.title} ${each.note}`.toLowerCase().includes(word)),
    );
    if (this.order.value === "near") found = found.toSorted((a, b) => Math.hypot(a.x, a.z) - Math.hypot(b.x, b.z));
    this.list.replaceChildren(...found.slice(0, LISTED).map((each) => this.#item(each)));
    this.more.textContent =
      found.length === 0
        ? "No place is called that."
        : found.length > LISTED
          ? `${LISTED} of ${number(found.length)} are shown; search for others.`
          : "";
    this.mark(this.marked);
  }

  #item(each) {
    return h(
      "li",
      { "data-place": each.id },
      h(
        "button",
        { type: "button", onclick: () => this.open(each) },
        h("span", { class: `sign ${each.kind}` }, icon(SIGNS[each.kind])),
        h("span", { class: "what" }, h("strong", {}, each.title), h("small", {}, each.note)),
        h(
          "span",
          { class: "where" },
          metres(Math.hypot(each.x, each.z)),
          h("small", {}, degrees(bearing(each.x, each.z))),
        ),
      ),
    );
  }
}
