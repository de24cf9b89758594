"""What the documentation says of the plugin, and what the protocol says of refusals, is in the plugin's sources."""

from __future__ import annotations

import re

import pytest

from vwe_dagster.engine.messages import MAX_NAME_LENGTH
from vwe_dagster.engine.protocol import REFUSALS
from vwe_dagster_tests.valheim.stand_in import DEPLOY, ROOT

DOCS = (ROOT / "docs" / "valheim.md").read_text(encoding="utf-8")
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in sorted((DEPLOY / "plugin" / "src").glob("*.cs")))

SETTINGS = sorted(set(re.findall(r'Take\(given, "(\w+)"', SOURCES)))
MEMBERS = sorted(set(re.findall(r'(?:Type|Variable|Method<\w+>)\((?:[^;]*?, )?"([\w+]+)"', SOURCES)))


def test_the_sources_have_been_understood() -> None:
    assert {"LISTEN", "TOKEN_FILE", "LOCATIONS"} < set(SETTINGS)
    assert {"World", "m_seed", "Initialize", "WorldGenerator+River", "m_peers", "GetVersionString"} < set(MEMBERS)


def test_calls_are_refused_with_the_codes_and_statuses_of_the_protocol() -> None:
    has = {code: int(status) for code, status in re.findall(r'\{ "(\w+)", (\d{3}) \}', SOURCES)}
    assert has == {code: status for code, (status, _) in REFUSALS.items()}


def test_names_of_locations_are_as_long_as_they_may_be_when_they_are_read() -> None:
    assert f"const int MaxNameLength = {MAX_NAME_LENGTH};" in SOURCES


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_is_described(setting: str) -> None:
    assert f"`VWE_ENGINE_{setting}`" in DOCS


@pytest.mark.parametrize("member", MEMBERS)
def test_every_member_that_is_looked_for_is_listed(member: str) -> None:
    table = DOCS[DOCS.index("| members |") :]
    assert re.search(rf"\b{member.rpartition('+')[2]}\b", table)
