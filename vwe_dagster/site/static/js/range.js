// A slider with two thumbs under the distribution of a column.

import { h, icon, s } from "./dom.js";
import { number } from "./geo.js";
import { t } from "./texts.js";

const STEPS = 200;

/** The slider of a column; `changed` is called when a thumb moves, `removed` when its button is pressed. */
export class Range {
  constructor(column, { low, high, bars }, [least, greatest], { changed, removed }) {
    this.column = column;
    [this.low, this.high] = [low ?? 0, high ?? 0];
    const thumb = (label, value, position) =>
      h("input", {
        type: "range",
        min: 0,
        max: STEPS,
        value: value === null ? position : this.#position(value),
        "aria-label": label,
        oninput: () => this.#moved(changed),
      });
    this.from = thumb(t("range.least", { column: column.label }), least, 0);
    this.to = thumb(t("range.greatest", { column: column.label }), greatest, STEPS);
    const most = Math.max(1, ...bars);
    this.bars = bars.map((count, index) =>
      s("rect", { x: index, width: 0.9, y: 1 - count / most, height: count / most }),
    );
    this.output = h("output", {});
    this.element = h(
      "li",
      { class: "range", title: column.meaning },
      h("span", { class: "label" }, column.label),
      this.output,
      h(
        "button",
        { type: "button", class: "tool", "aria-label": t("range.remove", { column: column.label }), onclick: removed },
        icon("close"),
      ),
      s(
        "svg",
        { viewBox: `0 0 ${bars.length || 1} 1`, preserveAspectRatio: "none", "aria-hidden": "true" },
        ...this.bars,
      ),
      h("div", { class: "thumbs" }, this.from, this.to),
    );
    this.#show();
  }

  /** The limits as numbers; null where a thumb is at its end. */
  get limits() {
    const [from, to] = [Number(this.from.value), Number(this.to.value)];
    return [from > 0 ? this.#value(from) : null, to < STEPS ? this.#value(to) : null];
  }

  /** The limits as conditions. */
  get conditions() {
    const [least, greatest] = this.limits;
    return [
      ...(least === null ? [] : [`${this.column.name} >= ${least}`]),
      ...(greatest === null ? [] : [`${this.column.name} <= ${greatest}`]),
    ];
  }

  #moved(changed) {
    const [from, to] = [Number(this.from.value), Number(this.to.value)];
    if (from > to) [this.from.value, this.to.value] = document.activeElement === this.from ? [to, to] : [from, from];
    this.#show();
    changed();
  }

  #show() {
    const [least, greatest] = this.limits;
    const unit = this.column.unit && ` ${this.column.unit}`;
    const text = (value) => `${number(value, this.column.decimals)}${unit}`;
    this.output.textContent =
      least === null && greatest === null
        ? t("range.any")
        : least === null
          ? t("range.up_to", { value: text(greatest) })
          : greatest === null
            ? t("range.from", { value: text(least) })
            : t("range.between", { least: number(least, this.column.decimals), greatest: text(greatest) });
    const [from, to] = [this.from, this.to].map(({ value }) => (Number(value) / STEPS) * this.bars.length);
    for (const [index, bar] of this.bars.entries()) {
      bar.classList.toggle("outside", index + 0.5 < from || index + 0.5 > to);
    }
  }

  #value(position) {
    return Number((this.low + (position / STEPS) * (this.high - this.low)).toFixed(this.column.decimals));
  }

  #position(value) {
    const share = (value - this.low) / (this.high - this.low || 1);
    return Math.round(Math.min(1, Math.max(0, share)) * STEPS);
  }
}
