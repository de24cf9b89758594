// Creates and finds elements, icons, and short messages.

import { t } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";

/** Creates an element: `class` and dashed names become attributes, `on*` listeners, other names properties. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** Creates an SVG element; every property becomes an attribute. */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "color") element.style.setProperty("--color", value);
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

const ICONS = {
  back: "M15 5l-7 7 7 7",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  home: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 8v8M8 12h8",
  layers: "M12 3l9 5-9 5-9-5zM3 12.5l9 5 9-5M3 17l9 5 9-5",
  ruler: "M3 16L16 3l5 5L8 21zM7 12l2 2M10 9l3 3M13 6l2 2",
  target: "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM12 2v5M12 17v5M2 12h5M17 12h5",
  expand: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5L19 19M5 19l1.5-1.5M17.5 6.5L19 5",
  help: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.5 9.5a2.5 2.5 0 1 1 3.7 2.2c-.8.4-1.2.9-1.2 1.8M12 16.6v.1",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1.2 1.2M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1.2-1.2",
  compare: "M12 3v18M4 6h5v12H4zM15 6h5v12h-5z",
  picture: "M4 7h4l2-3h4l2 3h4v12H4zM12 9.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7z",
  relief: "M12 3l9 5v8l-9 5-9-5V8zM3 8l9 5 9-5M12 13v8",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
  close: "M6 6l12 12M18 6L6 18",
  undo: "M8 5L4 9l4 4M4 9h10a5 5 0 0 1 0 10h-3",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16.2 16.2L21 21",
  peak: "M2 19L9 7l4 6 3-4 6 10z",
  island: "M2 15c2-5 6-4 8-7 3-3 7-1 8 2 1 2 4 3 4 5M2 19c2 1.5 4 1.5 6.500 0s4.500-1.500 6.500 0 4 1.500 6.500 0",
  pin: "M12 21c-4-5-7-8-7-12a7 7 0 0 1 14 0c0 4-3 7-7 12zM12 6.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z",
  eye: "M2 12c3-5 6.500-7 10-7s7 2 10 7c-3 5-6.500 7-10 7s-7-2-10-7zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  flag: "M6 22V3M6 4h12l-3 4 3 4H6",
  route: "M6 16a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM18 4a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM8 18h7a3 3 0 0 0 0-6H9a3 3 0 0 1 0-6h7",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  swap: "M7 7h13l-4-4M17 17H4l4 4",
};

export function icon(name) {
  return s(
    "svg",
    { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" },
    s("path", { d: ICONS[name] }),
  );
}

/** Adds the icons to the elements of a page that have `data-icon`. */
export function fillIcons(within = document) {
  for (const element of $$("[data-icon]", within)) element.prepend(icon(element.dataset.icon));
}

let vanishing;

/** Shows a short message at the edge of the page. */
export function toast(text) {
  const box = $("#toast") ?? h("div", { id: "toast", role: "status" });
  // A modal dialog covers everything outside it.
  const place = $("dialog[open]") ?? document.body;
  if (box.parentElement !== place) place.append(box);
  box.textContent = text;
  box.classList.add("shown");
  window.clearTimeout(vanishing);
  vanishing = window.setTimeout(() => box.classList.remove("shown"), 2600);
}

/** Copies a text, and shows `message`, by default the copied text. */
export async function copy(text, message = t("copy.done", { text })) {
  try {
    await navigator.clipboard.writeText(text);
    toast(message);
  } catch {
    window.prompt(t("copy.prompt"), text);
  }
}

/** Opens a dialog by its id; a press outside closes it. */
export function openDialog(id) {
  const dialog = $(`#${id}`);
  if (dialog.open) return;
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
  dialog.showModal();
}
