// Coordinates in meters, x to the east and z to the north, and the formats of places, measures and worlds.

import { locale, t } from "./texts.js";

export const WIDTH_M = 24576;
export const RADIUS_M = 10500;
export const SEA_M = 30;
/** Lower ground is beyond the edge of the world. */
export const VOID_M = -399;

/** Zoom 0 shows the whole map on 256 pixels. */
export const metersPerPixel = (zoom) => WIDTH_M / 256 / 2 ** zoom;

/** Returns the compass bearing of a vector, 0 to 360 degrees. */
export function bearing(dx, dz) {
  return ((Math.atan2(dx, dz) * 180) / Math.PI + 360) % 360;
}

const POINTS = t("compass.points").split(" ");

export const compassPoint = (degrees) => POINTS[Math.round(degrees / 22.5) % 16];

const [whole, tenth, hundredth] = [0, 1, 2].map(
  (digits) => new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }),
);

const signed = (text) => (/^-0([.,]0+)?$/.test(text) ? text.slice(1) : text.replace("-", "−"));

export const number = (value, digits = 0) =>
  value === null || value === undefined
    ? "–"
    : signed((digits === 0 ? whole : digits === 1 ? tenth : hundredth).format(value));

export const meters = (value) => `${number(value)} m`;
export const metersExactly = (value) => `${number(value, 1)} m`;
export const area = (km2) => (km2 < 0.1 ? `${number(km2 * 100, 1)} ha` : `${number(km2, km2 < 10 ? 2 : 1)} km²`);
export const share = (value) => `${number(value * 100, 1)} %`;
export const degrees = (value) => `${number(Math.round(value) % 360)}° ${compassPoint(value)}`;
export const place = (x, z) => `${number(x)}, ${number(z)}`;

/** Describes a point by its distance and bearing from the center of the world. */
export function fromCenter(x, z) {
  const distance = Math.hypot(x, z);
  return distance < 0.5 ? t("page.center") : `${meters(distance)} · ${degrees(bearing(x, z))}`;
}

const PLAIN = /[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/.source;
const HAS_DECIMAL_COMMA = (1.5).toLocaleString(locale).includes(",");
// In a language with a decimal comma, 1.234 means 1234, and 600.5, which the game prints, still means 600.5.
const LOCAL = HAS_DECIMAL_COMMA
  ? /[+-]?(?:[1-9]\d{0,2}(?:\.\d{3})+(?![\d.])|\d+)(?:,\d+)?(?![\d.])/.source
  : /[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?/.source;
const GROUPED = `${LOCAL}|${PLAIN}`;
const NUMBER = new RegExp(`^(?:${GROUPED})$`, "i");
const LOCAL_NUMBER = new RegExp(`^(?:${LOCAL})$`);

const LONGEST_PLACE = 200;

const spelled = (text) => text.replaceAll("−", "-");

const withPoint = (text) =>
  HAS_DECIMAL_COMMA
    ? LOCAL_NUMBER.test(text)
      ? text.replaceAll(".", "").replace(",", ".")
      : text
    : text.replaceAll(",", "");

/** Parses a typed number: 2000 or 2e3, and 2,000.5 as the language writes it; returns null for other text. */
export function parseNumber(text) {
  const value = NUMBER.test(spelled(text)) ? Number(withPoint(spelled(text))) : NaN;
  return Number.isFinite(value) ? value : null;
}

function coordinates(number, gap) {
  const axis = (name) => String.raw`(?:${name}\s*[:=]?\s*)?(${number})\s*m?`;
  // The game shows positions in brackets after words, with the height in the middle.
  return new RegExp(
    String.raw`^(?:\D*[([])?\s*${axis("x")}(?:(${gap})${axis("y")})?(${gap})${axis("z")}\s*[)\]]?$`,
    "i",
  );
}

// Commas separate coordinates; if blanks, semicolons or letters do, commas belong to the numbers of the language.
const COORDINATES = [coordinates(PLAIN, ","), coordinates(GROUPED, /(?:\s*[,;]\s+|\s+[,;]?\s*|;|,?(?=[yz]))/.source)];

/** Parses typed coordinates: `600, -100`, `x 600 z -100`, or the game's three; returns null for other text. */
export function parsePlace(text) {
  // Regular expressions with many alternatives would take too long on long text.
  if (text.length > LONGEST_PLACE) return null;
  const found = COORDINATES.map((form) => form.exec(spelled(text).trim())).find(Boolean);
  if (!found) return null;
  const [, first, before, , after, last] = found;
  // With two kinds of separators, as in 1 200, 300, two of the three numbers may be one.
  if (before !== undefined && before.trim() !== after.trim()) return null;
  const [x, z] = [parseNumber(first), parseNumber(last)];
  return x !== null && z !== null && Math.abs(x) <= WIDTH_M && Math.abs(z) <= WIDTH_M ? { x, z } : null;
}

/** Returns whether a text has the form of a seed's key: a typed seed, or @ and an integer. */
export const isKey = (text) => /^(?:@-?\d{1,10}|(?!.*\.\.)[A-Za-z0-9._-]{1,32})$/.test(text);

/** Returns the folder of a world in the server's URLs. */
export const folderOf = (key) => encodeURIComponent(key === "." ? "~." : key);
