"""The image of Valheim's engine: its scripts, its recipe, and its container with the stand-in in the game's place."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import numpy as np
import pytest

from vwe_dagster.config.pool import valheim_settings_from_environment
from vwe_dagster.conformance.verify import SEEDS, requests_of, verify
from vwe_dagster.engine.client import EngineClient, EngineRefusedError
from vwe_dagster.engine.messages import LINES, PLANES, WorldRequest
from vwe_dagster.pool.errors import PoolError
from vwe_dagster.pool.opening import open_pool, pool_id_of
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.engine.engines import BEARER, PATIENCE_S, wait_until
from vwe_dagster_tests.pool.docker_engine import remove_left_containers, running_container
from vwe_dagster_tests.valheim.stand_in import DEPLOY, ROOT, running_plugin
from vwe_dagster_tests.valheim.terrain import stand_in_world

TOKEN = "a-token-of-the-test"  # noqa: S105
SERVER = f"""#!{sys.executable}
import json, os, pathlib, signal, sys, time
def end(number, frame):
    print("interrupted", flush=True)
    sys.exit(7)
signal.signal(signal.SIGINT, end)
print(json.dumps({{"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}), flush=True)
if "EXIT" in os.environ:
    sys.exit(int(os.environ["EXIT"]))
time.sleep({PATIENCE_S})
"""
"""A server that prints its arguments and environment, and ends with code 7 after an interrupt."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a folder with the image's layout and a server that only prints."""
    home = tmp_path / "valheim"
    (home / "BepInEx" / "core").mkdir(parents=True)
    (home / "BepInEx" / "core" / "BepInEx.Preloader.dll").touch()
    server = home / "valheim_server.x86_64"
    server.write_text(SERVER)
    server.chmod(0o755)
    (tmp_path / "token").write_text(TOKEN)
    return home


def environment(home: Path, **variables: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("VWE_", "VALHEIM_"))}
    return {**kept, "VALHEIM_HOME": str(home), "VALHEIM_SCRATCH": str(home.parent / "scratch"), **variables}


def enter(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(DEPLOY / "entrypoint.sh"), *arguments],
        env=environment(home, **variables),
        capture_output=True,
        text=True,
        check=False,
    )


def pool_arguments(home: Path) -> list[str]:
    """Return the arguments that the pool's launcher passes to an engine on TCP."""
    token_file = str(home.parent / "token")
    return ["--tcp", "0.0.0.0:8471", "--token-file", token_file, "--name", "pool-0-1", "--idle-exit-minutes", "120"]


def test_server_is_started_from_the_pools_arguments(home: Path) -> None:
    ended = enter(home, *pool_arguments(home), EXIT="0")
    assert ended.returncode == 0
    said = json.loads(ended.stdout)
    given = dict(zip(said["arguments"][2::2], said["arguments"][3::2], strict=True))
    assert said["arguments"][:2] == ["-nographics", "-batchmode"]
    assert len(given.pop("-password")) >= 5
    assert given == {
        "-name": "vwe",
        "-port": "2456",
        "-world": "vwe",
        "-public": "0",
        "-savedir": str(home.parent / "scratch/save"),
    }
    variables = said["environment"]
    assert {name: text for name, text in variables.items() if name.startswith("VWE_")} == {
        "VWE_ENGINE_LISTEN": "0.0.0.0:8471",
        "VWE_ENGINE_TOKEN_FILE": str(home.parent / "token"),
        "VWE_ENGINE_NAME": "pool-0-1",
        "VWE_ENGINE_IDLE_EXIT_MINUTES": "120",
    }
    assert TOKEN not in ended.stdout
    assert (variables["SteamAppId"], variables["DOORSTOP_ENABLED"]) == ("892970", "1")
    assert variables["LD_PRELOAD"] == "libdoorstop_x64.so"
    assert Path(variables["DOORSTOP_TARGET_ASSEMBLY"]).is_relative_to(home.parent / "scratch")
    assert Path(variables["DOORSTOP_TARGET_ASSEMBLY"]).exists()
    assert variables["HOME"] == str(home.parent / "scratch/home")
    assert said["folder"] == str(home)


def test_token_file_is_relative_to_the_working_directory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.parent)
    ended = enter(home, "--tcp", "0.0.0.0:8471", "--token-file", "token", EXIT="0")
    token_file = str(home.parent / "token")
    assert json.loads(ended.stdout)["environment"]["VWE_ENGINE_TOKEN_FILE"] == token_file
    assert (home.parent / "scratch" / "listening").read_text() == f"0.0.0.0\n8471\n{token_file}\n"


@pytest.mark.parametrize("code", ["1", "42"])
def test_exit_code_is_that_of_the_server(home: Path, code: str) -> None:
    assert enter(home, *pool_arguments(home), EXIT=code).returncode == int(code)


def test_interrupt_is_passed_to_the_server(home: Path) -> None:
    with subprocess.Popen(
        [str(DEPLOY / "entrypoint.sh"), *pool_arguments(home)],
        env=environment(home),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert process.wait(PATIENCE_S) == 7


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--socket", "/run/vwe/engine.sock"], "set the pool's connection to tcp"),
        (["--gold"], "Unknown argument --gold"),
        (["--tcp"], "--tcp needs a value"),
        (["--token-file", "TOKEN"], "Missing --tcp; pass an address"),
        (["--tcp", "0.0.0.0:8471"], "Missing --token-file"),
        (["--tcp", "0.0.0.0:8471", "--token-file", "/nowhere"], "/nowhere cannot be read"),
        (["--tcp", "0.0.0.0:8471", "--token-file", "/tmp"], "/tmp cannot be read"),  # noqa: S108
    ],
)
def test_invalid_arguments_are_rejected(home: Path, arguments: list[str], said: str) -> None:
    given = [str(home.parent / "token") if word == "TOKEN" else word for word in arguments]
    ended = enter(home, *given)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr


