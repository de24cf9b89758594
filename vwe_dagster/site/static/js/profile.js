// The height profile along a line, linked with the map: each point of it is a place there.

import { $, h, s, toast } from "./dom.js";
import { bearing, degrees, meters, number, place, SEA_M, VOID_M } from "./geo.js";
import { lengthOf } from "./measure.js";
import { describe, seaText } from "./readout.js";
import { t } from "./texts.js";

const SIDE = { left: 46, right: 14, top: 12, bottom: 26 };
const FLOOR_M = -60;
const MOST_SAMPLES = 900;

/** Returns points at equal distances along a line: `{x, z, distance}`. */
export function pointsAlong(line, count) {
  const whole = lengthOf(line);
  const found = [];
  let [segment, before] = [0, 0];
  let length = Math.hypot(line[1][0] - line[0][0], line[1][1] - line[0][1]);
  for (let index = 0; index < count; index += 1) {
    const distance = (whole * index) / (count - 1);
    while (segment < line.length - 2 && distance > before + length) {
      before += length;
      segment += 1;
      length = Math.hypot(line[segment + 1][0] - line[segment][0], line[segment + 1][1] - line[segment][1]);
    }
    const part = length === 0 ? 0 : Math.min(1, (distance - before) / length);
    const [[x0, z0], [x1, z1]] = [line[segment], line[segment + 1]];
    found.push({ x: x0 + (x1 - x0) * part, z: z0 + (z1 - z0) * part, distance });
  }
  return found;
}

function niceStep(range, most) {
  const rough = range / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}

