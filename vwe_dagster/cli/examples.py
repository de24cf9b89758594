"""Examples at the end of each command's help."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

import typer

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "world": (
        "vwe world HHcLC5acQt",
        "vwe world HHcLC5acQt @-1772362158 --size 512",
        "vwe world --file seeds.txt",
        "vwe world --from-save Midgard.fwl",
    ),
    "import": ("vwe import HHcLC5acQt exported/",),
    "export": (
        "vwe export HHcLC5acQt --to site",
        "vwe export HHcLC5acQt --to geotiff --to csv --out exports/",
        "vwe export --gallery HHcLC5acQt wVJCZahxX8 --out gallery/",
        "vwe export --gallery --file seeds.txt --out gallery/ --url https://example.org/worlds/",
        "vwe export HHcLC5acQt --to site --from s3://worlds/valheim",
    ),
    "tiles": ("vwe tiles HHcLC5acQt --style map --max-zoom 5",),
    "seed": ("vwe seed HHcLC5acQt", "vwe seed @-530322020", "vwe seed --from-save Midgard.fwl"),
    "show": ("vwe show HHcLC5acQt",),
    "locations": (
        "vwe locations HHcLC5acQt",
        "vwe locations HHcLC5acQt --kind haldor --kind bonemass",
        "vwe locations HHcLC5acQt --kind dungeon --near 1200,-350 --within 1000",
        "vwe locations HHcLC5acQt --csv",
        "vwe locations HHcLC5acQt --table modded.json --kind haldor",
    ),
    "find": (
        'vwe find "islands > 230 and swamp < 2200"',
        "vwe find --columns",
        "vwe find --sort start_land --limit 3 --csv",
        "vwe find --questions",
        "vwe find --question gentle-start --make 5",
        'vwe find "haldor < 2000" --prefer "start_land desc x2" --prefer swamp',
        'vwe find --prefer "start_land desc x2" --prefer swamp --explain @-1772362158',
        'vwe find "islands > 230" --from s3://worlds/valheim',
    ),
    "serve": ("vwe serve --open", "vwe serve --port 8081", "vwe serve --from s3://worlds/valheim"),
    "open": ("vwe open HHcLC5acQt", "vwe open -- -abc"),
    "worker": ("vwe worker --name attic --slots 2", "vwe worker --check"),
    "hosts": ("vwe hosts", "vwe hosts --json"),
    "docs": ("vwe docs",),
    "ui": ("vwe ui", "vwe ui --port 3001"),
    "publish": (
        "vwe publish HHcLC5acQt wVJCZahxX8",
        "vwe publish --all --survey",
        "vwe publish --prune --dry-run",
    ),
    "purge": ("vwe purge --dry-run", "vwe purge --older-than 7d"),
    "seeds add": ("vwe seeds add HHcLC5acQt", "vwe seeds add --file seeds.txt"),
    "seeds list": ("vwe seeds list", "vwe seeds list | cut -f 1"),
    "seeds remove": ("vwe seeds remove HHcLC5acQt", "vwe seeds remove --keep-data HHcLC5acQt"),
    "survey run": (
        "vwe survey run 10000",
        "vwe survey run 100000 --depth start",
        "vwe survey run --file seeds.txt --depth all",
        "vwe survey run --range -500 500",
    ),
    "survey status": ("vwe survey status",),
    "survey export": ("vwe survey export --to survey.csv", "vwe survey export --to start.parquet --depth start"),
    "survey deepen": ('vwe survey deepen "islands > 40" --to all',),
    "pool status": ("vwe pool status --live",),
    "pool warm": ("vwe pool warm 2",),
    "pool drain": ("vwe pool drain --timeout 60",),
    "pool reap": ("vwe pool reap",),
    "pool repair": ("vwe pool repair",),
    "pool release": ("vwe pool release 0", "vwe pool release 0 --force"),
    "pool logs": ("vwe pool logs 0 --lines 50",),
    "pool history": ("vwe pool history --last 10",),
    "pool events": ("vwe pool events --follow",),
    "engine serve": ("vwe engine serve --socket /tmp/engine.sock",),
    "engine verify": ("vwe engine verify HHcLC5acQt --pool valheim",),
    "engine location-table": ("vwe engine location-table --out table.json --pool valheim",),
    "bench engine": ("vwe bench engine --json engine.json", "vwe bench engine --against engine.json"),
    "bench pool": ("vwe bench pool --plot pool.png",),
    "bench renders": ("vwe bench renders --json renders.json",),
    "bench survey": ("vwe bench survey --json survey.json",),
    "metrics serve": ("vwe metrics serve --port 9464",),
}
"""Example command lines by command, without the leading ``vwe``."""


def complete_help(app: typer.Typer, path: str = "") -> None:
    """Add the examples to the help of every command, and unwrap its paragraphs.

    typer keeps the line breaks of all paragraphs but the first and wraps them again at the width of the terminal.
    """
    for command in app.registered_commands:
        callback = command.callback
        name = f"{path}{command.name or (callback.__name__ if callback is not None else '')}"
        command.help = _unwrapped(command.help or inspect.getdoc(callback) or "")
        examples = "\n".join(["\b", "Examples:", *(f"  {line}" for line in EXAMPLES[name])])
        command.epilog = f"{examples}\n\n{command.epilog}" if command.epilog else examples
    for group in app.registered_groups:
        if group.typer_instance is not None:
            complete_help(group.typer_instance, f"{path}{group.name} ")


def _unwrapped(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
