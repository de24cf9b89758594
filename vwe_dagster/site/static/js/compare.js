// Two worlds side by side: one view, one pointer, two maps.
/* global L */

import { at } from "./crs.js";
import { $, $$, fillIcons, h, icon } from "./dom.js";
import { comparisonOf, fetchJson, pageIn } from "./files.js";
import { area, folderOf, isKey, meters, number, share } from "./geo.js";
import { LayersCard, popUnder } from "./layers.js";
import { translateFacts } from "./names.js";
import { Permalink, read } from "./permalink.js";
import { PlacesLayer, placesOf } from "./places.js";
import { Readout } from "./readout.js";
import { fillSeedBox } from "./seed_box.js";
import { listen } from "./shortcuts.js";
import { showStatus } from "./status.js";
import { fillTexts, t } from "./texts.js";
import { WorldMap } from "./world_map.js";

const OVERLAYS = ["grid", "rings", "water", "peak", "island"];

const worldFolder = (key) => `../worlds/${folderOf(key)}/`;

/** The figures of a group as rows of the table: those that one of the worlds has. */
function figureRows(group, other) {
  const labels = new Map([...group.figures, ...other.figures].map(({ name, label }) => [name, label]));
  const text = ({ figures }, name) => figures.find((each) => each.name === name)?.text;
  return [...labels].map(([name, label]) => [label, String, text(group, name), text(other, name), group.title]);
}

class Side {
  /**
   * @param element the element of the side.
   * @param facts the world's world.json, or its outline; see `complete`.
   * @param base the address of the world's folder.
   */
  constructor(element, facts, base) {
    this.facts = facts;
    this.world = new WorldMap($(".side-map", element), facts, base, () => ({ top: 58, right: 0, bottom: 56, left: 0 }));
    this.map = this.world.map;
    this.readout = new Readout($(".readout", element), this.world.biomes);
    this.ghost = L.circleMarker(at(0, 0), { radius: 7, className: "ghost", interactive: false });
    const title = $(".side-title", element);
    title.textContent = facts.key;
    title.href = pageIn(base);
    title.title = t("compare.open", { seed: facts.key });
  }

  /** Continues with the complete world.json, which has the places. */
  complete(facts) {
    this.facts = facts;
    this.world.facts = facts;
    for (const kind of ["peak", "island"]) {
      const places = placesOf(facts).filter((each) => each.kind === kind);
      if (places.length)
        this.world.overlays[kind] = new PlacesLayer(this.world, places, (each) => this.world.flyTo(each.x, each.z)); // prettier-ignore
    }
  }

  look(looked, { elsewhere }) {
    const show = (each) => this.readout.show(each);
    if (!looked) {
      this.world.lookAway(show);
      this.ghost.remove();
      return;
    }
    this.world.look(looked.x, looked.z, show);
    if (elsewhere) this.ghost.setLatLng(at(looked.x, looked.z)).addTo(this.map);
    else this.ghost.remove();
  }

  /** Marks a place and announces its sample, for places that are not under the pointer. */
  ask(x, z) {
    this.ghost.setLatLng(at(x, z)).addTo(this.map);
    this.world.look(x, z, (looked) => this.readout.say(looked, this.facts.key));
  }
}

