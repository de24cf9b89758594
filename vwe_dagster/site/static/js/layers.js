// The card that selects the style and the overlays of the map.

import { $, h } from "./dom.js";
import { t } from "./texts.js";

export const OVERLAYS = {
  grid: [t("overlay.grid"), "G"],
  rings: [t("overlay.rings"), "R"],
  water: [t("overlay.water"), "W"],
  peak: [t("overlay.peak"), "P"],
  island: [t("overlay.island"), "I"],
  boss: [t("group.boss"), "B"],
  trader: [t("group.trader"), "T"],
  dungeon: [t("group.dungeon"), "N"],
  camp: [t("group.camp"), "K"],
  resource: [t("group.resource"), "E"],
  ruin: [t("group.ruin"), "U"],
  other: [t("group.other"), "O"],
};

export class LayersCard {
  /**
   * @param element the card.
   * @param facts a world.json.
   * @param base the address of the world's folder, for the previews.
   * @param names the existing overlays.
   * @param onStyle called with the chosen style.
   * @param onOverlay called with the switched overlay and whether it is on.
   */
  constructor(element, facts, base, names, onStyle, onOverlay) {
    this.element = element;
    const styles = facts.styles.map(({ id, title }, index) =>
      h(
        "label",
        { class: "style" },
        h("input", { type: "radio", name: "style", value: id, onchange: () => onStyle(id) }),
        h("img", {
          src: `${base}tiles/${id}/0/0/0.webp?v=${facts.version}`,
          alt: "",
          width: 60,
          height: 60,
          loading: "lazy",
        }),
        h("span", {}, title, h("kbd", {}, String(index + 1))),
      ),
    );
    const overlays = names.map((name) => {
      const [title, key] = OVERLAYS[name];
      const box = h("input", { type: "checkbox", value: name, onchange: () => onOverlay(name, box.checked) });
      return h("label", { class: "overlay" }, box, h("span", {}, title), key ? h("kbd", {}, key) : null);
    });
    element.append(
      h("fieldset", { class: "styles" }, h("legend", {}, t("layers.styles")), ...styles),
      h("fieldset", { class: "overlays" }, h("legend", {}, t("layers.show")), ...overlays),
    );
  }

  /** Shows the style and the overlays' states from `state`: true, false, or "mixed". */
  show(style, state) {
    const chosen = $(`input[name=style][value="${CSS.escape(style)}"]`, this.element);
    if (chosen) chosen.checked = true;
    for (const box of this.element.querySelectorAll("input[type=checkbox]")) {
      box.checked = state(box.value) === true;
      box.indeterminate = state(box.value) === "mixed";
    }
  }
}

/** Lets a button open and close a card; Escape and a press elsewhere close it. `opened` is called when it opens. */
export function popUnder(button, card, opened = () => {}) {
  const set = (open) => {
    if (open) opened();
    card.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => set(card.hidden));
  document.addEventListener("pointerdown", (event) => {
    if (!card.hidden && !card.contains(event.target) && !button.contains(event.target)) set(false);
  });
  card.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      set(false);
      button.focus();
      event.stopPropagation();
    }
  });
  set(false);
  return set;
}
