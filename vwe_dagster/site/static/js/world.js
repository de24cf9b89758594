// The page of a world.
/* global L */

import { at } from "./crs.js";
import { $, $$, copy, fillIcons, h, icon, openDialog, toast } from "./dom.js";
import { comparisonOf, fetchJson, isExport } from "./files.js";
import { area, compassPoint, degrees, folderOf, meters, number, parsePlace, place, share } from "./geo.js";
import { showKeep } from "./keep.js";
import { KindChips } from "./kind_chips.js";
import { LayersCard, popUnder } from "./layers.js";
import { Locations } from "./locations.js";
import { LocationsLayer } from "./locations_layer.js";
import { Measure } from "./measure.js";
import { translateFacts } from "./names.js";
import { isPhone, Panel } from "./panel.js";
import { Permalink, read } from "./permalink.js";
import { Pictures } from "./pictures.js";
import { itemOf, KindTabs, kindsOf, PlacesLayer, PlacesList, placesOf, popupOf } from "./places.js";
import { Plan } from "./plan.js";
import { Profile } from "./profile.js";
import { Readout } from "./readout.js";
import { fillSeedBox } from "./seed_box.js";
import { GREATEST_SEED, isSeed, LEAST_SEED } from "./seeds.js";
import { listen } from "./shortcuts.js";
import { showStatus } from "./status.js";
import { fillTexts, locale, t } from "./texts.js";
import { WorldMap } from "./world_map.js";

/** The deepest zoom at which a cluster, or a set of candidates, is shown as a whole. */
const CLUSTER_ZOOM = 5.5;
const FIRST_SHOWN = ["grid", "peak"];
/** The number of islands in the legend. */
const LARGEST = 5;

/** Returns the covered pixels of the map at each side. */
function inset() {
  if (!isPhone()) return { top: 0, right: 64, bottom: 60, left: 16 };
  return { top: 58, right: 0, bottom: 116, left: 0 };
}

/** Shows a map in the style and the view of a state; missing parts are as on a first visit. */
function showMap(world, state) {
  const styles = world.facts.styles.map(({ id }) => id);
  world.setStyle(styles.includes(state.style) ? state.style : styles[0]);
  if (state.zoom === undefined) world.fitWorld();
  else world.view(at(state.x, state.z), state.zoom);
}

