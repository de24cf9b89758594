"""Generated parts of the documentation: a marker such as ``{{ commands }}`` in a page is replaced from the code."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from vwe_dagster.analysis.places import PLACE_COLUMNS
from vwe_dagster.cli.app import app
from vwe_dagster.cli.examples import EXAMPLES
from vwe_dagster.config.pool import variable_of
from vwe_dagster.engine import server
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.world.canonical import LOCATION_COLUMNS, RIVER_COLUMNS

_ROLE = re.compile(r":(?:func|class|data|meth|mod|attr):<code>~?(?:[\w.]+\.)?(\w+)</code>")
_METHODS = {"get", "post", "put", "delete"}
_MARKER = re.compile(r"^\{\{ (\w+) \}\}$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace the markers of a page; called by MkDocs.

    Raises:
        KeyError: a marker is unknown.
    """
    return _MARKER.sub(lambda marker: _PARTS[marker[1]](), markdown)


def on_page_content(html: str, **_: object) -> str:
    """Replace the Sphinx roles of docstrings, such as ``:func:``, by the last part of their name; called by MkDocs."""
    return _ROLE.sub(r"<code>\1</code>", html)


def _commands() -> str:
    return "\n".join(_command_parts(typer.main.get_command(app), "vwe"))


def _command_parts(command: Any, path: str) -> Iterator[str]:
    children: Mapping[str, Any] = getattr(command, "commands", {})
    if not children:
        yield from _one_command(command, path)
    for name, child in sorted(children.items()):
        yield from _command_parts(child, f"{path} {name}")


def _one_command(command: Any, path: str) -> Iterator[str]:
    yield f"## {path}\n"
    yield inspect.cleandoc(command.help or "").replace("<", "&lt;") + "\n"
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
    if arguments or options:
        yield "| parameter | meaning |\n|---|---|"
    for each in arguments:
        yield f"| `{each.metavar or each.name.upper()}` | {_cell(each.help)} |"
    for each in options:
        yield f"| {_option_names(each)} | {_cell(each.help)} |"
    examples = EXAMPLES.get(path.removeprefix("vwe "), ())
    if examples:
        yield "\n".join(["\n```", *examples, "```\n"])


def _option_names(option: Any) -> str:
    metavar = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    return " ".join(f"`{name}{metavar}`" for name in [*option.opts, *option.secondary_opts])


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|").replace("<", "&lt;")


def _table_of(columns: Mapping[str, str]) -> str:
    return "\n".join(["| column | type |", "|---|---|", *(f"| `{name}` | {kind} |" for name, kind in columns.items())])


def _pool_settings() -> str:
    rows = [
        f"| `{variable_of(name)}` | {_default(field.default)} | {field.description} |"
        for name, field in PoolSettings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def _default(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _protocol() -> str:
    document = json.loads((Path(server.__file__).parent / "openapi.json").read_text())
    rows = []
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            if method not in _METHODS:
                continue
            rows += [f"### {method.upper()} {path}\n", _paragraphs(call.get("description") or call.get("summary", ""))]
            answers = call.get("responses", {})
            rows += ["| answer | meaning |", "|---|---|"]
            rows += [f"| {code} | {_cell(answer.get('description', ''))} |" for code, answer in answers.items()]
            rows.append("")
    rows.append("## Messages\n")
    for name, schema in document["components"]["schemas"].items():
        rows += [f"### {name}\n", _paragraphs(schema.get("description", "").split("\n\nAttributes:")[0])]
        members = schema.get("properties", {})
        if members:
            rows += ["| member | type |", "|---|---|"]
            rows += [f"| `{member}` | {_schema_type(each)} |" for member, each in members.items()]
        if "enum" in schema:
            rows.append(", ".join(f"`{value}`" for value in schema["enum"]))
        rows.append("")
    return "\n".join(rows)


def _paragraphs(text: str) -> str:
    return inspect.cleandoc(text).replace("<", "&lt;").replace("``", "`") + "\n"


def _schema_type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_schema_type(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_schema_type(schema.get('items', {}))}"
    return str(schema.get("type", schema.get("const", "any value")))


_PARTS: Mapping[str, Callable[[], str]] = {
    "commands": _commands,
    "pool_settings": _pool_settings,
    "river_columns": lambda: _table_of(RIVER_COLUMNS),
    "location_columns": lambda: _table_of(LOCATION_COLUMNS),
    "place_columns": lambda: _table_of(PLACE_COLUMNS),
    "protocol": _protocol,
}
