"""The texts of the pages: each language has every text, and names in the data have German names."""

from __future__ import annotations

import collections
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from vwe_dagster.analysis.column_texts import GROUPS
from vwe_dagster.analysis.columns import COLUMNS
from vwe_dagster.analysis.places import known_kinds
from vwe_dagster.catalog.query_error import QueryFault
from vwe_dagster.catalog.questions import ready_questions
from vwe_dagster.rendering.tiles import STYLES
from vwe_dagster.site import pages
from vwe_dagster.site.reasons import Reason
from vwe_dagster.world.biomes import BIOMES

MODULES = pages.STATIC / "js"
LANGUAGES = ("en", "de")

ENTRY = re.compile(
    r'^  "(?P<key>[^"]+)":\s+(?P<text>"(?:[^"\\]|\\.)*"|\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}),$', re.MULTILINE
)
FORM = re.compile(r'(?P<form>\w+): (?P<text>"(?:[^"\\]|\\.)*")')
PLACE = re.compile(r"\{(\w+)\}")
USED = re.compile(r'\bt\((?P<first>[^,)]*)|data-(?:text[a-z-]*|idle)="(?P<attribute>[^"]+)"')
LITERAL = re.compile(r'"(?P<key>[a-z_0-9]+(?:\.[a-z_0-9]+)+)"|`(?P<prefix>[a-z_.]+\.)\$\{')

DATA = ("biome.", "column.", "figures.", "kind.", "question.", "reason.", "style.")
"""Beginnings of the keys of names in the data, whose English is in Python."""


def texts(language: str) -> dict[str, dict[str, str]]:
    """Return the forms of each text of a language, by key; a text without plural forms has only ``other``."""
    content = (MODULES / "texts" / f"{language}.js").read_text(encoding="utf-8")
    body = content.partition("export default {\n")[2].removesuffix("};\n")
    assert ENTRY.sub("", body).strip() == "", f"{language}.js has lines that are not texts"
    keys = [found["key"] for found in ENTRY.finditer(body)]
    assert keys == sorted(set(keys)), f"the keys of {language}.js are not sorted or not unique"
    return {found["key"]: _forms(found["text"]) for found in ENTRY.finditer(body)}


def _forms(text: str) -> dict[str, str]:
    if text.startswith('"'):
        return {"other": json.loads(text)}
    return {found["form"]: json.loads(found["text"]) for found in FORM.finditer(text)}


def sources() -> Iterator[tuple[str, str]]:
    """Yield the names and contents of all pages, and of all modules except the texts themselves."""
    yield from html_pages().items()
    for path in MODULES.glob("*.js"):
        if path.name != "texts.js":
            yield path.name, path.read_text(encoding="utf-8")


def html_pages() -> dict[str, str]:
    """Return the HTML of all pages, by name."""
    missing = pages.missing_page("", Reason.MISSING, root="../")
    return {"missing.html": missing} | {name: content.plain.decode() for name, content in pages.html_files().items()}


def test_both_languages_have_every_text() -> None:
    english, german = texts("en"), texts("de")
    assert not [key for key in english if key.startswith(DATA)]
    assert list(english) == [key for key in german if not key.startswith(DATA)]


def test_texts_have_the_same_places_for_values() -> None:
    english, german = texts("en"), texts("de")
    for key, forms in english.items():
        expected = collections.Counter(PLACE.findall(forms["other"]))
        assert all(collections.Counter(PLACE.findall(form)) == expected for form in german[key].values()), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_have_no_blanks_at_their_ends(language: str) -> None:
    assert not [key for key, forms in texts(language).items() for form in forms.values() if form != form.strip()]


def test_every_used_text_exists_and_every_text_is_used() -> None:
    english = texts("en")
    used: set[str] = set()
    for name, content in sources():
        attributes = [found["attribute"] for found in USED.finditer(content) if found["attribute"]]
        assert set(attributes) <= set(english), name
        used |= set(attributes)
        for found in LITERAL.finditer(content):
            # A template selects one of the texts with its beginning.
            used |= {key for key in english if key == found["key"] or key.startswith(found["prefix"] or "\0")}
        calls = [LITERAL.search(found["first"]) for found in USED.finditer(content) if found["first"]]
        assert {found["key"] for found in calls if found and found["key"]} <= set(english), name
    # Texts for touch screens are selected by the key without the suffix.
    used |= {f"{key}.touch" for key in used}
    assert set(english) - used == set()


@pytest.mark.parametrize("name", ["missing.html", *pages.PAGES])
def test_html_has_no_text_of_its_own(name: str) -> None:
    content = html_pages()[name]
    visible = re.sub(r"<kbd>[^<]*</kbd>|<title>VWE</title>|<[^>]*>", " ", content)
    assert re.findall(r"[A-Za-z]{2,}", visible) == []
    assert re.findall(r'\s(?:title|aria-label|alt)="[^"]+"', content) == []


def test_names_in_the_data_have_german_names() -> None:
    named = {
        *(f"biome.{biome.game_name}" for biome in BIOMES),
        *(f"kind.{kind}" for kind in known_kinds()),
        *(f"style.{style}" for style in STYLES),
        *(f"figures.{title.lower().replace(' ', '_')}" for title in GROUPS),
        *(f"column.{name}{suffix}" for name in COLUMNS for suffix in ("", ".meaning")),
        *(f"question.{name}{suffix}" for name in ready_questions(Path("/no-home")) for suffix in ("", ".meaning")),
    }
    german = {key for key in texts("de") if key.startswith(DATA) and not key.startswith("reason.")}
    assert german == named


def test_reasons_of_errors_have_german_texts() -> None:
    named = {f"reason.{reason}" for reason in (*Reason, *QueryFault)}
    assert {key for key in texts("de") if key.startswith("reason.")} == named
