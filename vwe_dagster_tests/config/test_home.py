"""Where the home is, and how its Dagster instance is prepared."""

from __future__ import annotations

from pathlib import Path

import pytest

import vwe_dagster
from vwe_dagster.config.home import Home, HomeError, find_home

CHECKOUT = Path(vwe_dagster.__file__).parents[1]


def test_the_home_is_the_checkout_unless_told_otherwise() -> None:
    assert find_home({}) == Home(CHECKOUT, CHECKOUT / ".dagster", own_instance=True)


def test_the_home_can_be_told(tmp_path: Path) -> None:
    home = find_home({"VWE_HOME": str(tmp_path)})
    assert (home.folder, home.data, home.instance) == (tmp_path, tmp_path / "data", tmp_path / ".dagster")


def test_a_process_started_in_a_home_finds_the_same_home(tmp_path: Path) -> None:
    home = find_home({"VWE_HOME": str(tmp_path)})
    assert find_home(home.environment) == home


def test_a_new_instance_gets_the_settings_of_the_project(tmp_path: Path) -> None:
    home = find_home({"VWE_HOME": str(tmp_path / "new")})
    home.prepare_instance()
    assert (home.instance / "dagster.yaml").read_text() == (CHECKOUT / "dagster.yaml").read_text()


def test_settings_that_point_nowhere_are_mended_and_those_of_the_user_stay(tmp_path: Path) -> None:
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


def test_an_instance_the_user_named_is_left_as_it_is(tmp_path: Path) -> None:
    instance = tmp_path / "mine"
    home = find_home({"VWE_HOME": str(tmp_path), "DAGSTER_HOME": str(instance)})
    with pytest.raises(HomeError, match=r"which is no folder; make the folder"):
        home.prepare_instance()
    instance.mkdir()
    home.prepare_instance()
    assert list(instance.iterdir()) == []


def test_a_relative_dagster_home_is_refused() -> None:
    with pytest.raises(HomeError, match="absolute path; write it in full"):
        find_home({"DAGSTER_HOME": "here"})
