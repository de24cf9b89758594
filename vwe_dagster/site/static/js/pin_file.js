// Pins and routes as text: in links, and as GeoJSON in files and in the browser's storage.
//
// An item is `{name, note, color, points}`: a pin has one point `[x, z]` in meters, a route has several. Everything that
// is read is checked: texts are cut and lose control characters, and invalid items are left out.

import { WIDTH_M } from "./geo.js";

const VERSION = 1;
export const COLORS = ["red", "orange", "green", "blue", "purple", "gray"];
export const MOST_ITEMS = 500;
export const LONGEST_NAME = 60;
export const LONGEST_NOTE = 400;
const MOST_POINTS = 500;
/** Longest text of all items in a link; browsers and chats cut longer ones. */
const LONGEST_LINK = 4000;
const LONGEST_FILE = 2_000_000;
/** Control characters except for line breaks, and marks that reverse the direction of text. */
const HIDDEN = /(?!\n)\p{Cc}|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const clean = (text, longest) =>
  typeof text === "string" ? [...text.replaceAll(HIDDEN, "")].slice(0, longest).join("").trim() : "";

const isPoint = (point) =>
  Array.isArray(point) && point.slice(0, 2).every((value) => Number.isFinite(value) && Math.abs(value) <= WIDTH_M);

/** Returns an item without anything invalid; null if its points are invalid. */
export function checked({ name, note, color, points }) {
  if (!Array.isArray(points) || points.length === 0 || points.length > MOST_POINTS) return null;
  if (!points.every((point) => isPoint(point) && point.length >= 2)) return null;
  return {
    name: clean(name, LONGEST_NAME).replaceAll("\n", " "),
    note: clean(note, LONGEST_NOTE),
    color: COLORS.includes(color) ? color : COLORS[0],
    points: points.map(([x, z]) => [Math.round(x), Math.round(z)]),
  };
}

/** Returns the valid ones of items, one more than a world can have, so that the surplus is known. */
const all = (items) =>
  items
    .slice(0, MOST_ITEMS + 1)
    .map(checked)
    .filter(Boolean);

/** Returns the text of items in a link, and how many of them it has: the first ones, as many as fit. */
export function toLink(items) {
  let text = "";
  let count = 0;
  for (const { name, note, color, points } of items) {
    const words = [COLORS.indexOf(color), encodeURIComponent(name), encodeURIComponent(note), ...points.flat()];
    const longer = `${text}${count ? ";" : ""}${words.join(",")}`;
    if (longer.length > LONGEST_LINK) break;
    text = longer;
    count += 1;
  }
  return { text, count };
}

/** Returns the items of a link's text. */
export function fromLink(text) {
  if (text.length > LONGEST_LINK) return [];
  const items = text.split(";").map((each) => {
    const [color, name, note, ...numbers] = each.split(",");
    const points = [];
    for (let index = 0; index < numbers.length; index += 2) {
      points.push(numbers.slice(index, index + 2).map((part) => (/^-?\d+$/.test(part) ? Number(part) : NaN)));
    }
    try {
      return { name: decodeURIComponent(name), note: decodeURIComponent(note), color: COLORS[color], points };
    } catch {
      return {};
    }
  });
  return all(items);
}

/** Returns items as GeoJSON whose coordinates are x and z in meters. */
export function toGeoJson(items, { key, number }) {
  return {
    type: "FeatureCollection",
    vwe: { version: VERSION, seed: key, seed_number: number, coordinates: "x to the east, z to the north, in meters" },
    features: items.map(({ name, note, color, points }) => ({
      type: "Feature",
      properties: { name, note, color },
      geometry:
        points.length === 1 ? { type: "Point", coordinates: points[0] } : { type: "LineString", coordinates: points }, // prettier-ignore
    })),
  };
}

/** Why a text is not a file of pins; also the names of error messages. */
export const Fault = { UNREADABLE: "unreadable", VERSION: "version", WORLD: "world", EMPTY: "empty" };

/** Returns `{items}` of a file's text for a world, or `{fault, found}` with the version or the seed that it has. */
export function fromGeoJson(text, { number }) {
  let content;
  try {
    content = text.length > LONGEST_FILE ? null : JSON.parse(text);
  } catch {
    content = null;
  }
  if (content?.type !== "FeatureCollection" || !Array.isArray(content.features)) return { fault: Fault.UNREADABLE };
  const { version, seed_number: seed } = content.vwe ?? {};
  if (version !== undefined && version !== VERSION) return { fault: Fault.VERSION, found: JSON.stringify(version) };
  if (seed !== undefined && seed !== number) return { fault: Fault.WORLD, found: JSON.stringify(seed) };
  const items = all(
    content.features.map((feature) => ({
      ...feature?.properties,
      points:
        feature?.geometry?.type === "Point"
          ? [feature.geometry.coordinates]
          : feature?.geometry?.type === "LineString" && feature.geometry.coordinates, // prettier-ignore
    })),
  );
  return items.length ? { items } : { fault: Fault.EMPTY };
}
