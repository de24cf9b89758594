"""ARCHITECTURE.md matches the project: its paths exist, and its floors are those that import-linter enforces."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import vwe_dagster

ROOT = Path(vwe_dagster.__file__).resolve().parents[1]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`([\w./]+(?:/|\.(?:py|json|yml|toml)))`", TEXT)))


@pytest.mark.parametrize("path", PATHS)
def test_named_path_exists(path: str) -> None:
    assert (ROOT / "vwe_dagster" / path).exists() or (ROOT / path).exists()


def test_table_of_rooms_matches_the_enforced_floors() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "floors")
    enforced = {room.strip(): len(layers) - depth for depth, layer in enumerate(layers) for room in layer.split("|")}
    documented = {
        name.removesuffix(".py"): int(floor)
        for floor, name in re.findall(r"^\| (\d+) \| `([\w.]+)`", TEXT, re.MULTILINE)
    }
    assert documented == enforced


def test_every_folder_of_the_package_is_a_room() -> None:
    rooms = {path.name for path in (ROOT / "vwe_dagster").iterdir() if (path / "__init__.py").is_file()}
    assert rooms == set(re.findall(r"^\| \d+ \| `(\w+)` ", TEXT, re.MULTILINE))
