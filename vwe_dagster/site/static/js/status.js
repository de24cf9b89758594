// The state of the server while the page waits for a world: it computes the world, or first compiles its kernels.

import { h } from "./dom.js";
import { fetchJson, isExport } from "./files.js";
import { t } from "./texts.js";

/** Time before a notice is shown while a world is computed. */
const PATIENCE_MS = 600;
const LOOK_MS = 700;

const wait = (ms) => new Promise((resolve) => window.setTimeout(resolve, ms));

/**
 * Shows a notice on a map until a promise is settled.
 * @param place the element of the map.
 * @param root the address of the site's root.
 * @param awaited the promise.
 * @param computing the words of the notice once the kernels are compiled; if empty, the notice ends then.
 */
export async function showStatus(place, root, awaited, computing = t("status.computing")) {
  if (isExport) return;
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  awaited.then(end, end);
  await wait(PATIENCE_MS);
  const words = h("span", { role: "status" });
  const bar = h("progress", { max: 1, "aria-label": t("status.progress") });
  const notice = h("div", { class: "status card" }, words, bar);
  while (!isOver) {
    const { state, share } = await fetchJson(`${root}status.json`).catch(() => ({}));
    if (isOver) break;
    const text = state === "compiling" ? t("status.compiling") : computing;
    // Screen readers repeat a status whose text is set again.
    if (words.textContent !== text) words.textContent = text;
    bar.hidden = state !== "compiling";
    bar.value = share ?? 0;
    if (!text) notice.remove();
    else if (!notice.isConnected) place.append(notice);
    await wait(LOOK_MS);
  }
  notice.remove();
}
