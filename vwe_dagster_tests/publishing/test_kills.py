"""A publisher that is killed at a random moment leaves a whole world, and files that a prune deletes."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vwe_dagster.publishing.bucket import Bucket
from vwe_dagster.publishing.world_publishing import publish_world
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.publishing.s3_server import S3Server
from vwe_dagster_tests.publishing.test_pruning import pruned
from vwe_dagster_tests.publishing.test_worlds import KEY, SEED, built, content_of, read

KILLS, BUILDS = 5, 10

pytestmark = pytest.mark.slow


def test_killed_publisher_leaves_a_whole_world(s3: S3Server, tmp_path: Path) -> None:
    folders = [tmp_path / str(build) for build in range(BUILDS)]
    wholes = [content_of(built(folder, folder.name)) for folder in folders]
    address = s3.new_address()
    seen = -1
    for _ in range(KILLS):
        # The next publisher begins with the first build that no document has named.
        waiting = folders[seen + 1 :] or folders
        command = [sys.executable, "-m", "vwe_dagster_tests.publishing.publisher", str(address), KEY]
        with subprocess.Popen([*command, *map(str, waiting)], stdout=subprocess.PIPE) as publisher:
            assert publisher.stdout is not None
            assert publisher.stdout.readline() == b"published\n"
            time.sleep(random.uniform(0, 0.5))
            publisher.kill()
            publisher.wait(PATIENCE_S)
        world = read(address, tmp_path / "cache")
        assert world in wholes
        seen = wholes.index(world)
    assert publish_world(WorldStore(folders[0]), SEED, Bucket(address)).reused > 0
    assert pruned(Bucket(address))[0].objects > 0
    assert read(address, tmp_path / "cache") == wholes[0]
    fresh = s3.new_address()
    publish_world(WorldStore(folders[0]), SEED, Bucket(fresh))
    assert s3.objects(address) == s3.objects(fresh)
