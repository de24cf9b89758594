// Keyboard shortcuts: single keys, nowhere in the way of typing, and the list of them that every page has.

import { $$, openDialog } from "./dom.js";

// A dialog that has just been closed keeps the focus until the next frame, and nobody types into what is not there.
const typing = (target) =>
  target instanceof HTMLElement &&
  target.getClientRects().length > 0 &&
  (target.isContentEditable ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type)));

/** Listens to keys of the whole page; `own` has what a page does by `event.key`, letters in lower case. */
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
