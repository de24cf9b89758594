// The map of one world: tiles, charts, and the place at the pointer. The page of a world has one, a comparison two.
/* global L */

import { edge, GridChart, RingsChart, WaterChart } from "./charts.js";
import { at, CRS } from "./crs.js";
import { h, toast } from "./dom.js";
import { fetchJson } from "./files.js";
import { metersPerPixel, RADIUS_M } from "./geo.js";
import { Labels } from "./labels.js";
import { Planes } from "./planes.js";
import { t } from "./texts.js";

const BEYOND_TILES = 2;
/** Failed requests of a tile before that is reported, and the time between further requests. */
const TRIES = 3;
const LONG_WAIT_MS = 5000;
/** Pixels between a popup and its point, and a margin. */
const POPUP_GAP = 48;
/** Time before the progress of tiles is shown. */
const PATIENCE_MS = 300;
const HIGH_DENSITY = window.devicePixelRatio > 1.3 ? 1 : 0;

const isCalm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

export class WorldMap {
  /**
   * @param element the element of the map.
   * @param facts the world's world.json.
   * @param base the address of the world's folder.
   * @param inset returns the covered pixels of the map at each side, `{top, right, bottom, left}`.
   */
  constructor(element, facts, base, inset = () => ({ top: 0, right: 0, bottom: 0, left: 0 })) {
    this.facts = facts;
    this.base = base;
    this.inset = inset;
    this.biomes = new Map(facts.biomes.map((biome) => [biome.index, biome]));
    this.planes = new Planes(facts, base);
    this.map = L.map(element, {
      crs: CRS,
      attributionControl: false,
      zoomControl: false,
      minZoom: 0,
      maxZoom: facts.max_zoom + BEYOND_TILES,
      zoomSnap: 0.25,
      zoomDelta: 1,
      wheelPxPerZoomLevel: 90,
      maxBounds: L.latLngBounds(at(-RADIUS_M, -RADIUS_M), at(RADIUS_M, RADIUS_M)).pad(0.35),
      maxBoundsViscosity: 0.6,
      zoomAnimation: !isCalm(),
      fadeAnimation: !isCalm(),
      inertia: !isCalm(),
      keyboardPanDelta: 120,
      // The pages observe the size of the element themselves, except while they are printed.
      trackResize: false,
    });
    // Leaflet drops some of many fast moves over a canvas, sometimes the last.
    this.map.getContainer().addEventListener("mousemove", (event) => {
      this.map.fire("point", {
        latlng: this.map.mouseEventToLatLng(event),
        containerPoint: this.map.mouseEventToContainerPoint(event),
      });
    });
    const charts = this.map.createPane("charts");
    charts.style.zIndex = 350;
    charts.style.pointerEvents = "none";
    const locations = this.map.createPane("locations");
    locations.style.zIndex = 550;
    locations.style.pointerEvents = "none";
    this.map.setView(at(0, 0), 1, { animate: false });
    element.style.setProperty("--tile-reach", `${(256 >> HIGH_DENSITY) + 0.7}px`);
    const fit = () => element.classList.toggle("between-zooms", this.map.getZoom() % 1 !== 0);
    this.map.on("zoomend", fit);
    fit();
    if (isCalm()) this.#calm();
    edge().addTo(this.map);
    this.progress = h("div", { class: "loading", role: "progressbar", "aria-label": t("map.loading"), hidden: true });
    element.append(this.progress);
    L.control.scale({ imperial: false, position: "bottomright", maxWidth: 120 }).addTo(this.map);
    this.labels = new Labels(this.map);
    const grid = new GridChart({ pane: "charts", inset, labels: this.labels });
    // The chart of the rings is drawn later, because its labels give way to the coordinates.
    this.overlays = { grid, rings: new RingsChart({ pane: "charts", grid, labels: this.labels }) };
    if (facts.has_waterways) this.overlays.water = this.#water();
    this.shown = new Set();
    this.style = null;
  }

  /** Continues with the files of a new build of the same world; the tiles that are shown stay. */
  rebuilt(facts) {
    this.facts = facts;
    this.planes.version = facts.data.version;
    if (this.tiles) this.tiles.options.version = facts.version;
  }

  /** Shows the tiles of a style; the former ones stay below until these are loaded. */
  setStyle(id) {
    if (id === this.style) return;
    const former = this.tiles;
    this.style = id;
    this.tiles = L.tileLayer(`${this.base}tiles/{id}/{z}/{x}/{y}.webp?v={version}`, {
      id,
      version: this.facts.version,
      bounds: L.latLngBounds(at(-RADIUS_M, -RADIUS_M), at(RADIUS_M, RADIUS_M)),
      maxZoom: this.map.getMaxZoom(),
      // On a dense screen, tiles of the next zoom are shown at half their size.
      tileSize: 256 >> HIGH_DENSITY,
      zoomOffset: HIGH_DENSITY,
      maxNativeZoom: this.facts.max_zoom - HIGH_DENSITY,
      minZoom: 0,
      updateWhenZooming: false,
      keepBuffer: 2,
      className: "tiles",
    });
    this.tiles.on("tileerror", ({ tile }) => {
      tile.tries = (tile.tries ?? 0) + 1;
      if (tile.tries === TRIES) toast(t("map.tiles_missing"));
      const address = tile.src;
      const wait = tile.tries < TRIES ? 500 * tile.tries : LONG_WAIT_MS;
      // Leaflet removes tiles out of the view from the page.
      window.setTimeout(() => {
        if (tile.isConnected) tile.src = address;
      }, wait);
    });
    this.#reportLoading(this.tiles);
    if (former) {
      const remove = () => former.remove();
      this.tiles.once("load", remove);
      window.setTimeout(remove, 3000);
    }
    this.tiles.addTo(this.map);
  }

