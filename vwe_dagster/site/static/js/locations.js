// The locations of a world: groups and kinds, their visibility on the map, and all places after they are read.

import { fetchJson } from "./files.js";
import { fromCenter } from "./geo.js";
import { t } from "./texts.js";

/** Title of each group, in the plural and in the singular. */
export const GROUPS = {
  boss: [t("group.boss"), t("group.boss.one")],
  trader: [t("group.trader"), t("group.trader.one")],
  dungeon: [t("group.dungeon"), t("group.dungeon.one")],
  camp: [t("group.camp"), t("group.camp.one")],
  resource: [t("group.resource"), t("group.resource.one")],
  ruin: [t("group.ruin"), t("group.ruin.one")],
  other: [t("group.other"), t("group.other.one")],
};

const ZOOM = 5;
/** The kind of types that only a modded game has: its places are named by their prefab. */
const UNNAMED = "other";

/** One place: all places of a kind share the kind. */
class Location {
  constructor(kind, prefab, rank, x, z, flags) {
    this.location = kind;
    this.prefab = prefab;
    this.id = `${kind.kind}-${rank}`;
    this.x = x;
    this.z = z;
    this.candidate = flags.candidate;
    this.placed = flags.placed;
    this.zoom = ZOOM;
  }

  /** The group; peaks and islands have `peak` and `island` here. */
  get kind() {
    return this.location.group;
  }

  get title() {
    return this.location.kind === UNNAMED ? this.prefab.name : this.location.label;
  }

  get note() {
    return this.candidate ? t("places.candidate", { count: this.set.length }) : GROUPS[this.kind][1];
  }

  get words() {
    return this.prefab.words;
  }

  /** All candidates of which the game keeps one. */
  get set() {
    return this.prefab.candidates;
  }

  get facts() {
    return [
      [t("places.game_name"), this.prefab.name],
      ...(this.placed ? [[t("places.placed"), t("places.already")]] : []),
      [t("places.from_center"), fromCenter(this.x, this.z)],
    ];
  }
}

export class Locations {
  /**
   * @param facts the world's world.json.
   * @param base the address of the world's folder.
   */
  constructor(facts, base) {
    this.kinds = (facts.places?.kinds ?? []).map((kind) => ({
      ...kind,
      glyph: facts.places.icons[kind.icon],
      types: [],
      words: `${kind.label} ${GROUPS[kind.group].join(" ")}`.toLowerCase(),
    }));
    this.groups = Object.keys(GROUPS).filter((group) => this.kinds.some((kind) => kind.group === group));
    this.address = `${base}places.json?v=${facts.version}`;
    this.shown = new Set();
    this.all = [];
    this.byToken = new Map(this.kinds.map((kind) => [tokenOf(kind), kind]));
  }

  /** Returns the places; the first call reads them. */
  load() {
    this.loading ??= fetchJson(this.address).then(
      (columns) => {
        this.all = this.#placesOf(columns);
        return this.all;
      },
      (error) => {
        this.loading = undefined;
        throw error;
      },
    );
    return this.loading;
  }

  get loaded() {
    return this.all.length > 0;
  }

  /** Returns whether the map shows a place. */
  shows = (place) => this.shown.has(place.location);

  kindsOf(name) {
    if (Object.hasOwn(GROUPS, name)) return this.kinds.filter(({ group }) => group === name);
    const kind = this.byToken.get(name);
    return kind ? [kind] : [];
  }

  get countOfAll() {
    return this.kinds.reduce((sum, { count }) => sum + count, 0);
  }

  countOf = (name) => this.kindsOf(name).reduce((sum, { count }) => sum + count, 0);

  /** Returns whether a group or a kind is shown: true, false, or "mixed". */
  state(name) {
    const kinds = this.kindsOf(name);
    const shown = kinds.filter((kind) => this.shown.has(kind)).length;
    return shown === 0 ? false : shown === kinds.length || "mixed";
  }

  /** Shows or hides a group or a kind. */
  set(name, on) {
    for (const kind of this.kindsOf(name)) {
      if (on) this.shown.add(kind);
      else this.shown.delete(kind);
    }
  }

  /** Shows only the groups and kinds with these names. */
  show(names) {
    this.shown.clear();
    for (const name of names) this.set(name, true);
  }

  /** Returns the names of completely shown groups, and of the shown kinds of other groups. */
  get tokens() {
    return this.groups.flatMap((group) =>
      this.state(group) === true
        ? [group]
        : this.kindsOf(group)
            .filter((kind) => this.shown.has(kind))
            .map(tokenOf),
    );
  }

  /** Returns the names of the kinds that are shown on a first visit. */
  get first() {
    return this.kinds.filter(({ shown }) => shown).map(tokenOf);
  }

  find = (id) => this.all.find((place) => place.id === id);

  #placesOf({ kinds, prefabs, kind, prefab, x, z, candidate, placed }) {
    const byName = new Map(this.kinds.map((each) => [each.kind, each]));
    const kindsByIndex = kinds.map((name) => byName.get(name));
    const types = prefabs.map((name) => ({ name, words: "", candidates: [] }));
    const ranks = new Map();
    return x.map((east, index) => {
      const [own, type] = [kindsByIndex[kind[index]], types[prefab[index]]];
      if (!type.words) {
        type.words = `${own.words} ${type.name.toLowerCase()}`;
        own.types.push(type);
      }
      const rank = (ranks.get(own) ?? 0) + 1;
      ranks.set(own, rank);
      const flags = { candidate: candidate[index] === 1, placed: placed[index] === 1 };
      const place = new Location(own, type, rank, east, z[index], flags);
      if (place.candidate) type.candidates.push(place);
      return place;
    });
  }
}

/** Returns the name of a kind in links: its own, with a suffix if a group has the same name. */
export const tokenOf = ({ kind }) => (Object.hasOwn(GROUPS, kind) ? `${kind}-kind` : kind);
