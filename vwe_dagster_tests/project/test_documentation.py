"""The documentation builds without a broken link, and its generated parts are complete."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import vwe_dagster
from vwe_dagster.cli.app import app
from vwe_dagster.pool.settings import PoolSettings

ROOT = Path(vwe_dagster.__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built documentation; the fixture fails on any warning, such as a broken link or a page without an entry."""
    folder = tmp_path_factory.mktemp("docs")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    return folder


def _text(site: Path, page: str) -> str:
    return (site / f"{page}.html").read_text(encoding="utf-8")


def test_every_command_is_documented(site: Path) -> None:
    page = _text(site, "reference/cli")
    groups = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    names = [
        f"vwe {name} {child}".strip()
        for name, group in groups.items()
        for child in (getattr(group, "commands", None) or [""])
    ]
    assert len(names) > 20
    assert [name for name in names if f">{name}<" not in page] == []


def test_every_setting_of_the_pool_is_documented(site: Path) -> None:
    page = _text(site, "reference/settings")
    missing = [name for name in PoolSettings.model_fields if f"VWE_POOL_{name.upper()}<" not in page]
    assert missing == []


def test_pages_show_no_markup_of_docstrings(site: Path) -> None:
    marked = [
        str(page.relative_to(site))
        for page in site.rglob("*.html")
        if any(mark in page.read_text(encoding="utf-8") for mark in (":func:", ":class:", ":data:", ":meth:", "{{ "))
    ]
    assert marked == []
