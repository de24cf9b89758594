"""The location of the home, and the preparation of its Dagster instance."""

from __future__ import annotations

import os
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


@pytest.mark.parametrize("variable", ["VWE_HOME", "DAGSTER_HOME"])
def test_home_of_an_unknown_user_is_rejected(variable: str) -> None:
    with pytest.raises(HomeError, match=rf"{variable} is ~nobody-of-this-name/x, .* write the whole path"):
        find_home({variable: "~nobody-of-this-name/x"})


def test_home_that_is_a_loop_of_links_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(HomeError, match="VWE_HOME"):
        find_home({"VWE_HOME": str(tmp_path / "loop")}).prepare_instance()


def test_home_whose_path_is_not_utf8_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="is not UTF-8; rename the folder, or set VWE_HOME"):
        find_home({"VWE_HOME": os.fsdecode(os.fsencode(tmp_path) + b"/\xff")})
