"""Docstrings, comments, messages and documents use the words of the field, as CONTRIBUTING.md lists them."""

from __future__ import annotations

import ast
import io
import itertools
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import vwe_dagster

ROOT = Path(vwe_dagster.__file__).parents[1]
FOLDERS = ("vwe_dagster", "vwe_dagster_tests", "docs", "deploy")

_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_COMMENTS = {
    re.compile(r"^[ \t]*#(?!!)(.*)$", re.MULTILINE): (".yaml", ".yml", ".toml", ".sh", "Makefile", "Dockerfile"),
    re.compile(r"^[ \t]*(?://+|/?\*+)(.*)$", re.MULTILINE): (".js", ".cs"),
}
"""Comments of other languages, by the ends of the names of their files."""

# Per 1,000 words. The limits are the highest rates in the sources of dagster-ray, psycopg_pool, datasette, sgkit and
# ol-data-platform.
LIMITS = {
    "tell, told": (r"\b(?:tells?|told|telling)\b", 0.15),
    "nobody, somebody, whoever": (r"\b(?:nobody|somebody|whoever)\b", 0.12),
    "lies": (r"\blies\b", 0.0),
    "sentences without a head": (r"(?:^|[.:;] )(?:Who|Whoever|What|Those (?:that|who|which)|Which) [^.?]*\.", 0.2),
    "anew": (r"\banew\b", 0.0),
    "mend": (r"\bmend(?:s|ed|ing)?\b", 0.0),
    "looks after": (r"\blooks? after\b", 0.0),
    "puts right": (r"\bputs? right\b", 0.0),
    "British spelling": (r"\b(?:(?:kilo)?metres?|centre[sd]?|colour(?:s|ed)?|neighbour(?:s|ing)?)\b", 0.0),
}


def _texts_of_code(path: Path) -> Iterator[str]:
    """Yield the docstrings, comments and messages of a Python file."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value.split()) > 3:
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string.lstrip("# ")


def _comments() -> Iterator[tuple[Path, str]]:
    """Yield the comments of each file in another language, with the file."""
    top = (path for path in ROOT.iterdir() if path.is_file())
    for path in itertools.chain(top, *((ROOT / folder).rglob("*") for folder in FOLDERS)):
        for comment, ends in _COMMENTS.items():
            if path.name.endswith(ends) and path.is_file():
                yield path, " ".join(comment.findall(path.read_text(encoding="utf-8")))


def _texts() -> Iterator[tuple[Path, str]]:
    """Yield every text that is for people, with its file."""
    own = Path(__file__)
    yield from _comments()
    for path in itertools.chain.from_iterable((ROOT / folder).rglob("*.py") for folder in FOLDERS):
        if path != own:
            yield from ((path, text) for text in _texts_of_code(path))
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    yield from ((path, _CODE.sub("", path.read_text(encoding="utf-8"))) for path in documents)


@pytest.fixture(scope="module")
def texts() -> list[tuple[Path, str]]:
    return [(path, re.sub(r"\s+", " ", text)) for path, text in _texts()]


@pytest.mark.parametrize("name", LIMITS)
def test_words_are_those_of_the_field(texts: list[tuple[Path, str]], name: str) -> None:
    pattern, limit = LIMITS[name]
    words = sum(len(text.split()) for _, text in texts)
    found = [
        f"{path.relative_to(ROOT)}: {text[max(match.start() - 40, 0) : match.end() + 20]}"
        for path, text in texts
        for match in re.finditer(pattern, text)
    ]
    rate = 1000 * len(found) / words
    print(f"{name}: {rate:.2f} per 1,000 of {words} words")  # noqa: T201  shown when the test fails, and with -s
    assert rate <= limit, "\n".join(found[:20])
