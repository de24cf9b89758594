// Draws a part of the page as it is shown on a canvas: pictures, canvases, lines, signs and text.

const INVISIBLE = "rgba(0, 0, 0, 0)";
/** The reach of shadows of signs, in pixels. */
const SHADOW = 8;

/** Paints an element and everything in it, at the positions on the screen relative to `origin`. */
export function paintElement(context, element, origin) {
  const style = window.getComputedStyle(element);
  if (style.display === "none" || style.visibility === "hidden" || style.opacity === "0") return;
  context.save();
  context.globalAlpha *= Number(style.opacity);
  // Nested filters are not combined; only the tiles have one.
  if (style.filter !== "none" && "filter" in context) context.filter = style.filter;
  if (element instanceof SVGSVGElement) {
    limitFilter(context, element, origin);
    paintSvg(context, element, origin);
  } else if (element instanceof HTMLImageElement || element instanceof HTMLCanvasElement) {
    limitFilter(context, element, origin);
    paintPicture(context, element, origin);
  } else {
    paintBox(context, element, style, origin);
    if (style.overflowX !== "visible") {
      context.beginPath();
      context.rect(...placed(element, origin));
      context.clip();
    }
    for (const child of inOrder(element)) {
      if (child instanceof Text) paintText(context, child, style, origin);
      else if (child instanceof Element) paintElement(context, child, origin);
    }
  }
  context.restore();
}

/** Returns the nodes in an element, the lowest z-index first. */
function inOrder(element) {
  const level = (node) => (node instanceof Element ? Number(window.getComputedStyle(node).zIndex) || 0 : 0);
  return [...element.childNodes]
    .map((node) => [level(node), node])
    .sort(([one], [other]) => one - other)
    .map(([, node]) => node); // prettier-ignore
}

function placed(element, origin) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return [left - origin.left, top - origin.top, width, height];
}

/**
 * Clips the canvas around an element that is drawn with a filter. Chromium 156 applies filters to everything within the
 * clip: without it, a view of 1280 by 800 pixels with the boss tour took 25 s, with it 0.4 s (2 cores, load 16).
 */
function limitFilter(context, element, origin) {
  if ((context.filter ?? "none") === "none") return;
  const [left, top, width, height] = placed(element, origin);
  context.beginPath();
  context.rect(left - SHADOW, top - SHADOW, width + 2 * SHADOW, height + 2 * SHADOW);
  context.clip();
}

function paintPicture(context, picture, origin) {
  if (picture instanceof HTMLImageElement && !(picture.complete && picture.naturalWidth)) return;
  if (picture.width && picture.height) context.drawImage(picture, ...placed(picture, origin));
}

function paintBox(context, element, style, origin) {
  const border = Number.parseFloat(style.borderTopWidth) || 0;
  if (style.backgroundColor === INVISIBLE && !border) return;
  const [left, top, width, height] = placed(element, origin);
  if (!width || !height) return;
  const radius = style.borderRadius.endsWith("%") ? width / 2 : Number.parseFloat(style.borderRadius) || 0;
  context.beginPath();
  context.roundRect(
    left + border / 2,
    top + border / 2,
    width - border,
    height - border,
    Math.min(radius, width / 2, height / 2),
  );
  context.fillStyle = style.backgroundColor;
  context.fill();
  if (border) {
    context.lineWidth = border;
    context.strokeStyle = style.borderTopColor;
    context.stroke();
  }
}

function paintText(context, text, style, origin) {
  if (!text.data.trim()) return;
  const range = document.createRange();
  range.selectNodeContents(text);
  const [left, top, width, height] = placed(range, origin);
  if (!width) return;
  context.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  context.textBaseline = "middle";
  context.textAlign = "left";
  const words = text.data.trim().replaceAll(/\s+/g, " ");
  const halo = style.textShadow === "none" ? null : /^[a-z]+\([^)]*\)/.exec(style.textShadow)?.[0];
  if (halo) {
    context.lineJoin = "round";
    context.lineWidth = 3;
    context.strokeStyle = halo;
    context.strokeText(words, left, top + height / 2);
  }
  context.fillStyle = style.color;
  context.fillText(words, left, top + height / 2);
}

/** Paints the paths of a drawing, with the styles that the page gives them. */
function paintSvg(context, svg, origin) {
  const matrix = svg.getScreenCTM();
  if (!matrix) return;
  for (const path of svg.querySelectorAll("path")) {
    const style = window.getComputedStyle(path);
    const data = path.getAttribute("d");
    if (!data || style.display === "none" || style.visibility === "hidden") continue;
    context.save();
    context.translate(-origin.left, -origin.top);
    context.transform(matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f);
    context.globalAlpha *= Number(style.opacity);
    paintPath(context, new Path2D(data), style);
    context.restore();
  }
}

function paintPath(context, path, style) {
  const alpha = context.globalAlpha;
  if (style.fill !== "none") {
    context.globalAlpha = alpha * Number(style.fillOpacity);
    context.fillStyle = style.fill;
    context.fill(path, style.fillRule);
  }
  if (style.stroke === "none") return;
  context.globalAlpha = alpha * Number(style.strokeOpacity);
  context.strokeStyle = style.stroke;
  context.lineWidth = Number.parseFloat(style.strokeWidth);
  context.lineCap = style.strokeLinecap;
  context.lineJoin = style.strokeLinejoin;
  context.setLineDash(
    style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(/[ ,]+/).map(Number.parseFloat),
  );
  context.stroke(path);
}
