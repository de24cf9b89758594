// What is looked at, in the fragment of the address, so that a link shows the same and the browser goes back to it.

const FARTHEST_M = 1e6;

const round = (value, digits) => Number(value.toFixed(digits));

const number = (text) => (text?.trim() ? Number(text) : NaN);

const isPoint = (numbers) => numbers.length === 2 && numbers.every((metres) => Math.abs(metres) <= FARTHEST_M);

/** The state that a fragment tells; whatever it does not tell, or tells wrongly, is missing. */
export function read(fragment) {
  const told = new URLSearchParams(fragment.replace(/^#/, ""));
  const numbers = (text) => (text ?? "").split(",").map(number);
  const state = {};
  const [at, zoom] = [numbers(told.get("at")), number(told.get("zoom"))];
  if (isPoint(at) && Number.isFinite(zoom)) Object.assign(state, { x: at[0], z: at[1], zoom });
  if (told.has("style")) state.style = told.get("style");
  if (told.has("show")) state.show = told.get("show").split(",").filter(Boolean);
  if (told.has("line")) {
    const points = told.get("line").split(";").map(numbers);
    if (points.every(isPoint)) state.line = points;
  }
  if (told.has("place")) state.place = told.get("place");
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

/** Keeps the address and a page's state alike. */
export class Permalink {
  /**
   * @param current gives the page's state now.
   * @param apply brings the page to a state.
   */
  constructor(current, apply) {
    this.current = current;
    this.apply = apply;
    window.addEventListener("popstate", () => this.#follow());
    window.addEventListener("hashchange", () => this.#follow());
  }

  /** The state that the address tells now. */
  initial() {
    return read(window.location.hash);
  }

  /** The page changed: in a step that one may want to go back from, or only a little. */
  changed({ step = false } = {}) {
    const fragment = write(this.current());
    if (fragment === window.location.hash) return;
    if (step) window.history.pushState(null, "", fragment);
    else {
      window.clearTimeout(this.waiting);
      // Browsers refuse to hear of too many changes a second.
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
