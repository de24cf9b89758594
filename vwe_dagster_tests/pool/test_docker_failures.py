"""Failures of real containers: killed, hung, out of memory, left behind, or of another image."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import pytest
from docker.models.containers import Container

from vwe_dagster.pool.errors import EngineLostError
from vwe_dagster.pool.launchers.docker import COMMAND, KERNELS_LABEL, POOL_LABEL, DockerLauncher
from vwe_dagster.pool.opening import open_pool, pool_id_of
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import State
from vwe_dagster_tests.pool.docker_engine import (
    docker_client,
    engine_image,
    remove_left_containers,
)
from vwe_dagster_tests.pool.holders import PATIENCE_S, REQUEST, at_first, causes

__all__ = ["docker_client", "engine_image"]


class Yard:
    """Open a pool of containers as another process would."""

    def __init__(self, client: docker.DockerClient, folder: Path, image: str) -> None:
        self.folder = folder
        self._client, self._image = client, image

    def pool(self, *faults: str, **changes: object) -> EnginePool:
        """Open the pool with engines that have faults."""
        given: dict[str, object] = {
            "launcher": "docker",
            "base_image": self._image,
            "max_warm_containers": 1,
            "min_free_disk_gb": 0,
            "memory_limit": "512m",
            "acquire_timeout": PATIENCE_S,
        }
        settings = PoolSettings.model_validate({**given, **changes})
        command = [*COMMAND, *(word for fault in faults for word in ("--fault", fault))]
        launcher = DockerLauncher(settings, folder=self.folder, pool_id=pool_id_of(self.folder), command=command)
        return open_pool(settings, self.folder, launcher=launcher)

    def containers(self) -> list[Container]:
        """Return all containers of the pool, running or not, like ``docker ps -a``."""
        return self._client.containers.list(all=True, filters={"label": f"{POOL_LABEL}={pool_id_of(self.folder)}"})

    def container(self) -> Container:
        """Return the only container."""
        (container,) = self.containers()
        return container


@pytest.fixture
def yard(docker_client: docker.DockerClient, engine_image: str, tmp_path: Path) -> Iterator[Yard]:
    """A pool of containers. After every test, draining must leave no container."""
    yard = Yard(docker_client, tmp_path / "pool", engine_image)
    try:
        yield yard
        with yard.pool() as pool:
            pool.drain(timeout_s=PATIENCE_S)
    finally:
        left = remove_left_containers(docker_client, pool_id_of(yard.folder))
    assert left == []


def test_container_killed_during_a_world_is_replaced(yard: Yard) -> None:
    with yard.pool() as pool:
        pool.generate(REQUEST, at_first(lambda: yard.container().kill()))
        good, lost = pool.history()
        assert (good.state, lost.state) == ("exported", "failed")
        assert good.engine != lost.engine
        assert causes(pool, State.ERROR) == ["it ended (killed by signal 9)"]
        assert len(yard.containers()) == 1


@pytest.mark.usefixtures("impatient")
def test_container_that_hangs_is_replaced_leased_or_free(yard: Yard) -> None:
    with yard.pool(world_gen_timeout=3) as pool:
        pool.generate(REQUEST, at_first(lambda: yard.container().pause()))
        good, lost = pool.history()
        assert (good.state, lost.state) == ("exported", "failed")
        yard.container().pause()
        pool.generate(REQUEST)
        assert pool.history()[0].engine != good.engine
        assert [cause.split(":")[0] for cause in causes(pool, State.ERROR)] == ["it does not answer"] * 2
        assert len(yard.containers()) == 1


def test_container_out_of_memory_is_ended_and_the_cause_recorded(yard: Yard) -> None:
    with (
        yard.pool("oom", memory_limit="256m") as pool,
        pool.lease() as lease,
        pytest.raises(EngineLostError, match="memory"),
    ):
        lease.generate(REQUEST)
    with yard.pool() as pool:
        (cause,) = causes(pool, State.ERROR)
        assert "memory" in cause
        pool.generate(REQUEST)
        assert pool.history()[0].state == "exported"


def test_containers_of_a_deleted_pool_folder_are_removed_by_the_second_pass(yard: Yard) -> None:
    with yard.pool(max_warm_containers=2) as dead:
        dead.warm(2)
    running, killed = yard.containers()
    killed.kill()
    shutil.rmtree(yard.folder)
    with yard.pool(engine_startup_timeout=0.1) as pool:
        assert pool.reap().actions == []
        assert {container.id for container in yard.containers()} == {running.id, killed.id}
        assert len(pool.reap().actions) == 2
        assert yard.containers() == []


@pytest.fixture
def changing_image(docker_client: docker.DockerClient, engine_image: str) -> Iterator[str]:
    """A name for the engine's image that a test may move to another image."""
    name = f"vwe-engine-changing-{secrets.token_hex(4)}"
    docker_client.images.get(engine_image).tag(name)
    try:
        yield name
    finally:
        changed = docker_client.images.get(name)
        docker_client.images.remove(name)
        for volume in docker_client.volumes.list(filters={"label": f"{KERNELS_LABEL}={changed.id}"}):
            if changed.id != docker_client.images.get(engine_image).id:
                volume.remove()


def change_image(client: docker.DockerClient, name: str) -> None:
    """Move the name of an image to another image with the same contents."""
    container = client.containers.create(name)
    try:
        container.commit(repository=name, tag="latest", changes="LABEL changed=yes")
    finally:
        container.remove(v=True)


def test_container_of_a_former_image_retires(
    changing_image: str, yard: Yard, docker_client: docker.DockerClient
) -> None:
    with yard.pool(base_image=changing_image) as pool:
        pool.generate(REQUEST)
        former = yard.container()
        change_image(docker_client, changing_image)
    with yard.pool(base_image=changing_image) as pool:
        pool.generate(REQUEST)
        assert causes(pool, State.EMPTY) == ["its configuration is outdated"]
        assert yard.container().id != former.id
        assert yard.container().attrs["Image"] == docker_client.images.get(changing_image).id
        pool.drain()
        assert yard.containers() == []


def test_draining_leaves_no_container(yard: Yard) -> None:
    with yard.pool(max_warm_containers=2) as pool:
        pool.warm(2)
        assert len(yard.containers()) == 2
        yard.containers()[0].kill()
        yard.containers()[1].pause()
        assert pool.drain(timeout_s=PATIENCE_S) == 2
        assert yard.containers() == []
