// The map of one world: tiles, charts, and what the pointer is at. The page of a world has one, a comparison two.
/* global L */

import { edge, GridChart, RingsChart, WaterChart } from "./charts.js";
import { at, CRS } from "./crs.js";
import { fetchJson, toast } from "./dom.js";
import { metresPerPixel, RADIUS_M } from "./geo.js";
import { Planes } from "./planes.js";

const BEYOND_TILES = 2;
const TRIES = 3;
const HIGH_DENSITY = window.devicePixelRatio > 1.3 ? 1 : 0;

export class WorldMap {
  /**
   * @param element where the map is put.
   * @param facts the world's world.json.
   * @param base the address of the world's folder.
   * @param inset how many pixels of the map are covered at each side, `{top, right, bottom, left}`.
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
      keyboardPanDelta: 120,
    });
    // Of moves that follow each other fast over a canvas Leaflet tells some, and not always the last.
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
    edge().addTo(this.map);
    L.control.scale({ imperial: false, position: "bottomright", maxWidth: 120 }).addTo(this.map);
    this.overlays = {
      grid: new GridChart({ pane: "charts", inset }),
      rings: new RingsChart({ pane: "charts" }),
    };
    if (facts.has_waterways) this.overlays.water = this.#water();
    this.shown = new Set();
    this.style = null;
  }

  /** Shows the tiles of a style; the former ones stay below until these are there. */
  setStyle(id) {
    if (id === this.style) return;
    const former = this.tiles;
    this.style = id;
    this.tiles = L.tileLayer(`${this.base}tiles/{id}/{z}/{x}/{y}.webp?v={version}`, {
      id,
      version: this.facts.version,
      bounds: L.latLngBounds(at(-RADIUS_M, -RADIUS_M), at(RADIUS_M, RADIUS_M)),
      maxZoom: this.map.getMaxZoom(),
      // On a dense screen a tile takes half the space, of the next zoom.
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
      if (tile.tries > TRIES) return;
      const address = tile.src;
      window.setTimeout(() => (tile.src = address), 500 * tile.tries);
    });
    if (former) {
      const remove = () => former.remove();
      this.tiles.once("load", remove);
      window.setTimeout(remove, 3000);
    }
    this.tiles.addTo(this.map);
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
  }

  /** The whole world in what is not covered of the view. */
  fitWorld({ animate = false } = {}) {
    const { top, right, bottom, left } = this.inset();
    const size = this.map.getSize();
    const room = Math.max(64, Math.min(size.x - left - right, size.y - top - bottom) - 12);
    const zoom = Math.log2((room / (2 * RADIUS_M)) * metresPerPixel(0));
    const shift = L.point((right - left) / 2, (bottom - top) / 2);
    this.view(this.map.unproject(this.map.project(at(0, 0), zoom).add(shift), zoom), zoom, { animate });
  }

  /** A view with exactly this zoom, which wheel and keys would round. */
  view(middle, zoom, { animate = false } = {}) {
    const { options } = this.map;
    const snap = options.zoomSnap;
    options.zoomSnap = 0;
    this.map.setView(middle, zoom, { animate });
    options.zoomSnap = snap;
  }

  /** Moves the view so that a point comes to the middle of what is not covered. */
  flyTo(x, z, zoom = Math.max(this.map.getZoom(), 4)) {
    const { top, right, bottom, left } = this.inset();
    const shift = L.point((right - left) / 2, (bottom - top) / 2);
    const middle = this.map.unproject(this.map.project(at(x, z), zoom).add(shift), zoom);
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (calm) this.view(middle, zoom);
    else this.map.flyTo(middle, zoom, { duration: 0.7 });
  }

  /** Looks at where the pointer is, see `look`. */
  onPointer(tell) {
    this.map.on("point click", ({ latlng }) => this.look(latlng.lng, latlng.lat, tell));
    this.map.on("mouseout", () => this.lookAway(tell));
  }

  /**
   * Tells of a place, and again when it is known what is there, unless one looks elsewhere by then:
   * `tell({x, z, sample})`, `sample` being `{biome, height}`, null outside the grid, undefined while it is being read.
   */
  async look(x, z, tell) {
    const looked = { x, z, sample: this.planes.peek(x, z) };
    this.looked = looked;
    tell(looked);
    if (looked.sample !== undefined) return;
    try {
      const sample = await this.planes.sample(x, z);
      if (this.looked === looked) tell({ x, z, sample });
    } catch (error) {
      toast(error.message);
    }
  }

  /** Looks at no place any more, and tells null. */
  lookAway(tell) {
    this.looked = null;
    tell(null);
  }

  #water() {
    const chart = new WaterChart({ pane: "charts" });
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
