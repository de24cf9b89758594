// The seed box of every page: a typed seed, a random one, or a world file, of which the server shows the world.

import { $, h, icon, toast } from "./dom.js";
import { fetchJson, isExport } from "./files.js";
import { folderOf } from "./geo.js";
import { GREATEST_SEED, isSeed, LEAST_SEED, randomSeed } from "./seeds.js";
import { reasonText, t } from "./texts.js";

const OPENED = "vwe-opened";
const LARGEST_FILE = 64 * 1024;

/** Asks the server of the site to do something; a failure throws an error with the server's message. */
export async function request(address, token, body) {
  const answer = await fetch(address, { method: "POST", headers: { "x-vwe-token": token }, body }).catch((error) => {
    throw new Error(t("error.no_answer"), { cause: error });
  });
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(reasonText(content) ?? t("seed_box.no_answer"));
  return content;
}

/** Returns the world file that led to a world, and forgets it; undefined if the page was opened otherwise. */
export function openedFile(key) {
  try {
    const opened = JSON.parse(window.sessionStorage.getItem(OPENED) ?? "null");
    if (opened?.seed !== key) return undefined;
    window.sessionStorage.removeItem(OPENED);
    return opened;
  } catch {
    // A browser that blocks the data of sites has no storage.
    return undefined;
  }
}

/** Fills the place for the seed box of a page, unless the page is part of an export, which has no server. */
export function fillSeedBox() {
  const place = $("[data-seed-box]");
  if (isExport || !place) return;
  const root = place.dataset.seedBox;
  const show = (seed) => window.location.assign(`${root}worlds/${folderOf(seed)}/`);
  const input = h("input", {
    type: "text",
    autocomplete: "off",
    spellcheck: false,
    placeholder: t("seed_box.placeholder"),
    "aria-label": t("seed_box.label"),
    autocapitalize: "off",
    oninput: () => fault(""),
  });
  const output = h("output", { role: "alert" });
  const fault = (text) => {
    output.textContent = text;
    input.setAttribute("aria-invalid", String(text !== ""));
  };
  const open = (file) => openFile(file, root, show).catch((error) => fault(error.message));
  const chooser = h("input", {
    type: "file",
    accept: ".fwl,.fwl2",
    hidden: true,
    onchange: () => {
      const [file] = chooser.files;
      // The same file, after it was replaced, is a change, too.
      chooser.value = "";
      if (file) open(file);
    },
  });
  place.append(
    h(
      "form",
      {
        class: "seed-box",
        role: "search",
        "aria-label": t("seed_box.label"),
        onsubmit: (event) => {
          event.preventDefault();
          const seed = input.value.trim();
          if (isSeed(seed)) show(seed);
          else fault(t("gallery.not_a_seed", { least: `@${LEAST_SEED}`, greatest: `@${GREATEST_SEED}` }));
        },
      },
      input,
      h("button", { class: "text strong" }, t("seed_box.show")),
      h(
        "button",
        { type: "button", class: "text", onclick: () => show(randomSeed()), title: t("seed_box.random_title") },
        t("seed_box.random"),
      ),
      h(
        "button",
        {
          type: "button",
          class: "tool",
          onclick: () => chooser.click(),
          title: t("seed_box.open_title"),
          "aria-label": t("seed_box.open"),
        },
        icon("file"),
      ),
      chooser,
      output,
    ),
  );
  place.hidden = false;
  listenToFiles(open);
}

/** Opens a file that is dropped anywhere on the page. */
function listenToFiles(open) {
  const hasFile = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!hasFile(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) open(file);
  });
}

/** Shows the world of a world file. */
async function openFile(file, root, show) {
  if (file.size > LARGEST_FILE) throw new Error(t("seed_box.file_too_long"));
  toast(t("seed_box.opening", { name: file.name }));
  const { token } = await fetchJson(`${root}server.json`);
  const world = await request(`${root}open`, token, await file.arrayBuffer());
  try {
    window.sessionStorage.setItem(OPENED, JSON.stringify(world));
  } catch {
    // Without storage the page of the world does not show the notes on the file.
  }
  show(world.seed);
}
