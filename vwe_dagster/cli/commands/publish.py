"""The command ``vwe publish``: write worlds and the survey to object storage."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from vwe_dagster.cli.commands.common import InputError, parse_seeds
from vwe_dagster.cli.commands.published import check_package
from vwe_dagster.cli.console import notices, output, say, show_table, showing_progress
from vwe_dagster.cli.exit_codes import FAILED
from vwe_dagster.config.home import find_home
from vwe_dagster.config.object_storage import publish_address
from vwe_dagster.store import StoreError, WorldStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vwe_dagster.publishing.bucket import Bucket
    from vwe_dagster.publishing.world_publishing import Publication
    from vwe_dagster.seeds.seed import Seed

_SURVEY = "survey"


def publish(
    seeds: Annotated[list[str] | None, typer.Argument(metavar="SEED...", help="Seeds of built worlds.")] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Publish every built world.")] = False,
    survey: Annotated[bool, typer.Option("--survey", help="Publish the rows of the survey.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Publish worlds and the survey to the object storage that VWE_PUBLISH names, such as s3://bucket/prefix.

    Unchanged worlds and files are not written again. If this command is interrupted, readers still see the
    former version of a world.
    """
    if bool(seeds) + all_ > 1 or not (seeds or all_ or survey):
        raise InputError("Name the seeds to publish, or choose --all, --survey or both.")
    parsed = parse_seeds(seeds or [])
    address = publish_address()
    check_package()
    # Loaded after the options are checked, because it takes longer than other commands run.
    from vwe_dagster.publishing.bucket import Bucket  # noqa: PLC0415
    from vwe_dagster.publishing.survey_publishing import publish_survey  # noqa: PLC0415

    store, bucket = WorldStore(find_home().data), Bucket(address)
    with showing_progress(notices(), f"publishing to {address}") as report:
        results, faults = _publish_worlds(store, bucket, parsed, every=all_, report=report)
        if survey:
            report(1, _SURVEY)
            results[_SURVEY] = publish_survey(store, bucket)
        report(1, "done")
    _show(str(address), results, faults, as_json=as_json)
    if faults:
        raise typer.Exit(FAILED)


def _publish_worlds(
    store: WorldStore, bucket: Bucket, seeds: list[Seed], *, every: bool, report: Callable[[float, str], None]
) -> tuple[dict[str, Publication], dict[str, str]]:
    """Publish worlds, and return the results and the reasons of failures by seed.

    The first failure of the bucket ends the command. With ``every``, incomplete worlds are skipped.
    """
    from vwe_dagster.publishing.bucket import UnusableBucketError  # noqa: PLC0415
    from vwe_dagster.publishing.world_publishing import IncompleteWorldError, publish_world  # noqa: PLC0415

    results: dict[str, Publication] = {}
    faults: dict[str, str] = {}
    wanted = list(store.seeds()) if every else seeds
    for done, seed in enumerate(wanted):
        report(done / len(wanted), seed.key)
        try:
            results[seed.key] = publish_world(store, seed, bucket)
        except UnusableBucketError:
            raise
        except IncompleteWorldError as error:
            if every:
                say(notices(), str(error), "yellow")
            else:
                faults[seed.key] = str(error)
        except StoreError as error:
            faults[seed.key] = str(error)
    return results, faults


def _show(address: str, results: Mapping[str, Publication], faults: Mapping[str, str], *, as_json: bool) -> None:
    if as_json:
        rows = [{"name": name, **dataclasses.asdict(each)} for name, each in results.items()]
        document = {"address": address, "published": rows, "failed": dict(faults)}
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    elif results:
        cells = [(name, each.state, each.objects, each.reused, decimal(each.bytes)) for name, each in results.items()]
        show_table(output(), "", ("name", "state", "written", "reused", "size"), cells)
    for fault in faults.values():
        say(notices(), fault, "red")
    if not results and not faults:
        say(notices(), "There is no built world to publish.")