class WorldPage {
  /**
   * @param facts the world's world.json.
   * @param world its map.
   * @param view the view of the map if it is already shown: `{x, z, zoom}`.
   */
  constructor(facts, world, view = {}) {
    this.facts = facts;
    this.world = world;
    this.map = this.world.map;
    this.places = placesOf(facts);
    for (const kind of kindsOf(this.places)) {
      const layer = new PlacesLayer(
        this.world,
        this.places.filter((each) => each.kind === kind),
        (each) => this.#pressed(each),
      ); // prettier-ignore
      this.world.overlays[kind] = layer;
    }
    this.locations = new Locations(facts, "./");
    this.signs = new LocationsLayer(this.locations, this.world.labels).addTo(this.map);
    this.readout = new Readout($("#readout"), this.world.biomes);
    this.panel = new Panel();
    this.#showFacts();
    this.#showFigures();
    this.#showBiomes();
    this.plan = new Plan(this);
    this.filter = this.locations.groups.length
      ? new KindChips(
          this.places,
          this.locations,
          (kind) => this.world.shown.has(kind),
          (names, on) => this.setOverlays(names, on),
        )
      : new KindTabs(this.places);
    this.list = new PlacesList($("#places"), this.places, this.filter, this.plan.dim, (each) => this.open(each));
    this.#showIslands();
    this.layers = new LayersCard(
      $("#layers"),
      facts,
      "./",
      [...Object.keys(this.world.overlays), ...this.locations.groups],
      (id) => this.setStyle(id),
      (name, on) => this.setOverlays([name], on),
    ); // prettier-ignore
    this.showLayers = popUnder($("#layers-button"), $("#layers"), () => this.panel.giveWay());
    this.measure = new Measure(
      this.map,
      (how) => this.#measured(how),
      (point) => this.signs.hit(point),
    ); // prettier-ignore
    this.tooltip = L.tooltip({ direction: "top", offset: [0, -12] });
    this.profile = new Profile($("#profile"), this.world.planes, this.world.biomes, (point) => this.#pointAt(point));
    this.spot = L.circleMarker(at(0, 0), { radius: 6, className: "spot", interactive: false });
    this.link = new Permalink(
      () => this.state(),
      (state) => this.apply(state),
    );
    this.#listen();
    this.#listenToSigns();
    this.pictures = new Pictures(this.world);
    this.#keys();
    this.apply({ ...this.link.initial(), ...view }, { first: true });
    this.map.on("moveend", () => this.link.changed());
  }

  state() {
    const center = this.map.getCenter();
    return {
      x: center.lng,
      z: center.lat,
      zoom: this.map.getZoom(),
      style: this.world.style,
      show: [
        ...Object.keys(this.world.overlays).filter((name) => this.world.shown.has(name)),
        ...this.locations.tokens,
      ],
      line: this.measure.points,
      place: this.opened?.id ?? this.awaited,
      ...this.plan.state(),
    };
  }

  /** Sets the page to a state; missing parts are as on a first visit. */
  apply(state, options) {
    this.world.labels.afterAll(() => this.#apply(state, options));
  }

  #apply(state, { first = false } = {}) {
    showMap(this.world, state);
    const shown = state.show ?? [...FIRST_SHOWN, ...this.locations.first];
    for (const name of Object.keys(this.world.overlays)) this.world.setOverlay(name, shown.includes(name));
    this.locations.show(shown);
    this.#showLayers();
    this.measure.set(state.line ?? []);
    this.#measured({ done: false });
    this.plan.apply(state);
    this.#popUpById(state.place);
    if (first && state.line?.length) this.profile.show(state.line);
  }

  setStyle(id, { step = true } = {}) {
    this.world.setStyle(id);
    this.layers.show(id, this.stateOf);
    this.link.changed({ step });
  }

  /** Shows or hides overlays, and groups and kinds of locations. */
  setOverlays(names, on) {
    for (const name of names) {
      this.world.setOverlay(name, on);
      this.locations.set(name, on);
    }
    this.#showLayers();
    this.link.changed({ step: true });
  }

  stateOf = (name) => (this.world.overlays[name] ? this.world.shown.has(name) : this.locations.state(name));

  /** Updates the layers card, the signs and the filter to the state of the map. */
  #showLayers() {
    this.layers.show(this.world.style, this.stateOf);
    this.signs.refresh();
    this.filter.show?.();
    if (this.locations.shown.size && !this.locations.loaded) this.readLocations();
  }

  /** Reads the locations and shows them; an error is shown as a toast. */
  async readLocations() {
    if (!this.locations.groups.length) return;
    const isFirst = !this.locations.loading;
    try {
      await this.locations.load();
      if (!isFirst) return;
      this.signs.refresh();
      this.list.set([...this.places, ...this.locations.all]);
      this.plan.nearest?.show();
    } catch (error) {
      if (isFirst) toast(error.message);
    }
  }

