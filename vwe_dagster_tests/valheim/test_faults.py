"""Faults of the game: the plugin reports each, still answers, and generates no further world."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import shutil
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vwe_dagster.engine.client import EngineClient, EngineRefusedError
from vwe_dagster.engine.protocol import EngineState, ErrorBody, JobState, JobStatus, Status
from vwe_dagster_tests.engine.engines import BEARER, PATIENCE_S, a_job, wait_until
from vwe_dagster_tests.valheim.stand_in import PlayedEngine, running_plugin, started_plugin

AUTHORIZED = f"Authorization: Bearer {BEARER}"


@pytest.fixture
def engine(plugin: Path) -> Iterator[PlayedEngine]:
    with running_plugin(plugin) as engine:
        yield engine


@pytest.fixture
def client(engine: PlayedEngine) -> Iterator[EngineClient]:
    with engine.client() as client:
        client.claim(1)
        yield client


def finish(client: EngineClient, status: JobStatus) -> JobStatus:
    while status.state is JobState.RUNNING:
        status = client.job(status.job_id, wait_s=30, seen=status.seen)
    return status


def assert_broken(client: EngineClient, reason: str) -> Status:
    """Check that the engine reports why it is broken, and rejects every call except for its status."""
    wait_until(lambda: client.status().state is EngineState.ERROR)
    status = client.status()
    assert status.error is not None
    assert reason in status.error.message
    layers = tuple(layer.name for layer in status.capabilities.layers)
    calls: list[Callable[[], object]] = [lambda: client.claim(2), lambda: client.reset(2)]
    if layers and status.token:
        calls.append(lambda: client.start(a_job(status.token, layers=layers)))
    for refused in calls:
        with pytest.raises(EngineRefusedError, match="destroy it") as error:
            refused()
        assert (error.value.status, error.value.code) == (503, "engine_error")
    return status


def test_stalled_main_thread_ends_a_job_by_its_deadline(client: EngineClient, engine: PlayedEngine) -> None:
    engine.play("stall")
    running = client.start(a_job(1, deadline_s=0.3))
    assert client.status().state is EngineState.GENERATING
    failed = finish(client, running)
    assert failed.error is not None
    assert (failed.state, failed.error.code) == (JobState.FAILED, "deadline")
    assert_broken(client, "does not stop")
    # Dropped work does not begin later: the game is still in its first world.
    engine.play("go_on")
    assert client.job(running.job_id) == failed


def test_main_thread_that_stalls_in_the_switch_ends_a_job_by_its_deadline(
    client: EngineClient, engine: PlayedEngine
) -> None:
    engine.play("stall_in_switch")
    failed = finish(client, client.start(a_job(1, deadline_s=0.3)))
    assert failed.error is not None
    assert failed.error.code == "deadline"
    assert_broken(client, "does not stop")


def test_reset_has_a_time_limit(client: EngineClient, engine: PlayedEngine) -> None:
    engine.play("stall")
    with pytest.raises(EngineRefusedError, match="main thread did not respond within") as error:
        client.reset(1)
    assert (error.value.status, error.value.code) == (500, "reset_failed")
    assert_broken(client, "reset failed")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("throw_in_switch", "the switch failed on request"),
        ("wrong_seed", "the game generated the world of seed 2 instead of 1"),
        ("throw_in_sampling", "the generator failed on request"),
    ],
)
def test_failure_after_the_switch_began_breaks_the_engine(
    client: EngineClient, engine: PlayedEngine, fault: str, reason: str
) -> None:
    engine.play(fault)
    failed = finish(client, client.start(a_job(1)))
    assert failed.error is not None
    assert (failed.state, failed.error.code, failed.layers) == (JobState.FAILED, "engine_failed", ())
    assert reason in failed.error.message
    status = assert_broken(client, reason)
    assert (status.jobs_done, status.token) == (0, 1)
    assert "System.InvalidOperationException: " in engine.log.read_text()


@pytest.mark.parametrize(
    ("fault", "layer", "reason"),
    [
        ("no_number", "rivers", "a point of a river cannot be reported: a number is Infinity, which JSON cannot store"),
        ("no_number", "lakes", "a point of a lake cannot be reported: a number is NaN, which JSON cannot store"),
        (
            "no_number",
            "locations",
            "the location StartTemple cannot be reported: z_m is -Infinity, which JSON cannot store",
        ),
        ("no_names", "locations", "a location has no name"),
        ("long_names=257", "locations", "a location has a name of 257 characters, more than 256: StartTemple+"),
    ],
)
def test_value_that_the_protocol_cannot_represent_fails_the_job(
    plugin: Path, fault: str, layer: str, reason: str
) -> None:
    with running_plugin(plugin, ENGINE_LOCATIONS="regenerate") as engine, engine.client() as client:
        client.claim(1)
        engine.play(fault)
        failed = finish(client, client.start(a_job(1, layers=(layer,))))
        assert failed.error is not None
        assert reason in failed.error.message
        assert_broken(client, reason)


@pytest.mark.parametrize(
    ("fault", "deadline_s", "state"),
    [
        ("go_on", 60, EngineState.EXPORTING),
        ("throw_in_switch", 60, EngineState.ERROR),
        ("stall", 0.3, EngineState.ERROR),
    ],
)
def test_hanging_log_does_not_block_answers(
    client: EngineClient, engine: PlayedEngine, fault: str, deadline_s: float, state: EngineState
) -> None:
    engine.play("stall_log")
    engine.play(fault)
    finish(client, client.start(a_job(1, deadline_s=deadline_s)))
    wait_until(lambda: client.status().state is state)


def test_world_switched_by_another_plugin_is_noticed(client: EngineClient, engine: PlayedEngine) -> None:
    engine.play("slow=5")
    running = client.start(a_job(1, size=128))
    wait_until(lambda: client.job(running.job_id).progress > 0.2)
    engine.play("steal")
    failed = finish(client, running)
    assert failed.error is not None
    assert failed.error.code == "engine_failed"
    assert_broken(client, failed.error.message)


def test_world_switched_between_jobs_is_noticed_before_the_next_job(client: EngineClient, engine: PlayedEngine) -> None:
    finish(client, client.start(a_job(1)))
    engine.play("steal")
    failed = finish(client, client.start(a_job(1)))
    assert failed.error is not None
    assert "the game was in another world than that of seed 1 before the world was switched" in failed.error.message
    assert_broken(client, "another world")


def test_engine_works_after_a_canceled_job(client: EngineClient, engine: PlayedEngine) -> None:
    engine.play("slow=20")
    running = client.start(a_job(1, size=512))
    wait_until(lambda: client.job(running.job_id).progress > 0.2)
    client.cancel(running.job_id)
    assert finish(client, client.job(running.job_id)).state is JobState.CANCELLED
    wait_until(lambda: client.status().state is EngineState.READY)
    engine.play("slow=0")
    assert finish(client, client.start(a_job(1, seed=9))).state is JobState.DONE
    assert client.reset(1).state is EngineState.READY


def test_reset_fails_if_the_stopped_job_breaks_the_engine(plugin: Path) -> None:
    with running_plugin(plugin, ENGINE_STOP_S="30") as engine, engine.client() as client:
        client.claim(1)
        engine.play("wrong_seed")
        engine.play("slow_switch=1000")
        client.start(a_job(1))
        wait_until(lambda: "[Host] switching" in engine.log.read_text())
        with pytest.raises(EngineRefusedError, match="world of seed 2 instead of 1") as error:
            client.reset(1)
        assert (error.value.status, error.value.code) == (500, "reset_failed")
        assert_broken(client, "world of seed 2 instead of 1")


@contextlib.contextmanager
def callers(engine: PlayedEngine, call: str, *headers: str, body: str = "") -> Iterator[list[socket.socket]]:
    """Yield more callers than the engine has threads; they have sent a request and then nothing."""
    host, _, port = engine.address.removeprefix("http://").partition(":")
    request = "\r\n".join((f"{call} HTTP/1.1", f"Host: {host}:{port}", *headers, "", body)).encode()
    with contextlib.ExitStack() as open_:
        calling = [open_.enter_context(socket.create_connection((host, int(port)), PATIENCE_S)) for _ in range(20)]
        for caller in calling:
            caller.sendall(request)
        yield calling


def test_unfinished_requests_do_not_block_other_callers(client: EngineClient, engine: PlayedEngine) -> None:
    with callers(engine, "POST /v1/jobs", AUTHORIZED, "Content-Length: 9", body="{") as slow:
        wait_until(lambda: client.status().state is EngineState.READY)
        assert b"The body did not arrive within 5 s." in slow[0].recv(65536)


@pytest.mark.parametrize("begin", ["{", 65537 * " "])
def test_endless_requests_without_the_token_do_not_block_other_callers(
    client: EngineClient, engine: PlayedEngine, begin: str
) -> None:
    with callers(engine, "POST /v1/jobs", "Content-Length: 9999999", body=begin) as strangers:
        is_over = threading.Event()

        def go_on() -> None:
            while not is_over.wait(0.2):
                for stranger in strangers:
                    with contextlib.suppress(OSError):
                        stranger.sendall(b" ")

        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            going_on = threads.submit(go_on)
            try:
                client.status(timeout_s=PATIENCE_S)
            finally:
                is_over.set()
            going_on.result()


def test_callers_that_never_read_do_not_block_other_callers(client: EngineClient, engine: PlayedEngine) -> None:
    done = finish(client, client.start(a_job(1, size=2048, layers=("height",))))
    with callers(engine, f"GET /v1/jobs/{done.job_id}/layers/height", AUTHORIZED):
        wait_until(lambda: "The caller took less than" in engine.log.read_text())
        assert client.status(timeout_s=PATIENCE_S).state is EngineState.EXPORTING


@pytest.mark.parametrize(
    "request_",
    [
        f"POST /v1/{9999 * 'a'} HTTP/1.1\r\nHost: HOST\r\nContent-Length: 9\r\n\r\n{{",
        f"POST /v1/claim HTTP/1.1\r\nHost: HOST\r\n{AUTHORIZED}\r\nContent-Length: 9\r\n\r\n{{",
    ],
    ids=["stranger", "holder"],
)
def test_disconnected_callers_do_not_fill_the_log(engine: PlayedEngine, request_: str) -> None:
    host, _, port = engine.address.removeprefix("http://").partition(":")
    before = len(engine.log.read_bytes())
    for _ in range(64):
        with socket.create_connection((host, int(port)), PATIENCE_S) as caller:
            caller.sendall(request_.replace("HOST", f"{host}:{port}").encode())
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: "Callers lost so far: 32." in engine.log.read_text())
    assert len(engine.log.read_bytes()) - before < 7 * 500


def test_request_that_the_listener_rejects_is_not_processed(client: EngineClient, engine: PlayedEngine) -> None:
    host, _, port = engine.address.removeprefix("http://").partition(":")
    drain, here = "POST /v1/drain HTTP/1.1", f"Host: {host}:{port}"
    for status, call in (
        (400, ("nonsense",)),
        (400, (drain, "Host: elsewhere", "Content-Length: 0")),
        (411, (drain, here)),
        (501, (drain, here, "Transfer-Encoding: gzip", "Connection: close")),
    ):
        with socket.create_connection((host, int(port)), PATIENCE_S) as caller:
            caller.sendall("\r\n".join((*call, AUTHORIZED, "", "")).encode())
            answer = caller.recv(65536)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"Content-Type: text/html" in answer
    # The listener answers the last two itself and still passes them on, so the plugin counts two lost callers.
    wait_until(lambda: "Callers lost so far: 2." in engine.log.read_text())
    assert not client.status().draining


def test_error_about_half_a_character_is_valid_json(client: EngineClient, engine: PlayedEngine) -> None:
    body = a_job(1, layers=("half",)).model_dump_json(exclude_none=True).replace("half", r"\ud800")
    host, _, port = engine.address.removeprefix("http://").partition(":")
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)) as connection:
        connection.request("POST", "/v1/jobs", body, {"Authorization": f"Bearer {BEARER}"})
        error = ErrorBody.model_validate_json(connection.getresponse().read())
    assert "Unknown layer \ufffd; this engine has biome" in error.message
    assert client.status().job_id is None


def test_connection_is_kept_after_a_rejected_call(engine: PlayedEngine) -> None:
    host, _, port = engine.address.removeprefix("http://").partition(":")
    calls: list[tuple[str, str, bytes | None, str, int]] = [
        ("POST", "/v1/claim", b'{"token": 1}', "another-token-than-that", 401),
        ("HEAD", "/v1/status", None, BEARER, 405),
        ("GET", "/v1/status", None, BEARER, 200),
    ]
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)) as connection:
        for method, path, body, bearer, status in calls:
            connection.request(method, path, body, {"Authorization": f"Bearer {bearer}"})
            answer = connection.getresponse()
            answer.read()
            assert (answer.status, answer.will_close) == (status, False)


def test_first_world_that_differs_after_a_reset_breaks_the_engine(client: EngineClient, engine: PlayedEngine) -> None:
    engine.play("drift")
    with pytest.raises(EngineRefusedError, match="differs from the one at the start") as error:
        client.reset(1)
    assert error.value.code == "reset_failed"
    assert_broken(client, "reset failed")


def test_missing_layer_is_reported_and_the_rest_is_generated(plugin: Path) -> None:
    with running_plugin(plugin, host="host-lacks-forest") as engine, engine.client() as client:
        status = client.status()
        assert status.game is not None
        assert status.game.missing == ("WorldGenerator.GetForestFactor(Vector3)",)
        assert "forest" not in {layer.name for layer in status.capabilities.layers}
        client.claim(1)
        with pytest.raises(EngineRefusedError, match="Unknown layer forest") as error:
            client.start(a_job(1, layers=("height", "forest")))
        assert (error.value.status, error.value.code) == (422, "unknown_layer")
        assert finish(client, client.start(a_job(1))).state is JobState.DONE


def test_plugin_without_the_switch_reports_missing_members(plugin: Path) -> None:
    with running_plugin(plugin, host="host-lacks-initialize") as engine, engine.client() as client:
        status = assert_broken(client, "lacks members that are needed to generate worlds")
        assert status.game is not None
        assert status.game.missing == ("WorldGenerator.Initialize(Object)",)
        assert status.capabilities.layers == ()


def test_foreign_plugins_are_rejected_unless_allowed(plugin: Path) -> None:
    others = "bigger.worlds,chat"
    with running_plugin(plugin, HOST_PLUGINS=others) as engine, engine.client() as client:
        status = assert_broken(client, "bigger.worlds, chat")
        assert status.game is not None
        assert [one.guid for one in status.game.plugins] == ["bigger.worlds", "chat", "vwe.engine"]
    with running_plugin(plugin, HOST_PLUGINS=others, ENGINE_ALLOW_PLUGINS=others) as engine, engine.client() as client:
        assert client.status().state is EngineState.READY


def test_patchers_are_rejected_like_plugins(plugin: Path, tmp_path: Path) -> None:
    game = shutil.copytree(plugin / "host", tmp_path / "host")
    (game / "patchers" / "deep").mkdir(parents=True)
    (game / "patchers" / "deep" / "Bigger Worlds.dll").touch()
    with running_plugin(plugin, host=str(game)) as engine, engine.client() as client:
        status = assert_broken(client, "Plugins that may change worlds are loaded: Bigger Worlds.dll.")
        assert status.game is not None
        assert [(one.guid, one.name) for one in status.game.plugins][1:] == [("Bigger Worlds.dll", "patcher")]
    allowed = {"host": str(game), "ENGINE_ALLOW_PLUGINS": "chat, Bigger Worlds.dll"}
    with running_plugin(plugin, **allowed) as engine, engine.client() as client:
        assert client.status().state is EngineState.READY


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("starve_locations", "locations: the locations of the first world differed"),
        ("long_names=257", "locations: a location has a name of 257"),
    ],
    ids=["that differ a second time", "that the protocol cannot represent"],
)
def test_unreliable_locations_are_not_offered(plugin: Path, fault: str, why: str) -> None:
    with (
        running_plugin(plugin, ENGINE_LOCATIONS="regenerate", HOST_FAULTS=fault) as engine,
        engine.client() as client,
    ):
        status = client.status()
        assert status.state is EngineState.READY
        assert "locations" not in {layer.name for layer in status.capabilities.layers}
        assert status.game is not None
        assert [what for what in status.game.missing if what.startswith(why)]


@pytest.mark.parametrize("variables", [{"ENGINE_IDLE_EXIT_MINUTES": "0.005"}, {}])
def test_drained_or_idle_engine_ends_the_game(plugin: Path, variables: dict[str, str]) -> None:
    with started_plugin(plugin, **variables) as engine, engine.client() as client:
        if not variables:
            client.drain()
        assert engine.process.wait(PATIENCE_S) == 0


def test_starting_engine_is_not_idle(plugin: Path) -> None:
    slow = {"ENGINE_LOCATIONS": "regenerate", "HOST_FAULTS": "slow_switch=2500"}
    with running_plugin(plugin, ENGINE_IDLE_EXIT_MINUTES="0.04", **slow) as engine, engine.client() as client:
        assert client.status().state is EngineState.READY


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ENGINE_TOKEN": ""}, "An engine on TCP needs a token"),
        ({"ENGINE_TOKEN": "short"}, "has no valid token"),
        ({"ENGINE_TOKEN_FILE": "/nowhere/token"}, "cannot be read from /nowhere/token"),
        ({"ENGINE_LISTEN": "8471"}, "write HOST:PORT"),
        ({"ENGINE_LISTEN": "127.0.0.1:70000"}, "write HOST:PORT"),
        ({"ENGINE_WORKERS": "0"}, "write a number from 1 to 64"),
        ({"ENGINE_LOCATIONS": "yes"}, "write off or regenerate"),
        ({"ENGINE_SEED": "1"}, "VWE_ENGINE_SEED is not a setting"),
    ],
)
def test_invalid_setting_ends_the_game_with_an_error(plugin: Path, variables: dict[str, str], message: str) -> None:
    with started_plugin(plugin, **variables) as engine:
        assert engine.process.wait(PATIENCE_S) == 2
        assert message in engine.log.read_text()