class Comparison {
  /**
   * @param sides both sides.
   * @param view the view of the maps if they are already shown: `{x, z, zoom}`.
   */
  constructor(sides, view = {}) {
    this.sides = sides;
    const [one, other] = sides;
    document.title = t("compare.document_of", { one: one.facts.key, other: other.facts.key });
    const names = OVERLAYS.filter((name) => sides.some(({ world }) => world.overlays[name]));
    this.names = names;
    this.layers = new LayersCard(
      $("#layers"),
      one.facts,
      worldFolder(one.facts.key),
      names,
      (id) => this.#set(id, null),
      (name, on) => this.#set(null, { [name]: on }),
    ); // prettier-ignore
    this.showLayers = popUnder($("#layers-button"), $("#layers"));
    const showTable = popUnder($("#table-button"), $("#table"));
    this.#table();
    const deepest = Math.max(...sides.map(({ map }) => map.getMaxZoom()));
    for (const { map } of sides) map.setMaxZoom(deepest);
    this.#bind(one, other);
    this.#bind(other, one);
    this.link = new Permalink(
      () => this.state(),
      (state) => this.apply(state),
    );
    this.apply({ ...this.link.initial(), ...view });
    one.map.on("moveend", () => this.link.changed());
    $("#home-button").addEventListener("click", () => one.world.fitWorld({ animate: true }));
    $("#swap-button").addEventListener("click", () => {
      window.location.href = `../${comparisonOf(other.facts.key, one.facts.key)}${window.location.hash}`;
    });
    for (const { map } of sides) {
      new ResizeObserver(() => map.invalidateSize()).observe(map.getContainer());
    }
    const toggle = (name) => () =>
      this.#set(null, { [name]: !one.world.shown.has(name) && !other.world.shown.has(name) });
    listen({
      ...Object.fromEntries(one.facts.styles.map(({ id }, index) => [String(index + 1), () => this.#set(id, null)])),
      g: toggle("grid"),
      r: toggle("rings"),
      w: toggle("water"),
      p: toggle("peak"),
      i: toggle("island"),
      l: () => this.showLayers($("#layers").hidden),
      f: () => showTable($("#table").hidden),
      0: () => one.world.fitWorld({ animate: true }),
      x: () => {
        const { lng, lat } = one.map.getCenter();
        for (const side of sides) side.ask(lng, lat);
      },
      Escape: () => {
        this.showLayers(false);
        showTable(false);
      },
    });
  }

  state() {
    const [{ map, world }] = this.sides;
    const { lng, lat } = map.getCenter();
    return {
      x: lng,
      z: lat,
      zoom: map.getZoom(),
      style: world.style,
      show: this.names.filter((name) => this.sides.some((side) => side.world.shown.has(name))),
    };
  }

  apply(state) {
    const [one] = this.sides;
    const styles = one.facts.styles.map(({ id }) => id);
    const shown = state.show ?? ["grid"];
    for (const { world } of this.sides) {
      world.setStyle(styles.includes(state.style) ? state.style : styles[0]);
      for (const name of this.names) world.setOverlay(name, shown.includes(name));
    }
    this.layers.show(one.world.style, (name) => shown.includes(name));
    if (state.zoom === undefined) one.world.fitWorld();
    else one.world.view(at(state.x, state.z), state.zoom);
  }

  #set(style, overlays) {
    for (const { world } of this.sides) {
      if (style) world.setStyle(style);
      for (const [name, on] of Object.entries(overlays ?? {})) world.setOverlay(name, on);
    }
    const { show } = this.state();
    this.layers.show(this.sides[0].world.style, (name) => show.includes(name));
    this.link.changed({ step: true });
  }

  /** Moves the second map with the first, and marks the pointer's place on it. */
  #bind(one, other) {
    one.map.on("move", () => {
      if (this.moving) return;
      this.moving = true;
      other.world.view(one.map.getCenter(), one.map.getZoom());
      this.moving = false;
    });
    one.map.on("zoomanim", (event) => {
      if (this.moving || event.noUpdate) return;
      this.moving = true;
      other.world.view(event.center, event.zoom, { animate: true });
      this.moving = false;
    });
    one.map.on("point click", ({ latlng }) => {
      const looked = { x: latlng.lng, z: latlng.lat };
      one.look(looked, { elsewhere: false });
      other.look(looked, { elsewhere: true });
    });
    one.map.on("mouseout", () => {
      for (const side of this.sides) side.look(null, { elsewhere: false });
    });
  }

  #table() {
    const [one, other] = this.sides.map(({ facts }) => facts);
    const sums = (name, show) => [show, one.statistics[name], other.statistics[name]];
    const rows = [
      [t("world.land"), ...sums("land_area_km2", area)],
      [t("world.islands"), ...sums("island_count", number)],
      [t("world.largest_island"), ...sums("largest_island_area_km2", area)],
      [t("world.shore_label"), ...sums("shoreline_km", (km) => `${number(km)} km`)],
      [t("world.highest_peak"), ...sums("highest_peak_above_sea_m", meters)],
      [t("world.rivers"), ...sums("river_count", number)],
      ...one.biomes.map((biome, index) => [biome, share, biome.share_of_disc, other.biomes[index].share_of_disc]),
      ...one.figures.flatMap((group, index) => figureRows(group, other.figures[index])),
    ];
    const block = ([what, , , , group]) => (typeof what === "string" ? (group ?? "sums") : "shares");
    const cell = (show, value) => h("td", {}, value === null || value === undefined ? "–" : show(value));
    $("#table").append(
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h("tr", {}, h("td", {}), h("th", { scope: "col" }, one.key), h("th", { scope: "col" }, other.key)),
        ),
        h(
          "tbody",
          {},
          ...rows.map(([what, show, a, b], index) =>
            h(
              "tr",
              { class: index > 0 && block(rows[index]) !== block(rows[index - 1]) ? "begins" : "" },
              typeof what === "string"
                ? h("th", { scope: "row" }, what)
                : h("th", { scope: "row" }, h("i", { class: "swatch", color: what.color }), what.title),
              cell(show, a),
              cell(show, b),
            ),
          ),
        ),
      ),
    );
  }
}

fillTexts();
fillIcons();
fillSeedBox();

/** Returns both worlds after reading a file of each. */
const readBoth = (keys, file) =>
  Promise.all(keys.map(async (key) => translateFacts(await fetchJson(`${worldFolder(key)}${file}`))));

/** Shows the maps as soon as the outlines of the worlds are read, and all else with their metadata. */
async function open() {
  const query = new URLSearchParams(window.location.search);
  const keys = ["one", "other"].map((name) => query.get(name) ?? "");
  if (!keys.every(isKey)) throw new Error(t("compare.no_seeds"));
  const outlines = await readBoth(keys, "world.json?outline");
  const sides = $$(".side").map((element, index) => new Side(element, outlines[index], worldFolder(keys[index])));
  const isComplete = outlines.every(({ statistics }) => statistics);
  if (!isComplete) {
    const { style, zoom, x, z } = read(window.location.hash);
    for (const { world } of sides) {
      const styles = world.facts.styles.map(({ id }) => id);
      world.setStyle(styles.includes(style) ? style : styles[0]);
      if (zoom === undefined) world.fitWorld();
      else world.view(at(x, z), zoom);
    }
  }
  const both = isComplete ? outlines : await readBoth(keys, "world.json");
  for (const [index, side] of sides.entries()) side.complete(both[index]);
  const { map } = sides[0];
  const { lng, lat } = map.getCenter();
  new Comparison(sides, isComplete ? {} : { x: lng, z: lat, zoom: map.getZoom() });
}

const opened = open();
showStatus($(".side-map"), "../", opened);
opened
  .then(() => document.body.classList.add("ready"))
  .catch((error) => {
    $(".sides").replaceChildren(h("p", { class: "failure" }, icon("help"), error.message));
    throw error;
  });
