"""The source files that the code of a module depends on, and one digest over them.

Imports are found in the text of the modules: parsing or importing them would slow down every start of a process.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

_NOT_CODE_OR_DATA = {".py", ".pyc"}
_IMPORT = re.compile(
    r"(?:^|[;:])[ \t]*"
    rf"(?:from[ \t]+(?P<source>{PACKAGE.name}(?:\.[\w.]*)?)[ \t]+import[ \t]*(?P<names>\((?:[^()#]|#.*)*\)|[^\n#;]*)"
    rf"|import[ \t]+(?P<modules>[^\n#;]*\b{PACKAGE.name}\b[^\n#;]*))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#.*")
_WORD = re.compile(r"\w+")
_DOTTED = re.compile(rf"\b{PACKAGE.name}\b(?:\.\w+)*")


@functools.cache
def sources_digest(source: Path) -> str:
    """Return a digest that changes with any file of the package that the code of a module depends on.

    Args:
        source: the module's file. Its imports from the package count, those of the imported modules, and the data files
            in the folders of all these modules.
    """
    digest = hashlib.sha256()
    for path in sorted(source_files(source)):
        digest.update(f"{_label(path)}\0{_content_digest(path)}\n".encode())
    return digest.hexdigest()[:16]


def source_files(source: Path) -> set[Path]:
    """Return the files that the code of a module depends on, the module itself included."""
    modules, pending = set[Path](), [source]
    while pending:
        module = pending.pop()
        if module not in modules:
            modules.add(module)
            pending += _imports_of_file(module)
    return modules.union(*(_data_files(folder) for folder in {module.parent for module in modules}))


def imported_modules(text: str) -> set[Path]:
    """Return the files of the package's modules that a module with this text imports, wherever in it.

    A package counts as its ``__init__`` and as each of its modules that the text names.
    """
    found: set[Path] = set()
    text = text.replace("\\\n", " ")
    for statement in _IMPORT.finditer(text):
        if statement["modules"] is not None:
            for dotted in _DOTTED.findall(statement["modules"]):
                found.update(_bound(_path_of(dotted), text))
            continue
        origin, names = _path_of(statement["source"]), _COMMENT.sub("", statement["names"])
        found.update(_module(origin))
        if "*" in names:
            found.update(origin.glob("*.py"))
        for name in _WORD.findall(names):
            found.update(_bound(origin / name, text))
    return found


@functools.cache
def _imports_of_file(source: Path) -> set[Path]:
    return imported_modules(source.read_text(encoding="utf-8"))


def _path_of(dotted: str) -> Path:
    """Return the path of a module without its suffix; a dotted name may continue with names in the module."""
    path = PACKAGE
    for part in dotted.split(".")[1:]:
        if not path.is_dir():
            break
        path /= part
    return path


def _module(path: Path) -> Iterator[Path]:
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if file.is_file():
        yield file


def _bound(path: Path, text: str) -> Iterator[Path]:
    """Yield the module whose name an import binds; of a package, also the modules that the text reaches by it."""
    yield from _module(path)
    if path.is_dir():
        words = set(_WORD.findall(text))
        for inner in path.iterdir():
            if inner.stem in words:
                yield from _bound(inner.with_suffix(""), text)


@functools.cache
def _data_files(folder: Path) -> frozenset[Path]:
    return frozenset(
        path
        for path in folder.iterdir()
        if path.suffix not in _NOT_CODE_OR_DATA and not path.name.startswith(".") and path.is_file()
    )


def _label(path: Path) -> str:
    """Return a name of the file that does not depend on the checkout's path."""
    return str(path.relative_to(PACKAGE)) if path.is_relative_to(PACKAGE) else path.name


@functools.cache
def _content_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
