"""Build the image of the native engine: ``python deploy/engine/build.py [--tag NAME] [--base IMAGE | --from-host]``.

With ``--from-host`` the base image contains this machine's Python and its packages, for machines that cannot pull
images: the interpreter, its standard library, the system libraries to which they are linked, a shell, and the kernels
that this machine has compiled.
"""

# ruff: noqa: INP001  a script, in no package

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import io
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import docker
import docker.errors
from packaging.requirements import Requirement

from vwe_dagster.kernels.cache import cache_folder, folder_name
from vwe_dagster.kernels.sources import PACKAGE

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
HOST_BASE = "vwe-host-python"
HOST_BASE_WITH_KERNELS = "vwe-host-kernels"

_PREFIX = "usr/local"
_KERNELS = "var/cache/vwe/vwe/kernels"
_NOT_NEEDED = {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages"}
_LINKED = re.compile(r"(?:=> |^\s*)(/\S+) \(0x")


def main() -> None:
    """Build the image that the command line describes."""
    parser = argparse.ArgumentParser(description="Builds the image of the native engine.")
    parser.add_argument("--tag", default="vwe-engine", help="the image's name (vwe-engine)")
    base = parser.add_mutually_exclusive_group()
    base.add_argument("--base", help="the base image, with Python 3.11 or later (python:3.11-slim)")
    base.add_argument("--from-host", action="store_true", help="create the base image from this machine's Python")
    given = parser.parse_args()
    try:
        client = docker.from_env(timeout=600)
        chosen = add_host_kernels(client, import_host_base(client)) if given.from_host else given.base
        print(build(client, given.tag, base=chosen))  # noqa: T201
    except docker.errors.BuildError as error:
        output = "".join(str(line.get("stream", "")) for line in error.build_log)
        sys.exit(f"{output}\nThe image was not built: {error}")
    except docker.errors.DockerException as error:
        sys.exit(f"Docker failed or does not respond: {error}")


def build(client: docker.DockerClient, tag: str, *, base: str | None = None) -> str:
    """Build the image of the engine.

    Args:
        client: the client of the Docker engine.
        tag: name of the image.
        base: the base image; None for the one in the Dockerfile.

    Returns:
        The image's id.

    Raises:
        docker.errors.DockerException: the build failed.
    """
    image, _ = client.images.build(
        path=str(ROOT),
        dockerfile=str(HERE / "Dockerfile"),
        tag=tag,
        buildargs={"BASE": base} if base else {},
        rm=True,
        forcerm=True,
    )
    return str(image.id)


def import_host_base(client: docker.DockerClient) -> str:
    """Create a base image from this machine's Python with the engine's packages.

    Returns:
        The image's name.
    """
    with tempfile.TemporaryFile() as file:
        _write_host(file)
        file.seek(0)
        name = f"{HOST_BASE}:{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
        # The tag is a hash of the content, so that unchanged base images keep Docker's build cache valid.
        if not client.images.list(name=name):
            file.seek(0)
            repository, _, tag = name.partition(":")
            client.api.import_image_from_data(file, repository=repository, tag=tag)
    return name


def add_host_kernels(client: docker.DockerClient, base: str) -> str:
    """Add the kernels that this machine has compiled in this version, so that the build does not compile them again.

    The build ignores machine code of other sources, packages or processors, and compiles what is missing.

    Returns:
        The image's id.
    """
    with tempfile.TemporaryFile() as context, tempfile.TemporaryFile() as kernels:
        with tarfile.open(fileobj=kernels, mode="w") as tar:
            _add_kernels(tar)
        kernels.seek(0)
        with tarfile.open(fileobj=context, mode="w") as tar:
            _add_file(tar, "Dockerfile", f"FROM {base}\nADD kernels.tar /\n".encode())
            _add_file(tar, "kernels.tar", kernels.read())
        context.seek(0)
        image, _ = client.images.build(
            fileobj=context, custom_context=True, tag=HOST_BASE_WITH_KERNELS, rm=True, forcerm=True
        )
    return str(image.id)


def _add_kernels(tar: tarfile.TarFile) -> None:
    """Write the cache of compiled kernels, to which any user of the engine may add."""
    for folder in ("var/cache/vwe", "var/cache/vwe/vwe", _KERNELS):
        _add_folder(tar, folder, 0o777)
    for cached in _cache_folders():
        _add_folder(tar, f"{_KERNELS}/{cached.name}", 0o777)
        # Each index comes before the code that it names, because other processes add to the cache.
        for file in (*sorted(cached.glob("*.nbi")), *sorted(cached.glob("*.nbc"))):
            _add_file(tar, f"{_KERNELS}/{cached.name}/{file.name}", file.read_bytes(), 0o666)


def _cache_folders() -> list[Path]:
    """Return the folders of this version in this machine's cache of kernels."""
    any_folder = cache_folder(PACKAGE / "worldgen" / "world.py")
    if any_folder is None:
        return []
    folders = (any_folder.parent / folder_name(source) for source in sorted(PACKAGE.rglob("*.py")))
    return [folder for folder in folders if folder.is_dir()]


def _host_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _write_host(file: IO[bytes]) -> None:
    """Write this machine's Python as a tar archive."""
    python = f"python{_host_version()}"
    paths: dict[str, Path] = {f"{_PREFIX}/bin/{python}": Path(sys.executable).resolve(), "bin/sh": Path("/bin/sh")}
    library = f"{_PREFIX}/lib/{python}"
    paths |= {f"{library}/{name}": path for name, path in _standard_library()}
    paths |= {f"{library}/site-packages/{name}": path for name, path in _packages()}
    copied = {path.resolve() for path in paths.values()}
    for path in _linked([path for path in paths.values() if ".so" in path.name or path.parent.name == "bin"]):
        if path.resolve() not in copied:
            paths[str(path).lstrip("/")] = path
    with tarfile.open(fileobj=file, mode="w") as tar:
        _add_file(tar, "etc/passwd", b"root:x:0:0::/:/bin/sh\n")
        _add_folder(tar, "tmp", 0o1777)
        for name in ("python", "python3"):
            _add_link(tar, f"{_PREFIX}/bin/{name}", python)
        for name, path in sorted(paths.items()):
            tar.add(path.resolve(), arcname=name, recursive=False, filter=_as_root)


def _standard_library() -> Iterator[tuple[str, Path]]:
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    for path in library.rglob("*"):
        name = path.relative_to(library)
        if path.is_file() and not _NOT_NEEDED & set(name.parts) and path.suffix != ".a":
            yield str(name), path


def _packages() -> Iterator[tuple[str, Path]]:
    """Yield the files of the engine's packages and of their dependencies."""
    lines = (HERE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    seen: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        if requirement.name in seen:
            continue
        seen.add(requirement.name)
        package = importlib.metadata.distribution(requirement.name)
        needs = [Requirement(need) for need in package.requires or []]
        wanted += [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
        for name in package.files or []:
            path = Path(str(package.locate_file(name)))
            if ".." not in name.parts and path.is_file() and not {"test", "tests"} & set(name.parts[:-1]):
                yield str(name), path


def _linked(files: list[Path]) -> set[Path]:
    """Return the system's libraries to which files are linked."""
    output = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return {Path(match[1]) for line in output.stdout.splitlines() if (match := _LINKED.search(line))}


def _as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode |= 0o444 | (0o111 if member.mode & 0o100 else 0)
    member.mtime = int(member.mtime)
    return member


def _add_file(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    tar.addfile(member, io.BytesIO(content))


def _add_folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, mode
    tar.addfile(member)


def _add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    tar.addfile(member)


if __name__ == "__main__":
    main()
