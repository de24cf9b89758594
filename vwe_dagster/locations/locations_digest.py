"""The digest that identifies the locations of a world."""

from __future__ import annotations

import hashlib

import numpy as np

from vwe_dagster.locations.world_locations import Locations

KNOWN_DIGESTS = {
    75539276: "8902323efcfa8dae676c80ab290cb2314ed2eeeb0fdbda8ff4a0baead71f170f",
    -1772362158: "7de245db1c817c7ff68b68f19391bef1eeea40e119555a4c8e52a1b926685629",
    319486907: "bf7594c0842c4cef1ac5947625ed4565c2d42bd81355cc0b0cbf540b8a8a6740",
    1374011043: "7bf020dfb26f12c5c68259afaccee7f0166a2b483808ef33610d32a80b621477",
}
"""The digest of all locations of the game's own table, by the integer of the seed."""

KNOWN_LANDMARK_DIGESTS = {
    -1772362158: "8f3fcf31e0b6bfd5eddb7d5465bbc65ee17f052244e9b818cf07dd361213a194",
    75539276: "4619bf1e2106926aed9f7c0c435a61d1df64b49344add342fbc8487769945fa0",
}
"""The digest of the first 23 types, which are the prioritized ones."""


def locations_digest(locations: Locations) -> str:
    """Return the SHA-256 over all instances of the types that were run. Section 9 of the specification.

    The bytes are little-endian: int32 count; per instance int32 length and UTF-8 of the prefab, float32 x, y, z, int32
    zone x, zone z, type and attempt; at last the int32 index of the last type.
    """
    digest = hashlib.sha256(np.int32(len(locations)).tobytes())
    for index, prefab in enumerate(locations.table.prefabs[: locations.type_count]):
        name, part = prefab.encode(), locations.type_index == index
        row = [("length", "<i4"), ("name", f"S{len(name)}"), ("point", "<f4", 3), ("numbers", "<i4", 4)]
        rows = np.zeros(np.count_nonzero(part), row)
        rows["length"], rows["name"] = len(name), name
        rows["point"] = np.stack([locations.x, locations.y, locations.z], axis=1)[part]
        numbers = locations.zone_x, locations.zone_z, locations.type_index, locations.attempt
        rows["numbers"] = np.stack(numbers, axis=1)[part]
        digest.update(rows.tobytes())
    digest.update(np.array(locations.type_count - 1, "<i4").tobytes())
    return digest.hexdigest()
