"""Run engines as detached processes of this machine, each in its own session and identified by its command line."""

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
    LaunchedEngine,
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
"""The command of this installation's native engine."""

_LOOPBACK = "127.0.0.1"
_END_S = 20.0
"""Seconds to wait for the end of a killed process: usually milliseconds, longer if it waits for a broken disk."""

_COMMAND_LINE_S = 2.0
_EXIT_TRIES = 20
_EXIT_POLL_S = 0.01
_POLL_S = 0.002


class ProcessLauncher:
    """Starts engines as processes of this machine; any process of the same user can find them."""

    def __init__(self, settings: PoolSettings, *, folder: Path, pool_id: str, command: Sequence[str] = COMMAND) -> None:
        """Store the settings; start no process.

        Args:
            settings: the settings of the pool.
            folder: the folder of the pool, for the engines' logs.
            pool_id: the prefix of the names of the pool's engines.
            command: the program of an engine. Its address, name and idle time are appended.
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

    def launch(self, spec: LaunchSpec) -> LaunchedEngine:
        """Start an engine; see :meth:`vwe_dagster.pool.launcher.Launcher.launch`."""
        if any(info.engine == spec.engine for info in self.engines()):
            raise LauncherError(f"The engine {spec.engine} already exists; engine names must be unique.")
        with self._logs.starting():
            try:
                return self._start(spec.engine)
            except BaseException:
                self.end(spec.engine, None)
                self._logs.remove(spec.engine)
                raise

    def running(self, launched: LaunchedEngine) -> bool:
        """Return whether the engine's process exists and is not a zombie."""
        return _is_running(launched.handle)

    def cause_of_end(self, launched: LaunchedEngine) -> EngineEnd:
        """Return why an engine ended; unknown if the process that started it ended first."""
        if shows_out_of_memory(self._logs.tail(_parsed(launched.handle)[2], 1)):
            return OUT_OF_MEMORY
        code = self._exit_code(launched.handle)
        if code is None:
            return UNKNOWN_END
        return EngineEnd(f"exit code {code}") if code >= 0 else EngineEnd.by_signal(-code)

    def end(self, engine: str, launched: LaunchedEngine | None) -> None:
        """Kill the engine's process and its session, wait for their end, and remove the engine's socket directory.

        Raises:
            LauncherError: the process was killed and still exists after 20 s, because a system call blocks it.
        """
        handles = [launched.handle] if launched else [info.handle for info in self.engines() if info.engine == engine]
        for handle in handles:
            _kill(handle)
        remove_socket_dir(engine)

    def engines(self) -> list[EngineInfo]:
        """Return every engine of this pool that has a process."""
        CHILDREN.reap()
        return [
            EngineInfo(engine, _handle(pid, engine), running=True, age_s=age_s(pid))
            for engine, pid in self._processes()
        ]

    def log(self, engine: str, *, lines: int) -> str:
        """Return the last log lines of an engine, also after its end."""
        return self._logs.tail(engine, lines)

    def memory_bytes(self, launched: LaunchedEngine) -> int | None:
        """Return the resident memory of the engine's process in bytes; None if it does not run."""
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

    def _start(self, engine: str) -> LaunchedEngine:
        log = self._logs.open(engine)
        socket_dir = create_socket_dir(engine)
        try:
            address, bearer, listening = self._listening(socket_dir)
            process = subprocess.Popen(  # noqa: S603  the command is a setting of the pool
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
                "reinstall the project, or use an existing command."
            ) from error
        finally:
            os.close(log)
        handle = _handle(process.pid, engine)
        CHILDREN.adopt(handle, process, functools.partial(self._logs.save_exit_code, engine))
        _await_command_line(process.pid)
        _limit_memory(process.pid, self._settings.memory_limit_bytes)
        return LaunchedEngine(handle, address, bearer)

    def _exit_code(self, handle: str) -> int | None:
        """Return the exit code of an engine: from its parent, from the zombie, or from the file beside its log."""
        pid, start_time, engine = _parsed(handle)
        for _ in range(_EXIT_TRIES):
            codes = (CHILDREN.exit_code(handle), exit_code_of_zombie(pid, start_time), self._logs.exit_code(engine))
            known = next((code for code in codes if code is not None), None)
            if known is not None:
                return known
            time.sleep(_EXIT_POLL_S)
        return None

    def _listening(self, socket_dir: Path) -> tuple[str, str | None, list[str]]:
        """Return the address of a new engine, its bearer token, and the arguments that set both."""
        if self._settings.connection == "unix":
            return f"unix:{socket_dir / SOCKET}", None, ["--socket", str(socket_dir / SOCKET)]
        bearer = secrets.token_urlsafe(32)
        token_file = write_token(socket_dir, bearer)
        port = _reserve_port()
        return f"http://{_LOOPBACK}:{port}", bearer, ["--tcp", f"{_LOOPBACK}:{port}", "--token-file", str(token_file)]

    def _processes(self) -> Iterator[tuple[str, int]]:
        """Yield the engines of this pool and the process ids of their session leaders."""
        for process in psutil.process_iter():
            try:
                command = process.cmdline()
                # Children of an engine, and forks that have not yet become an engine, do not lead a session.
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
    """Return the process id, the start time of the process, and the name of the engine."""
    pid, start_time, engine = handle.split(":")
    return int(pid), start_time, engine


def _is_running(handle: str) -> bool:
    CHILDREN.reap()
    pid, start_time, _ = _parsed(handle)
    return is_running(pid, start_time)


def _await_command_line(pid: int) -> None:
    """Wait until a new process shows its command line, by which other processes find it.

    Linux shows an empty command line until the program's memory is set up, shortly after :class:`subprocess.Popen`
    returns.
    """
    deadline = time.monotonic() + _COMMAND_LINE_S
    with contextlib.suppress(psutil.Error, OSError):
        while time.monotonic() < deadline and not psutil.Process(pid).cmdline():
            time.sleep(_POLL_S)


def _limit_memory(pid: int, limit: int) -> None:
    """Limit the data segment of a process; a limit on address space would stop numba, which reserves a lot of it."""
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
                f"The engine's process {pid} was killed and still exists after {_END_S:g} s; check for a blocked disk."
            )
        time.sleep(_POLL_S)


def _reserve_port() -> int:
    """Return a free port of the loopback interface that the system assigns to no other process for a minute.

    The port has just closed a connection. The system therefore does not hand it out as an ephemeral port, while a
    server can still bind it with SO_REUSEADDR.
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