  /** Handles a press on the sign of a place: adds a point while measuring, else opens the place. */
  #pressed(each) {
    if (this.plan.picker.active) this.plan.picker.take(each);
    else if (this.measure.active) this.measure.add(each.x, each.z);
    else this.open(each);
  }

  /** Flies to a place and shows its popup. */
  open(each) {
    this.panel.giveWay();
    // The browser's history returns to the view before the flight.
    this.link.changed({ step: true });
    const popup = this.#popUp(each);
    const zoom = each.kind === "island" ? each.zoom : Math.max(each.zoom, this.map.getZoom());
    this.world.flyTo(each.x, each.z, zoom, popup);
    this.link.changed({ step: true });
  }

  /** Shows all given places in the part of the view that is not covered. */
  showAll(places) {
    const { top, right, bottom, left } = inset();
    const bounds = L.latLngBounds(places.map(({ x, z }) => at(x, z)));
    this.panel.giveWay();
    this.link.changed({ step: true });
    this.map.fitBounds(bounds, {
      paddingTopLeft: [left + 40, top + 40],
      paddingBottomRight: [right + 40, bottom + 40],
      maxZoom: CLUSTER_ZOOM,
    });
  }

  goTo(x, z) {
    this.plan.spot.set([x, z]);
    this.world.flyTo(x, z, Math.max(this.map.getZoom(), 4));
    this.ask(x, z);
    this.link.changed({ step: true });
  }

  /** Marks a place and announces its sample, for places that are not under the pointer. */
  ask(x, z) {
    this.list.moved("pointer", x, z);
    this.spot.setLatLng(at(x, z)).addTo(this.map);
    this.world.look(x, z, (looked) => this.readout.say(looked));
  }

  /** Opens the place with an id, even if it is not read yet; closes the open one if no place has the id. */
  async #popUpById(id) {
    this.awaited = id;
    const find = () => this.places.find((each) => each.id === id) ?? this.locations.find(id);
    if (id && !find() && !this.locations.loaded) await this.readLocations();
    if (this.awaited !== id) return;
    this.awaited = undefined;
    const each = find();
    if (each) this.#popUp(each);
    else this.map.closePopup();
  }

  /** Opens the popup of a place, and returns it. */
  #popUp(each) {
    this.awaited = undefined;
    const popup = L.popup({ autoPan: false, maxWidth: isPhone() ? 232 : 300, minWidth: 220, offset: [0, -6] });
    popup
      .setLatLng(at(each.x, each.z))
      .setContent(popupOf(each, (set) => this.showAll(set), this.plan.dim))
      .openOn(this.map);
    this.opened = each;
    this.signs.choose(each.location ? each : undefined);
    this.list.mark(each.id);
    popup.on("remove", () => {
      if (this.opened !== each) return;
      this.opened = undefined;
      this.signs.choose(undefined);
      this.list.mark(null);
      this.link.changed();
    });
    return popup;
  }

  #measured({ done }) {
    const { points, active } = this.measure;
    const drawer = $("#profile");
    drawer.hidden = !active && points.length < 2;
    document.body.classList.toggle("measured", !drawer.hidden);
    const button = $("#measure-button");
    button.setAttribute("aria-pressed", String(active));
    $("#measure-undo").disabled = points.length === 0;
    $("#measure-go").hidden = active;
    $("#measure-done").hidden = !active;
    if (!drawer.hidden) this.profile.show(points.map((point) => [...point]));
    $("#measure-keep").hidden = active || points.length < 2;
    if (active) {
      this.plan.picker.cancel();
      this.panel.giveWay();
    }
    if (done) this.link?.changed({ step: true });
  }

  #pointAt(point) {
    if (point) {
      this.spot.setLatLng(at(point.x, point.z)).addTo(this.map);
      this.world.look(point.x, point.z, (looked) => this.readout.show(looked));
    } else {
      this.spot.remove();
      this.world.lookAway((looked) => this.readout.show(looked));
    }
  }

  #showFacts() {
    const { key, number: seed, statistics: sums, typed_in_game: typed } = this.facts;
    document.title = `${key} · VWE`;
    for (const element of $$("[data-key]")) element.textContent = key;
    $("#seed-number").textContent = seed;
    if (typed) $("#seed-typed").textContent = t("world.typed", { text: typed });
    const tile = (name, value, note, act) =>
      h(
        act ? "button" : "div",
        act ? { class: "tile", type: "button", onclick: act } : { class: "tile" },
        h("span", {}, name),
        h("strong", {}, value),
        note ? h("small", {}, note) : null,
      );
    const highest = this.places.find(({ id }) => id === "peak-1");
    const start = this.places.find(({ id }) => id === `island-${sums.start_island}`);
    const largest = this.places.find(({ id }) => id === "island-1");
    $("#facts").append(
      tile(t("world.land"), area(sums.land_area_km2), share(sums.land_share_of_disc ?? 0)),
      tile(t("world.islands"), number(sums.island_count), t("world.shore", { km: number(sums.shoreline_km) })),
      tile(
        t("world.highest_peak"),
        meters(sums.highest_peak_above_sea_m),
        highest && place(highest.x, highest.z),
        highest && (() => this.open(highest)),
      ), // prettier-ignore
      tile(
        t("world.largest_island"),
        sums.largest_island_area_km2 === null ? "–" : area(sums.largest_island_area_km2),
        null,
        largest && (() => this.open(largest)),
      ), // prettier-ignore
      tile(t("world.start_land"), this.#figure("start_land_km2"), null, start && (() => this.open(start))),
      ...(sums.river_count === null
        ? []
        : [tile(t("world.rivers"), number(sums.river_count), t("world.streams", { count: sums.stream_count }))]),
    );
    this.#showOrigin();
  }

  /** Continues with the files of the world after it was stored. */
  async rebuilt() {
    this.facts = translateFacts(await fetchJson("world.json"));
    this.world.rebuilt(this.facts);
    this.#showOrigin();
  }

  /** Shows how the world was generated, and the seeds with the same world. */
  #showOrigin() {
    const { grid, engine, same_world: same } = this.facts;
    const { table } = this.facts.places ?? {};
    const maker = [engine.kind, engine.game_version ?? engine.version].filter(Boolean).join(" ");
    const version = engine.world_gen_version;
    const date = new Date(this.facts.made_at).toLocaleDateString(locale, { dateStyle: "medium", timeZone: "UTC" });
    $("#made").replaceChildren(
      [
        version === null
          ? t("world.engine", { engine: maker })
          : t("world.engine_gen", { engine: maker, version: String(version) }),
        t("world.samples", { size: grid.size, cell: number(grid.cell_m, grid.cell_m % 1 ? 1 : 0) }),
        this.facts.made_at
          ? t("world.built", { date, version: engine.vwe })
          : t("world.computed", { version: engine.vwe }),
        table ? t("world.table", { name: table.name, digest: table.sha256.slice(0, 12) }) : "",
      ].join(" "),
    );
    if (same.length) {
      $("#made").append(
        h("br"),
        `${t("world.same")} `,
        ...same.flatMap((other, index) => [index ? ", " : "", h("a", { href: `../${folderOf(other)}/` }, other)]),
      );
    }
  }

  /** Returns the text of a figure; a dash if it is unknown. */
  #figure(name) {
    const figures = this.facts.figures.flatMap((group) => group.figures);
    return figures.find((each) => each.name === name)?.text ?? "–";
  }

  #showFigures() {
    const shown = this.facts.figures.filter(({ figures }) => figures.length > 0);
    $("#figures").append(
      ...shown.map(({ title, figures }) =>
        h(
          "section",
          {},
          h("h2", {}, title),
          h(
            "dl",
            {},
            ...figures.map(({ label, text, meaning }) =>
              h("div", { title: meaning }, h("dt", {}, label), h("dd", {}, text)),
            ),
          ),
        ),
      ),
    );
  }

  #showBiomes() {
    const most = Math.max(...this.facts.biomes.map((biome) => biome.share_of_disc ?? 0)) || 1;
    $("#legend").append(
      ...this.facts.biomes.map((biome) => {
        const near = biome.first_m ?? null;
        const way = biome.first_bearing_deg;
        const bar = h("i", { class: "bar", color: biome.color });
        bar.style.width = `${((biome.share_of_disc ?? 0) / most) * 100}%`;
        const go = () => {
          const angle = (way * Math.PI) / 180;
          this.panel.giveWay();
          this.goTo(near * Math.sin(angle), near * Math.cos(angle));
        };
        return h(
          "li",
          {},
          h(
            "button",
            {
              type: "button",
              disabled: near === null,
              onclick: go,
              title:
                near === null
                  ? ""
                  : t("world.biome_go", { biome: biome.title, distance: meters(near), bearing: degrees(way) }),
            },
            h("i", { class: "swatch", color: biome.color }),
            h("span", { class: "name" }, biome.title),
            h("span", { class: "share" }, h("small", {}, area(biome.area_km2 ?? 0)), share(biome.share_of_disc ?? 0)),
            h("span", { class: "track" }, bar),
            near !== null &&
              h("small", {}, t("world.biome_first", { distance: meters(near), point: compassPoint(way) })),
          ),
        );
      }),
    );
  }

  /** Adds the largest islands and the start island to the legend. */
  #showIslands() {
    const islands = this.places.filter(({ kind }) => kind === "island");
    const isStart = ({ id }) => id === `island-${this.facts.statistics.start_island}`;
    const shown = islands.filter((each, index) => index < LARGEST || isStart(each));
    $("#islands").hidden = shown.length === 0;
    $("#islands ol").append(...shown.map((each) => itemOf(each, null, this.plan.dim, () => this.open(each))));
    const listAll = () => {
      this.setOverlays(["island"], true);
      this.panel.open($("#tab-places"));
      this.list.find(t("places.island", { rank: "" }).trim());
      $("#tab-places").focus();
    };
    $("#islands").append(
      h(
        "button",
        { type: "button", class: "link", onclick: listAll },
        t("world.all_islands", { count: islands.length }),
      ),
    );
  }

  #listen() {
    this.world.onPointer((looked) => {
      // On a touch screen the pressed place stays in the readout.
      if (looked || !window.matchMedia("(hover: none)").matches) this.readout.show(looked);
      if (looked) this.list.moved("pointer", looked.x, looked.z);
      else this.list.stay("pointer");
    });
    this.map.on("moveend", () => {
      const { lng, lat } = this.map.getCenter();
      this.list.moved("middle", lng, lat);
    });
    this.map.on("click", (event) => {
      if (!this.plan.busy && window.matchMedia("(hover: none)").matches)
        this.spot.setLatLng(event.latlng).addTo(this.map);
    });
    this.map.on("contextmenu", ({ latlng }) => copy(`${Math.round(latlng.lng)}, ${Math.round(latlng.lat)}`));
    const press = (id, act) => $(id).addEventListener("click", act);
    press("#tab-places", () => this.readLocations());
    $("#places").addEventListener("focusin", () => this.readLocations());
    press("#zoom-in", () => this.map.zoomIn());
    press("#zoom-out", () => this.map.zoomOut());
    press("#home-button", () => this.home());
    press("#measure-button", () => (this.measure.active ? this.measure.stop() : this.measure.start()));
    press("#measure-go", () => this.measure.start());
    press("#measure-done", () => this.measure.stop());
    press("#measure-undo", () => this.measure.undo());
    press("#measure-clear", () => this.measure.clear());
    press("#link-button", () => {
      this.link.changed({ step: true });
      const address = this.plan.share(() => this.link.address());
      copy(address, this.plan.pins.linkNote ?? t("world.link_copied"));
    });
    press("#goto-button", () => this.askPlace());
    $("#goto form").addEventListener("submit", (event) => {
      const found = parsePlace($("#goto input").value);
      $("#goto output").textContent = found ? "" : t("goto.fault");
      if (found) this.goTo(found.x, found.z);
      else event.preventDefault();
    });
    new ResizeObserver(() => {
      // On a printed page the map is hidden, and its view must not move.
      if (!window.matchMedia("print").matches) this.map.invalidateSize();
    }).observe($("#map"));
  }

  /** Finds the sign at the pointer, because signs of locations are on a canvas without elements. */
  #listenToSigns() {
    let pointed;
    const point = (event) => {
      const mark = event && this.signs.hit(event.containerPoint);
      if (mark?.places === pointed?.places) return;
      pointed = mark;
      this.map.getContainer().classList.toggle("at-sign", Boolean(mark));
      if (!mark) return this.tooltip.remove();
      const [first] = mark.places;
      const text = mark.places.length > 1 ? t("map.cluster", { count: mark.places.length }) : first.title;
      // A text node, because Leaflet treats strings as HTML.
      this.tooltip.setLatLng(at(mark.x, mark.z)).setContent(document.createTextNode(text)).addTo(this.map);
    };
    this.map.on("point", point);
    this.map.on("mouseout movestart zoomstart", () => point(null));
    this.map.on("click", ({ containerPoint }) => {
      const mark = this.signs.hit(containerPoint);
      // While measuring, the press adds a point to the line instead.
      if (!mark || this.plan.busy) return;
      if (mark.places.length > 1) this.showAll(mark.places);
      else this.open(mark.places[0]);
    });
  }

  home() {
    this.map.closePopup();
    this.link.changed({ step: true });
    this.world.fitWorld({ animate: true });
  }

  askPlace() {
    $("#goto output").textContent = "";
    openDialog("goto");
    $("#goto input").select();
  }

  #keys() {
    const pan = (x, z) => (event) => {
      // Leaflet handles arrow keys if the map has the focus; tabs, the profile and styles handle their own.
      if ($("#map").contains(event.target) || event.target.closest("[role=tab], .plot, input")) return false;
      this.map.panBy([x * 120, z * 120]);
      return true;
    };
    const toggle = (name) => () => {
      if (this.world.overlays[name] || this.locations.groups.includes(name))
        this.setOverlays([name], this.stateOf(name) !== true);
    };
    const styles = Object.fromEntries(
      this.facts.styles.map(({ id }, index) => [String(index + 1), () => this.setStyle(id)]),
    );
    const middle = () => this.map.getCenter();
    listen({
      ...styles,
      ...this.plan.keys(),
      ArrowLeft: pan(-1, 0),
      ArrowRight: pan(1, 0),
      ArrowUp: pan(0, -1),
      ArrowDown: pan(0, 1),
      "+": (event) => !$("#map").contains(event.target) && this.map.zoomIn(),
      "=": (event) => !$("#map").contains(event.target) && this.map.zoomIn(),
      "-": (event) => !$("#map").contains(event.target) && this.map.zoomOut(),
      0: () => this.home(),
      Home: () => this.home(),
      g: toggle("grid"),
      r: toggle("rings"),
      w: toggle("water"),
      p: toggle("peak"),
      i: toggle("island"),
      b: toggle("boss"),
      t: toggle("trader"),
      n: toggle("dungeon"),
      k: toggle("camp"),
      e: toggle("resource"),
      u: toggle("ruin"),
      o: toggle("other"),
      l: () => this.showLayers($("#layers").hidden),
      m: () => (this.measure.active ? this.measure.stop() : this.measure.start()),
      Enter: (event) =>
        this.measure.active &&
        !event.target.closest("button, a, .leaflet-marker-icon") &&
        this.measure.stop() !== false, // prettier-ignore
      Backspace: () => this.measure.active && this.measure.undo() !== false,
      " ": (event) => {
        if (!this.measure.active || event.target.closest("button, a, input")) return false;
        this.measure.add(middle().lng, middle().lat);
        return true;
      },
      Escape: ({ target }) => {
        if (target.matches("input, select")) target.blur();
        else if (this.plan.picker.active) this.plan.picker.cancel();
        else if (!$("#layers").hidden) this.showLayers(false);
        else if (this.measure.active) this.measure.stop();
        else if (this.opened) this.map.closePopup();
        else if (this.measure.points.length) this.measure.clear();
        else document.activeElement?.blur();
      },
      "/": () => {
        this.panel.open($("#tab-places"));
        this.list.focus();
      },
      c: () => this.askPlace(),
      f: () => this.pictures.open(),
      h: () => this.pictures.openRelief(),
      y: () => {
        const here = this.readout.looked ?? { x: middle().lng, z: middle().lat };
        copy(`${Math.round(here.x)}, ${Math.round(here.z)}`);
      },
      x: () => {
        const { lng, lat } = middle();
        this.ask(lng, lat);
      },
      "[": () => this.panel.collapse(),
    });
  }
}

