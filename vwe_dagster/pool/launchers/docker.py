"""Run engines as containers without network, privileges or writable files, reached by a socket in a shared folder.

The native engine's kernels take a minute to compile, so the image contains their machine code. Each container has a
private volume for it, which Docker fills from the image (61 MB, 0.4 s on two busy cores) and removes with the
container. A cold container therefore compiles nothing. If its processor differs from the builder's, it compiles for
itself: no engine runs machine code that another engine has written.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import secrets
import tarfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docker
import docker.errors
import docker.types
import requests
import urllib3.exceptions

from vwe_dagster.pool.launcher import (
    OUT_OF_MEMORY,
    UNKNOWN_END,
    EngineEnd,
    EngineInfo,
    LaunchedEngine,
    LauncherError,
    LaunchSpec,
)
from vwe_dagster.pool.launchers.digest import digest_of
from vwe_dagster.pool.launchers.identity import boot, uptime_s
from vwe_dagster.pool.launchers.logs import EngineLogs, last_lines, shows_out_of_memory
from vwe_dagster.pool.launchers.socket_dirs import (
    SOCKET,
    TOKEN,
    create_socket_dir,
    engines_with_socket_dirs,
    remove_socket_dir,
)
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.text.commands import command_line
from vwe_dagster.web.hosts import bracketed

COMMAND = ("python", "-m", "vwe_dagster.engine")
"""The command of the native engine. An image with an entrypoint receives only the arguments."""

POOL_LABEL = "vwe.pool"
SLOT_LABEL = "vwe.slot"
ENGINE_LABEL = "vwe.engine"
DIGEST_LABEL = "vwe.digest"
BORN_LABEL = "vwe.born"
KERNELS_LABEL = "vwe.kernels"

_RECIPES = {"native": "deploy/engine/build.py", "valheim": "deploy/valheim/Dockerfile"}
_SOCKET_DIR = "/run/vwe"
_KERNELS = "/var/cache/vwe"
_PORT = 8471
_LOOPBACK = "127.0.0.1"
_ANSWER_S = 30.0
_PIDS = 256
_TMPFS = "rw,noexec,nosuid,nodev,size=64m,mode=1777"
_SAVED_LOG_LINES = 5000
_MEMORY_FILES = (
    "/sys/fs/cgroup/memory/docker/{}/memory.usage_in_bytes",
    "/sys/fs/cgroup/docker/{}/memory.current",
    "/sys/fs/cgroup/system.slice/docker-{}.scope/memory.current",
    "/sys/fs/cgroup/memory/system.slice/docker-{}.scope/memory.usage_in_bytes",
)


class DockerLauncher:
    """Starts engines as containers of the Docker daemon in ``DOCKER_HOST``, or of the local one."""

    def __init__(self, settings: PoolSettings, *, folder: Path, pool_id: str, command: Sequence[str] = COMMAND) -> None:
        """Store the settings; do not connect to Docker yet.

        Args:
            settings: the settings of the pool.
            folder: the folder of the pool, for the logs of ended engines.
            pool_id: the prefix of the names of the pool's engines.
            command: the program of an engine in an image without an entrypoint. Its address, name and idle time are
                appended.
        """
        self._settings = settings
        self._pool_id = pool_id
        self._command = tuple(command)
        self._logs = EngineLogs(folder)
        self._client = _Client()

    @property
    def digest(self) -> str:
        """See :attr:`vwe_dagster.pool.launcher.Launcher.digest`; the id of the image covers its contents."""
        with _docker_errors():
            return digest_of(
                launcher="docker",
                image=self._image()["Id"],
                command=self._command,
                memory=self._settings.memory_limit_bytes,
                connection=self._settings.connection,
                idle_s=self._settings.idle_s,
            )

    def launch(self, spec: LaunchSpec) -> LaunchedEngine:
        """Start an engine; see :meth:`vwe_dagster.pool.launcher.Launcher.launch`."""
        is_unix = self._settings.connection == "unix"
        with _docker_errors():
            if is_unix and self._client.host is not None:
                raise LauncherError(
                    f"Docker runs on another machine ({self._client.host}), so a unix socket cannot be shared; "
                    "set the pool's connection to tcp."
                )
            image = self._image()
            socket_dir = create_socket_dir(spec.engine) if is_unix else None
            try:
                container = self._create(spec, image, socket_dir)
            except docker.errors.APIError as error:
                if error.status_code == requests.codes.conflict:
                    raise LauncherError(
                        f"The container {_name(spec.engine)} already exists; remove it first."
                    ) from error
                self.end(spec.engine, None)
                raise
            except BaseException:
                self.end(spec.engine, None)
                raise
            try:
                return self._start(container, socket_dir)
            except BaseException:
                self.end(spec.engine, None)
                self._logs.remove(spec.engine)
                raise

    def running(self, launched: LaunchedEngine) -> bool:
        """Return whether the engine's container exists and runs; a paused container counts as running."""
        state = self._state(launched.handle)
        return state is not None and bool(state["Running"])

    def cause_of_end(self, launched: LaunchedEngine) -> EngineEnd:
        """Return why an engine ended; unknown if its container was removed."""
        state = self._state(launched.handle)
        if state is None or state["Running"]:
            return UNKNOWN_END
        if state["OOMKilled"] or self._ran_out_of_memory(launched.handle, state):
            return OUT_OF_MEMORY
        with _docker_errors():
            log = self._client.api.logs(launched.handle, tail=1).decode("utf-8", errors="replace")
        if shows_out_of_memory(log):
            return OUT_OF_MEMORY
        code = int(state["ExitCode"])
        return EngineEnd.by_signal(code - 128) if code > 128 else EngineEnd(f"exit code {code}")

    def end(self, engine: str, launched: LaunchedEngine | None) -> None:  # noqa: ARG002  Docker needs the name only
        """Kill and remove the engine's container and its socket directory; keep its log."""
        with _docker_errors():
            with contextlib.suppress(docker.errors.NotFound):
                log = self._client.api.logs(_name(engine), tail=_SAVED_LOG_LINES)
                self._logs.save(engine, log)
            self._remove(_name(engine))
        remove_socket_dir(engine)

    def engines(self) -> list[EngineInfo]:
        """Return every container of this pool, running or not."""
        with _docker_errors():
            containers = self._client.api.containers(all=True, filters={"label": f"{POOL_LABEL}={self._pool_id}"})
        return [
            EngineInfo(
                container["Labels"][ENGINE_LABEL],
                container["Id"],
                running=container["State"] in {"running", "paused"},
                age_s=_age_s(container),
            )
            for container in containers
        ]

    def log(self, engine: str, *, lines: int) -> str:
        """Return the last log lines of an engine, also after its end."""
        try:
            with _docker_errors():
                log = self._client.api.logs(_name(engine), tail=max(1, lines))
        except LauncherError as error:
            kept = self._logs.tail(engine, lines)
            if kept or isinstance(error.__cause__, docker.errors.NotFound):
                return kept
            raise
        return last_lines(log.decode("utf-8", errors="replace"), lines)

    def memory_bytes(self, launched: LaunchedEngine) -> int | None:
        """Return the memory of the container in bytes, from its control group; None if Docker is on another host."""
        for pattern in _MEMORY_FILES:
            with contextlib.suppress(OSError):
                return int(Path(pattern.format(launched.handle)).read_text(encoding="ascii"))
        return None

    def remove_logs(self, keep: set[str]) -> None:
        """Remove the logs and socket directories of engines that are not in ``keep`` and no longer exist."""
        left = self._logs.remove_others(
            keep,
            alive=lambda: {info.engine for info in self.engines()},
            others=lambda: engines_with_socket_dirs(self._pool_id),
        )
        for engine in left:
            remove_socket_dir(engine)

    def _image(self) -> dict[str, Any]:
        """Return Docker's description of the configured image."""
        try:
            image: dict[str, Any] = self._client.api.inspect_image(self._settings.base_image)  # type: ignore[no-untyped-call]
        except docker.errors.ImageNotFound as error:
            raise LauncherError(
                f"The image {self._settings.base_image} does not exist; build it with "
                f"{_RECIPES[self._settings.engine]}, or set the pool's base_image to an existing image."
            ) from error
        return image

    def _create(self, spec: LaunchSpec, image: dict[str, Any], socket_dir: Path | None) -> str:
        """Create the container of an engine and return its id."""
        if socket_dir is not None:
            network, shared = "none", docker.types.Mount(_SOCKET_DIR, str(socket_dir), type="bind")
            listening = ["--socket", f"{_SOCKET_DIR}/{SOCKET}"]
        else:
            network, shared = "bridge", docker.types.Mount(_SOCKET_DIR, None, type="volume")
            listening = ["--tcp", f"0.0.0.0:{_PORT}", "--token-file", f"{_SOCKET_DIR}/{TOKEN}"]
            if self._client.host is not None and not image["Config"].get("Entrypoint"):
                listening += ["--allow-host", bracketed(self._client.host)]
        kernels = docker.types.Mount(_KERNELS, None, type="volume", labels={KERNELS_LABEL: image["Id"]}, no_copy=False)
        program, mounts = ((), [shared]) if image["Config"].get("Entrypoint") else (self._command, [shared, kernels])
        api = self._client.api
        container = api.create_container(
            image["Id"],
            [*program, *listening, "--name", spec.engine, "--idle-exit-minutes", self._idle_minutes()],
            name=_name(spec.engine),
            labels=self._labels(spec),
            user=f"{os.getuid()}:{os.getgid()}",
            ports=[_PORT] if socket_dir is None else None,
            host_config=api.create_host_config(
                mounts=mounts,
                network_mode=network,
                port_bindings=None if socket_dir else {_PORT: ("0.0.0.0" if self._client.host else _LOOPBACK, None)},  # noqa: S104
                mem_limit=self._settings.memory_limit_bytes,
                memswap_limit=self._settings.memory_limit_bytes,
                pids_limit=_PIDS,
                init=True,
                read_only=True,
                tmpfs={"/tmp": _TMPFS},  # noqa: S108  within the container
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                restart_policy={"Name": "no"},
                log_config=docker.types.LogConfig(type="json-file", config={"max-size": "1m", "max-file": "2"}),
            ),
        )
        return str(container["Id"])

    def _start(self, container: str, socket_dir: Path | None) -> LaunchedEngine:
        api = self._client.api
        if socket_dir is not None:
            api.start(container)
            return LaunchedEngine(container, f"unix:{socket_dir / SOCKET}")
        bearer = secrets.token_urlsafe(32)
        api.put_archive(container, _SOCKET_DIR, _token_archive(bearer))
        api.start(container)
        published = api.inspect_container(container)["NetworkSettings"]["Ports"].get(f"{_PORT}/tcp")
        if not published:
            raise LauncherError(
                "The container ended before Docker published its port; check the pool's base_image and its command."
            )
        host = self._client.host or _LOOPBACK
        return LaunchedEngine(container, f"http://{host}:{published[0]['HostPort']}", bearer)

    def _labels(self, spec: LaunchSpec) -> dict[str, str]:
        return {
            POOL_LABEL: self._pool_id,
            SLOT_LABEL: str(spec.slot),
            ENGINE_LABEL: spec.engine,
            DIGEST_LABEL: spec.digest,
            BORN_LABEL: f"{boot()}:{uptime_s():.3f}",
        }

    def _idle_minutes(self) -> str:
        return f"{self._settings.idle_s / 60:g}"

    def _state(self, container: str) -> dict[str, Any] | None:
        with _docker_errors():
            try:
                state: dict[str, Any] = self._client.api.inspect_container(container)["State"]
            except docker.errors.NotFound:
                return None
        return state

    def _ran_out_of_memory(self, container: str, state: dict[str, Any]) -> bool:
        """Return whether Docker logged an out-of-memory kill; the container's state does not always show it."""
        with _docker_errors():
            events = self._client.api.events(
                since=int(_seconds(state["StartedAt"])),
                until=int(_seconds(state["FinishedAt"])) + 1,
                filters={"container": container, "event": "oom"},
                decode=True,
            )
            return any(True for _ in events)

    def _remove(self, name: str) -> None:
        """Remove a container and its volumes; wait if another process is removing it."""
        deadline = time.monotonic() + _ANSWER_S
        while time.monotonic() < deadline:
            try:
                self._client.api.remove_container(name, force=True, v=True)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError as error:
                if error.status_code != requests.codes.conflict:
                    raise
                time.sleep(0.01)
            else:
                return
        raise LauncherError(
            f"Docker did not remove the container {name} within {_ANSWER_S:g} s; "
            f"remove it with: {command_line('docker', 'rm', '--force', name)}"
        )