export class Profile {
  /**
   * @param element the drawer: has `.figures` and `.plot`.
   * @param planes the source of heights.
   * @param biomes by index.
   * @param onHover called with the place under the pointer, or null.
   */
  constructor(element, planes, biomes, onHover) {
    this.element = element;
    this.planes = planes;
    this.biomes = biomes;
    this.onHover = onHover;
    this.figures = $(".figures", element);
    this.plot = $(".plot", element);
    this.tip = $(".tip", element);
    this.plot.addEventListener("pointermove", (event) => this.#point(event));
    this.plot.addEventListener("pointerdown", (event) => this.#point(event));
    this.plot.addEventListener("pointerleave", () => this.#leave());
    this.plot.addEventListener("keydown", (event) => this.#step(event));
    this.plot.addEventListener("blur", () => this.#leave());
    new ResizeObserver(() => this.#draw()).observe(this.plot);
  }

  async show(line) {
    this.line = line;
    this.#showFigures();
    if (line.length < 2 || lengthOf(line) < 1) {
      this.samples = null;
      this.#draw();
      return;
    }
    const count = Math.max(2, Math.min(MOST_SAMPLES, Math.ceil(lengthOf(line) / 2)));
    const points = pointsAlong(line, count);
    try {
      const samples = await this.planes.along(points.map(({ x, z }) => [x, z]));
      if (this.line !== line) return;
      this.samples = points.map((point, index) => ({ ...point, sample: samples[index] }));
    } catch (error) {
      if (this.line !== line) return;
      this.samples = null;
      toast(error.message);
    }
    this.#showFigures();
    this.#draw();
  }

  #showFigures() {
    const { line } = this;
    const facts = [];
    if (line.length > 1) {
      const [first, last] = [line[0], line.at(-1)];
      facts.push([t("profile.length"), meters(lengthOf(line))]);
      facts.push([t("profile.bearing"), degrees(bearing(last[0] - first[0], last[1] - first[1]))]);
      if (line.length > 2)
        facts.push([t("profile.straight"), meters(Math.hypot(last[0] - first[0], last[1] - first[1]))]);
      const heights = (this.samples ?? []).map((each) => each.sample?.height).filter((height) => height >= VOID_M);
      if (heights.length) {
        // Too many values to spread into arguments.
        facts.push([t("profile.lowest"), seaText(heights.reduce((a, b) => Math.min(a, b)))]);
        facts.push([t("profile.highest"), seaText(heights.reduce((a, b) => Math.max(a, b)))]);
        let climb = 0;
        heights.slice(1).forEach((height, index) => {
          climb += Math.max(0, height - heights[index]);
        });
        facts.push([t("profile.climb"), meters(climb)]);
        const wet = heights.filter((height) => height < SEA_M).length / heights.length;
        facts.push([t("profile.over_water"), `${number(wet * 100)} %`]);
      }
    }
    this.figures.replaceChildren(
      ...(facts.length
        ? facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))
        : [h("p", {}, t("profile.hint"))]),
    );
  }

  #draw() {
    this.plot.replaceChildren();
    this.tip.hidden = true;
    this.plot.classList.toggle("empty", !this.samples);
    const { clientWidth: width, clientHeight: height } = this.plot;
    if (!this.samples || width < 80 || height < 50) return;
    const heights = this.samples.map(({ sample }) => Math.max(FLOOR_M, sample?.height ?? FLOOR_M));
    const lowest = Math.min(
      heights.reduce((a, b) => Math.min(a, b)),
      SEA_M - 8,
    );
    const highest = Math.max(
      heights.reduce((a, b) => Math.max(a, b)),
      SEA_M + 12,
    );
    const whole = this.samples.at(-1).distance;
    const [right, bottom] = [width - SIDE.right, height - SIDE.bottom];
    const toX = (distance) => SIDE.left + (distance / whole) * (right - SIDE.left);
    const toY = (meter) => bottom - ((meter - lowest) / (highest - lowest)) * (bottom - SIDE.top);
    this.scale = { toX, toY, whole, right, bottom };
    const drawing = s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    for (
      const step = niceStep(highest - lowest, 5), meter = { at: Math.ceil((lowest - SEA_M) / step) * step };
      meter.at <= highest - SEA_M;
      meter.at += step
    ) {
      const y = Math.round(toY(meter.at + SEA_M)) + 0.5;
      drawing.append(s("line", { class: "tick", x1: SIDE.left, x2: right, y1: y, y2: y }));
      drawing.append(s("text", { class: "axis", x: SIDE.left - 6, y: y + 4, "text-anchor": "end" }, number(meter.at)));
    }
    drawing.append(this.#sea(toX, toY, bottom), ...this.#ground(heights, toX, toY, bottom));
    const line = heights.map(
      (meter, index) => `${toX(this.samples[index].distance).toFixed(1)},${toY(meter).toFixed(1)}`,
    );
    drawing.append(s("polyline", { class: "surface", points: line.join(" ") }));
    const y = Math.round(toY(SEA_M)) + 0.5;
    drawing.append(s("line", { class: "sea-level", x1: SIDE.left, x2: right, y1: y, y2: y }));
    const step = niceStep(whole, Math.max(2, (right - SIDE.left) / 110));
    for (let distance = 0; distance <= whole; distance += step) {
      const x = toX(distance);
      const anchor = distance === 0 ? "start" : x > right - 24 ? "end" : "middle";
      drawing.append(s("text", { class: "axis", x, y: bottom + 16, "text-anchor": anchor }, meters(distance)));
    }
    this.cursor = s(
      "g",
      { class: "cursor", visibility: "hidden" },
      s("line", { y1: SIDE.top, y2: bottom }),
      s("circle", { r: 4.5 }),
    );
    drawing.append(this.cursor);
    this.plot.append(drawing);
  }

  #sea(toX, toY, bottom) {
    const [x, y] = [toX(0), toY(SEA_M)];
    return s("rect", { class: "sea", x, y, width: toX(this.scale.whole) - x, height: Math.max(0, bottom - y) });
  }

  /** Draws the ground in the colors of its biomes: one polygon per run of a biome. */
  #ground(heights, toX, toY, bottom) {
    const pieces = [];
    for (let begin = 0; begin < heights.length - 1; ) {
      const biome = this.samples[begin].sample?.biome;
      let end = begin + 1;
      while (end < heights.length - 1 && this.samples[end].sample?.biome === biome) end += 1;
      const top = [];
      for (let index = begin; index <= end; index += 1) {
        top.push(`${toX(this.samples[index].distance).toFixed(1)},${toY(heights[index]).toFixed(1)}`);
      }
      const [left, right] = [toX(this.samples[begin].distance), toX(this.samples[end].distance)];
      const points = `${left.toFixed(1)},${bottom} ${top.join(" ")} ${right.toFixed(1)},${bottom}`;
      pieces.push(s("polygon", { class: "ground", points, fill: this.biomes.get(biome)?.color ?? "#888" }));
      begin = end;
    }
    return pieces;
  }

  #point(event) {
    if (!this.samples || !this.scale) return;
    const box = this.plot.getBoundingClientRect();
    const part = (event.clientX - box.left - SIDE.left) / (this.scale.right - SIDE.left);
    this.#choose(Math.round(Math.min(Math.max(part, 0), 1) * (this.samples.length - 1)));
  }

  #step(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity }[event.key];
    if (!by || !this.samples) return;
    event.preventDefault();
    event.stopPropagation();
    this.#choose(Math.min(Math.max((this.chosen ?? 0) + by, 0), this.samples.length - 1));
  }

  #choose(index) {
    this.chosen = index;
    const { x, z, distance, sample } = this.samples[index];
    const { toX, toY } = this.scale;
    const [left, top] = [toX(distance), toY(Math.max(FLOOR_M, sample?.height ?? FLOOR_M))];
    this.cursor.setAttribute("visibility", "visible");
    this.cursor.setAttribute("transform", `translate(${left} 0)`);
    this.cursor.lastChild.setAttribute("cy", top);
    const words = describe(sample, this.biomes);
    this.tip.hidden = false;
    this.tip.replaceChildren(
      h("strong", {}, words.sea || "–"),
      ` ${words.biome}`,
      h("br"),
      t("profile.after", { distance: meters(distance) }),
      h("br"),
      place(x, z),
    );
    const room = this.plot.clientWidth;
    this.tip.style.left = `${Math.min(Math.max(left + (left > room / 2 ? -14 : 14), 8), room - 8)}px`;
    this.tip.classList.toggle("leftwards", left > room / 2);
    this.onHover({ x, z });
  }

  #leave() {
    this.chosen = undefined;
    this.tip.hidden = true;
    this.cursor?.setAttribute("visibility", "hidden");
    this.onHover(null);
  }
}
