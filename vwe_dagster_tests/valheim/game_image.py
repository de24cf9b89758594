"""The image of Valheim's engine with the stand-in instead of the game, built from this machine's files.

The scripts and the plugin in it are the real ones. Instead of the game, it has a host under mono.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import pytest
from filelock import FileLock

from vwe_dagster_tests.valheim.stand_in import DEPLOY

IMAGE = "vwe-valheim-tests"

_PROGRAMS = ("bash", "cat", "cp", "env", "mkdir", "mono-sgen", "od", "rm", "sleep", "tr")
_ASSEMBLIES = ("System", "System.Core", "System.Configuration", "System.Numerics", "System.Xml", "Mono.Security")
_LINKED = re.compile(r"(?:=> |^\s*)(/\S+) \(0x")
_SERVER = """#!/bin/bash
# Loads the files that the entry script has prepared for BepInEx.
exec mono-sgen /opt/valheim/host/host.exe "${DOORSTOP_TARGET_ASSEMBLY%/core/*}/plugins/Vwe.Engine.dll"
"""


@pytest.fixture(scope="session")
def game_image(docker_client: docker.DockerClient, plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the image, built once for all tests of this run."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    made = shared / "valheim-image-made"
    with FileLock(shared / "valheim-image.lock"):
        if not made.exists():
            _import(docker_client, plugin)
            made.touch()
    return IMAGE


def _import(client: docker.DockerClient, plugin: Path) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, path in sorted(_host_files().items()):
            tar.add(path.resolve(), arcname=name, recursive=False)
        for script in ("entrypoint.sh", "healthcheck.sh"):
            tar.add(DEPLOY / script, arcname=f"opt/vwe/{script}")
        tar.add(plugin / "host", arcname="opt/valheim/host")
        tar.add(plugin / "Vwe.Engine.dll", arcname="opt/valheim/BepInEx/plugins/Vwe.Engine.dll")
        _add(tar, "opt/valheim/BepInEx/core/BepInEx.Preloader.dll", b"")
        _add(tar, "opt/valheim/valheim_server.x86_64", _SERVER.encode(), mode=0o755)
        _add(tar, "tmp", b"", mode=0o1777, kind=tarfile.DIRTYPE)
    archive.seek(0)
    changes, former = _instructions(DEPLOY / "Dockerfile"), client.images.list(name=IMAGE)
    client.api.import_image_from_data(archive, repository=IMAGE, tag="latest", changes=changes)
    for image in former:
        with contextlib.suppress(docker.errors.APIError):  # in use by a container of other tests
            client.images.remove(str(image.id))


def _instructions(dockerfile: Path) -> list[str]:
    """Return the instructions for running the real image, unchanged."""
    lines = dockerfile.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith(("USER ", "HEALTHCHECK ", "ENTRYPOINT "))]


def _host_files() -> dict[str, Path]:
    """Return the files of mono and of a shell by their paths in the image."""
    programs = {f"usr/bin/{name}": Path(shutil.which(name) or "") for name in _PROGRAMS}
    libraries = [*Path("/usr/lib").glob("libmono*.so*"), *Path("/usr/lib").glob("libMono*.so*")]
    files = {**programs, **{str(path).lstrip("/"): path for path in libraries}}
    files |= {str(path).lstrip("/"): path for path in _linked([*programs.values(), *libraries])}
    managed = Path("/usr/lib/mono")
    assemblies = [managed / "4.5" / "mscorlib.dll", *(managed / "4.5" / f"{name}.dll" for name in _ASSEMBLIES)]
    for name in _ASSEMBLIES:
        assemblies += (managed / "gac" / name).rglob("*.dll")
    settings = [path for path in Path("/etc/mono").rglob("*") if path.is_file()]
    files |= {str(path).lstrip("/"): path for path in (*assemblies, *settings)}
    files["bin/sh"] = files["bin/bash"] = programs["usr/bin/bash"]
    return files


def _linked(files: list[Path]) -> Iterator[Path]:
    """Yield the system's libraries to which files are linked."""
    listing = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True, check=False).stdout
    return (Path(match[1]) for line in listing.splitlines() if (match := _LINKED.search(line)))


def _add(tar: tarfile.TarFile, name: str, content: bytes, *, mode: int = 0o644, kind: bytes = tarfile.REGTYPE) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.type = len(content), mode, kind
    tar.addfile(member, io.BytesIO(content))
