"""The top-level documents and the version agree with the files they describe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import vwe_dagster

ROOT = Path(vwe_dagster.__file__).parents[1]
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
