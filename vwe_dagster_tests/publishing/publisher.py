"""A publisher that repeats, for a process that a test kills."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from vwe_dagster.config.object_storage import StorageAddress
from vwe_dagster.publishing.bucket import Bucket
from vwe_dagster.publishing.world_publishing import publish_world
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import WorldStore


def publish_until_killed(
    address: StorageAddress, seed: Seed, folders: Sequence[Path], environment: Mapping[str, str], report: Connection
) -> None:
    """Publish the builds of a world repeatedly in turn, and report each publication.

    Args:
        address: where to publish.
        seed: the seed of the world.
        folders: data folders, each with one build of the world.
        environment: variables of the client of the storage.
        report: receives the folder of each published build.
    """
    os.environ.update(environment)
    bucket = Bucket(address)
    for folder in itertools.cycle(folders):
        publish_world(WorldStore(folder), seed, bucket)
        report.send(folder)
