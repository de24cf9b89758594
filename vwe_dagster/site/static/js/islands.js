// The samples of islands, found in the ground of a world.

import { RADIUS_M } from "./geo.js";
import { DRY } from "./ground.js";

/**
 * Returns for each sample of the ground 1 if it is on one of the islands, else 0.
 *
 * As in the statistics, an island consists of land samples within the edge of the world that adjoin by their sides.
 * @param grid `grid` of world.json.
 * @param ground the bytes of all samples, see `Ground`.
 * @param points one point `[x, z]` on each island, in meters.
 */
export function islandSamples({ size, cell_m: cell, first_m: first }, ground, points) {
  const squares = Float64Array.from({ length: size }, (_, index) => Math.fround(first + index * cell) ** 2);
  const islands = new Uint8Array(ground.length);
  const open = [];
  const visit = (row, column) => {
    const sample = row * size + column;
    if (islands[sample] || !(ground[sample] & DRY) || squares[row] + squares[column] > RADIUS_M ** 2) return;
    islands[sample] = 1;
    open.push(sample);
  };
  for (const [x, z] of points) {
    visit(Math.round((z - first) / cell), Math.round((x - first) / cell));
    while (open.length) {
      const sample = open.pop();
      const [row, column] = [Math.floor(sample / size), sample % size];
      if (row > 0) visit(row - 1, column);
      if (row < size - 1) visit(row + 1, column);
      if (column > 0) visit(row, column - 1);
      if (column < size - 1) visit(row, column + 1);
    }
  }
  return islands;
}
