"""The command ``vwe publish``: write worlds and the survey to object storage, and delete unused files there."""

from __future__ import annotations

import dataclasses
import datetime as dt
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
    from collections.abc import Callable, Mapping, Sequence

    from vwe_dagster.publishing.bucket import Bucket
    from vwe_dagster.publishing.pruning import Leftovers
    from vwe_dagster.publishing.world_publishing import Publication
    from vwe_dagster.seeds.seed import Seed

_SURVEY = "survey"


def publish(
    seeds: Annotated[list[str] | None, typer.Argument(metavar="SEED...", help="Seeds of built worlds.")] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Publish every built world.")] = False,
    survey: Annotated[bool, typer.Option("--survey", help="Publish the rows of the survey.")] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Delete unused files older than a day, such as those of former builds."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what --prune would delete; change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Publish worlds and the survey to the object storage that VWE_PUBLISH names, such as s3://bucket/prefix.

    Unchanged worlds and files are not written again. If this command is interrupted, readers still see the
    former version of a world. --prune runs last, and is safe while other publishers are running.
    """
    if bool(seeds) + all_ > 1 or not (seeds or all_ or survey or prune):
        raise InputError("Name the seeds to publish, or choose one or more of --all, --survey and --prune.")
    if dry_run and (not prune or seeds or all_ or survey):
        raise InputError("--dry-run shows what --prune would delete; use it with --prune alone.")
    parsed = parse_seeds(seeds or [])
    address = publish_address()
    check_package()
    # Loaded after the options are checked, because it takes longer than running most other commands.
    from vwe_dagster.publishing.bucket import Bucket  # noqa: PLC0415
    from vwe_dagster.publishing.survey_publishing import publish_survey  # noqa: PLC0415

    store, bucket = WorldStore(find_home().data), Bucket(address)
    results: dict[str, Publication] = {}
    faults: dict[str, str] = {}
    if seeds or all_ or survey:
        with showing_progress(notices(), f"publishing to {address}") as report:
            results, faults = _publish_worlds(store, bucket, parsed, every=all_, report=report)
            if survey:
                report(1, _SURVEY)
                results[_SURVEY] = publish_survey(store, bucket)
            report(1, "done")
    pruned = _prune(bucket, dry_run=dry_run) if prune else None
    if as_json:
        _write_json(str(address), results, faults, pruned)
    else:
        _show(results, faults, published=bool(seeds or all_ or survey))
        if pruned is not None:
            _show_pruned(pruned, dry_run=dry_run)
    if faults or any(each.fault for each in pruned or ()):
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


def _prune(bucket: Bucket, *, dry_run: bool) -> list[Leftovers]:
    from vwe_dagster.publishing.pruning import prune  # noqa: PLC0415

    with showing_progress(notices(), f"pruning {bucket.address}") as report:
        found = prune(bucket, now=dt.datetime.now(dt.UTC), dry_run=dry_run, report=report)
        report(1, "done")
    return found


def _write_json(
    address: str, results: Mapping[str, Publication], faults: Mapping[str, str], pruned: Sequence[Leftovers] | None
) -> None:
    rows = [{"name": name, **dataclasses.asdict(each)} for name, each in results.items()]
    document: dict[str, object] = {"address": address, "published": rows, "failed": dict(faults)}
    if pruned is not None:
        document["pruned"] = [dataclasses.asdict(each) for each in pruned]
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _show(results: Mapping[str, Publication], faults: Mapping[str, str], *, published: bool) -> None:
    if results:
        cells = [(name, each.state, each.objects, each.reused, decimal(each.bytes)) for name, each in results.items()]
        show_table(output(), "", ("name", "state", "written", "reused", "size"), cells)
    for fault in faults.values():
        say(notices(), fault, "red")
    if published and not results and not faults:
        say(notices(), "There are no built worlds to publish.")


def _show_pruned(pruned: Sequence[Leftovers], *, dry_run: bool) -> None:
    old = [each for each in pruned if each.objects]
    if old:
        cells = [(each.name, each.objects, decimal(each.bytes)) for each in old]
        show_table(output(), "", ("name", "unused files", "size"), cells)
    for each in pruned:
        if each.fault is not None:
            say(notices(), each.fault, "red")
    files, size = sum(each.objects for each in old), decimal(sum(each.bytes for each in old))
    young = sum(each.young for each in pruned)
    summary = f"{'--prune would delete' if dry_run else 'Deleted'} {files:,} unused files, {size}."
    kept = (
        f" Another {young:,} are kept, because they are younger than a day or were replaced in the last hour."
        if young
        else ""
    )
    say(notices(), summary + kept)