def test_short_password_missing_game_and_full_disk_are_rejected(home: Path) -> None:
    ended = enter(home, *pool_arguments(home), VALHEIM_PASSWORD="abcd")  # noqa: S106
    assert (ended.returncode, "needs at least 5" in ended.stderr) == (2, True)
    assert enter(home, *pool_arguments(home), VALHEIM_PASSWORD="abcde", EXIT="0").returncode == 0  # noqa: S106
    ended = enter(home, *pool_arguments(home), VALHEIM_SCRATCH="/proc/nowhere")
    assert (ended.returncode, "mount a tmpfs there" in ended.stderr) == (2, True)
    (home / "valheim_server.x86_64").unlink()
    ended = enter(home, *pool_arguments(home))
    assert (ended.returncode, "build the image with the game in it" in ended.stderr) == (2, True)


def test_health_check_depends_on_the_engines_status(plugin: Path, tmp_path: Path) -> None:
    def health() -> int:
        command = [str(DEPLOY / "healthcheck.sh")]
        return subprocess.run(command, env=environment(tmp_path / "home"), check=False).returncode

    assert health() != 0
    (tmp_path / "token").write_text(BEARER)
    (tmp_path / "scratch").mkdir()
    with running_plugin(plugin) as engine, engine.client() as client:
        port = engine.address.rpartition(":")[2]
        for host in ("0.0.0.0", "127.0.0.1"):  # noqa: S104
            (tmp_path / "scratch" / "listening").write_text(f"{host}\n{port}\n{tmp_path / 'token'}\n")
            assert health() == 0
        engine.play("stall")
        with pytest.raises(EngineRefusedError):
            client.reset(1)
        assert health() != 0
    assert health() != 0


