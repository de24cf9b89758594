// The page that finds seeds: a question, a condition and sliders on the left, the matching seeds on the right.

import { Choice } from "./choice.js";
import { $, copy, fillIcons, h, icon, toast } from "./dom.js";
import { fetchJson } from "./files.js";
import { folderOf, number } from "./geo.js";
import { causeOf, followBuild } from "./keep.js";
import { columnLabel, columnMeaning, measure, questionMeaning, questionName } from "./names.js";
import { Range } from "./range.js";
import { fillSeedBox, request } from "./seed_box.js";
import { listen } from "./shortcuts.js";
import { fillTexts, locale, reasonText, t } from "./texts.js";
import { Thumbnails } from "./thumbnails.js";

const FIRST = ["start_land_km2", "haldor_m", "swamp_first_m", "mountain_first_m", "boss_tour_km", "islands"];
const SHOWN = 24;
const PAUSE_MS = 250;

const faultOf = ({ fault, reason, values }) => reasonText({ message: fault, reason, values });

class Finder {
  constructor({ columns, questions, token, survey_command: command }) {
    this.command = command;
    this.columns = new Map(
      columns.map((column) => [
        column.name,
        {
          ...column,
          label: columnLabel(column.name, column.label),
          meaning: columnMeaning(column.name, column.meaning),
        },
      ]),
    );
    this.questions = questions;
    this.token = token;
    this.ranges = new Map();
    this.thumbnails = new Thumbnails();
    this.choice = new Choice($("#chosen"), "../");
    this.turn = 0;
    $("#question").append(
      h("option", { value: "" }, t("find.no_question")),
      ...Object.keys(questions).map((name) => h("option", { value: name }, questionName(name))),
    );
    const options = () =>
      [...this.columns.values()].map(({ name, label, unit }) =>
        h("option", { value: name }, unit ? `${label} (${unit})` : label),
      );
    $("#add").append(h("option", { value: "" }, "…"), ...options());
    $("#sort").append(h("option", { value: "" }, t("find.sort_default")), ...options());
    this.#restore();
    for (const id of ["question", "sort"]) $(`#${id}`).addEventListener("change", () => this.ask());
    $("#condition").addEventListener("input", () => this.later());
    $("#add").addEventListener("change", ({ target }) => {
      this.add(target.value, [null, null]);
      target.value = "";
    });
  }

