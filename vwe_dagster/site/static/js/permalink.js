// The page's state in the fragment of the URL, for links and for the browser's history.

const FARTHEST_M = 1e6;
/** Longest line of a link; longer ones would take seconds to show. */
const MOST_POINTS = 500;

const round = (value, digits) => Number(value.toFixed(digits));

const number = (text) => (text?.trim() ? Number(text) : NaN);

const isPoint = (numbers) => numbers.length === 2 && numbers.every((meters) => Math.abs(meters) <= FARTHEST_M);

/** Parses the part of a fragment that belongs to the tools of the tab *Plan*. */
function readTools(parameters, fragment) {
  const points = (name) => (parameters.get(name) ?? "").split(";").map((text) => text.split(",").map(number));
  const state = { tour: parameters.get("tour") === "1" };
  for (const name of ["go", "from"]) if (isPoint(points(name)[0])) state[name] = points(name)[0];
  if (points("sail").length === 2 && points("sail").every(isPoint)) state.sail = points("sail");
  if (parameters.has("dim")) state.dim = parameters.get("dim").split(",");
  // Names of pins are encoded for themselves, so that they cannot contain the separators.
  state.pins = /(?:^#?|&)pins=([^&]*)/.exec(fragment)?.[1];
  return state;
}

/** Parses a fragment to a state, without missing or invalid parts. */
export function read(fragment) {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ""));
  const numbers = (text) => (text ?? "").split(",").map(number);
  const state = {};
  const [at, zoom] = [numbers(parameters.get("at")), number(parameters.get("zoom"))];
  if (isPoint(at) && Number.isFinite(zoom)) Object.assign(state, { x: at[0], z: at[1], zoom });
  if (parameters.has("style")) state.style = parameters.get("style");
  if (parameters.has("show")) state.show = parameters.get("show").split(",").filter(Boolean);
  if (parameters.has("line")) {
    const points = parameters.get("line").split(";", MOST_POINTS).map(numbers);
    if (points.every(isPoint)) state.line = points;
  }
  if (parameters.has("place")) state.place = parameters.get("place");
  return { ...state, ...readTools(parameters, fragment) };
}

const pointText = ([x, z]) => `${round(x, 1)},${round(z, 1)}`;

export function write({ x, z, zoom, style, show, line, place, go, dim, tour, from, sail, pins }) {
  const parts = [
    `at=${pointText([x, z])}`,
    `zoom=${round(zoom, 2)}`,
    `style=${encodeURIComponent(style)}`,
    `show=${show.join(",")}`,
  ];
  if (line?.length) parts.push(`line=${line.map(pointText).join(";")}`);
  if (place) parts.push(`place=${encodeURIComponent(place)}`);
  if (go) parts.push(`go=${pointText(go)}`);
  if (dim?.length) parts.push(`dim=${dim.map(encodeURIComponent).join(",")}`);
  if (tour) parts.push("tour=1");
  if (from) parts.push(`from=${pointText(from)}`);
  if (sail) parts.push(`sail=${sail.map(pointText).join(";")}`);
  if (pins) parts.push(`pins=${pins}`);
  return `#${parts.join("&")}`;
}

/** Synchronizes the URL and the state of a page. */
export class Permalink {
  /**
   * @param current returns the page's present state.
   * @param apply sets the page to a state.
   */
  constructor(current, apply) {
    this.current = current;
    this.apply = apply;
    window.addEventListener("popstate", () => this.#follow());
    window.addEventListener("hashchange", () => this.#follow());
  }

  /** Returns the state in the present URL. */
  initial() {
    return read(window.location.hash);
  }

  /** Returns the address of the page's present state. */
  address() {
    return new URL(write(this.current()), window.location.href).href;
  }

  /** Updates the URL after a change; `step` adds an entry to the browser's history. */
  changed({ step = false } = {}) {
    const fragment = write(this.current());
    if (fragment === window.location.hash) return;
    if (step) window.history.pushState(null, "", fragment);
    else {
      window.clearTimeout(this.waiting);
      // Browsers reject too many changes per second.
      this.waiting = window.setTimeout(() => {
        if (write(this.current()) !== window.location.hash) {
          window.history.replaceState(null, "", write(this.current()));
        }
      }, 150);
    }
  }

  #follow() {
    window.clearTimeout(this.waiting);
    if (write(this.current()) !== window.location.hash) this.apply(read(window.location.hash));
  }
}
