// The exact heights and biomes of a world, read in blocks on demand.

import { fetchBytes } from "./files.js";
import { VOID_M } from "./geo.js";

const KEPT = 96;

/**
 * The planes of a world. A block is the samples of the world's own grid, heights first and biomes after them, the
 * southernmost row first; see `data` in world.json.
 */
export class Planes {
  constructor(facts, base) {
    this.grid = facts.grid;
    this.side = facts.data.block;
    this.version = facts.data.version;
    this.base = base;
    this.blocks = new Map();
  }

  /** Returns column and row of the sample nearest to a point; null outside the grid. */
  cell(x, z) {
    const { first_m: first, cell_m: cell, size } = this.grid;
    const column = Math.round((x - first) / cell);
    const row = Math.round((z - first) / cell);
    return column < 0 || row < 0 || column >= size || row >= size ? null : { column, row };
  }

  /** Returns the sample nearest to a point, `{biome, height}`; null outside the grid, undefined until it is read. */
  peek(x, z) {
    const cell = this.cell(x, z);
    return cell && this.#read(this.blocks, cell.column, cell.row);
  }

  /** Returns the sample nearest to a point after reading it; null outside the grid. */
  async sample(x, z) {
    const cell = this.cell(x, z);
    return cell && this.#read(await this.#load([[cell.column, cell.row]]), cell.column, cell.row);
  }

  /** Returns interpolated heights and nearest biomes at points `[x, z]`. */
  async along(points) {
    const blocks = await this.#load(points.flatMap(([x, z]) => this.#corners(x, z)));
    return points.map(([x, z]) => {
      const cell = this.cell(x, z);
      if (!cell) return null;
      const nearest = this.#read(blocks, cell.column, cell.row);
      return { biome: nearest.biome, height: this.#between(blocks, x, z) ?? nearest.height };
    });
  }

  /**
   * Returns every `step`-th sample of the grid: `{side, height, biome}`, the southernmost row first.
   *
   * @param step at most the side of a block.
   */
  async thinned(step) {
    const { size } = this.grid;
    const side = Math.ceil(size / step);
    const thin = { side, height: new Float32Array(side * side), biome: new Uint8Array(side * side) };
    const corners = Array.from({ length: Math.ceil(size / this.side) }, (_, place) => place * this.side);
    const blocks = await this.#load(corners.flatMap((row) => corners.map((column) => [column, row])));
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const { biome, height } = this.#read(blocks, column * step, row * step);
        thin.height[row * side + column] = height;
        thin.biome[row * side + column] = biome;
      }
    }
    return thin;
  }

  #corners(x, z) {
    const { first_m: first, cell_m: cell, size } = this.grid;
    const clip = (value) => Math.min(Math.max(Math.floor(value), 0), size - 1);
    const [column, row] = [(x - first) / cell, (z - first) / cell];
    if (column < -0.5 || row < -0.5 || column > size - 0.5 || row > size - 0.5) return [];
    const [west, south] = [clip(column), clip(row)];
    const [east, north] = [Math.min(west + 1, size - 1), Math.min(south + 1, size - 1)];
    return [
      [west, south],
      [east, south],
      [west, north],
      [east, north],
    ]; // prettier-ignore
  }

  #between(blocks, x, z) {
    const corners = this.#corners(x, z).map(([column, row]) => this.#read(blocks, column, row).height);
    // Heights are not interpolated between the ground and the void.
    if (!corners.every((height) => height >= VOID_M)) return null;
    const [sw, se, nw, ne] = corners;
    const { first_m: first, cell_m: cell } = this.grid;
    const part = (value) => Math.min(Math.max(value - Math.max(Math.floor(value), 0), 0), 1);
    const [east, north] = [part((x - first) / cell), part((z - first) / cell)];
    return (sw * (1 - east) + se * east) * (1 - north) + (nw * (1 - east) + ne * east) * north;
  }

  #read(blocks, column, row) {
    const [x, y] = this.#blockOf(column, row);
    const block = blocks.get(`${x}/${y}`);
    if (!block?.height) return undefined;
    const index = (row - y * this.side) * block.width + (column - x * this.side);
    return { biome: block.biome[index], height: block.height[index] };
  }

  #blockOf(column, row) {
    return [Math.floor(column / this.side), Math.floor(row / this.side)];
  }

  /** Returns the blocks of samples `[column, row]` by name: all of them, even if more than the cache holds. */
  async #load(samples) {
    const blocks = new Map();
    for (const [column, row] of samples) {
      const [x, y] = this.#blockOf(column, row);
      if (!blocks.has(`${x}/${y}`)) blocks.set(`${x}/${y}`, this.#block(x, y));
    }
    await Promise.all([...blocks.values()].map(({ ready }) => ready));
    return blocks;
  }

  #block(x, y) {
    const key = `${x}/${y}`;
    let block = this.blocks.get(key);
    if (block) {
      // The most recently used blocks are last.
      this.blocks.delete(key);
    } else {
      block = { width: Math.min(this.side, this.grid.size - x * this.side) };
      block.ready = this.#fetch(x, y).then(
        (bytes) => {
          const count = bytes.byteLength / 5;
          block.height = new Float32Array(bytes, 0, count);
          block.biome = new Uint8Array(bytes, count * 4, count);
        },
        (error) => {
          this.blocks.delete(key);
          throw error;
        },
      );
    }
    this.blocks.set(key, block);
    if (this.blocks.size > KEPT) this.blocks.delete(this.blocks.keys().next().value);
    return block;
  }

  #fetch(x, y) {
    return fetchBytes(`${this.base}data/${x}/${y}.bin?v=${this.version}`, this.version);
  }
}
