// Pictures of worlds that the server computes: only those in view are requested, and two at a time.

import { h } from "./dom.js";

const MOST_LOADING = 2;
/** Number of pictures that are kept after their cards are gone. */
const MOST_KEPT = 200;

export class Thumbnails {
  #kept = new Map();
  #waiting = new Set();
  #loading = new Set();
  #observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.#waiting.add(target);
      else this.#waiting.delete(target);
    }
    this.#next();
  });

  /** Returns the picture at an address: a frame that is filled when it is in view. */
  of(address) {
    const frame = this.#kept.get(address) ?? h("span", { class: "picture", "data-address": address });
    this.#kept.delete(address);
    this.#kept.set(address, frame);
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value);
    if (!frame.firstChild) this.#observer.observe(frame);
    return frame;
  }

  /** Stops loading pictures whose cards are gone. */
  discard() {
    for (const frame of [...this.#waiting, ...this.#loading]) {
      if (frame.isConnected) continue;
      this.#waiting.delete(frame);
      this.#loading.delete(frame);
      this.#observer.unobserve(frame);
      frame.firstChild?.removeAttribute("src");
      frame.replaceChildren();
    }
    this.#next();
  }

  #next() {
    for (const frame of this.#waiting) {
      if (this.#loading.size >= MOST_LOADING) return;
      this.#waiting.delete(frame);
      this.#observer.unobserve(frame);
      this.#load(frame);
    }
  }

  #load(frame) {
    const image = h("img", { alt: "", width: 160, height: 160, decoding: "async" });
    const end = (state) => () => {
      if (!this.#loading.delete(frame)) return;
      frame.dataset.state = state;
      if (state === "missing") frame.replaceChildren();
      this.#next();
    };
    image.addEventListener("load", end("loaded"));
    image.addEventListener("error", end("missing"));
    this.#loading.add(frame);
    frame.replaceChildren(image);
    image.src = frame.dataset.address;
  }
}
