// Shortest ways over water between two points.
//
// The rules are those of the sailing distances in the statistics. Samples are combined into square blocks of 48 m.
// A ship sails through a block if at least half of its samples are water that cannot be walked, within the edge of the
// world. A step to a side is as long as a block, one to a corner 17/12 of that.

import { RADIUS_M } from "./geo.js";
import { WALKABLE } from "./ground.js";

const BLOCK_M = 48;
const [STEP, DIAGONAL] = [12, 17];
const RING = DIAGONAL + 1;
const NEVER = 0x7fffffff;

export class Sea {
  /**
   * @param grid `grid` of world.json.
   * @param ground the bytes of all samples, see `Ground`.
   */
  constructor({ size, cell_m: cell, first_m: first }, ground) {
    const factor = Math.max(1, Math.round(BLOCK_M / cell));
    this.side = Math.ceil(size / factor);
    this.blockM = factor * cell;
    this.edgeM = first - cell / 2;
    this.water = this.#waterOf(ground, size, cell, first, factor);
    [this.body, this.bodies] = this.#bodiesOf();
  }

  /**
   * Returns the shortest way `{meters, points, ashore}` between two points `[x, z]`; null if no way by water exists.
   *
   * A point on land uses the nearest shore of the water that both points reach with the shortest walk in total; `ashore` has
   * the straight distances from the points to their shores, 0 on water.
   */
  way(from, to) {
    const [start, end] = [this.#shores(from), this.#shores(to)];
    let best = 0;
    const walk = (body) => start.meters[body] + end.meters[body];
    for (let body = 1; body <= this.bodies; body += 1) if (walk(body) < (best ? walk(best) : Infinity)) best = body;
    if (!best) return null;
    const [first, last] = [start.block[best], end.block[best]];
    const ashore = [start.meters[best], end.meters[best]];
    const [cost, blocks] = this.#cheapest(first, last);
    const points = corners(blocks).map((block) => this.#center(block));
    if (ashore[0] === 0) points[0] = from;
    if (ashore[1] === 0) points[blocks.length > 1 ? points.length - 1 : points.length] = to;
    const isShort = blocks.length === 1 && points.length > 1;
    const meters = isShort
      ? Math.hypot(points[1][0] - points[0][0], points[1][1] - points[0][1])
      : (cost * this.blockM) / STEP;
    return { meters, points, ashore };
  }

  /** Returns which blocks are water, by row from the south and column from the west. */
  #waterOf(ground, size, cell, first, factor) {
    const deep = new Int32Array(this.side ** 2);
    for (let row = 0; row < size; row += 1) {
      const z = first + row * cell;
      const reach = Math.sqrt(Math.max(0, RADIUS_M ** 2 - z * z));
      if (Math.abs(z) > RADIUS_M) continue;
      const west = Math.max(0, Math.ceil((-reach - first) / cell));
      const east = Math.min(size - 1, Math.floor((reach - first) / cell));
      const blocks = Math.floor(row / factor) * this.side;
      for (let column = west; column <= east; column += 1) {
        if (!(ground[row * size + column] & WALKABLE)) deep[blocks + Math.floor(column / factor)] += 1;
      }
    }
    return Uint8Array.from(deep, (count) => (count * 2 >= factor * factor ? 1 : 0));
  }

  /** Returns the number of the body of water of each block, 0 on land, and the number of bodies. */
  #bodiesOf() {
    const body = new Int32Array(this.water.length);
    let count = 0;
    for (let first = 0; first < body.length; first += 1) {
      if (!this.water[first] || body[first]) continue;
      count += 1;
      body[first] = count;
      const open = [first];
      while (open.length) {
        this.#around(open.pop(), (next) => {
          if (body[next]) return;
          body[next] = count;
          open.push(next);
        });
      }
    }
    return [body, count];
  }

  /** Calls `visit` with each block of water around a block, and with the cost of the step to it. */
  #around(block, visit) {
    const [row, column] = [Math.floor(block / this.side), block % this.side];
    for (let z = Math.max(row - 1, 0); z <= Math.min(row + 1, this.side - 1); z += 1) {
      for (let x = Math.max(column - 1, 0); x <= Math.min(column + 1, this.side - 1); x += 1) {
        const next = z * this.side + x;
        if (next !== block && this.water[next]) visit(next, z === row || x === column ? STEP : DIAGONAL);
      }
    }
  }

  /** Returns by body of water its block nearest to a point and the distance in meters; Infinity if it is unreachable. */
  #shores([x, z]) {
    const meters = new Float64Array(this.bodies + 1).fill(Infinity);
    const block = new Int32Array(this.bodies + 1);
    const column = Math.floor((x - this.edgeM) / this.blockM);
    const row = Math.floor((z - this.edgeM) / this.blockM);
    if (Math.min(column, row) < 0 || Math.max(column, row) >= this.side) return { meters, block };
    const own = row * this.side + column;
    if (this.body[own]) {
      meters[this.body[own]] = 0;
      block[this.body[own]] = own;
      return { meters, block };
    }
    for (let each = 0; each < this.body.length; each += 1) {
      const body = this.body[each];
      if (!body) continue;
      const [centerX, centerZ] = this.#center(each);
      const away = Math.hypot(centerX - x, centerZ - z);
      if (away >= meters[body]) continue;
      meters[body] = away;
      block[body] = each;
    }
    return { meters, block };
  }

  #center(block) {
    const middle = (index) => this.edgeM + (index + 0.5) * this.blockM;
    return [middle(block % this.side), middle(Math.floor(block / this.side))];
  }

  /** Returns the cost of the cheapest way between two blocks of one body of water, and its blocks. */
  #cheapest(first, last) {
    const costs = new Int32Array(this.water.length).fill(NEVER);
    const before = new Int32Array(this.water.length).fill(-1);
    // A list of blocks for each cost that is open at a time.
    const open = Array.from({ length: RING }, () => []);
    costs[first] = 0;
    open[0].push(first);
    for (let now = 0; costs[last] > now; now += 1) {
      const list = open[now % RING];
      while (list.length) {
        const block = list.pop();
        if (costs[block] !== now) continue;
        this.#around(block, (next, step) => {
          if (now + step >= costs[next]) return;
          costs[next] = now + step;
          before[next] = block;
          open[costs[next] % RING].push(next);
        });
      }
    }
    const blocks = [last];
    while (blocks[0] !== first) blocks.unshift(before[blocks[0]]);
    return [costs[last], blocks];
  }
}

/** Returns the first and the last block, and those between at which a way turns. */
const corners = (blocks) =>
  blocks.filter((block, index) => block - blocks[index - 1] !== blocks[index + 1] - block || blocks.length === 1);
