"""The plugin's sources match its documentation and the protocol's error codes."""

from __future__ import annotations

import re

import pytest

from vwe_dagster.engine.messages import MAX_NAME_LENGTH
from vwe_dagster.engine.protocol import REFUSALS
from vwe_dagster_tests.valheim.stand_in import DEPLOY, ROOT

DOCS = (ROOT / "docs" / "how-to" / "valheim-server.md").read_text(encoding="utf-8")
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in sorted((DEPLOY / "plugin" / "src").glob("*.cs")))

SETTINGS = sorted(set(re.findall(r'Take\(given, "(\w+)"', SOURCES)))
MEMBERS = sorted(set(re.findall(r'(?:Type|Variable|Method<\w+>)\((?:[^;]*?, )?"([\w+]+)"', SOURCES)))


def test_sources_are_parsed() -> None:
    assert {"LISTEN", "TOKEN_FILE", "LOCATIONS"} < set(SETTINGS)
    assert {"World", "m_seed", "Initialize", "WorldGenerator+River", "m_peers", "GetVersionString"} < set(MEMBERS)


def test_error_codes_and_statuses_are_those_of_the_protocol() -> None:
    has = {code: int(status) for code, status in re.findall(r'\{ "(\w+)", (\d{3}) \}', SOURCES)}
    assert has == {code: status for code, (status, _) in REFUSALS.items()}


def test_length_limit_of_location_names_is_that_of_the_reader() -> None:
    assert f"const int MaxNameLength = {MAX_NAME_LENGTH};" in SOURCES


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_is_described(setting: str) -> None:
    assert f"`VWE_ENGINE_{setting}`" in DOCS


@pytest.mark.parametrize("member", MEMBERS)
def test_every_used_member_of_the_game_is_documented(member: str) -> None:
    table = DOCS[DOCS.index("| members |") :]
    assert re.search(rf"\b{member.rpartition('+')[2]}\b", table)
