"""Behavior specific to containers: isolation, and a Docker daemon that dies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import docker.errors
import psutil
import pytest

from vwe_dagster.pool.launcher import EngineEnd, LaunchedEngine, LauncherError, LaunchSpec
from vwe_dagster.pool.launchers.docker import DockerLauncher
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster_tests.pool.docker_engine import import_tiny_image
from vwe_dagster_tests.pool.launchers.conftest import Bench
from vwe_dagster_tests.pool.launchers.test_launchers import engine, greeting, until

pytestmark = [pytest.mark.docker, pytest.mark.parametrize("bench", ["docker"], indirect=True)]

SLEEP = ("busybox", "sh", "-c", "exec busybox sleep 1000")


def inspected(client: docker.DockerClient, handle: str) -> dict[str, Any]:
    facts: dict[str, Any] = client.containers.get(handle).attrs
    return facts


def test_container_is_isolated(bench: Bench, docker_client: docker.DockerClient) -> None:
    with engine(bench, bench.launcher()) as launched:
        facts = inspected(docker_client, launched.handle)
        host = facts["HostConfig"]
        assert facts["Name"] == f"/vwe-{bench.spec().engine}"
        assert facts["Config"]["User"] == f"{os.getuid()}:{os.getgid()}"
        assert host["NetworkMode"] == "none"
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert host["Memory"] == host["MemorySwap"] == 2**28
        assert host["RestartPolicy"]["Name"] == "no"
        assert host["PidsLimit"] == 256
        assert host["Init"]
        assert list(host["Tmpfs"]) == ["/tmp"]  # noqa: S108
        assert not host["Privileged"]


def test_labels_identify_pool_slot_and_engine(bench: Bench, docker_client: docker.DockerClient) -> None:
    with engine(bench, bench.launcher()) as launched:
        labels = inspected(docker_client, launched.handle)["Config"]["Labels"]
        assert labels["vwe.pool"] == bench.pool_id
        assert labels["vwe.slot"] == "0"
        assert labels["vwe.engine"] == bench.spec().engine
        assert labels["vwe.digest"] == "a-digest"


def test_port_is_published_on_loopback_only_and_the_token_is_not_inspectable(
    bench: Bench, docker_client: docker.DockerClient
) -> None:
    with engine(bench, bench.launcher(connection="tcp")) as launched:
        assert greeting(launched) == launched.bearer
        facts = inspected(docker_client, launched.handle)
        (published,) = facts["NetworkSettings"]["Ports"]["8471/tcp"]
        assert published["HostIp"] == "127.0.0.1"
        assert launched.address == f"http://127.0.0.1:{published['HostPort']}"
        assert str(launched.bearer) not in str(facts)


def test_cold_container_compiles_no_kernels(bench: Bench, docker_client: docker.DockerClient) -> None:
    count = "import pathlib; print(len(list(pathlib.Path('/var/cache/vwe').rglob('*.nbc'))))"
    warm = "from vwe_dagster.engine.native import NativeEngine; NativeEngine().warm()"
    survey = (
        "from vwe_dagster.analysis.columns import Depth; from vwe_dagster.engine.messages import SurveyRequest; "
        "[NativeEngine().survey(SurveyRequest((2,), depth)) for depth in Depth]"
    )
    printed = docker_client.containers.run(
        bench.base_image,
        ["python", "-c", f"{count}; {warm}; {survey}; {count}"],
        remove=True,
        network_mode="none",
        user="0:0",
    )
    before, after = (int(line) for line in printed.split())
    assert before == after > 50


def test_engine_cannot_change_the_machine_code_of_another(bench: Bench, docker_client: docker.DockerClient) -> None:
    """Loading code from the cache runs it, so no engine may read files that another engine wrote."""
    found = "import pathlib; found = sorted(pathlib.Path('/var/cache/vwe').rglob('*.nbi'))"
    look = f"{found}; print([str(path) for path in found])"
    poison = f"{found}; [path.write_bytes(b'poison') for path in found]"
    count = f"{found}; print(sum(path.read_bytes() == b'poison' for path in found))"
    launcher = bench.launcher()

    def volumes_of(launched: LaunchedEngine) -> set[str]:
        mounts = docker_client.containers.get(launched.handle).attrs["Mounts"]
        return {mount["Name"] for mount in mounts if mount["Type"] == "volume"}

    def output_of(launched: LaunchedEngine, code: str) -> str:
        status, output = docker_client.containers.get(launched.handle).exec_run(["python", "-c", code])
        assert status == 0, output
        assert isinstance(output, bytes)
        return output.decode()

    with engine(bench, launcher) as first:
        cached = output_of(first, look)
        assert len(cached) > 1000
        output_of(first, poison)
        second = bench.launch(launcher, 2)
        volumes = volumes_of(first) | volumes_of(second)
        assert len(volumes) == 2
        try:
            assert output_of(second, look) == cached
            assert output_of(first, count) != "0\n"
            assert output_of(second, count) == "0\n"
        finally:
            launcher.end(bench.spec(2).engine, second)
    assert volumes.isdisjoint({volume.id for volume in docker_client.volumes.list()})


def test_killed_container_reports_the_signal(bench: Bench, docker_client: docker.DockerClient) -> None:
    launcher = bench.launcher()
    with engine(bench, launcher) as launched:
        greeting(launched)
        docker_client.containers.get(launched.handle).kill()
        until(lambda: not launcher.running(launched))
        assert launcher.cause_of_end(launched) == EngineEnd("killed by signal 9", killed=True)
        (info,) = launcher.engines()
        assert not info.running


def test_paused_container_counts_as_running(bench: Bench, docker_client: docker.DockerClient) -> None:
    launcher = bench.launcher()
    with engine(bench, launcher) as launched:
        docker_client.containers.get(launched.handle).pause()
        assert launcher.running(launched)
        assert [info.running for info in launcher.engines()] == [True]


def test_failed_start_leaves_nothing_behind(
    bench: Bench, docker_client: docker.DockerClient, socket_dirs: Path
) -> None:
    image = import_tiny_image(docker_client, name="vwe-broken-tests", run=b"where the socket's folder should be")
    try:
        launcher = bench.launcher(base_image=image, command=SLEEP)
        with pytest.raises(LauncherError, match="Docker rejected the request"):
            bench.launch(launcher)
        assert launcher.engines() == []
        assert list(socket_dirs.glob("vwe-*/*")) == []
        assert list(bench.folder.rglob("*.log")) == []
    finally:
        docker_client.images.remove(image, force=True)


def test_program_missing_from_the_image_shows_as_exit_code(bench: Bench) -> None:
    launcher = bench.launcher(command=["/no/such/program"])
    with engine(bench, launcher) as launched:
        until(lambda: not launcher.running(launched))
        assert launcher.cause_of_end(launched) == EngineEnd("exit code 127")
        assert "/no/such/program" in launcher.log(bench.spec().engine, lines=3)


def test_missing_image_is_an_error_with_a_remedy(bench: Bench) -> None:
    launcher = bench.launcher(base_image="vwe-no-such-image")
    with pytest.raises(LauncherError, match=r"image vwe-no-such-image does not exist; build"):
        _ = launcher.digest
    with pytest.raises(LauncherError, match=r"image vwe-no-such-image does not exist; build"):
        bench.launch(launcher)


def test_unix_socket_of_a_remote_docker_is_rejected(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    with pytest.raises(LauncherError, match=r"another machine \(192\.0\.2\.1\).*tcp"):
        bench.launch(bench.launcher())


def test_importing_the_launcher_does_not_contact_docker(bench: Bench, tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from vwe_dagster.pool.launchers.docker import DockerLauncher\n"
        "from vwe_dagster.pool.settings import PoolSettings\n"
        "DockerLauncher(PoolSettings(), folder=pathlib.Path(sys.argv[1]), pool_id='p')\n"
    )
    environment = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}
    subprocess.run([sys.executable, "-c", program, str(bench.folder)], env=environment, check=True)


class Daemon:
    """A private Docker daemon of a test."""

    def __init__(self, folder: Path, bridge: str) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/docker.sock"
        self.bridge = bridge
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        for left in ("docker.pid", "exec/containerd/containerd.pid"):
            (self.folder / left).unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    "dockerd",
                    f"--host={self.address}",
                    f"--data-root={self.folder}/data",
                    f"--exec-root={self.folder}/exec",
                    f"--pidfile={self.folder}/docker.pid",
                    f"--bridge={self.bridge}",
                    "--iptables=false",
                    "--ip-forward=false",
                    "--ip-masq=false",
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self.answers)

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            docker.DockerClient(self.address).close()
        except docker.errors.DockerException:
            return False
        return True

    def end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=60)
            self.process = None


@pytest.fixture
def daemon(docker_client: docker.DockerClient) -> Iterator[Daemon]:
    """Run a second Docker daemon with separate folders and a separate bridge."""
    if os.getuid() != 0:
        pytest.skip("a second Docker can only be started by root")
    folder = Path(tempfile.mkdtemp(prefix="vwed", dir="/tmp"))
    bridge = f"vwet{os.getpid()}"
    subprocess.run(["ip", "link", "add", "name", bridge, "type", "bridge"], check=True)
    own = Daemon(folder, bridge)
    try:
        subprocess.run(["ip", "address", "add", "10.213.77.1/24", "dev", bridge], check=True)
        subprocess.run(["ip", "link", "set", bridge, "up"], check=True)
        own.start()
        yield own
    finally:
        own.end(signal.SIGTERM)
        subprocess.run(["ip", "link", "delete", bridge], check=True)
        # A killed daemon leaves its folders mounted.
        for mount in reversed(psutil.disk_partitions(all=True)):
            if Path(mount.mountpoint).is_relative_to(folder):
                subprocess.run(["umount", mount.mountpoint], check=True)
        shutil.rmtree(folder)
        assert docker_client.ping()


def test_containers_that_died_with_docker_are_not_running(
    bench: Bench, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", daemon.address)
    client = docker.DockerClient(daemon.address)
    settings = PoolSettings(launcher="docker", base_image=import_tiny_image(client))
    launcher = DockerLauncher(settings, folder=bench.folder, pool_id=bench.pool_id, command=SLEEP)
    spec = LaunchSpec(f"{bench.pool_id}-0-1", 0, launcher.digest)
    launched = launcher.launch(spec)
    assert launcher.running(launched)

    daemon.end(signal.SIGKILL)
    for ask in (lambda: launcher.running(launched), launcher.engines, lambda: launcher.digest):
        with pytest.raises(LauncherError, match="Docker does not answer"):
            ask()

    daemon.start()
    until(lambda: not launcher.running(launched))
    assert [(info.engine, info.running) for info in launcher.engines()] == [(spec.engine, False)]
    launcher.end(spec.engine, launched)
    assert launcher.engines() == []
    client.close()
