// The dialogs of pictures: the present view, the poster, printing, and the relief that turns.

import { $, h, openDialog, toast } from "./dom.js";
import { fetchAgain, isExport } from "./files.js";
import { ViewPicture } from "./picture.js";
import { ReliefView } from "./relief.js";
import { reasonText, t } from "./texts.js";

/** The papers of posters by their names in addresses; the first one is the default. */
const PAPERS = { "30x40": "30 × 40 cm", a2: "A2", "2x3": "2:3" };

/** Offers a file for download. */
function download(blob, name) {
  const address = URL.createObjectURL(blob);
  h("a", { href: address, download: name }).click();
  window.setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

export class Pictures {
  /** @param world a `WorldMap`. */
  constructor(world) {
    this.world = world;
    this.picture = new ViewPicture(world);
    $("#poster-form").hidden = isExport;
    $("#poster-paper").append(...Object.entries(PAPERS).map(([value, name]) => h("option", { value }, name)));
    $("#pictures-button").addEventListener("click", () => this.open());
    $("#relief-button").addEventListener("click", () => this.openRelief());
    $("#picture-save").addEventListener("click", () => this.#work("picture.drawing", () => this.#save()));
    $("#poster-save").addEventListener("click", () => this.#work("picture.drawing_poster", () => this.#savePoster()));
    $("#picture-print").addEventListener("click", () => this.#work("picture.drawing", () => this.#print()));
    window.addEventListener("beforeprint", () => this.#showPrint());
    window.addEventListener("afterprint", () => $("#print").replaceChildren());
  }

  open() {
    this.#report("");
    openDialog("pictures");
    // The legend of a printed page is complete if the biomes are read before.
    this.picture.prepare().catch(() => {});
  }

  /** Shows the relief; without WebGL the picture of the relief. */
  async openRelief() {
    const dialog = $("#relief");
    if (dialog.open) return;
    const canvas = h("canvas", { tabIndex: 0, role: "application", "aria-label": t("relief.canvas") });
    const stage = $(".relief-stage", dialog);
    stage.replaceChildren(canvas, h("p", { role: "status" }, t("relief.loading")));
    openDialog("relief");
    let view;
    const fall = () => this.#showStill(stage);
    canvas.addEventListener("webglcontextlost", () => dialog.open && fall());
    dialog.addEventListener("close", () => view?.close(), { once: true });
    try {
      view = new ReliefView(canvas, this.world);
      await view.load();
      $("p", stage)?.remove();
    } catch {
      fall();
    }
    canvas.focus({ preventScroll: true });
  }

  #showStill(stage) {
    const { base, facts } = this.world;
    const still = h("img", { src: `${base}relief.png?v=${facts.version}`, alt: t("relief.still") });
    still.addEventListener("error", () => stage.replaceChildren(h("p", { role: "status" }, t("relief.none"))));
    stage.replaceChildren(still);
  }

  /** Does something that takes seconds, and reports it in the dialog. */
  async #work(key, act) {
    const buttons = $("#pictures").querySelectorAll("button[type=button]");
    this.#report(t(key));
    for (const button of buttons) button.disabled = true;
    try {
      await act();
      this.#report("");
    } catch (error) {
      this.#report("");
      toast(error.message);
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  }

  #report(text) {
    $("#pictures output").textContent = text;
  }

  async #save() {
    download(await this.picture.png(), `${this.world.facts.key}-view.png`);
  }

  async #savePoster() {
    const { base, facts } = this.world;
    const { value: paper } = $("#poster-paper");
    const answer = await fetchAgain(`${base}poster.png?paper=${paper}&v=${facts.version}`);
    if (!answer.ok) throw new Error(reasonText(await answer.json().catch(() => ({}))) ?? t("picture.no_poster"));
    download(await answer.blob(), `${facts.key}-poster-${paper}.png`);
  }

  async #print() {
    await this.picture.prepare().catch(() => {});
    $("#pictures").close();
    window.print();
  }

  /** Puts the picture of the view, in light colors, on the page that is printed. */
  #showPrint() {
    const { dataset } = document.documentElement;
    const theme = dataset.theme;
    const change = (name) => {
      dataset.theme = name;
      document.dispatchEvent(new CustomEvent("themechange", { detail: name }));
    };
    if (theme === "dark") change("light");
    const canvas = this.picture.draw();
    if (theme === "dark") change("dark");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", t("picture.printed", { seed: this.world.facts.key }));
    $("#print").replaceChildren(canvas);
  }
}
