"""The command ``vwe`` in a temporary home, as a separate process or within this one."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from unittest import mock

import dagster as dg
import pytest

from vwe_dagster.cli.entry import main
from vwe_dagster.store import STAGES, WorldStore
from vwe_dagster.store.name_links import LOCK_NAME

PATIENCE_S = 240
"""Time limit of a command on a busy machine without compiled terrain kernels."""

ENGINES_IDLE_MINUTES = "0.2"
"""Engines that tests leave behind end by themselves after this time."""


@dataclasses.dataclass(frozen=True)
class Vwe:
    """``vwe`` in a home.

    Attributes:
        home: the home folder.
        settings: variables of the environment, such as the pool's settings.
    """

    home: Path
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of the tests, without variables that select another home or pool."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name != "DAGSTER_HOME" and not name.startswith("VWE_POOL_")
        }
        return {**inherited, "VWE_POOL_IDLE_MINUTES": ENGINES_IDLE_MINUTES, **self.settings, "VWE_HOME": str(self.home)}

    @property
    def store(self) -> WorldStore:
        return WorldStore(self.home / "data")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end in a separate process."""
        return subprocess.run(
            self._command(arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end within this process, which saves loading Dagster and the kernels again."""
        with (
            mock.patch.dict(os.environ, self.environment, clear=True),
            mock.patch.object(sys, "argv", ["vwe", *_without_locations(arguments)]),
            tempfile.TemporaryFile("w+", encoding="utf-8") as out,
            tempfile.TemporaryFile("w+", encoding="utf-8") as err,
        ):
            thresholds = gc.get_threshold()
            # Files with descriptors, because the command duplicates that of standard error.
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
                main()
            gc.set_threshold(*thresholds)
            for file in (out, err):
                file.seek(0)
            return subprocess.CompletedProcess(arguments, int(end.value.code or 0), out.read(), err.read())

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a new process group, with a terminal's handling of signals."""
        return subprocess.Popen(
            ["env", "--default-signal=INT,TERM", *self._command(arguments)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @contextlib.contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Yield the home's Dagster instance."""
        with dg.DagsterInstance.from_config(str(self.home / ".dagster")) as instance:
            yield instance

    def files(self) -> dict[str, tuple[int, int, bytes]]:
        """Return inode, modification time and content of every file in the data folder, by path; without the lock."""
        return {
            str(path.relative_to(self.home)): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes())
            for path in sorted((self.home / "data").rglob("*"))
            if path.is_file() and path.name != LOCK_NAME
        }

    def partial_stages(self) -> list[str]:
        """Return the faults of visible stages; hidden entries belong to stages that are being built."""
        seen = [path for path in (self.home / "data").glob("seeds/*/*") if not path.name.startswith(".")]
        whole = {
            self.store.folder(seed, stage)
            for seed in self.store.seeds()
            for stage in STAGES
            if not self.store.damaged(seed, stage)
        }
        return [str(path) for path in seen if path not in whole]

    @staticmethod
    def _command(arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "vwe_dagster.cli", *_without_locations(arguments)]


def kill(process: subprocess.Popen[str], number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process and its children, and wait for its end."""
    os.killpg(process.pid, number)
    process.communicate(timeout=PATIENCE_S)


def _without_locations(arguments: Sequence[str]) -> list[str]:
    """Add an option against locations to a command unless it requests them, because placing takes longest."""
    words = list(arguments)
    return (
        ["world", "--locations", "none", *words[1:]] if words[:1] == ["world"] and "--locations" not in words else words
    )
