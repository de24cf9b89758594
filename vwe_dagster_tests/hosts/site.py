"""A center and hosts on this machine for tests: Redis, Dagster's daemon, and workers with homes of their own."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import yaml
from dagster_graphql.cli import execute_query

import vwe_dagster.hosts
from vwe_dagster.config.home import INSTANCE_VARIABLE, find_home
from vwe_dagster.defs.dagster_private import WorkspaceFileTarget, WorkspaceProcessContext
from vwe_dagster.defs.partitions import run_tags, seeds, survey_blocks
from vwe_dagster.hosts.host_reports import HostReport, HostReports, HostState
from vwe_dagster.hosts.redis_connection import connect
from vwe_dagster.hosts.run_leases import RunLease, RunLeases
from vwe_dagster.store import WorldStore
from vwe_dagster.store.stage_counts import StageCounts
from vwe_dagster_tests.hosts.redis_server import RedisServer, running_redis

PATIENCE_S = 240.0
"""Time limit of a step on a busy machine."""

SHARED = Path(vwe_dagster.hosts.__file__).parent / "dagster.yaml"

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""


def wait_until(condition: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> float:
    """Wait until a condition holds, and return the seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, f"waited {within_s:g} s for: {what}"
        time.sleep(0.2)
    return time.monotonic() - began


@dataclasses.dataclass
class Postgres:
    """A Postgres server of its own.

    Attributes:
        folder: the folder of its data, socket and log.
        port: its port on loopback.
    """

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql+psycopg2://dagster@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """Create the database. Postgres does not run as root, but as its own user."""
        self.folder.mkdir(parents=True)
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self._run("initdb", "--pgdata", str(self.folder / "data"), "--username", "dagster", "--auth", "trust")

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder}"
        self._control("start", "--options", options, "--log", str(self.folder / "log"))

    def stop(self) -> None:
        """End the server and every connection; its data stays."""
        self._control("stop", "--mode", "fast")

    @property
    def _user(self) -> str | None:
        return "postgres" if os.getuid() == 0 else None

    def _control(self, action: str, *options: str) -> None:
        self._run("pg_ctl", action, "--wait", "--silent", "--pgdata", str(self.folder / "data"), *options)

    def _run(self, program: str, *arguments: str) -> None:
        found = shutil.which(program) or max(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{program}")))
        environment = {**os.environ, "HOME": pwd.getpwnam(self._user).pw_dir} if self._user else None
        subprocess.run(
            [found, *arguments],
            check=True,
            user=self._user,
            group=self._user,
            env=environment,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )


@dataclasses.dataclass
class Site:
    """A center and its hosts.

    Attributes:
        folder: the folder of all homes.
        redis: the Redis server.
        postgres: the Postgres server; None for SQLite in a folder that all processes share.
        settings: variables of the environment of all processes, such as the settings of the pools.
    """

    folder: Path
    redis: RedisServer
    postgres: Postgres | None
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    _processes: dict[str, subprocess.Popen[bytes]] = dataclasses.field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "center" / "data"

    @property
    def store(self) -> WorldStore:
        return WorldStore(self.data)

    @property
    def reports(self) -> HostReports:
        return HostReports(connect(self.redis.url))

    @property
    def leases(self) -> RunLeases:
        return RunLeases(connect(self.redis.url))

    def home(self, name: str) -> Path:
        """Return the home of the center or of a host, and create it with the shared data folder."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        if home != self.data.parent and not (home / "data").exists():
            (home / "data").symlink_to(self.data)
        return home

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment of the processes of the center or a host."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("VWE_", "DAGSTER_"))}
        shared = {INSTANCE_VARIABLE: str(self._instance_folder())} if self.postgres is None else {}
        return {
            **inherited,
            **self.settings,
            **shared,
            "VWE_HOME": str(self.home(name)),
            "VWE_BROKER": self.redis.url,
            "VWE_DATABASE": "" if self.postgres is None else self.postgres.url,
            "VWE_POOL_IDLE_MINUTES": "0.5",
            "VWE_POOL_MIN_FREE_DISK_GB": "0",
        }

    def start_daemon(self) -> None:
        """Start Dagster's daemon at the center, with the code location."""
        environment = self.environment("center")
        home = find_home(environment)
        home.prepare_instance()
        environment |= home.environment
        command = ["-m", "dagster._daemon", "run", "--workspace", str(home.workspace)]
        self._start("center", command, environment)

    def start_worker(self, name: str, *, slots: int = 1) -> None:
        """Start a worker; it waits for the center."""
        command = ["-m", "vwe_dagster.cli", "worker", "--name", name, "--slots", str(slots)]
        self._start(name, command, self.environment(name))

    def await_worker(self, name: str) -> None:
        """Wait until a worker works."""
        wait_until(lambda: self.report(name, HostState.WORKING) is not None, f"the worker {name} works")

    def report(self, name: str, state: HostState) -> HostReport | None:
        """Return the report of a host if its running process has written it and it has this state."""
        pid = self._processes[name].pid
        return next((r for r in self.reports.read() if (r.name, r.process, r.state) == (name, pid, state)), None)

    def process(self, name: str) -> subprocess.Popen[bytes]:
        """Return the process of a worker or, as ``center``, of the daemon."""
        return self._processes[name]

    def signal_tree(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a worker and the processes of its runs; its engines are not among them."""
        root = psutil.Process(self._processes[name].pid)
        for process in (root, *(child for child in root.children() if "run_process" in " ".join(child.cmdline()))):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def kill(self, name: str) -> None:
        """Kill a worker or the daemon, and nothing else."""
        self._processes[name].kill()
        self._processes[name].wait(PATIENCE_S)

    def log(self, name: str) -> str:
        """Return the output of a worker or of the daemon."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def run_on(self, host: str) -> RunLease | None:
        """Return a run that a host executes."""
        return next((lease for lease in self.leases.open_leases() if lease.host == host), None)

    def worlds_made(self) -> int:
        """Return the number of worlds that all hosts have published, counted twice if one was published twice."""
        counted = [StageCounts(home / ".vwe" / "tally.sqlite").read() for home in self._homes()]
        return sum(counts.get(("raw", "made"), 0) for counts in counted)

    def end(self) -> None:
        """End every process."""
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE_S)

    @contextlib.contextmanager
    def dagster(self) -> Iterator[Launcher]:
        """Yield access to the Dagster instance and a launcher of runs."""
        environment = self.environment("center")
        home = find_home(environment)
        home.prepare_instance()
        with _environment({**environment, **home.environment}), dg.DagsterInstance.get() as instance:
            target = WorkspaceFileTarget(paths=[str(home.workspace)])
            with WorkspaceProcessContext(instance, workspace_load_target=target) as context:
                yield Launcher(instance, context)

    def _homes(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if (path / ".vwe" / "tally.sqlite").is_file()]

    def _instance_folder(self) -> Path:
        folder = self.folder / "instance"
        folder.mkdir(exist_ok=True)
        settings = yaml.safe_load(SHARED.read_text(encoding="utf-8"))
        for storage in ("run_storage", "schedule_storage", "event_log_storage"):
            del settings[storage]
        (folder / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        return folder

    def _start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, *command], env=environment, stdout=log, stderr=log, start_new_session=True
            )


