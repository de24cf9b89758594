// Chips that show and hide groups and kinds of places on the map and in the list.

import { h } from "./dom.js";
import { number } from "./geo.js";
import { GROUPS, tokenOf } from "./locations.js";
import { KINDS, kindsOf } from "./places.js";
import { sign } from "./signs.js";
import { locale, t } from "./texts.js";

const DOCS = "https://github.com/vwe-dagster/vwe/blob/main/docs/explanation/locations.md";
/** Kinds that a search offers to show. */
const OFFERED = 12;

/** The filter of a world with locations. */
export class KindChips {
  orders = ["center", "pointer", "middle"];

  /**
   * @param places the peaks and islands.
   * @param locations a `Locations`.
   * @param isShown whether the map shows peaks or islands.
   * @param toggle shows or hides overlays by name: `peak`, `island`, groups and kinds.
   */
  constructor(places, locations, isShown, toggle) {
    this.locations = locations;
    this.isShown = isShown;
    this.toggle = toggle;
    this.titles = new Map([
      ...locations.groups.map((group) => [group, [GROUPS[group][0], locations.countOf(group)]]),
      ...kindsOf(places).map((kind) => [kind, [KINDS[kind], places.filter((each) => each.kind === kind).length]]),
    ]);
    this.all = this.#chip(t("places.all"), null, null, () => this.toggle(this.names, this.all.ariaPressed !== "true"));
    this.chips = this.names.map((name) => this.#chipOf(name, ...this.titles.get(name)));
    this.kinds = locations.groups.map((group) => this.#groupOf(group));
    this.chosen = h("span", { role: "status" });
    this.unfold = h("button", {
      type: "button",
      class: "link",
      "aria-expanded": "false",
      "aria-controls": "kinds",
      onclick: () => this.#unfold(this.unfold.ariaExpanded !== "true"),
    });
    this.chooser = h("div", { id: "kinds" }, ...this.kinds);
    this.known = h(
      "p",
      { class: "faint" },
      `${t("places.known")} `,
      h("a", { href: DOCS, target: "_blank", rel: "noopener" }, t("places.more_about")),
    );
    this.elements = [
      h("div", { class: "chips", role: "group", "aria-label": t("places.on_map") }, this.all, ...this.chips),
      h("div", { class: "chosen" }, this.chosen, this.unfold),
      this.chooser,
      this.known,
    ];
    this.#unfold(false);
    this.show();
  }

  get names() {
    return [...this.titles.keys()];
  }

  /** Returns whether the list can contain a place: in a search every place, else those on the map. */
  has(each, isSearch) {
    return isSearch || (each.location ? this.locations.shows(each) : this.isShown(each.kind));
  }

  nothing(isSearch) {
    if (this.locations.loading && !this.locations.loaded) return t("places.loading");
    return isSearch ? t("places.none_found") : t("places.none_shown");
  }

  /** Offers the kinds that a search finds; null ends the search. */
  search(matches) {
    let offered = 0;
    const isFound = ({ words, types }) => matches(words) || types.some((type) => matches(type.words));
    for (const group of this.kinds) {
      for (const chip of group.chips) chip.hidden = matches !== null && !(isFound(chip.kind) && offered++ < OFFERED);
      group.hidden = group.chips.every((chip) => chip.hidden);
    }
    this.chooser.hidden = matches === null ? this.unfold.ariaExpanded !== "true" : offered === 0;
    this.unfold.hidden = matches !== null;
  }

  /** Updates the chips and the count to the state of the map. */
  show() {
    const states = this.names.map((name) => this.state(name));
    this.all.ariaPressed = String(states.every((state) => state === true));
    this.chips.forEach((chip, index) => {
      chip.ariaPressed = String(states[index]);
    });
    for (const chip of this.kinds.flatMap((group) => group.chips)) chip.ariaPressed = String(this.state(chip.name));
    const shown = [...this.locations.shown].reduce((sum, { count }) => sum + count, 0);
    this.chosen.textContent = t("places.on_map_count", { shown, all: this.locations.countOfAll });
    this.onchange?.();
  }

  state = (name) => (Object.hasOwn(KINDS, name) ? this.isShown(name) : this.locations.state(name));

  #unfold(open) {
    this.unfold.ariaExpanded = String(open);
    this.unfold.textContent = open ? t("places.hide_kinds") : t("places.choose_kinds");
    this.chooser.hidden = !open;
  }

  #chip(title, count, picture, act) {
    const text = count === null ? null : h("span", {}, number(count));
    return h("button", { type: "button", class: "chip", "aria-pressed": "false", onclick: act }, picture, title, text);
  }

  #chipOf(name, title, count, picture = null) {
    const chip = this.#chip(title, count, picture, () => this.toggle([name], this.state(name) !== true));
    chip.name = name;
    if (Object.hasOwn(GROUPS, name)) chip.dataset.group = name;
    return chip;
  }

  #groupOf(group) {
    const kinds = this.locations.kindsOf(group).toSorted((a, b) => a.label.localeCompare(b.label, locale));
    const chips = kinds.map((kind) => {
      const chip = this.#chipOf(tokenOf(kind), kind.label, kind.count, sign(kind));
      chip.kind = kind;
      return chip;
    });
    const title = GROUPS[group][0];
    const element = h("div", { role: "group", "aria-label": title }, h("h2", {}, title));
    element.append(h("div", { class: "chips" }, ...chips));
    element.chips = chips;
    return element;
  }
}