  /** Shows the share of the view's tiles that are loaded while the server draws them. */
  #reportLoading(tiles) {
    let [requested, received] = [0, 0];
    const show = () => {
      if (tiles !== this.tiles) return;
      const share = requested ? received / requested : 1;
      this.progress.style.setProperty("--share", share);
      this.progress.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    };
    const end = () => {
      if (tiles !== this.tiles) return;
      window.clearTimeout(this.waiting);
      this.progress.hidden = true;
      this.map.getContainer().removeAttribute("aria-busy");
    };
    tiles.on("loading", () => {
      [requested, received] = [0, 0];
      window.clearTimeout(this.waiting);
      this.waiting = window.setTimeout(() => {
        this.progress.hidden = false;
        this.map.getContainer().setAttribute("aria-busy", "true");
      }, PATIENCE_MS);
    });
    tiles.on("tileloadstart", () => {
      requested += 1;
      show();
    });
    tiles.on("tileload tileerror tileabort", () => {
      received += 1;
      show();
    });
    tiles.on("load remove", end);
  }

  /** Removes the animation of moves. */
  #calm() {
    const pan = this.map.panBy;
    this.map.panBy = (offset, options) => pan.call(this.map, offset, { ...options, animate: false });
  }

  setOverlay(name, shown) {
    const layer = this.overlays[name];
    if (!layer) return;
    if (shown) {
      this.shown.add(name);
      layer.addTo(this.map);
    } else {
      this.shown.delete(name);
      layer.remove();
    }
    this.labels.sift();
  }

  /** Fits the whole world into the part of the view that is not covered. */
  fitWorld({ animate = false } = {}) {
    const { top, right, bottom, left } = this.inset();
    const size = this.map.getSize();
    const room = Math.max(64, Math.min(size.x - left - right, size.y - top - bottom) - 12);
    const zoom = Math.log2((room / (2 * RADIUS_M)) * metersPerPixel(0));
    const shift = L.point((right - left) / 2, (bottom - top) / 2);
    this.view(this.map.unproject(this.map.project(at(0, 0), zoom).add(shift), zoom), zoom, { animate });
  }

  /** Sets a view with exactly this zoom, which wheel and keys would round. */
  view(middle, zoom, { animate = false } = {}) {
    const { options } = this.map;
    const snap = options.zoomSnap;
    options.zoomSnap = 0;
    this.map.setView(middle, zoom, { animate });
    options.zoomSnap = snap;
  }

  /**
   * Moves the view so that a point is in the middle of the part that is not covered, or below it.
   *
   * @param popup an open popup at the point that must be visible as a whole.
   */
  flyTo(x, z, zoom = Math.max(this.map.getZoom(), 4), popup = null) {
    const { top, right, bottom, left } = this.inset();
    const height = this.map.getSize().y - top - bottom;
    const above = popup ? Math.min(popup.getElement().offsetHeight + POPUP_GAP, height) : 0;
    const shift = L.point((right - left) / 2, (bottom - top) / 2 - Math.max(0, above - height / 2));
    const middle = this.map.unproject(this.map.project(at(x, z), zoom).add(shift), zoom);
    if (isCalm()) this.view(middle, zoom);
    else this.map.flyTo(middle, zoom, { duration: 0.7 });
  }

  /** Calls `look` with the place at the pointer. */
  onPointer(report) {
    this.map.on("point click", ({ latlng }) => this.look(latlng.lng, latlng.lat, report));
    this.map.on("mouseout", () => this.lookAway(report));
  }

  /**
   * Calls `report` with a place, and again with its sample after reading it, unless `look` was called meanwhile:
   * `report({x, z, sample})`; `sample` is `{biome, height}`, null outside the grid, undefined until it is read.
   */
  async look(x, z, report) {
    const looked = { x, z, sample: this.planes.peek(x, z) };
    this.looked = looked;
    report(looked);
    if (looked.sample !== undefined) return;
    try {
      const sample = await this.planes.sample(x, z);
      if (this.looked === looked) report({ x, z, sample });
    } catch (error) {
      toast(error.message);
    }
  }

  /** Ends looking at a place, and calls `report` with null. */
  lookAway(report) {
    this.looked = null;
    report(null);
  }

  #water() {
    const chart = new WaterChart({ pane: "charts", isBelow: true });
    let asked = false;
    chart.on("add", () => {
      if (asked) return;
      asked = true;
      fetchJson(`${this.base}waterways.json?v=${this.facts.data.version}`)
        .then((waterways) => chart.setWaterways(waterways))
        .catch((error) => {
          asked = false;
          toast(error.message);
        });
    });
    return chart;
  }
}
