// Places that are too near to each other to be drawn one by one.

/** Distance in pixels at which the signs of clusters do not cover each other. */
const REACH = 46;

/**
 * Places are drawn one by one if a pixel is at most this many meters, divided by the root of their number: on the third
 * of the world that is land, each place then has 22 by 22 pixels.
 */
const ALONE_M = 480;

/** Returns a cluster of one place. */
export const alone = (place) => ({ x: place.x, z: place.z, places: [place] });

/**
 * Groups places by distance: each joins the nearest cluster whose first place is in reach, or begins one.
 *
 * @param places objects with `x` and `z`, in any order.
 * @param pixel meters on the ground of a pixel.
 * @returns clusters `{x, z, places}`, `x` and `z` being the mean of its places.
 */
export function cluster(places, pixel) {
  if (pixel * Math.sqrt(places.length) <= ALONE_M) return places.map(alone);
  const reach = REACH * pixel;
  const cells = new Map();
  const clusters = [];
  for (const place of places) {
    const [column, row] = [Math.floor(place.x / reach), Math.floor(place.z / reach)];
    let joined = nearest(cells, column, row, place, reach);
    if (!joined) {
      joined = { x: 0, z: 0, first: place, places: [] };
      clusters.push(joined);
      const key = keyOf(column, row);
      const cell = cells.get(key);
      if (cell) cell.push(joined);
      else cells.set(key, [joined]);
    }
    joined.places.push(place);
    joined.x += place.x;
    joined.z += place.z;
  }
  for (const each of clusters) {
    each.x /= each.places.length;
    each.z /= each.places.length;
  }
  return clusters;
}

const keyOf = (column, row) => column * 65536 + row;

function nearest(cells, column, row, place, reach) {
  let found;
  let least = reach;
  for (let x = column - 1; x <= column + 1; x++) {
    for (let z = row - 1; z <= row + 1; z++) {
      for (const each of cells.get(keyOf(x, z)) ?? []) {
        const distance = Math.hypot(each.first.x - place.x, each.first.z - place.z);
        if (distance < least) {
          least = distance;
          found = each;
        }
      }
    }
  }
  return found;
}
