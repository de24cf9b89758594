"""Engines as processes of this machine: detached, each in a session of its own, found again by its command line."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from vwe_dagster.engine.messages import NATIVE
from vwe_dagster.kernels.sources import PACKAGE, sources_digest
from vwe_dagster.pool.launcher import (
    OUT_OF_MEMORY,
    UNKNOWN_END,
    EngineEnd,
    EngineInfo,
    Launched,
    LauncherError,
    LaunchSpec,
)
from vwe_dagster.pool.launchers.children import CHILDREN
from vwe_dagster.pool.launchers.digest import digest_of
from vwe_dagster.pool.launchers.identity import age_s, exit_code_of_zombie, is_running, start_time_of
from vwe_dagster.pool.launchers.logs import EngineLogs, shows_out_of_memory
from vwe_dagster.pool.launchers.socket_dirs import (
    SOCKET,
    create_socket_dir,
    engines_with_socket_dirs,
    remove_socket_dir,
    write_token,
)
from vwe_dagster.pool.settings import PoolSettings

COMMAND = (sys.executable, "-m", "vwe_dagster.engine")
"""Starts the native engine of this installation."""

_LOOPBACK = "127.0.0.1"
_END_S = 20.0
"""How long a killed process may take to be gone; it takes milliseconds, unless it waits for a broken disk."""

_SHOWS_S = 2.0
_EXIT_LOOKS = 20
_EXIT_POLL_S = 0.01
_POLL_S = 0.002


class ProcessLauncher:
    """Starts engines as processes of this machine and finds them again from any process of the same user."""

    def __init__(self, settings: PoolSettings, *, folder: Path, pool_id: str, command: Sequence[str] = COMMAND) -> None:
        """Starts nothing.

        Args:
            settings: those of the pool.
            folder: the folder of the pool, for the engines' logs.
            pool_id: what the names of the pool's engines begin with.
            command: the program of an engine; where to listen, its name and its idle time are added.
        """
        self._settings = settings
        self._pool_id = pool_id
        self._command = tuple(command)
        self._logs = EngineLogs(folder)

    @functools.cached_property
    def digest(self) -> str:
        """See :attr:`vwe_dagster.pool.launcher.Launcher.digest`."""
        return digest_of(
            launcher="process",
            command=self._command,
            memory=self._settings.memory_limit_bytes,
            connection=self._settings.connection,
            idle_s=self._settings.idle_s,
            version=NATIVE.version,
            numba=importlib.metadata.version("numba"),
            kernels=sources_digest(PACKAGE / "worldgen" / "__init__.py"),
        )

    def launch(self, spec: LaunchSpec) -> Launched:
        """Starts an engine; see :meth:`vwe_dagster.pool.launcher.Launcher.launch`."""
        if any(info.engine == spec.engine for info in self.engines()):
            raise LauncherError(f"There is an engine {spec.engine} already; every engine has a name of its own.")
        with self._logs.starting():
            try:
                return self._start(spec.engine)
            except BaseException:
                self.end(spec.engine, None)
                self._logs.remove(spec.engine)
                raise

    def running(self, launched: Launched) -> bool:
        """Whether the engine's process is there, and no zombie."""
        return _is_running(launched.handle)

    def why_ended(self, launched: Launched) -> EngineEnd:
        """Return why an engine ended; it is unknown if the process that started it ended first."""
        if shows_out_of_memory(self._logs.tail(_parsed(launched.handle)[2], 1)):
            return OUT_OF_MEMORY
        code = self._exit_code(launched.handle)
        if code is None:
            return UNKNOWN_END
        return EngineEnd(f"exit code {code}") if code >= 0 else EngineEnd.by_signal(-code)

    def end(self, engine: str, launched: Launched | None) -> None:
        """Kill the engine's process and its session, wait until it is gone, and remove its socket directory.

        Raises:
            LauncherError: the process does not go away, for the system keeps it waiting.
        """
        handles = [launched.handle] if launched else [info.handle for info in self.engines() if info.engine == engine]
        for handle in handles:
            _kill(handle)
        remove_socket_dir(engine)

    def engines(self) -> list[EngineInfo]:
        """Every engine of this pool that has a process."""
        CHILDREN.reap()
        return [
            EngineInfo(engine, _handle(pid, engine), running=True, age_s=age_s(pid))
            for engine, pid in self._processes()
        ]

    def log(self, engine: str, *, lines: int) -> str:
        """The last lines an engine has written, also after its end."""
        return self._logs.tail(engine, lines)

    def memory_bytes(self, launched: Launched) -> int | None:
        """The resident memory of the engine's process."""
        if not _is_running(launched.handle):
            return None
        try:
            return int(psutil.Process(_parsed(launched.handle)[0]).memory_info().rss)
        except psutil.Error:
            return None

    def remove_logs(self, keep: set[str]) -> None:
        """Remove the logs and socket directories of engines that are not in ``keep`` and no longer exist."""
        left = self._logs.remove_others(
            keep,
            alive=lambda: {name for name, _ in self._processes()},
            others=lambda: set(filter(self._is_ours, engines_with_socket_dirs(self._pool_id))),
        )
        for engine in left:
            remove_socket_dir(engine)

    def _start(self, engine: str) -> Launched:
        log = self._logs.open(engine)
        socket_dir = create_socket_dir(engine)
        try:
            address, bearer, listening = self._listening(socket_dir)
            process = subprocess.Popen(  # noqa: S603  the command is the pool's own
                [
                    *self._command,
                    *listening,
                    "--name",
                    engine,
                    "--idle-exit-minutes",
                    f"{self._settings.idle_s / 60:g}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                close_fds=True,
                start_new_session=True,
            )
        except OSError as error:
            raise LauncherError(
                f"The engine's command {self._command[0]} cannot be started ({error.strerror}); "
                "install the project again, or name a command that exists."
            ) from error
        finally:
            os.close(log)
        handle = _handle(process.pid, engine)
        CHILDREN.adopt(handle, process, functools.partial(self._logs.save_exit_code, engine))
        _await_command_line(process.pid)
        _limit_memory(process.pid, self._settings.memory_limit_bytes)
        return Launched(handle, address, bearer)

    def _exit_code(self, handle: str) -> int | None:
        """Return the exit code of an engine, which its parent learns and then keeps beside the engine's log."""
        pid, start_time, engine = _parsed(handle)
        for _ in range(_EXIT_LOOKS):
            codes = (CHILDREN.exit_code(handle), exit_code_of_zombie(pid, start_time), self._logs.exit_code(engine))
            known = next((code for code in codes if code is not None), None)
            if known is not None:
                return known
            time.sleep(_EXIT_POLL_S)
        return None

    def _listening(self, socket_dir: Path) -> tuple[str, str | None, list[str]]:
        """Where a new engine is to answer: the address, the bearer token, and the arguments that tell it so."""
        if self._settings.connection == "unix":
            return f"unix:{socket_dir / SOCKET}", None, ["--socket", str(socket_dir / SOCKET)]
        bearer = secrets.token_urlsafe(32)
        token_file = write_token(socket_dir, bearer)
        port = _reserve_port()
        return f"http://{_LOOPBACK}:{port}", bearer, ["--tcp", f"{_LOOPBACK}:{port}", "--token-file", str(token_file)]

    def _processes(self) -> Iterator[tuple[str, int]]:
        """The engines of this pool with the ids of the processes that lead their sessions."""
        for process in psutil.process_iter():
            try:
                command = process.cmdline()
                # What an engine starts, or a process that is about to become an engine, leads no session.
                if "--name" not in command[:-1] or os.getsid(process.pid) != process.pid:
                    continue
            except (psutil.Error, OSError):
                continue
            engine = command[command.index("--name") + 1]
            if self._is_ours(engine):
                yield engine, process.pid

    def _is_ours(self, engine: str) -> bool:
        return re.fullmatch(rf"{re.escape(self._pool_id)}-\d+-\d+", engine) is not None


def _handle(pid: int, engine: str) -> str:
    return f"{pid}:{start_time_of(pid)}:{engine}"


def _parsed(handle: str) -> tuple[int, str, str]:
    """The process id, when the process started, and the engine's name."""
    pid, start_time, engine = handle.split(":")
    return int(pid), start_time, engine


def _is_running(handle: str) -> bool:
    CHILDREN.reap()
    pid, start_time, _ = _parsed(handle)
    return is_running(pid, start_time)


def _await_command_line(pid: int) -> None:
    """Wait until a process that has begun its program shows its command line, by which others find it.

    Linux shows an empty one until the program's memory is set up, a moment after :class:`subprocess.Popen` returns.
    """
    deadline = time.monotonic() + _SHOWS_S
    with contextlib.suppress(psutil.Error, OSError):
        while time.monotonic() < deadline and not psutil.Process(pid).cmdline():
            time.sleep(_POLL_S)


def _limit_memory(pid: int, limit: int) -> None:
    """Limits what a process may have of its own; a limit on addresses would stop numba, which reserves many."""
    if sys.platform == "linux":
        try:
            process = psutil.Process(pid)
            hard = process.rlimit(psutil.RLIMIT_DATA)[1]
            least = limit if hard == psutil.RLIM_INFINITY else min(limit, hard)
            process.rlimit(psutil.RLIMIT_DATA, (least, least))
        except psutil.NoSuchProcess:
            return


def _kill(handle: str) -> None:
    pid = _parsed(handle)[0]
    if _is_running(handle):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    deadline = time.monotonic() + _END_S
    while _is_running(handle):
        if time.monotonic() > deadline:
            raise LauncherError(
                f"The engine's process {pid} was killed and does not end; see what the system waits for."
            )
        time.sleep(_POLL_S)


def _reserve_port() -> int:
    """A free port of the loopback interface that nobody else is given for a minute.

    The port has just closed a connection: the system keeps it from those who ask for any port, while a server, which
    asks for this one with SO_REUSEADDR, gets it.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_LOOPBACK, 0))
        listener.listen(1)
        port = int(listener.getsockname()[1])
        with socket.create_connection((_LOOPBACK, port)) as client:
            accepted, _ = listener.accept()
            accepted.close()
            client.recv(1)
    return port
