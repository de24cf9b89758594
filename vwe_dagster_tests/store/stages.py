"""Stages whose integrity is easy to check: the manifest and every file contain the same number."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from vwe_dagster.seeds.seed import Seed, parse_seed
from vwe_dagster.store import Draft, Manifest, Recipe, Stage, WorldStore
from vwe_dagster.store.arrays import array_from_bytes
from vwe_dagster.world.grid import Grid

SEED = parse_seed("HHcLC5acQt")
STAGE: Stage = "extracted"
GRID = Grid.of_world(64)


def recipe_of(number: int) -> Recipe:
    """Return a recipe that depends on the number."""
    return Recipe(inputs={"number": number}, code_version="1", made_by={"engine": "native"}, grid=GRID)


def write_files(draft: Draft, number: int) -> None:
    """Write one file of each kind to a draft, each with the number."""
    draft.array("plane.npy.gz", np.full((64, 64), number, np.int32), units="m")
    draft.table("rows.parquet", pd.DataFrame({"value_m": [number] * 3}), units={"value_m": "m"})
    draft.json("number.json", {"number": number})
    draft.path("lines.jsonl").write_text(f"{number}\n" * 1000)
    draft.file("lines.jsonl", shape=(1000,), axes="line")
    draft.path("folder/of/some.txt").write_text(f"{number}\n")
    draft.file("folder/of/some.txt")


def publish(root: Path, number: int, seed: Seed = SEED) -> None:
    """Publish a stage with the number."""
    with WorldStore(root).publish(seed, STAGE, recipe_of(number)) as draft:
        write_files(draft, number)


def numbers_in(store: WorldStore, manifest: Manifest) -> set[object]:
    """Return the numbers in the manifest and the files: a single number unless builds were mixed."""
    return {
        manifest.recipe.inputs["number"],
        *np.unique(array_from_bytes(store.read(manifest, "plane.npy.gz").getbuffer())).tolist(),
        *pd.read_parquet(store.read(manifest, "rows.parquet"))["value_m"],
        json.load(store.read(manifest, "number.json"))["number"],
        *map(int, store.read(manifest, "lines.jsonl")),
        int(store.read(manifest, "folder/of/some.txt").read()),
    }


def entries(store: WorldStore, seed: Seed = SEED) -> set[str]:
    """Return the names in the seed's folder, including hidden ones."""
    return {path.name for path in store.folder(seed, STAGE).parent.iterdir()}
