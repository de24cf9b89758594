"""Every port that the project opens: behind the guard, bounded, and the only one of its processes."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from vwe_dagster_tests.command import PATIENCE_S, Vwe
from vwe_dagster_tests.engine.engines import BEARER, wait_until

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[2]
HALF_SENT = 1300
DEPLOYED = "deployed web server"
FOREIGN = [
    {"host": "evil.example"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]


@dataclasses.dataclass(frozen=True)
class Port:
    """A command that listens.

    Attributes:
        arguments: of Python, with ``PORT`` and ``FOLDER`` to be filled in.
        path: what it serves.
    """

    arguments: str
    path: str


@dataclasses.dataclass(frozen=True)
class Listening:
    """A command that listens, with its port, its process, and the file with its output."""

    kind: Port
    number: int
    process: subprocess.Popen[bytes]
    log: Path


PORTS = {
    "ui": Port("-m vwe_dagster.cli ui --port PORT", "/server_info"),
    DEPLOYED: Port("-m vwe_dagster.instance.web_server --port PORT --workspace FOLDER/empty.yaml", "/server_info"),
    "serve": Port("-m vwe_dagster.cli serve --port PORT", "/worlds.json"),
    "metrics": Port("-m vwe_dagster.cli metrics serve --port PORT", "/metrics"),
    "engine": Port("-m vwe_dagster.cli engine serve --tcp 127.0.0.1:PORT --token-file FOLDER/token", "/v1/status"),
}


@pytest.fixture(scope="module", params=PORTS)
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    """Start a command that listens, and stop it at the end."""
    kind, folder = PORTS[request.param], tmp_path_factory.mktemp("ports")
    (folder / "token").write_text(BEARER)
    (folder / "empty.yaml").write_text("load_from: []")
    (folder / ".dagster").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number = probe.getsockname()[1]
    arguments = kind.arguments.replace("PORT", str(number)).replace("FOLDER", str(folder)).split()
    environment = Vwe(folder).environment
    if request.param == DEPLOYED:
        environment["DAGSTER_HOME"] = str(folder / ".dagster")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["env", "--default-signal=INT,TERM", sys.executable, *arguments],
            # Dagster warns in a folder that has a dagster.yaml.
            cwd=CHECKOUT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until(lambda: process.poll() is not None or answers(kind, number), PATIENCE_S, every_s=0.2)
        assert process.poll() is None, (folder / "log").read_text()
        yield Listening(kind, number, process, folder / "log")
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_running(group: int) -> bool:
    """Return whether a process of a group runs."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def get(kind: Port, number: int, headers: dict[str, str]) -> httpx.Response:
    authorization = {"authorization": f"Bearer {BEARER}"}
    return httpx.get(f"http://127.0.0.1:{number}{kind.path}", headers={**authorization, **headers}, timeout=60)


def answers(kind: Port, number: int) -> bool:
    try:
        return get(kind, number, {}).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_request_of_another_sites_page_is_rejected(port: Listening, headers: dict[str, str]) -> None:
    kind, number = port.kind, port.number
    assert get(kind, number, headers).status_code in {400, 401, 403}
    assert get(kind, number, {"origin": f"http://127.0.0.1:{number}", "sec-fetch-site": "same-origin"}).is_success


def test_no_other_port_is_open(port: Listening) -> None:
    process = psutil.Process(port.process.pid)
    processes = [process, *process.children(recursive=True)]
    connections = [connection for process in processes for connection in process.net_connections("inet")]
    assert {connection.laddr for connection in connections if connection.status == psutil.CONN_LISTEN} == {
        ("127.0.0.1", port.number)
    }


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process open as many files as it may: the half-sent requests are its own."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("many_files")
def test_server_answers_while_1300_requests_are_half_sent(port: Listening) -> None:
    kind, number, pid = port.kind, port.number, port.process.pid
    with contextlib.ExitStack() as stack:
        for _ in range(HALF_SENT):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", number), timeout=60))
            client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-")
        assert answers(kind, number)
        assert psutil.Process(pid).num_fds() < 900


def test_endless_head_takes_little_memory(port: Listening) -> None:
    kind, number, pid = port.kind, port.number, port.process.pid
    answers(kind, number)
    before = psutil.Process(pid).memory_info().rss
    for piece in (b"X-A: b\r\n" * 10_000, b"a" * 100_000):
        with socket.create_connection(("127.0.0.1", number), timeout=60) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ")
            with contextlib.suppress(ConnectionError):
                for _ in range(1000):
                    client.sendall(piece)
    assert answers(kind, number)
    assert psutil.Process(pid).memory_info().rss - before < 40 * 1024 * 1024


@pytest.mark.parametrize("port", ["ui"], indirect=True)
def test_ui_reports_when_it_is_ready_and_its_processes_end_with_a_signal(port: Listening) -> None:
    address = f"http://127.0.0.1:{port.number}"
    wait_until(lambda: f"The UI is ready: {address}\n" in port.log.read_text(), PATIENCE_S)
    port.process.send_signal(signal.SIGTERM)
    assert port.process.wait(PATIENCE_S) == 0
    wait_until(lambda: not is_running(port.process.pid), PATIENCE_S)
    shown = port.log.read_text().replace("WARNING:  Invalid HTTP request received.\n", "")
    first = f"Waiting for Dagster to load the project and serve {address}; Ctrl-C stops it.\n"
    assert shown.startswith(first)
    assert f"The page to build worlds is {address}/locations/vwe/asset-groups/world/lineage\n" in shown
    assert "Warning" not in shown
    assert "WARNING" not in shown
    assert "dagster.yaml" not in shown