def test_scripts_and_dockerfiles_pass_the_linters() -> None:
    scripts = [*DEPLOY.rglob("*.sh"), *(ROOT / "deploy" / "dagster").glob("*.sh"), ROOT / ".ci" / "run"]
    recipes = (ROOT / "deploy").rglob("Dockerfile")
    for command in (["shellcheck", *map(str, scripts)], ["hadolint", *map(str, recipes)]):
        program = Path(sys.executable).with_name(command[0])
        checked = subprocess.run([str(program), *command[1:]], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout


def test_dockerfile_pins_its_downloads_and_runs_without_privileges() -> None:
    recipe = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    for pinned in ("VALHEIM_BUILD", "BEPINEX_VERSION", "BEPINEX_SHA256"):
        assert re.search(rf"^ARG {pinned}$", recipe, re.MULTILINE)
        assert f"${{{pinned}:?" in recipe
    assert recipe.count("sha256sum --check") == 2
    final = recipe[recipe.rindex("\nFROM ") :]
    assert "USER 10001:10001\nSTOPSIGNAL SIGINT\nHEALTHCHECK " in final
    settings = valheim_settings_from_environment({"VWE_VALHEIM_POOL_BASE_IMAGE": "vwe-valheim"})
    assert settings is not None
    assert f"--start-period={settings.engine_startup_timeout:.0f}s " in final
    assert "curl" not in final


def test_plugin_has_the_recorded_hash(plugin: Path) -> None:
    """After a change, write ``sha256sum Vwe.Engine.dll``, built with Debian 12's mcs, into the file."""
    if "6.8.0" not in subprocess.run(["mcs", "--version"], capture_output=True, text=True, check=True).stdout:
        pytest.skip("the file depends on the version of mcs; this is not Debian 12's")
    command = ["sha256sum", "--check", str(DEPLOY / "plugin" / "Vwe.Engine.dll.sha256")]
    subprocess.run(command, cwd=plugin, check=True, stdout=subprocess.DEVNULL)


def test_plugin_is_built_against_assemblies_in_another_folder(plugin: Path, tmp_path: Path) -> None:
    built = [str(DEPLOY / "plugin" / "build.sh"), str(tmp_path), str(plugin / "host")]
    subprocess.run(built, check=True)
    assert (tmp_path / "Vwe.Engine.dll").read_bytes() == (plugin / "Vwe.Engine.dll").read_bytes()
    shutil.copytree(plugin / "host", tmp_path / "managed")
    shutil.copy(plugin / "host" / "assembly_utils.dll", tmp_path / "managed" / "BepInEx.dll")
    ended = subprocess.run([*built[:-1], str(tmp_path / "managed")], capture_output=True, check=False)
    assert ended.returncode != 0


FORWARDED = (
    *("object", "System.ValueType", "int", "uint", "float", "string", "void", "System.Nullable<>"),
    *("System.InvalidOperationException", "System.Threading.Thread"),
    "System.Runtime.CompilerServices.RuntimeCompatibilityAttribute",
    "System.Runtime.CompilerServices.CompilationRelaxationsAttribute",
)
"""Types of the runtime's library that the stand-in of UnityEngine.CoreModule uses."""


def test_plugin_is_built_against_assemblies_that_refer_to_netstandard(plugin: Path, tmp_path: Path) -> None:
    """The game's assemblies do, so the compiler needs the facade that forwards to the runtime's library."""
    managed = shutil.copytree(plugin / "host", tmp_path / "managed")
    engine = managed / "UnityEngine.CoreModule.dll"
    engine.write_bytes(engine.read_bytes().replace(b"\0mscorlib\0", b"\0netstand\0"))
    build = [str(DEPLOY / "plugin" / "build.sh"), str(tmp_path / "out"), str(managed)]
    assert subprocess.run(build, capture_output=True, check=False).returncode != 0
    lines = [f"[assembly: System.Runtime.CompilerServices.TypeForwardedTo(typeof({name}))]" for name in FORWARDED]
    source, key = tmp_path / "forwards.cs", tmp_path / "key"
    source.write_text("\n".join(['[assembly: System.Reflection.AssemblyVersion("4.0.0.0")]', *lines]))
    key.write_bytes(bytes.fromhex("00000000000000000400000000000000"))
    forwards = tmp_path / "netstand.dll"
    options = ["-nologo", "-target:library", "-delaysign+", f"-keyfile:{key}", f"-out:{forwards}"]
    subprocess.run(["mcs", *options, str(source)], check=True)
    forwards.rename(managed / "netstandard.dll")
    subprocess.run(build, check=True)
    assert (tmp_path / "out" / "Vwe.Engine.dll").read_bytes() == (plugin / "Vwe.Engine.dll").read_bytes()


@pytest.fixture
def pool_folder(tmp_path: Path, docker_client: docker.DockerClient) -> Iterator[Path]:
    """Return the folder of a pool, and check afterwards that it left no container."""
    yield tmp_path
    assert remove_left_containers(docker_client, pool_id_of(tmp_path)) == []


def test_pool_generates_worlds_with_the_image(game_image: str, pool_folder: Path) -> None:
    settings = PoolSettings(
        engine="valheim",
        launcher="docker",
        base_image=game_image,
        connection="tcp",
        memory_limit="6g",
        max_warm_containers=1,
        min_free_disk_gb=0,
    )
    with open_pool(settings, pool_folder) as pool:
        try:
            for seed in (1, 2):
                request = WorldRequest(seed, Grid.of_world(128), layers=(*PLANES, *LINES))
                export = pool.generate(request)
                export.confirm()
                expected = stand_in_world(request)
                assert export.engine == expected.engine
                for name, plane in expected.planes.items():
                    np.testing.assert_array_equal(export.planes[name], plane)
                assert export.lines == expected.lines
            (slot,) = pool.status().slots
            assert (slot.state, slot.jobs) == ("READY", 2)
            with pool.lease() as lease:
                requests = requests_of(SEEDS, Grid.of_world(64), 2, lease.status().capabilities)
                outcome = verify(lease.generate, requests)
            # It generates the same world twice, but its terrain is not the game's.
            assert outcome.changed == ()
            assert {difference.layer for difference in outcome.worlds[0].differences} >= {"biome", "height"}
            assert outcome.engine.kind == "valheim"
        finally:
            pool.drain()


def test_pool_of_another_kind_rejects_the_image(game_image: str, pool_folder: Path) -> None:
    settings = PoolSettings(
        launcher="docker", base_image=game_image, connection="tcp", max_warm_containers=1, min_free_disk_gb=0
    )
    with open_pool(settings, pool_folder) as pool:
        try:
            with pytest.raises(PoolError, match="its kind is valheim, but the pool requires native"):
                pool.generate(WorldRequest(1, Grid.of_world(64)))
        finally:
            pool.drain()


def test_container_is_healthy_while_its_engine_is(
    game_image: str, docker_client: docker.DockerClient, tmp_path: Path
) -> None:
    with running_container(game_image, tmp_path, connection="tcp") as launched:
        container = docker_client.containers.get(launched.handle)
        check = container.attrs["Config"]["Healthcheck"]["Test"]
        assert check == ["CMD", "/opt/vwe/healthcheck.sh"]
        assert [mount["Destination"] for mount in container.attrs["Mounts"]] == ["/run/vwe"]
        assert container.exec_run(check[1:]).exit_code == 0
        with EngineClient(launched.address, bearer=launched.bearer) as client:
            status = client.status()
        assert status.kind == "valheim"
        container.kill("SIGINT")
        wait_until(lambda: docker_client.api.inspect_container(launched.handle)["State"]["Status"] == "exited")
