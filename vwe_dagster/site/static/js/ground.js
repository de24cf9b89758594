// The ground of all samples of a world, in one file: biome, land and depth.

import { fetchBytes } from "./files.js";

/** The parts of a byte of the ground: the biome; the bits of samples at sea level or above, and of those that can be walked. */
export const BIOME = 15;
export const DRY = 16;
export const WALKABLE = 32;

export class Ground {
  /**
   * @param facts a world.json.
   * @param base the address of the world's folder.
   */
  constructor(facts, base) {
    this.grid = facts.grid;
    this.version = facts.data.version;
    this.address = `${base}ground.bin?v=${this.version}`;
  }

  /** Returns the bytes of all samples, the southernmost row first, each row from the west; the first call reads them. */
  load() {
    this.loading ??= fetchBytes(this.address, this.version).then(
      (bytes) => new Uint8Array(bytes),
      (error) => {
        this.loading = undefined;
        throw error;
      },
    );
    return this.loading;
  }
}
