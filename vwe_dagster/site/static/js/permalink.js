// The page's state in the fragment of the URL, for links and for the browser's history.

const FARTHEST_M = 1e6;

const round = (value, digits) => Number(value.toFixed(digits));

const number = (text) => (text?.trim() ? Number(text) : NaN);

const isPoint = (numbers) => numbers.length === 2 && numbers.every((meters) => Math.abs(meters) <= FARTHEST_M);

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
    const points = parameters.get("line").split(";").map(numbers);
    if (points.every(isPoint)) state.line = points;
  }
  if (parameters.has("place")) state.place = parameters.get("place");
  return state;
}

export function write({ x, z, zoom, style, show, line, place }) {
  const parts = [
    `at=${round(x, 1)},${round(z, 1)}`,
    `zoom=${round(zoom, 2)}`,
    `style=${encodeURIComponent(style)}`,
    `show=${show.join(",")}`,
  ];
  if (line?.length) parts.push(`line=${line.map(([px, pz]) => `${round(px, 1)},${round(pz, 1)}`).join(";")}`);
  if (place) parts.push(`place=${encodeURIComponent(place)}`);
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
