"""Split one line of a handwritten seed list into decoration, seed and note."""

# ruff: noqa: RUF001  this module parses typographic quotes and dashes

from __future__ import annotations

import dataclasses
import re

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"), None)
_BULLET = re.compile(r"(?:[-*+>•·‣–—]|\[[ xX]?\]|\(?\d{1,5}[.)])\s+(?=\S)")
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "‘": "’", "«": "»", "*": "*", "**": "**"}
_COMMENT = re.compile(r"(?:^|\s)(?:#|//)")
_SEPARATOR = re.compile(r"\s+[-–—=:|>→]+\s+|\s*[,;:|\t(]\s*|\s+")
_GAME_TEXT = re.compile(r"[A-Za-z0-9]{10}")
_TABLE_RULE = re.compile(r"[|:\-\s]+")


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a list.

    Attributes:
        seed: text of the seed; empty if the line has only a comment.
        note: the rest of the line.
        doubt: the reason that the split is uncertain; None if it is certain.
    """

    seed: str
    note: str = ""
    doubt: str | None = None


def cleaned(text: str) -> str:
    """Return the text without invisible characters and outer white space."""
    return text.translate(_INVISIBLE).replace("\u00a0", " ").strip()


def read_line(text: str) -> Line:
    """Split a line into a seed and a note.

    Bullets, numbers, quotes and Markdown emphasis are removed. The seed ends at the first separator: comma, semicolon,
    colon, tab, bracket, ``|``, dash between blanks, ``#`` or blank. The split is uncertain if the rest may hold the
    seed, or if the first of several words looks like prose.
    """
    text, note = _without_comment(cleaned(text))
    text = _without_bullets(text)
    quoted = _quoted(text)
    if quoted is not None:
        inside, rest = quoted
        return Line(inside, _join(rest, note), _doubt(inside, None, rest))
    match = _SEPARATOR.search(text)
    if match is None:
        return Line(text, note, _doubt_of_word(text, note))
    if match.start() == 0:
        return Line(text, note, "it begins with a separator")
    seed, rest = text[: match.start()], text[match.end() :]
    if "(" in match.group():
        rest = rest.rstrip(")")
    return Line(seed, _join(rest, note), _doubt(seed, match.group(), rest))


def is_table_row(text: str) -> bool:
    """True for a row of a Markdown table."""
    return cleaned(text).startswith("|")


def table_cells(text: str) -> list[str] | None:
    """Return the cells of a row of a Markdown table; None for the rule below its heading."""
    text = cleaned(text)
    if _TABLE_RULE.fullmatch(text):
        return None
    cells = [_without_bullets(cell.strip()) for cell in text.strip("|").split("|")]
    return [quoted[0] if (quoted := _quoted(cell)) is not None and not quoted[1] else cell for cell in cells]


def _doubt(seed: str, separator: str | None, rest: str) -> str | None:
    """Return why a split is uncertain; ``separator`` is None behind a quoted seed."""
    words = re.findall(r"[^\s,;|()\"'`]+", rest)
    is_list = len(words) == 1 and _resembles_seed(words[0])
    is_glued_list = separator in {",", ";"} and bool(rest) and " " not in rest and not _is_drawn(seed)
    is_blank = separator is not None and separator.isspace() and "\t" not in separator
    doubts = {
        "it has no letter or digit": not any(map(str.isalnum, seed)),
        "it may be a heading or a link": ":" in (separator or "") and (not rest or rest.startswith("/")),
        "the rest may hold another seed": any(map(_is_drawn, words)),
        "the rest may hold the seed": any(map(_resembles_seed, words)) and not _resembles_seed(seed),
        "it may be several seeds": is_list or is_glued_list,
        "the first word may be a part of a text": is_blank and not _resembles_seed(seed),
    }
    return next((reason for reason, holds in doubts.items() if holds), None)


def _doubt_of_word(text: str, note: str) -> str | None:
    """Return why a line of one word, or of a comment alone, is uncertain."""
    if not text and any(_is_drawn(word) for word in note.split()):
        return "the comment may hold a seed"
    if text and not any(map(str.isalnum, text)):
        return "it has no letter or digit"
    return None


def table_row_doubt(seed: str, others: list[str]) -> str | None:
    """Return why the first cell of a row may not be the seed, in a table without a heading ``seed``."""
    words = [word for cell in others for word in cell.split()]
    return "another cell may hold the seed" if any(map(_is_drawn, words)) or not _is_drawn(seed) else None


def _is_drawn(word: str) -> bool:
    """True if a word looks like a seed that the game drew: 10 letters and digits of several kinds."""
    kinds = (any(map(str.isdigit, word)), any(map(str.islower, word)), any(map(str.isupper, word[1:])))
    return word.startswith("@") or (_GAME_TEXT.fullmatch(word) is not None and sum(kinds) > 1)


def _resembles_seed(word: str) -> bool:
    """True if a word is unlikely to be prose: it has digits among letters, or capitals after its first letter."""
    if not word.isascii() or word.isdigit():
        return False
    has_inner_capital = any(map(str.isupper, word[1:])) and not word.isupper()
    return _is_drawn(word) or any(map(str.isdigit, word)) or has_inner_capital


def _without_comment(text: str) -> tuple[str, str]:
    match = _COMMENT.search(text)
    if match is None:
        return text, ""
    return text[: match.start()].strip(), text[match.end() :].strip(" #/")


def _without_bullets(text: str) -> str:
    while (match := _BULLET.match(text)) is not None:
        text = text[match.end() :]
    return text


def _quoted(text: str) -> tuple[str, str] | None:
    """Return the text within leading quotes or emphasis, and the text behind them; None without any."""
    for opening in sorted(_QUOTES, key=len, reverse=True):
        closing = _QUOTES[opening]
        end = text.find(closing, len(opening))
        if text.startswith(opening) and end > len(opening):
            return text[len(opening) : end].strip(), text[end + len(closing) :].strip(" ,;:|-–—\t")
    return None


def _join(*notes: str) -> str:
    return " ".join(note.strip() for note in notes if note.strip())
