// Keeping a world that is not stored: the note on its page, the request, and the progress of the build.

import { $, h, toast } from "./dom.js";
import { fetchJson } from "./files.js";
import { openedFile, request } from "./seed_box.js";
import { t } from "./texts.js";

const LOOK_MS = 700;
const ENDED = ["built", "failed"];
const UNKNOWN = { reason: null, run: null };

const wait = (ms) => new Promise((resolve) => window.setTimeout(resolve, ms));

/**
 * Shows whether a world is stored, and the notes on the world file that led to it.
 * @param facts the world's world.json.
 * @param kept called when the world has been stored.
 */
export function showKeep(facts, kept) {
  const notes = notesOf(openedFile(facts.key));
  $("#keep").append(h("div", {}, ...notes));
  $("#keep").hidden = facts.made_at !== null && notes.length === 0;
  if (facts.made_at === null) new Keep(facts.key, kept);
}

/**
 * Shows the progress of a build until it has ended.
 *
 * @returns null if the world is built, else the failure of the build, `{reason, run}`; see `causeOf`.
 * @param folder the address of the world's folder.
 * @param bar a progress element.
 * @param words the element that shows the stage that is being built.
 */
export async function followBuild(folder, bar, words) {
  for (;;) {
    const { state, stages, all_stages: all, failure } = await fetchJson(`${folder}build.json`);
    bar.max = all.length;
    bar.value = stages.length;
    if (state === "built") return null;
    if (state === "failed") return failure ?? UNKNOWN;
    // A restarted server does not know the request.
    if (!state) throw new Error(t("keep.interrupted"));
    const next = all.find((stage) => !stages.includes(stage));
    const text =
      state === "building" && next ? t("keep.building", { stage: t(`keep.stage.${next}`) }) : t("keep.waiting");
    // Screen readers repeat a status whose text is set again.
    if (words.textContent !== text) words.textContent = text;
    await wait(LOOK_MS);
  }
}

/** Returns the reason of a failed build, and a link to its run in Dagster if it is known. */
export function causeOf({ reason, run }) {
  const text = reason ? t("keep.reason", { reason }) : t("keep.no_reason");
  const link = run && h("a", { href: run, target: "_blank", rel: "noopener" }, t("keep.run"));
  return h("p", { class: "cause" }, text, link ? " " : null, link);
}

class Keep {
  constructor(key, kept) {
    this.key = key;
    this.kept = kept;
    this.state = h("span", { role: "status" }, t("keep.not_kept"));
    this.button = h("button", { type: "button", class: "text", onclick: () => this.#keep() }, t("keep.keep"));
    this.bar = h("progress", { hidden: true, max: 1, value: 0, "aria-label": t("keep.progress") });
    this.cause = h("div");
    $("#keep").prepend(this.state, this.button, this.bar, this.cause);
    this.#begin();
  }

  /** Hides the button on a server that keeps no worlds, and follows a build that has begun. */
  #begin() {
    return this.#attempt(async () => {
      const [server, build] = await Promise.all([fetchJson("../../server.json"), fetchJson("build.json")]);
      this.button.hidden = !server.keeps;
      if (build.failure) this.#showFailure(build.failure);
      else if (build.state && !ENDED.includes(build.state)) await this.#follow();
    });
  }

  #keep() {
    this.button.disabled = true;
    this.cause.replaceChildren();
    return this.#attempt(async () => {
      // A server that was started again has another token.
      const { token } = await fetchJson("../../server.json");
      await request("../../find/builds", token, this.key);
      await this.#follow();
    });
  }

  /** Calls `act`; an error is shown as a toast, and the world can be requested again. */
  async #attempt(act) {
    try {
      await act();
    } catch (error) {
      toast(error.message);
      this.bar.hidden = true;
      this.state.textContent = t("keep.not_kept");
      this.button.disabled = false;
    }
  }

  /** Shows the progress until the build has ended. */
  async #follow() {
    this.button.disabled = true;
    this.bar.hidden = false;
    await this.#end(await followBuild("", this.bar, this.state));
  }

  #showFailure(failure) {
    this.state.textContent = t("keep.failed");
    this.button.textContent = t("keep.again");
    this.button.disabled = false;
    this.cause.replaceChildren(causeOf(failure));
  }

  async #end(failure) {
    this.bar.hidden = true;
    if (failure) {
      this.#showFailure(failure);
      return;
    }
    await this.kept();
    this.state.textContent = t("keep.kept");
    this.button.hidden = true;
  }
}

/** Returns notes on a world file of which the page does not show everything. */
function notesOf(opened) {
  if (!opened) return [];
  // Isolates, so that marks of direction in a name do not reverse the sentence.
  const notes = [t("keep.opened", { name: `\u2068${opened.name}\u2069` })];
  if (opened.has_modifiers) notes.push(t("keep.modifiers"));
  if (opened.world_gen_version !== opened.shown_version) {
    notes.push(t("keep.version", { own: String(opened.world_gen_version), shown: String(opened.shown_version) }));
  }
  return notes.map((note) => h("p", {}, note));
}
