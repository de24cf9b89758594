"""The location of the home, and the preparation of its Dagster instance."""

from __future__ import annotations

from pathlib import Path

import pytest

import vwe_dagster
from vwe_dagster.config.home import Home, HomeError, find_home

CHECKOUT = Path(vwe_dagster.__file__).parents[1]


def test_home_defaults_to_the_checkout() -> None:
    assert find_home({}) == Home(CHECKOUT, CHECKOUT / ".dagster", own_instance=True)


def test_home_is_set_by_the_environment(tmp_path: Path) -> None:
    home = find_home({"VWE_HOME": str(tmp_path)})
    assert (home.folder, home.data, home.instance) == (tmp_path, tmp_path / "data", tmp_path / ".dagster")


def test_process_started_in_a_home_finds_the_same_home(tmp_path: Path) -> None:
    home = find_home({"VWE_HOME": str(tmp_path)})
    assert find_home(home.environment) == home


def test_new_instance_has_the_settings_of_the_project(tmp_path: Path) -> None:
    home = find_home({"VWE_HOME": str(tmp_path / "new")})
    home.prepare_instance()
    assert (home.instance / "dagster.yaml").read_text() == (CHECKOUT / "dagster.yaml").read_text()


def test_broken_link_to_the_settings_is_repaired_and_user_settings_stay(tmp_path: Path) -> None:
    home = find_home({"VWE_HOME": str(tmp_path)})
    settings = home.instance / "dagster.yaml"
    home.instance.mkdir()
    settings.symlink_to(tmp_path / "moved")
    home.prepare_instance()
    assert settings.is_file()
    settings.unlink()
    settings.write_text("telemetry: {enabled: false}\n")
    home.prepare_instance()
    assert settings.read_text() == "telemetry: {enabled: false}\n"


def test_instance_set_by_the_user_is_unchanged(tmp_path: Path) -> None:
    instance = tmp_path / "mine"
    home = find_home({"VWE_HOME": str(tmp_path), "DAGSTER_HOME": str(instance)})
    with pytest.raises(HomeError, match=r"which is not a folder; create the folder"):
        home.prepare_instance()
    instance.mkdir()
    home.prepare_instance()
    assert list(instance.iterdir()) == []


def test_relative_dagster_home_is_rejected() -> None:
    with pytest.raises(HomeError, match="requires an absolute path; set it to one"):
        find_home({"DAGSTER_HOME": "here"})
