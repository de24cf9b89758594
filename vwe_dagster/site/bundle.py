"""The imports of a page's JavaScript modules, and the bundle of these modules as one classic script.

An export has classic scripts, because browsers do not load modules from a disk.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping, Sequence

_IMPORT = re.compile(r'^import (?:\{(?P<names>[^}]*)\}|(?P<default>[\w$]+)) from "(?P<path>[^"]+)";$', re.MULTILINE)
_LATER_IMPORT = re.compile(r'\bimport\("(?P<path>[^"]+)"\)')
_EXPORT = re.compile(r"^export (?=(?:const|class|function|async function) (?P<name>[\w$]+))", re.MULTILINE)
_DEFAULT_EXPORT = re.compile(r"^export default ", re.MULTILINE)
_UNKNOWN = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)
_RENAMED = re.compile(r"([\w$]+) as ([\w$]+)")

_FRAME = """\
(() => {
  "use strict";
  const modules = {};
  const loaded = {};
  const load = (name) => (loaded[name] ??= modules[name]());
%s  load(%s);
})();
"""


class BundleError(ValueError):
    """A module uses a form of import or export that :func:`bundle` does not know, or modules import each other."""


def bundle(sources: Mapping[str, str], entry: str) -> str:
    """Return a classic script with the effect of a module.

    A module becomes a function that returns its exports and runs once, on the first import.

    Args:
        sources: the text of modules, by path. They import each other by relative paths: names in braces, or a
            default. They export constants, classes and functions where they define them, or a default.
        entry: the path of the module to run.

    Raises:
        BundleError: a module is missing, has another form of import or export, or imports itself through others.
    """
    functions: dict[str, str] = {}
    _collect(sources, entry, functions, ())
    modules = "".join(f"  modules[{json.dumps(path)}] = () => {{\n{text}  }};\n" for path, text in functions.items())
    return _FRAME % (modules, json.dumps(entry))


def imported_modules(sources: Mapping[str, str], entry: str) -> Sequence[str]:
    """Return the paths of all modules that a module imports statically, directly or through other modules.

    Args:
        sources: the text of modules, by path, as for :func:`bundle`.
        entry: the path of the module.
    """
    paths, found = [entry], {entry}
    for path in paths:
        new = {_resolved(path, each["path"]) for each in _IMPORT.finditer(sources[path])} - found
        paths += sorted(new)
        found |= new
    return paths[1:]


def _collect(sources: Mapping[str, str], path: str, functions: dict[str, str], importers: tuple[str, ...]) -> None:
    """Add the function of a module, and those of the modules that it imports."""
    if path in importers:
        raise BundleError(f"{' imports '.join((*importers, path))}; a module must not import itself.")
    if path in functions:
        return
    if path not in sources:
        raise BundleError(f"{importers[-1] if importers else 'The page'} imports {path}, which does not exist.")
    functions[path] = _function(path, sources[path])
    for pattern in (_IMPORT, _LATER_IMPORT):
        # A later import does not wait for a module that is still running.
        below = (*importers, path) if pattern is _IMPORT else (path,)
        for found in pattern.finditer(sources[path]):
            _collect(sources, _resolved(path, found["path"]), functions, below)


def _function(path: str, text: str) -> str:
    """Return the body of the function of a module."""

    def loaded(found: re.Match[str]) -> str:
        name = json.dumps(_resolved(path, found["path"]))
        if found["default"]:
            return f"const {found['default']} = load({name}).default;"
        names = _RENAMED.sub(r"\1: \2", found["names"])
        return f"const {{{names}}} = load({name});"

    def later(found: re.Match[str]) -> str:
        return f"Promise.resolve().then(() => load({json.dumps(_resolved(path, found['path']))}))"

    names = [found["name"] for found in _EXPORT.finditer(text)]
    if _DEFAULT_EXPORT.search(text):
        names.append("default: exported")
    text = _LATER_IMPORT.sub(later, _IMPORT.sub(loaded, text))
    text = _DEFAULT_EXPORT.sub("const exported = ", _EXPORT.sub("", text))
    unknown = _UNKNOWN.search(text)
    if unknown:
        raise BundleError(f"{path} has {unknown[0]!r}; use a form that {__name__} supports.")
    return f"{text}return {{ {', '.join(names)} }};\n"


def _resolved(importer: str, path: str) -> str:
    """Return the path of an imported module; ``path`` is relative to the importer."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(importer), path))
