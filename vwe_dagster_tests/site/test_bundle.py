"""Modules of pages: their imports, and joining them to classic scripts."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from vwe_dagster.site import pages
from vwe_dagster.site.bundle import BundleError, bundle, imported_modules
from vwe_dagster.site.exported_pages import exported_static

MODULES = {
    "page.js": """\
import texts from "./texts/en.js";
import {
  $,
  counted as count,
} from "./dom.js";

count();
import("./later.js").then(({ later }) => print([$, count(), later, new texts.Text().text, typeof Text].join(" ")));
""",
    "dom.js": """\
let calls = 0;
const hidden = 1;
export const $ = "dollar";
export function counted() {
  calls += hidden;
  return calls;
}
""",
    "later.js": 'import { counted } from "./dom.js";\nexport const later = `later ${counted()}`;\n',
    "texts/en.js": 'import { text } from "../words.js";\nclass Text { text = text; }\nexport default { Text };\n',
    "words.js": 'export const text = "import { export }";\n',
}


@pytest.mark.skipif(shutil.which("node") is None, reason="runs JavaScript with Node.js")
def test_script_has_the_effect_of_the_modules() -> None:
    script = f"const print = console.log;\n{bundle(MODULES, 'page.js')}"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    assert done.stdout == "dollar 3 later 2 import { export } undefined\n"


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({"page.js": 'import { a } from "./none.js";\n'}, "page.js imports none.js, which does not exist"),
        (
            {"page.js": 'import { a } from "./a.js";\n', "a.js": 'import { b } from "./page.js";\n'},
            "page.js imports a.js",
        ),
        ({"page.js": 'import * as all from "./a.js";\n'}, "page.js has 'import \\* as all"),
        ({"page.js": "export let count = 0;\n"}, "page.js has 'export let"),
        ({"page.js": 'export { a } from "./a.js";\n'}, "page.js has 'export { a }"),
    ],
)
def test_other_forms_of_modules_are_rejected(modules: dict[str, str], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        bundle(modules, "page.js")


def test_every_page_has_one_script_without_modules() -> None:
    files = dict(exported_static())
    scripts = {path for path in files if path.startswith("js/")}
    assert scripts == {"js/theme.js", "js/gallery.js", "js/world.js", "js/compare.js"}
    for path in scripts:
        assert not re.search(rb"^(?:import|export)\b", files[path], re.MULTILINE), path


def test_imported_modules_are_those_that_a_module_needs_to_start() -> None:
    assert imported_modules(MODULES, "page.js") == ["dom.js", "texts/en.js", "words.js"]


@pytest.mark.parametrize("name", pages.PAGES)
def test_page_preloads_all_modules_that_it_needs_to_start(name: str) -> None:
    text = pages.html_files()[name].plain.decode()
    static = rf"(?:\.\./)*static/{pages.static_version()}"
    preloaded = set(re.findall(rf'<link rel="modulepreload" href="{static}/([^"]+)"', text))
    entry = re.findall(rf'<script src="{static}/([^"]+)" type="module">', text)
    assert len(entry) == 1
    assert preloaded == set(imported_modules(pages.module_sources(), entry[0]))
    assert preloaded <= set(pages.static_files())
