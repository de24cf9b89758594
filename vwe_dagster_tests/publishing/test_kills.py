"""A publisher that is killed at a random moment leaves a whole world, and files that a prune deletes."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from vwe_dagster.publishing.bucket import Bucket
from vwe_dagster.publishing.world_publishing import publish_world
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.forking import PROCESSES
from vwe_dagster_tests.publishing.publisher import publish_until_killed
from vwe_dagster_tests.publishing.s3_server import S3Server
from vwe_dagster_tests.publishing.test_pruning import pruned
from vwe_dagster_tests.publishing.test_worlds import SEED, built, content_of, read

KILLS, BUILDS = 5, 6

MAX_DELAY_S = 0.3
"""Time limit of the random moment; a publication takes about 0.1 s."""

pytestmark = pytest.mark.slow


def test_killed_publisher_leaves_a_whole_world(s3: S3Server, tmp_path: Path) -> None:
    folders = [tmp_path / str(build) for build in range(BUILDS)]
    wholes = [content_of(built(folder, folder.name)) for folder in folders]
    address = s3.new_address()
    seen = -1
    for _ in range(KILLS):
        # The next publisher begins with the first build that no document has named.
        waiting = folders[seen + 1 :] or folders
        reports, report = PROCESSES.Pipe(duplex=False)
        arguments = (address, SEED, waiting, dict(s3.environment), report)
        process = PROCESSES.Process(target=publish_until_killed, args=arguments)
        process.start()
        assert reports.poll(PATIENCE_S), "no publication was reported"
        time.sleep(random.uniform(0, MAX_DELAY_S))
        process.kill()
        process.join()
        world = read(address, tmp_path / "cache")
        assert world in wholes
        seen = wholes.index(world)
    assert publish_world(WorldStore(folders[0]), SEED, Bucket(address)).reused > 0
    assert pruned(Bucket(address))[0].objects > 0
    assert read(address, tmp_path / "cache") == wholes[0]
    fresh = s3.new_address()
    publish_world(WorldStore(folders[0]), SEED, Bucket(fresh))
    assert s3.objects(address) == s3.objects(fresh)
