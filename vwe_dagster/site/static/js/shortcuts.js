// Keyboard shortcuts: single keys, ignored while the user types, and the list of them on every page.

import { $$, openDialog } from "./dom.js";

// A closed dialog keeps the focus until the next frame, so an invisible element does not count as typing.
const typing = (target) =>
  target instanceof HTMLElement &&
  target.getClientRects().length > 0 &&
  (target.isContentEditable ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type)));

/** Listens to keys of the whole page; `own` maps `event.key`, letters in lower case, to a page's actions. */
export function listen(own) {
  const help = () => openDialog("help");
  const keys = { d: () => document.querySelector(".theme-button").click(), "?": help, ...own };
  for (const button of $$(".help-button")) button.addEventListener("click", help);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (typing(event.target) && key !== "Escape") return;
    const act = keys[key];
    if (act && act(event) !== false) event.preventDefault();
  });
}
