// The choice of two worlds to compare, shown at the edge of the page.

import { h, icon } from "./dom.js";
import { comparisonOf } from "./files.js";
import { t } from "./texts.js";

export class Choice {
  #chosen = [];
  #buttons = new Map();

  /**
   * @param box the element that shows the choice.
   * @param root the address of the site's root.
   */
  constructor(box, root) {
    this.box = box;
    this.root = root;
  }

  /**
   * Returns the button of a world; each world has one.
   * @param compact whether it has only an icon.
   */
  button(seed, { compact = false } = {}) {
    const button = h(
      "button",
      {
        type: "button",
        class: compact ? "tool choose" : "text pick",
        "aria-pressed": String(this.#chosen.includes(seed)),
        "aria-label": t("gallery.choose_seed", { seed }),
        title: t("gallery.choose_two"),
        onclick: () => this.#choose(seed),
      },
      icon("compare"),
      compact ? "" : t("page.compare"),
    );
    this.#buttons.set(seed, button);
    return button;
  }

  #choose(seed) {
    this.#chosen = this.#chosen.includes(seed)
      ? this.#chosen.filter((each) => each !== seed)
      : [...this.#chosen, seed].slice(-2);
    for (const [key, button] of this.#buttons) {
      button.setAttribute("aria-pressed", String(this.#chosen.includes(key)));
    }
    const [one, other] = this.#chosen;
    this.box.hidden = one === undefined;
    this.box.replaceChildren(
      h(
        "span",
        {},
        h("strong", {}, one ?? ""),
        other ? ` ${t("gallery.and")} ` : ` ${t("gallery.chosen_one")}`,
        h("strong", {}, other ?? ""),
      ),
      other ? h("a", { class: "go", href: `${this.root}${comparisonOf(one, other)}` }, t("page.compare")) : "",
    );
  }
}
