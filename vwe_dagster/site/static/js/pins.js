// Pins with names and notes, and routes: in the browser's storage, in the link, and as a file.
/* global L */

import { at } from "./crs.js";
import { $, fillIcons, h, icon, openDialog, toast } from "./dom.js";
import { fromCenter, meters, place } from "./geo.js";
import { lengthOf } from "./measure.js";
import {
  COLORS,
  checked,
  Fault,
  fromGeoJson,
  fromLink,
  LONGEST_NAME,
  LONGEST_NOTE,
  MOST_ITEMS,
  toGeoJson,
  toLink,
} from "./pin_file.js";
import { t } from "./texts.js";

/** The boxes of the sign of a pin, and of its label of some width, around the point, in pixels; see plan.css. */
const SIGN = { left: -10, right: 10, top: -27, bottom: 1 };
const labelBox = (width) => ({ left: 14, right: 14 + width, top: -24, bottom: -2 });

/** Returns an item with a name. */
const named = (item) => (item.name ? item : { ...item, name: t(item.points.length > 1 ? "pins.route" : "pins.pin") });

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

export class Pins {
  #deleted = null;
  #editing = null;

  /**
   * @param page the page, see `Plan`.
   * @param element the parent of the list.
   */
  constructor(page, element) {
    this.page = page;
    this.storage = `vwe-pins-${page.facts.number}`;
    this.layer = L.layerGroup().addTo(page.map);
    this.marks = [];
    page.labels.add(this, "pins");
    /** The user's own items, and those of a link that are not kept yet. */
    this.items = this.#read();
    this.guests = [];
    this.offer = h("div", { class: "offer", hidden: true });
    this.list = h("ul", { class: "pins" });
    this.undo = h("p", { class: "undo", role: "status" });
    this.file = h("input", { type: "file", accept: ".geojson,.json", hidden: true, onchange: () => this.#import() });
    const button = (text, act) => h("button", { type: "button", class: "text", onclick: act }, text);
    this.export = button(t("pins.export"), () => this.#export());
    element.append(
      h("h2", {}, t("pins.heading")),
      this.offer,
      h(
        "div",
        { class: "buttons" },
        button(t("pins.add"), () => this.pick()),
        button(t("pins.import"), () => this.file.click()),
        this.export,
        this.file,
      ),
      this.list,
      this.undo,
    );
    this.#addDialog();
    window.addEventListener("storage", ({ key }) => {
      if (key !== this.storage) return;
      this.items = this.#read();
      this.#show();
    });
    this.#show();
  }

  /** The text of the items for a link; `isShared` includes the user's own. */
  text({ isShared = false } = {}) {
    const items = isShared ? [...this.items, ...this.guests] : this.guests;
    const { text, count } = toLink(items);
    if (isShared) this.linkNote = count < items.length ? t("pins.link_cut", { count, all: items.length }) : null;
    return text;
  }

  /** Shows the items of a link besides the user's own. */
  set(text) {
    this.guests = fromLink(text ?? "")
      .map(named)
      .filter((guest) => !this.items.some((item) => same(item, guest)));
    this.#show();
  }

  async pick() {
    const point = await this.page.picker.pick(t("pins.hint"));
    if (point) this.create([point]);
  }

  /** Lets the user name a new pin at a point, or a new route along points. */
  create(points, name) {
    if (this.items.length >= MOST_ITEMS) return toast(t("pins.most", { count: MOST_ITEMS }));
    const item = checked({ name: name ?? t(points.length > 1 ? "pins.route" : "pins.pin"), note: "", points });
    if (item) this.#edit(item);
    else toast(t("pins.outside"));
  }

  #read() {
    try {
      const { items = [], fault } = fromGeoJson(window.localStorage.getItem(this.storage) ?? "", this.page.facts);
      // Pins that a later version of the page stored must not be overwritten.
      this.isStorageLater = fault === Fault.VERSION;
      return items;
    } catch {
      return [];
    }
  }

  #changed() {
    try {
      if (this.isStorageLater) throw new Error("The stored pins have a later version.");
      const text = JSON.stringify(toGeoJson(this.items, this.page.facts));
      if (this.items.length) window.localStorage.setItem(this.storage, text);
      else window.localStorage.removeItem(this.storage);
    } catch {
      toast(t("pins.not_stored"));
    }
    this.#show();
    this.page.changed();
  }

  #show() {
    this.list.replaceChildren(...this.items.map((item) => this.#row(item)));
    this.export.hidden = this.items.length === 0;
    this.offer.hidden = this.guests.length === 0;
    const button = (key, act) => h("button", { type: "button", class: "text", onclick: act }, t(key));
    this.offer.replaceChildren(
      h("p", {}, t("pins.guests", { count: this.guests.length })),
      button("pins.keep", () => {
        this.items = [...this.items, ...this.guests].slice(0, MOST_ITEMS);
        this.guests = [];
        this.#changed();
      }),
      button("pins.dismiss", () => {
        this.guests = [];
        this.#changed();
      }),
    );
    this.layer.clearLayers();
    this.marks = [];
    for (const item of [...this.items, ...this.guests]) this.#draw(item);
    this.page.labels.sift();
  }

  /** Shows the names of the pins that have room; the signs of pins are always visible. */
  sift(labels) {
    // All widths are read before the first change, because each reading after a change would lay out the page again.
    for (const each of this.marks) each.width ||= each.mark.getElement().lastChild.offsetWidth;
    for (const { x, z } of this.marks) labels.reserve(x, z, SIGN);
    for (const { x, z, width, mark } of this.marks) {
      mark.getElement().classList.toggle("labelled", labels.take(x, z, labelBox(width)));
    }
  }

  #row(item) {
    const [[x, z]] = item.points;
    const note = item.points.length > 1 ? meters(lengthOf(item.points)) : place(x, z);
    const tool = (name, key, act) => {
      const label = t(key, { name: item.name });
      return h(
        "button",
        { type: "button", class: "tool", "aria-label": label, title: label, onclick: act },
        icon(name),
      );
    };
    return h(
      "li",
      { "data-color": item.color },
      h(
        "button",
        { type: "button", class: "go", onclick: () => this.#go(item) },
        icon(item.points.length > 1 ? "route" : "pin"),
        h("span", { class: "what" }, h("strong", {}, item.name), h("small", {}, note)),
      ),
      tool("edit", "pins.edit", () => this.#edit(item)),
      tool("trash", "pins.delete", () => this.#delete(item)),
    );
  }

  #go(item) {
    if (item.points.length > 1) this.page.showPoints(item.points);
    const popup = this.#popUp(item);
    if (item.points.length === 1) this.page.flyTo(...item.points[0], popup);
  }

  #draw(item) {
    const press = (layer) => layer.on("click", () => !this.page.busy && this.#popUp(item));
    if (item.points.length > 1) {
      const line = item.points.map((point) => at(...point));
      this.layer.addLayer(L.polyline(line, { className: "route-casing", interactive: false }));
      this.layer.addLayer(press(L.polyline(line, { className: `route-line ${item.color}` })));
      return;
    }
    const sign = L.divIcon({ className: "pin-sign", iconSize: [28, 28], iconAnchor: [14, 27], html: "" });
    const mark = L.marker(at(...item.points[0]), { icon: sign, zIndexOffset: 600, title: item.name, alt: item.name });
    mark.on("add", () => {
      const element = mark.getElement();
      if (!element.firstChild) element.append(icon("pin"), h("span", {}, item.name));
      element.dataset.color = item.color;
      element.setAttribute("aria-label", item.name);
    });
    mark.on("keypress", ({ originalEvent }) => originalEvent.key === "Enter" && this.#popUp(item));
    this.layer.addLayer(press(mark));
    const [[x, z]] = item.points;
    this.marks.push({ x, z, mark, width: 0 });
  }

  /** Opens the popup of an item, and returns it. */
  #popUp(item) {
    const [x, z] = item.points[Math.floor(item.points.length / 2)];
    const button = (key, act) => h("button", { type: "button", class: "text", onclick: act }, t(key));
    const isOwn = this.items.includes(item);
    const act = (change) => () => {
      this.page.map.closePopup();
      change(item);
    };
    const content = h(
      "article",
      { class: "place-card" },
      h("h3", {}, item.name),
      item.note ? h("p", { class: "note" }, item.note) : null,
      h("p", { class: "faint" }, item.points.length > 1 ? meters(lengthOf(item.points)) : fromCenter(x, z)),
      isOwn
        ? h(
            "div",
            { class: "copies" },
            button(
              "pins.edit_short",
              act((each) => this.#edit(each)),
            ),
            button(
              "pins.delete_short",
              act((each) => this.#delete(each)),
            ),
          )
        : null, // prettier-ignore
    );
    return L.popup({ autoPan: false, minWidth: 180, maxWidth: 232, offset: [0, item.points.length > 1 ? 0 : -20] })
      .setLatLng(at(x, z))
      .setContent(content)
      .openOn(this.page.map);
  }

  #delete(item) {
    const index = this.items.indexOf(item);
    this.items = this.items.filter((each) => each !== item);
    this.#deleted = { item, index };
    const restore = h("button", { type: "button", class: "link", onclick: () => this.#restore() }, t("pins.undo"));
    this.undo.replaceChildren(t("pins.deleted", { name: item.name }), " ", restore);
    this.#changed();
    restore.focus({ preventScroll: true });
  }

  #restore() {
    const { item, index } = this.#deleted;
    this.items = this.items.toSpliced(index, 0, item);
    this.undo.replaceChildren();
    this.#changed();
    $(".go", this.list.children[index]).focus();
  }

  #addDialog() {
    this.name = h("input", {
      type: "text",
      name: "name",
      maxLength: LONGEST_NAME,
      autocomplete: "off",
      required: true,
    });
    this.note = h("textarea", { name: "note", maxLength: LONGEST_NOTE, rows: 3 });
    this.colors = COLORS.map((color) =>
      h(
        "label",
        { class: "color", "data-color": color },
        h("input", { type: "radio", name: "color", value: color, "aria-label": t(`pins.color.${color}`) }),
      ),
    );
    const form = h(
      "form",
      { method: "dialog", onsubmit: () => this.#save() },
      h("h2", { id: "pin-title" }, t("pins.title")),
      h("label", {}, t("pins.name"), this.name),
      h("label", {}, t("pins.note"), this.note),
      h("fieldset", { class: "colors" }, h("legend", {}, t("pins.color")), ...this.colors),
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", class: "text", onclick: () => this.dialog.close() }, t("pick.cancel")),
        h("button", { class: "text strong" }, t("pins.save")),
      ),
    );
    this.dialog = h("dialog", { id: "pin", "aria-labelledby": "pin-title" }, form);
    document.body.append(this.dialog);
    fillIcons(this.dialog);
  }

  #edit(item) {
    this.#editing = item;
    this.name.value = item.name;
    this.note.value = item.note;
    for (const label of this.colors) label.firstChild.checked = label.dataset.color === item.color;
    openDialog("pin");
    this.name.select();
  }

  #save() {
    const color = this.colors.find((label) => label.firstChild.checked).dataset.color;
    const item = named(checked({ ...this.#editing, name: this.name.value, note: this.note.value, color }));
    const index = this.items.indexOf(this.#editing);
    this.items = index < 0 ? [...this.items, item] : this.items.with(index, item);
    this.#changed();
  }

  #export() {
    const text = JSON.stringify(toGeoJson(this.items, this.page.facts), null, 1);
    const address = URL.createObjectURL(new Blob([text], { type: "application/geo+json" }));
    h("a", { href: address, download: `pins-${this.page.facts.key}.geojson` }).click();
    window.setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  async #import() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file) return;
    const { items: read, fault, found } = fromGeoJson(await file.text(), this.page.facts);
    if (fault) return toast(t(`pins.fault.${fault}`, { found, seed: String(this.page.facts.number) }));
    const fresh = read.map(named).filter((item) => !this.items.some((own) => same(own, item)));
    const kept = fresh.slice(0, MOST_ITEMS - this.items.length);
    this.items = [...this.items, ...kept];
    this.#changed();
    const key = kept.length < fresh.length ? "pins.imported_most" : "pins.imported";
    toast(t(key, { count: kept.length, most: MOST_ITEMS }));
  }
}
