"""Start real engine processes for tests, on a socket in a temporary folder."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from vwe_dagster.engine.client import EngineClient
from vwe_dagster.engine.connections import EngineUnreachableError
from vwe_dagster.engine.protocol import EngineState, GridRequest, JobRequest, Status

NATIVE_ENGINE = "vwe_dagster.engine"
SIMPLE_ENGINE = "vwe_dagster_tests.engine.simple_engine"
"""The programs of engines, as modules."""

BEARER = "a-token-for-tests-only"
PATIENCE_S = 60.0
LAYERS = ("biome", "height")

_NUMBERS = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class RunningEngine:
    """An engine process with its address and log file."""

    process: subprocess.Popen[bytes]
    address: str
    bearer: str | None
    log: Path

    def client(self) -> EngineClient:
        return EngineClient(self.address, bearer=self.bearer)


@contextlib.contextmanager
def running_engine(
    *arguments: str, program: str = NATIVE_ENGINE, tcp: bool = False, memory_bytes: int | None = None
) -> Iterator[RunningEngine]:
    """Yield an engine that answers; end it and remove its files afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="vwe-") as folder,
        started_engine(Path(folder), *arguments, program=program, tcp=tcp, memory_bytes=memory_bytes) as engine,
    ):
        with engine.client() as client:
            # Each try takes processor time from the engine that starts.
            wait_until(lambda: is_answering(client), every_s=0.05)
        yield engine


@contextlib.contextmanager
def started_engine(
    folder: Path,
    *arguments: str,
    program: str = NATIVE_ENGINE,
    tcp: bool = False,
    memory_bytes: int | None = None,
) -> Iterator[RunningEngine]:
    """Yield an engine that may not answer yet; on TCP, its port is known."""
    token, log = folder / "token", folder / "log"
    token.write_text(BEARER)
    where = ["--tcp", "127.0.0.1:0", "--token-file", str(token)] if tcp else ["--socket", str(folder / "engine.sock")]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-m", program, *where, *arguments], stderr=stream, env=environment)
    try:
        if memory_bytes is not None:
            resource.prlimit(process.pid, resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        address = f"unix:{folder / 'engine.sock'}"
        if tcp:
            wait_until(lambda: "Ready at" in log.read_text() or process.poll() is not None)
            match = re.search(r"Ready at (http://\S+)", log.read_text())
            assert match is not None, log.read_text()
            address = match[1]
        yield RunningEngine(process, address, BEARER if tcp else None, log)
    finally:
        process.kill()
        process.wait()


def is_answering(client: EngineClient) -> Status | None:
    try:
        return client.status(timeout_s=PATIENCE_S)
    except EngineUnreachableError:
        return None


def has_started(client: EngineClient) -> bool:
    """Return True if an engine answers and is ready or broken."""
    status = is_answering(client)
    return status is not None and status.state is not EngineState.STARTING


def wait_until(is_true: Callable[[], object], patience_s: float = PATIENCE_S, *, every_s: float = 0.01) -> None:
    """Wait for a condition, checked every ``every_s`` seconds, at most ``patience_s`` seconds.

    Raises:
        AssertionError: the condition did not become true.
    """
    begun = time.monotonic()
    while not is_true():
        assert time.monotonic() - begun < patience_s, "the condition did not become true"
        time.sleep(every_s)


def next_number() -> int:
    """Return a new number for each call, above the tokens that other processes used on the engine."""
    return time.time_ns() // 1_000_000 + next(_NUMBERS)


def a_job(
    token: int, *, size: int = 64, seed: int = 1, deadline_s: float = 60, layers: tuple[str, ...] = LAYERS
) -> JobRequest:
    return JobRequest(
        token=token,
        job_id=f"job-{next_number()}",
        seed=seed,
        world_gen_version=2,
        grid=GridRequest(size=size),
        layers=layers,
        deadline_s=deadline_s,
    )
