// The coordinate system for Leaflet, in which a "latitude" is z and a "longitude" is x.
/* global L */

import { WIDTH_M } from "./geo.js";

/** Zoom 0 shows the whole map on 256 pixels. */
export const CRS = L.extend({}, L.CRS.Simple, {
  transformation: new L.Transformation(256 / WIDTH_M, 128, -256 / WIDTH_M, 128),
});

export const at = (x, z) => L.latLng(z, x);
