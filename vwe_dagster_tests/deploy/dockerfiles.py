"""Helper that copies the files of a Dockerfile's image into a folder."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
_INSTRUCTION = re.compile(r"^(COPY|WORKDIR|RUN) (.+)$", re.MULTILINE)


def copied_files(dockerfile: Path, image: Path, *, before: str | None = None) -> None:
    """Copy the files of a Dockerfile's COPY lines, except those in .dockerignore.

    Args:
        dockerfile: the Dockerfile; its context is the root of the project.
        image: the folder that represents the root of the image.
        before: text of the RUN line at which copying ends; None for the whole Dockerfile.
    """
    workdir = PurePosixPath("/")
    for instruction, arguments in _INSTRUCTION.findall(dockerfile.read_text(encoding="utf-8")):
        if instruction == "WORKDIR":
            workdir /= arguments
        elif instruction == "COPY":
            *sources, target = arguments.split()
            for source in sources:
                _copy(source, workdir / target, image, into_folder=target.endswith("/"))
        elif before is not None and before in arguments:
            return


def _copy(source: str, target: PurePosixPath, image: Path, *, into_folder: bool) -> None:
    destination = image / target.relative_to("/")
    path = ROOT / source
    if path.is_dir():
        shutil.copytree(path, destination, ignore=_ignored, dirs_exist_ok=True)
        return
    if into_folder:
        destination /= path.name
    assert not _ignored(str(path.parent), [path.name]), f"{source} is in .dockerignore"
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, destination)


def _ignored(folder: str, names: list[str]) -> set[str]:
    """Return the entries of a folder that .dockerignore excludes; supports the patterns that the project uses."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert patterns[0] == "*"
    left_out = set()
    for name in names:
        path = (Path(folder) / name).relative_to(ROOT)
        is_out = True
        for pattern in patterns[1:]:
            if pattern.startswith("!"):
                kept = Path(pattern[1:])
                is_out = is_out and not (path.is_relative_to(kept) or kept.is_relative_to(path))
            else:
                is_out = is_out or path.match(pattern)
        if is_out:
            left_out.add(name)
    return left_out
