"""The built plugin, loaded by a host that simulates the game under mono.

Without mono the tests are skipped, but on a CI machine they fail.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from filelock import FileLock

from vwe_dagster_tests.engine.engines import BEARER, RunningEngine, has_started, wait_until

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "valheim"
FEW_SECONDS = "0.5"
"""Time limit for the stand-in to stop; the real game may take longer."""


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the plugin and its hosts, built once for all tests of this run."""
    for program in ("mcs", "mono"):
        if shutil.which(program) is None:
            unavailable(f"{program} is not installed (Debian's mono-mcs and mono-runtime)")
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    built = shared / "valheim-plugin"
    with FileLock(shared / "valheim-plugin.lock"):
        if not built.exists():
            building = shared / "valheim-plugin-building"
            subprocess.run([str(DEPLOY / "plugin" / "build.sh"), str(building)], check=True)
            building.rename(built)
    return built


@dataclasses.dataclass(frozen=True)
class PlayedEngine(RunningEngine):
    """The process of a host that simulates the game for the plugin."""

    def play(self, fault: str) -> None:
        """Add a fault to the host, such as ``stall`` or ``slow=20``."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{fault}\n".encode())
        self.process.stdin.flush()
        wait_until(lambda: f"[Host] {fault}\n" in self.log.read_text())


@contextlib.contextmanager
def started_plugin(plugin: Path, *, host: str = "host", **variables: str) -> Iterator[PlayedEngine]:
    """Yield the plugin in a game that may not be ready yet; its variables are ``ENGINE_…`` and ``HOST_…``."""
    with tempfile.TemporaryDirectory(prefix="vwe-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                ["mono", str(plugin / host / "host.exe"), str(plugin / "Vwe.Engine.dll")],
                stdin=subprocess.PIPE,
                stderr=stream,
                env=_environment(variables),
            )
        try:
            wait_until(lambda: "Ready at" in log.read_text() or process.poll() is not None)
            match = re.search(r"Ready at (http://\S+)", log.read_text())
            yield PlayedEngine(process, match[1] if match else "", BEARER, log)
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def running_plugin(plugin: Path, **options: str) -> Iterator[PlayedEngine]:
    """Yield the plugin in a game that is ready or broken."""
    with started_plugin(plugin, **options) as engine:
        with engine.client() as client:
            wait_until(lambda: has_started(client))
        yield engine


def unavailable(reason: str) -> None:
    """Skip a test, or fail it on a CI machine."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    given = {"ENGINE_TOKEN": BEARER, "ENGINE_LISTEN": "127.0.0.1:0", "ENGINE_STOP_S": FEW_SECONDS, **variables}
    return {**os.environ, **{f"VWE_{name}": text for name, text in given.items()}}
