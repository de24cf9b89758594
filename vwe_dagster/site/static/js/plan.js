// The tools of the tab *Plan* and the signs that belong to them, for the page of a world.

import { Dim } from "./dim.js";
import { $, h } from "./dom.js";
import { Ground } from "./ground.js";
import { Nearest } from "./nearest.js";
import { isPhone } from "./panel.js";
import { Picker } from "./picker.js";
import { Pins } from "./pins.js";
import { Sailing } from "./sailing.js";
import { Spot } from "./spot.js";
import { addStart } from "./start.js";
import { Tour } from "./tour.js";

export class Plan {
  /**
   * @param page the page of a world: has `facts`, `world`, `locations`, `measure`, `signs`, `panel` and `link`, and
   *   opens and shows places.
   */
  constructor(page) {
    this.host = page;
    this.facts = page.facts;
    this.locations = page.locations;
    this.map = page.world.map;
    this.labels = page.world.labels;
    this.start = [page.facts.start.x_m, page.facts.start.z_m];
    this.ground = new Ground(page.facts, "./");
    this.picker = new Picker(
      this.map,
      (point) => page.signs.hit(point),
      () => {
        page.measure.stop();
        page.panel.giveWay();
      },
    ); // prettier-ignore
    const section = () => {
      const element = h("section");
      $("#plan").append(element);
      return element;
    };
    if (page.facts.boss_tour) this.tour = new Tour(this, section());
    if (page.locations.groups.length) this.nearest = new Nearest(this, section());
    this.sailing = new Sailing(this, section());
    this.pins = new Pins(this, section());
    this.dim = new Dim(page.world, this.ground, () => this.changed());
    this.spot = new Spot(
      this.map,
      (point) => this.pins.create([point]),
      () => this.changed(),
    ); // prettier-ignore
    addStart(this.map, this.labels, page.facts.start, () => this.#openStart());
    $("#tab-plan").addEventListener("click", () => page.readLocations());
    $("#measure-keep").addEventListener("click", () => this.pins.create(page.measure.points));
  }

  /** Returns whether a press on the map belongs to measuring or to choosing a point. */
  get busy() {
    return this.picker.active || this.host.measure.active;
  }

  /** Returns the tools' part of the page's state. */
  state() {
    return {
      go: this.spot.point,
      dim: this.dim.names,
      tour: this.tour?.on,
      from: this.nearest?.from,
      sail: this.sailing.ends.length === 2 ? this.sailing.ends : null,
      pins: this.pins.text({ isShared: this.isShared }),
    };
  }

  apply({ go, dim, tour, from, sail, pins }) {
    this.picker.cancel();
    this.spot.set(go);
    this.dim.show(dim ?? []);
    this.tour?.set(tour ?? false);
    this.nearest?.set(from);
    this.sailing.set(sail ?? []);
    this.pins.set(pins);
  }

  /** Returns the actions of the tools' keys. */
  keys() {
    return {
      j: () => this.tour?.toggle(),
      v: () => this.nearest?.pick(),
      s: () => this.sailing.pick(),
      a: () => this.pins.pick(),
    };
  }

  /** Returns the result of `act`, for which the state has the user's own pins, too. */
  share(act) {
    this.isShared = true;
    const result = act();
    this.isShared = false;
    return result;
  }

  changed() {
    this.host.link.changed({ step: true });
  }

  /** Shows a section of the tab; on a phone the sheet rises to half of the screen. */
  openSection(element) {
    if (isPhone()) $("#tab-plan").click();
    else this.host.panel.open($("#tab-plan"));
    element.scrollIntoView({ block: "start" });
  }

  open = (place) => this.host.open(place);

  flyTo(x, z, popup) {
    this.host.panel.giveWay();
    this.host.world.flyTo(x, z, undefined, popup);
  }

  showPoints(points) {
    this.host.showAll(points.map(([x, z]) => ({ x, z })));
  }

  async #openStart() {
    if (this.busy) {
      const [x, z] = this.start;
      if (this.picker.active) this.picker.take({ x, z });
      else this.host.measure.add(x, z);
      return;
    }
    await this.host.readLocations();
    const stones = this.locations.find("spawn-1");
    if (stones) this.open(stones);
    else this.flyTo(...this.start);
  }
}
