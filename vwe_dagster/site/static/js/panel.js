// The panel beside the map: its tabs, its hiding, and its form on a phone, a sheet.

import { $, $$ } from "./dom.js";
import { t } from "./texts.js";

const phone = window.matchMedia("(max-width: 760px)");
const HEIGHTS = ["peek", "half", "full"];
const DRAG_PIXELS = 6;
const STEP_PIXELS = 30;
/** Time in which a click after a drag is ignored. */
const CLICK_MS = 60;

/** Returns whether the panel is a sheet over the map. */
export const isPhone = () => phone.matches;

export class Panel {
  constructor() {
    this.tabs = $$("[role=tab]");
    this.tabs.forEach((tab, index) => {
      tab.addEventListener("click", () => this.#show(tab));
      tab.addEventListener("keydown", (event) => this.#step(event, index));
    });
    $("#collapse").addEventListener("click", () => this.collapse());
    this.#sheet("peek");
    this.#drag();
  }

  /** Shows a tab, and the panel if it is hidden. */
  open(tab) {
    this.#show(tab);
    if (phone.matches) this.#sheet("full");
    this.collapse(false);
  }

  /** Hides the panel or, if it is hidden, shows it. */
  collapse(away = !document.body.classList.contains("panel-away")) {
    document.body.classList.toggle("panel-away", away);
    $("#collapse").setAttribute("aria-expanded", String(!away));
    $("#collapse").setAttribute("aria-label", t(away ? "world.panel_show" : "world.panel_hide"));
  }

  /** Lowers the sheet on a phone, so that the map is visible. */
  giveWay() {
    if (phone.matches) this.#sheet("peek");
  }

  #show(chosen) {
    for (const tab of this.tabs) {
      const here = tab === chosen;
      tab.setAttribute("aria-selected", String(here));
      tab.tabIndex = here ? 0 : -1;
      $(`#${tab.getAttribute("aria-controls")}`).hidden = !here;
    }
    if (phone.matches && document.body.dataset.sheet === "peek") this.#sheet("half");
  }

  #step(event, index) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = this.tabs[(index + by + this.tabs.length) % this.tabs.length];
    this.#show(next);
    next.focus();
  }

  /** Sets the height of the sheet: "peek", "half" or "full". */
  #sheet(height) {
    document.body.dataset.sheet = height;
    $("#handle").setAttribute("aria-expanded", String(height !== "peek"));
    $("#handle").setAttribute("aria-label", t(height === "full" ? "world.panel_less" : "world.panel_more"));
  }

  #drag() {
    const panel = $("#panel");
    let from = null;
    let dragged = false;
    $("#handle").addEventListener("click", () => {
      const now = HEIGHTS.indexOf(document.body.dataset.sheet);
      if (!dragged) this.#sheet(HEIGHTS[(now + 1) % HEIGHTS.length]);
    });
    $(".grip-area").addEventListener("pointerdown", (event) => {
      if (phone.matches && !event.target.closest("a, button:not(#handle)")) from = { y: event.clientY, moved: false };
    });
    window.addEventListener("pointermove", (event) => {
      if (!from) return;
      const by = event.clientY - from.y;
      if (Math.abs(by) > DRAG_PIXELS) from.moved = true;
      if (from.moved) panel.style.setProperty("--drag", `${by}px`);
    });
    const end = (by) => {
      panel.style.setProperty("--drag", "0px");
      const next = HEIGHTS.indexOf(document.body.dataset.sheet) + (by < 0 ? 1 : -1);
      if (from.moved && Math.abs(by) > STEP_PIXELS)
        this.#sheet(HEIGHTS[Math.min(Math.max(next, 0), HEIGHTS.length - 1)]);
      // Browsers send a click after a drag; it must not count.
      dragged = from.moved;
      window.setTimeout(() => (dragged = false), CLICK_MS);
      from = null;
    };
    window.addEventListener("pointerup", (event) => from && end(event.clientY - from.y));
    window.addEventListener("pointercancel", () => from && end(0));
  }
}