  /** Set the fields by the address, and show the first sliders. */
  async #restore() {
    const saved = new URLSearchParams(window.location.hash.slice(1));
    for (const id of ["question", "condition", "sort"]) $(`#${id}`).value = saved.get(id) ?? "";
    const named = saved.getAll("range").map((text) => text.split("~"));
    const first = named.length ? named : FIRST.map((name) => [name, "", ""]);
    const wanted = first.filter(([name]) => this.columns.has(name));
    const limit = (text) => (text && Number.isFinite(Number(text)) ? Number(text) : null);
    await Promise.all(wanted.map(([name, least, greatest]) => this.add(name, [limit(least), limit(greatest)], false)));
    this.ask();
  }

  async add(name, limits, askAfter = true) {
    if (!this.columns.has(name) || this.ranges.has(name)) return;
    this.ranges.set(name, null);
    let spread;
    try {
      spread = await fetchJson(`distributions.json?columns=${name}`);
    } catch (error) {
      this.ranges.delete(name);
      toast(error.message);
      return;
    }
    const range = new Range(this.columns.get(name), spread[name], limits, {
      changed: () => this.later(),
      removed: () => {
        this.ranges.delete(name);
        range.element.remove();
        this.ask();
      },
    });
    this.ranges.set(name, range);
    $("#ranges").replaceChildren(...[...this.ranges.values()].filter(Boolean).map(({ element }) => element));
    if (askAfter) this.ask();
  }

  later() {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.ask(), PAUSE_MS);
  }

  async ask() {
    window.clearTimeout(this.timer);
    const ranges = [...this.ranges.values()].filter(Boolean);
    const [question, condition, sort] = ["question", "condition", "sort"].map((id) => $(`#${id}`).value.trim());
    this.#remember({ question, condition, sort }, ranges);
    $("#meaning").hidden = !question;
    $("#meaning").textContent = questionMeaning(question, this.questions[question]?.meaning ?? "");
    const asked = new URLSearchParams({ condition, limit: SHOWN });
    // The conditions of the sliders are separate, so that the position of a fault counts from the start of the input.
    asked.append("condition", ranges.flatMap((range) => range.conditions).join(" and "));
    if (question) asked.set("question", question);
    if (sort) asked.set("sort", sort);
    for (const name of this.ranges.keys()) asked.append("column", name);
    const turn = ++this.turn;
    try {
      const answer = await fetchJson(`answer.json?${asked}`);
      if (turn !== this.turn) return;
      if (answer.fault) this.#fault(faultOf(answer));
      else this.#show(answer);
    } catch (error) {
      if (turn === this.turn) this.#fault(error.message);
    }
  }

  #remember(fields, ranges) {
    const saved = new URLSearchParams(Object.entries(fields).filter(([, value]) => value));
    for (const range of ranges)
      saved.append("range", [range.column.name, ...range.limits.map((limit) => limit ?? "")].join("~"));
    window.history.replaceState(null, "", `#${saved}`);
  }

  #fault(message) {
    $("#hint").hidden = false;
    $("#hint").textContent = message;
    $("#count").textContent = "";
    $("#none").hidden = true;
    $("#rows").replaceChildren();
  }

  #show(answer) {
    $("#hint").hidden = true;
    this.#explainEmpty(answer);
    const counts = { "find.surveyed": answer.surveyed, "find.worlds": answer.worlds };
    const present = Object.keys(counts).filter((key) => counts[key] > 0);
    const searched = present.length ? present : ["find.surveyed"];
    const list = new Intl.ListFormat(locale).format(searched.map((key) => t(key, { count: counts[key] })));
    const among = t("find.among", { list });
    const shallow = answer.shallow ? t("find.shallow", { count: answer.shallow, depth: answer.depth }) : "";
    const stale = answer.stale ? t("find.stale", { count: answer.stale }) : "";
    $("#count").replaceChildren(h("strong", {}, number(answer.matches)), ` ${among}${shallow}${stale}`);
    $("#rows").replaceChildren(...answer.rows.map((row) => this.#row(row, answer.columns)));
    this.thumbnails.discard();
  }

  /** Explains an empty answer; if there are no seeds to search, shows the command that surveys seeds. */
  #explainEmpty({ matches, surveyed, worlds, shallow }) {
    const hasSeeds = surveyed + worlds + shallow > 0;
    document.body.classList.toggle("is-empty", !hasSeeds);
    $("#none").hidden = matches > 0;
    $("#none").replaceChildren(
      ...(hasSeeds
        ? [t("find.none")]
        : [t("find.nothing_surveyed"), this.#button("copy", h("code", {}, this.command), () => copy(this.command))]),
    );
  }

  #row({ seed, text, page, command, values }, columns) {
    const facts = columns.map((name, index) => {
      const column = this.columns.get(name) ?? { label: t("find.score"), unit: "", decimals: 1 };
      return h("div", {}, h("dt", {}, column.label), h("dd", {}, measure(values[index], column)));
    });
    const address = `../worlds/${folderOf(seed)}/`;
    return h(
      "li",
      { class: "card row" },
      h(
        "a",
        { class: "view", href: address, tabIndex: -1, "aria-hidden": "true" },
        this.thumbnails.of(`${address}thumbnail.png`),
      ),
      h("h2", {}, h("a", { href: address }, text), seed === text ? null : h("small", {}, seed)),
      h("dl", {}, ...facts),
      h(
        "div",
        { class: "acts" },
        h("a", { class: "go", href: address, "aria-label": t("find.open_seed", { seed: text }) }, t("find.open")),
        page ? h("span", { class: "faint" }, t("find.kept")) : this.#keep(seed, command),
        this.choice.button(seed),
        this.#button("copy", t("find.copy_seed"), () => copy(text)),
      ),
    );
  }

  #button(name, words, act) {
    return h("button", { type: "button", class: "text", onclick: act }, icon(name), words);
  }

  /** Returns a button that keeps the world, or copies the command for it if the server does not build worlds. */
  #keep(seed, command) {
    if (!this.token) return this.#button("copy", h("code", {}, command), () => copy(command));
    const button = this.#button("plus", h("span", { "aria-live": "polite" }, t("find.keep")), async () => {
      button.disabled = true;
      $(".cause", button.parentElement)?.remove();
      try {
        // A server that was started again has another token.
        const { token } = await fetchJson("../server.json");
        await request("builds", token, seed);
        await this.#watch(seed, button);
      } catch (error) {
        button.lastChild.textContent = t("find.keep");
        button.disabled = false;
        toast(error.message);
      }
    });
    return button;
  }

  /** Shows the progress of the build until it has ended. */
  async #watch(seed, button) {
    const bar = h("progress", { max: 1, value: 0, "aria-label": t("keep.progress") });
    button.after(bar);
    const failure = await followBuild(`../worlds/${folderOf(seed)}/`, bar, button.lastChild).finally(() =>
      bar.remove(),
    );
    if (!failure) button.replaceWith(h("span", { class: "faint", role: "status" }, t("find.kept")));
    else {
      button.lastChild.textContent = t("keep.again");
      button.disabled = false;
      button.parentElement.append(causeOf(failure));
      toast(t("find.failed", { seed }));
    }
  }
}

fillTexts();
fillIcons();
fillSeedBox();
listen({
  "/": () => $("#condition").focus(),
  Escape: () => document.activeElement?.blur(),
});
fetchJson("columns.json")
  .then((answer) => {
    if (answer.fault) throw new Error(faultOf(answer));
    new Finder(answer);
    document.body.classList.add("ready");
  })
  .catch((error) => {
    $("#hint").hidden = false;
    $("#hint").textContent = error.message;
  });
