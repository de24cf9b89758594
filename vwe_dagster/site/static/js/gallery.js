// The gallery of all worlds.

import { Choice } from "./choice.js";
import { $, fillIcons, h } from "./dom.js";
import { fetchJson, isExport, pageIn } from "./files.js";
import { area, folderOf, meters, number } from "./geo.js";
import { biomeTitle, columnLabel } from "./names.js";
import { fillSeedBox } from "./seed_box.js";
import { GREATEST_SEED, isSeed, LEAST_SEED } from "./seeds.js";
import { listen } from "./shortcuts.js";
import { showStatus } from "./status.js";
import { fillTexts, locale, reasonText, t } from "./texts.js";

const STEP = 60;

/** Seeds that a gallery without worlds shows. */
const EXAMPLES = ["HHcLC5acQt", "Yggdrasil", "42"];

const CONDITION = /[<>=]/;
const PAUSE_MS = 200;

class Gallery {
  constructor({ columns, rows, measures, colors, titles, biomes, finds }) {
    // Measures to sort by: label, column, whether lower values come first.
    this.measures = [
      [t("gallery.name"), "seed", true],
      ...measures.map(([label, column, isAscending]) => [columnLabel(column, label), column, isAscending]),
    ];
    this.ways = Object.entries(titles).map(([column, title]) => [
      biomeTitle(biomes[column], title),
      column,
      colors[column],
    ]);
    this.finds = finds;
    $("#find").hidden = !finds;
    if (isExport) this.#searchSeedsOnly();
    this.worlds = rows.map((row) => Object.fromEntries(row.map((value, index) => [columns[index], value])));
    this.choice = new Choice($("#chosen"), "");
    this.cards = new Map();
    $("#order").append(...this.measures.map(([title], index) => h("option", { value: String(index) }, title)));
    const saved = new URLSearchParams(window.location.hash.slice(1));
    $("#search").value = saved.get("search") ?? "";
    const order = this.measures.findIndex(([, column]) => column === saved.get("sort"));
    $("#order").value = String(Math.max(order, 0));
    this.turned = saved.has("turned");
    $("#search").addEventListener("input", ({ target }) => {
      window.clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.show(), CONDITION.test(target.value) ? PAUSE_MS : 0);
    });
    $("#order").addEventListener("change", () => this.show());
    $("#direction").addEventListener("click", () => {
      this.turned = !this.turned;
      this.show();
    });
    new IntersectionObserver((seen) => seen.some(({ isIntersecting }) => isIntersecting) && this.#more(), {
      rootMargin: "800px",
    }).observe($("#more"));
    this.show();
  }

  async show() {
    const text = $("#search").value.trim();
    const [title, column, ascending] = this.measures[Number($("#order").value)];
    const search = this.#understand(text);
    this.search = search;
    const { holds, fault } = await search;
    if (search !== this.search) return;
    const direction = ascending === this.turned ? -1 : 1;
    const [up, down] =
      column === "seed"
        ? [t("gallery.a_to_z"), t("gallery.z_to_a")]
        : [t("gallery.least_first"), t("gallery.greatest_first")];
    this.found = this.worlds
      .filter(({ seed }) => holds(seed))
      .sort((a, b) => {
        const [one, other] = [a[column], b[column]];
        if (typeof one === "string") return direction * one.localeCompare(other, locale);
        if (one === null || other === null) return (one === null) - (other === null);
        return direction * (one - other) || a.seed.localeCompare(b.seed);
      });
    this.column = column;
    $("#worlds").replaceChildren();
    this.shown = 0;
    this.#more();
    $("#count").textContent =
      this.found.length === this.worlds.length
        ? number(this.worlds.length)
        : t("gallery.some_of", { found: this.found.length, all: this.worlds.length }); // prettier-ignore
    $("#direction").title = t("gallery.direction_title", { measure: title, order: direction === 1 ? up : down });
    $("#direction").setAttribute("aria-label", $("#direction").title);
    this.#hint(fault);
    this.#absent(text, CONDITION.test(text));
    const saved = new URLSearchParams();
    if (text) saved.set("search", text);
    if (column !== "seed") saved.set("sort", column);
    if (this.turned) saved.set("turned", "");
    window.history.replaceState(null, "", saved.size ? `#${saved}` : window.location.pathname + window.location.search);
  }

  /** Decides which seeds a search finds: by their letters, or by a condition that the server evaluates. */
  async #understand(text) {
    if (!CONDITION.test(text)) {
      const words = text.toLowerCase().split(/[\s,]+/);
      return { holds: (seed) => words.every((word) => seed.toLowerCase().includes(word)) };
    }
    if (!this.finds) return { holds: () => false, fault: t("gallery.no_conditions") };
    try {
      const answer = await fetchJson(`find/worlds.json?${new URLSearchParams({ condition: text })}`);
      const found = new Set(answer.seeds);
      return { holds: (seed) => found.has(seed), fault: reasonText({ ...answer, message: answer.fault }) };
    } catch (error) {
      return { holds: () => false, fault: error.message };
    }
  }

  #hint(fault) {
    const hint = $("#hint");
    hint.hidden = !fault;
    hint.textContent = fault ?? "";
  }

  /** Shows how to generate the world of a typed seed if it does not exist. */
  #absent(text, isCondition) {
    const box = $("#absent");
    const known = this.worlds.some(({ seed }) => seed === text);
    box.hidden = !text || known || isCondition || (!isSeed(text) && this.found.length > 0);
    if (box.hidden) return;
    box.replaceChildren(
      ...(isSeed(text)
        ? isExport
          ? [h("p", {}, t("gallery.not_here", { seed: text }))]
          : [
              h("p", {}, t("gallery.preview", { seed: text })),
              h("a", { href: `worlds/${folderOf(text)}/` }, t("seed_box.show")),
            ]
        : [h("p", {}, t("gallery.not_a_seed", { least: `@${LEAST_SEED}`, greatest: `@${GREATEST_SEED}` }))]),
    );
  }

  /** Names no conditions where no server evaluates them. */
  #searchSeedsOnly() {
    $("#search").placeholder = t("gallery.search_seed");
    $("#search").setAttribute("aria-label", t("gallery.search_seed_label"));
    $("#help .faint").textContent = t("gallery.help_seed");
  }

  #more() {
    const next = this.found.slice(this.shown, this.shown + STEP);
    this.shown += next.length;
    $("#worlds").append(...next.map((world) => this.#card(world)));
  }

  #card(world) {
    if (this.cards.has(world.seed)) return this.cards.get(world.seed);
    const folder = `worlds/${folderOf(world.seed)}/`;
    const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
    const card = h(
      "li",
      { class: "world" },
      h(
        "a",
        { href: pageIn(folder) },
        h("img", {
          src: `${folder}thumbnail.png`,
          alt: "",
          loading: "lazy",
          decoding: "async",
          width: 200,
          height: 200,
        }),
        h("h2", {}, world.seed),
      ),
      h(
        "dl",
        { class: "sums" },
        fact(t("world.start_land"), world.start_land_km2 === null ? "–" : area(world.start_land_km2)),
        fact(t("world.islands"), number(world.islands)),
        fact(
          t("gallery.highest"),
          world.highest_peak_above_sea_m === null ? "–" : meters(world.highest_peak_above_sea_m),
        ),
      ),
      h(
        "dl",
        {
          class: "nearest",
          title: t("gallery.nearest_title"),
        },
        ...this.ways.map(([title, column, color]) =>
          h(
            "div",
            {},
            h("dt", {}, h("i", { class: "swatch", color }), title),
            h("dd", {}, world[column] === null ? "–" : `${number(world[column] / 1000, 1)} km`),
          ),
        ),
      ),
      this.worlds.length > 1 ? this.choice.button(world.seed, { compact: true }) : null,
    );
    this.cards.set(world.seed, card);
    return card;
  }
}

/** Shows a gallery without worlds: a large seed box, and seeds to begin with. */
function showWelcome() {
  document.body.classList.add("is-empty");
  $("#welcome").hidden = false;
  $("#welcome .box").append($("[data-seed-box]"));
  const pictures = EXAMPLES.map((seed) =>
    h("img", { src: `worlds/${folderOf(seed)}/thumbnail.png`, alt: "", width: 160, height: 160, decoding: "async" }),
  );
  $("#examples").append(
    ...EXAMPLES.map((seed, index) =>
      h("li", {}, h("a", { href: `worlds/${folderOf(seed)}/` }, pictures[index], h("span", {}, seed))),
    ),
  );
  showStatus($("#welcome .state"), "", Promise.allSettled(pictures.map((picture) => picture.decode())), "");
}

fillTexts();
fillIcons();
fillSeedBox();
listen({
  "/": () => $("#search").focus(),
  Escape: () => document.activeElement?.blur(),
});
fetchJson("worlds.json")
  .then((listed) => {
    if (listed.rows.length === 0 && !isExport) showWelcome();
    new Gallery(listed);
    document.body.classList.add("ready");
  })
  .catch((error) => {
    $("#hint").hidden = false;
    $("#hint").textContent = error.message;
    throw error;
  });