/** Shows the map as soon as the outline of the world is read, and all else with its metadata. */
async function open() {
  const outline = translateFacts(await fetchJson("world.json?outline"));
  const world = new WorldMap($("#map"), outline, "./", inset);
  if (outline.statistics) return new WorldPage(outline, world);
  showMap(world, read(window.location.hash));
  for (const element of $$("[data-key]")) element.textContent = outline.key;
  $("#seed-number").textContent = outline.number;
  world.facts = translateFacts(await fetchJson("world.json"));
  const { lng, lat } = world.map.getCenter();
  return new WorldPage(world.facts, world, { x: lng, z: lat, zoom: world.map.getZoom() });
}

fillTexts();
fillIcons();
fillSeedBox();
const opened = open();
showStatus($("#map"), "../../", opened);
opened
  .then((page) => {
    showKeep(page.facts, () => page.rebuilt());
    document.body.classList.add("ready");
  })
  .catch((error) => {
    $("#map").replaceChildren(h("p", { class: "failure" }, icon("help"), error.message));
    toast(error.message);
    throw error;
  });

fetchJson("../../worlds.json")
  .then(({ rows, columns }) => {
    const here = decodeURIComponent(
      window.location.pathname
        .replace(/\/(index\.html)?$/, "")
        .split("/")
        .pop(),
    );
    const keys = rows.map((row) => row[columns.indexOf("seed")]);
    const others = keys.filter((key) => folderOf(key) !== encodeURIComponent(here));
    // A server computes worlds that it has not; an export cannot.
    if (isExport && others.length === 0) return;
    $("#compare-button").hidden = false;
    $("#compare-button").addEventListener("click", () => openDialog("compare"));
    $("#compare-keys").append(...others.map((key) => h("option", { value: key })));
    $("#compare form").addEventListener("submit", (event) => {
      event.preventDefault();
      const other = $("#compare input").value.trim();
      const output = $("#compare output");
      if (folderOf(other) === encodeURIComponent(here)) output.textContent = t("compare_with.same");
      else if (others.includes(other) || (!isExport && isSeed(other)))
        window.location.href = `../../${comparisonOf(here === "~." ? "." : here, other)}`;
      else if (isExport) output.textContent = t("compare_with.absent");
      else output.textContent = t("gallery.not_a_seed", { least: `@${LEAST_SEED}`, greatest: `@${GREATEST_SEED}` });
    });
  })
  .catch(() => {});
