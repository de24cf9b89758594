"""The top-level documents and the version agree with the files they describe."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import vwe_dagster
from vwe_dagster.seeds.lists import read_seed_list

ROOT = Path(vwe_dagster.__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BUNDLED_LICENSES = ("vwe_dagster/site/static/leaflet/LICENSE", "vwe_dagster/worldgen/LICENSE.FastNoise")


@pytest.mark.parametrize("path", BUNDLED_LICENSES)
def test_notices_repeat_each_bundled_license(path: str) -> None:
    notices = " ".join((ROOT / "THIRD_PARTY_NOTICES.md").read_text().split())
    (license_text,) = re.findall(r"(?:BSD 2-Clause|MIT) License.*", (ROOT / path).read_text(), re.DOTALL)
    assert " ".join(license_text.split()) in notices
    assert f"]({path})" in notices


def test_every_bundled_license_is_known() -> None:
    found = {str(path.relative_to(ROOT)) for path in (ROOT / "vwe_dagster").rglob("LICENSE*")}
    assert found == set(BUNDLED_LICENSES)


def test_notices_name_the_bundled_leaflet() -> None:
    script = (ROOT / "vwe_dagster" / "site" / "static" / "leaflet" / "leaflet.js").read_text()
    version = re.search(r"Leaflet (\d+\.\d+\.\d+)", script)
    assert version is not None
    assert f"(https://leafletjs.com) {version[1]} |" in (ROOT / "THIRD_PARTY_NOTICES.md").read_text()


def test_images_are_tagged_with_the_version() -> None:
    tags = re.findall(r"vwe-(?:dagster|engine):(\S+)", (ROOT / "deploy" / "compose.yaml").read_text())
    assert tags
    assert set(tags) == {vwe_dagster.__version__}


def test_workflow_tests_every_declared_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    tested = workflow["jobs"]["fast"]["strategy"]["matrix"]["python"]
    prefix = "Programming Language :: Python :: 3."
    declared = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if each.startswith(prefix)]
    assert tested == declared
    assert PROJECT["requires-python"] == f">={declared[0]}"


def test_seeds_of_the_example_gallery_are_a_valid_list() -> None:
    seed_list = read_seed_list(ROOT / "docs" / "gallery-seeds.txt")
    assert (len(seed_list.seeds), seed_list.rejected) == (20, ())


def test_every_requirement_is_pinned_within_its_range() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    extras = PROJECT["optional-dependencies"].values()
    required = [Requirement(text) for text in itertools.chain(PROJECT["dependencies"], *extras)]
    own = canonicalize_name(PROJECT["name"])
    outside = [
        str(each)
        for each in required
        if (name := canonicalize_name(each.name)) != own and not each.specifier.contains(pins.get(name, ""))
    ]
    assert outside == []


def test_lock_files_name_no_registry() -> None:
    assert "resolved" not in (ROOT / "package-lock.json").read_text()
    assert "//" not in (ROOT / "constraints.txt").read_text()


@pytest.mark.parametrize("document", ["CHANGELOG.md", "CONTRIBUTING.md", "README.md", "THIRD_PARTY_NOTICES.md"])
def test_links_between_documents_lead_to_files(document: str) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", (ROOT / document).read_text())
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_files_named_in_the_contributing_guide_exist() -> None:
    named = re.findall(
        r"`((?:vwe_dagster|vwe_dagster_tests|docs|deploy)/[\w/.]+)`", (ROOT / "CONTRIBUTING.md").read_text()
    )
    paths = [name for name in named if "NAME" not in name]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
