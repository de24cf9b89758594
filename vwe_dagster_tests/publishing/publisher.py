"""A process that publishes builds of a world in turn: ``python -m ... ADDRESS SEED DATA...``."""

from __future__ import annotations

import sys
from pathlib import Path

from vwe_dagster.config.object_storage import storage_address
from vwe_dagster.publishing.bucket import Bucket
from vwe_dagster.publishing.world_publishing import publish_world
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WorldStore


def main(address: str, seed: str, *folders: str) -> None:
    """Publish until the process is ended; print a line after each publication."""
    stores = [WorldStore(Path(folder)) for folder in folders]
    bucket = Bucket(storage_address(address))
    while True:
        for store in stores:
            publish_world(store, parse_seed(seed), bucket)
            sys.stdout.write("published\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