class _Client:
    """The connection to Docker, opened at the first use and again in a forked process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._process = 0
        self._opened: docker.APIClient | None = None

    @property
    def api(self) -> docker.APIClient:
        with self._guard:
            if self._opened is None or self._process != os.getpid():
                self._opened = docker.from_env(timeout=int(_ANSWER_S)).api
                self._process = os.getpid()
            return self._opened

    @property
    def host(self) -> str | None:
        """The host in ``DOCKER_HOST``; None if Docker runs on this machine."""
        address = urlsplit(os.environ.get("DOCKER_HOST", ""))
        return address.hostname if address.scheme not in {"", "unix"} else None


@contextlib.contextmanager
def _docker_errors() -> Iterator[None]:
    """Convert errors of the Docker SDK to LauncherError."""
    try:
        yield
    except docker.errors.APIError as error:
        raise LauncherError(f"Docker rejected the request: {error.explanation or error}.") from error
    except (docker.errors.DockerException, requests.RequestException, urllib3.exceptions.HTTPError) as error:
        where = os.environ.get("DOCKER_HOST") or "this machine"
        raise LauncherError(
            f"Docker does not answer on {where} ({error}); start it, or set the pool's launcher to process."
        ) from error


def _name(engine: str) -> str:
    return f"vwe-{engine}"


def _age_s(container: dict[str, Any]) -> float:
    """Return the age of a container in seconds: by uptime if it was created since the last boot, else by wall time."""
    at_boot, _, born = container["Labels"].get(BORN_LABEL, "").partition(":")
    if at_boot and at_boot == boot():
        return max(0.0, uptime_s() - float(born))
    return max(0.0, time.time() - float(container["Created"]))


def _seconds(moment: str) -> float:
    """Return a timestamp of Docker in seconds since 1970, without the fraction."""
    return dt.datetime.fromisoformat(f"{moment[:19]}+00:00").timestamp()


def _token_archive(token: str) -> bytes:
    """Return a tar archive with the token file, which only the engine's user may read."""
    member = tarfile.TarInfo(TOKEN)
    member.size, member.mode, member.uid, member.gid = len(token), 0o400, os.getuid(), os.getgid()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(member, io.BytesIO(token.encode()))
    return archive.getvalue()