@dataclasses.dataclass
class Launcher:
    """Launches runs as Dagster's pages do.

    Attributes:
        instance: the Dagster instance of the site.
        context: its workspace.
    """

    instance: dg.DagsterInstance
    context: WorkspaceProcessContext

    def worlds(self, keys: Sequence[str], *, size: int, queue: str | None = None) -> str:
        """Request the worlds of registered seeds in one run, and return the id of the run."""
        self.instance.add_dynamic_partitions(str(seeds.name), list(keys))
        tags = {**run_tags(keys), **({"dagster-celery/queue": queue} if queue else {})}
        return self._launch("world", _config(size), tags)

    def stage(self, key: str, asset: str, *, size: int, queue: str) -> str:
        """Request one asset of a registered seed in the queue of a host."""
        config = _config(size) if asset == "raw_export" else {}
        return self._launch("world", config, {**run_tags([key]), "dagster-celery/queue": queue}, asset)

    def survey(self, key: str, *, queue: str) -> str:
        """Request the survey of a block of seeds in the queue of a host."""
        self.instance.add_dynamic_partitions(str(survey_blocks.name), [key])
        return self._launch("survey_block", {}, {**run_tags([key]), "dagster-celery/queue": queue})

    def status(self, run: str) -> dg.DagsterRunStatus:
        """Return the status of a run."""
        (found,) = self.instance.get_runs(dg.RunsFilter(run_ids=[run]))
        return found.status

    def await_end(self, *runs: str, within_s: float = PATIENCE_S) -> list[dg.DagsterRunStatus]:
        """Wait until runs have ended, and return their statuses."""
        ended = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
        wait_until(lambda: all(self.status(run) in ended for run in runs), f"{len(runs)} runs end", within_s)
        return [self.status(run) for run in runs]

    def _launch(self, job: str, config: dict[str, Any], tags: Mapping[str, str], asset: str | None = None) -> str:
        (location,) = self.context.create_request_context().code_location_names
        selector = {
            "repositoryLocationName": location,
            "repositoryName": "__repository__",
            "pipelineName": job,
            **({"assetSelection": [{"path": [asset]}], "assetCheckSelection": []} if asset else {}),
        }
        execution = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        params = {"selector": selector, "runConfigData": config, "mode": "default", "executionMetadata": execution}
        result = execute_query(self.context, _LAUNCH, variables={"params": params})
        launched = result["data"]["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])


def _config(size: int) -> dict[str, Any]:
    return {"ops": {"raw_export": {"config": {"size": size, "locations": "NONE"}}}}


@contextlib.contextmanager
def running_site(folder: Path, *, with_postgres: bool = False, **settings: str) -> Iterator[Site]:
    """Yield a site with its servers and without processes of Dagster, and end all its processes afterwards.

    Args:
        folder: an empty folder.
        with_postgres: whether Dagster stores its records in Postgres, as real sites do.
        settings: variables of the environment of all processes.
    """
    with running_redis(folder / "redis") as redis, contextlib.ExitStack() as stack:
        postgres = None
        if with_postgres:
            with socket.create_server(("127.0.0.1", 0)) as probe:
                postgres = Postgres(folder / "postgres", probe.getsockname()[1])
            postgres.create()
            postgres.start()
            stack.callback(postgres.stop)
        site = Site(folder, redis, postgres, settings)
        stack.callback(site.end)
        yield site


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
