"""The pipeline of the tests: the real jobs on a separate instance and data folder."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from vwe_dagster.defs.assets import renders
from vwe_dagster.defs.build import build_defs
from vwe_dagster.defs.resources import WorldStoreResource
from vwe_dagster.defs.run_events import reason
from vwe_dagster.engine.messages import Engine, EngineError, EngineIdentity, WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.pool.many import Outcome as PoolOutcome
from vwe_dagster.rendering.pictures import THUMBNAIL, pictures
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import Manifest, Stage, WorldStore

_JOBS: dict[str, dg.JobDefinition] = {}
"""The running jobs by name: Dagster's executor loads its job by the name of a function and JSON arguments."""

ASSETS = ("raw_export", "extracted", "processed", "renders")


@dataclasses.dataclass(frozen=True)
class PoolOfOne:
    """A pool of one engine in this process; it records its requests."""

    engine: Engine = dataclasses.field(default_factory=NativeEngine)
    requests: list[WorldRequest] = dataclasses.field(default_factory=list)

    @property
    def identity(self) -> EngineIdentity:
        return self.engine.identity

    def generate_many(
        self, requests: Iterable[WorldRequest], progress: Callable[[int, float, str], None] | None = None
    ) -> Generator[PoolOutcome]:
        for number, request in enumerate(requests):
            self.requests.append(request)

            def report(fraction: float, phase: str, number: int = number) -> None:
                if progress is not None:
                    progress(number, fraction, phase)

            try:
                yield PoolOutcome(request, export=self.engine.generate(request, report))
            except EngineError as error:
                yield PoolOutcome(request, error=error)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of a run."""

    result: dg.JobExecutionResult

    @property
    def success(self) -> bool:
        return self.result.success

    @property
    def failures(self) -> dict[str, str]:
        """The cause of each failure, by asset."""
        return {str(event.step_key): reason(event) for event in self.result.all_events if event.is_step_failure}

    def materialized(self, asset: str) -> dict[str, dg.AssetMaterialization]:
        """Return the materializations of an asset by key; fail if a key has two."""
        events = self.result.asset_materializations_for_node(asset)
        by_key = {str(event.partition): event for event in events}
        assert len(by_key) == len(events)
        return by_key

    def metadata(self, asset: str, key: str | None = None) -> Mapping[str, Any]:
        """Return the values of an asset's metadata by label, for a key or the first one."""
        events = self.materialized(asset)
        event = events[key or next(iter(events))]
        return {label: value.value for label, value in event.metadata.items()}

    def data_version(self, asset: str) -> str:
        (event,) = self.materialized(asset).values()
        return (event.tags or {})["dagster/data_version"]

    def kept(self) -> dict[str, bool]:
        """Return for each asset whether its stage was up to date and kept."""
        return {asset: self.metadata(asset)["cached"] for asset in ASSETS}


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """The jobs ``world`` and ``tile_pyramid`` of the project.

    Attributes:
        root: the data folder.
        instance: stores the runs and partitions.
        resources: replacements of the project's own resources, by name.
    """

    root: Path
    instance: dg.DagsterInstance
    resources: Mapping[str, object] = dataclasses.field(default_factory=dict)

    @property
    def store(self) -> WorldStore:
        return WorldStore(self.root)

    def manifest(self, key: str, stage: Stage) -> Manifest:
        """Return the manifest of a stage, which must exist."""
        manifest = self.store.manifest(parse_seed(key), stage)
        assert manifest is not None
        return manifest

    def run(
        self,
        *keys: str,
        config: Mapping[str, Mapping[str, object]] | None = None,
        assets: Sequence[str] = ASSETS,
        size: int = 64,
    ) -> Outcome:
        """Register keys, valid or not, and materialize their assets in one run; several keys run like a backfill.

        Worlds have no locations unless the config requests them: placing them takes longer than everything else.
        """
        self.instance.add_dynamic_partitions("seeds", list(keys))
        given: dict[str, Mapping[str, object]] = {**(config or {})}
        given["raw_export"] = {"locations": "NONE", **given.get("raw_export", {"size": size})}
        resources = {"store": WorldStoreResource(root=str(self.root)), "pool": PoolOfOne(), **self.resources}
        name = uuid.uuid4().hex
        _JOBS[name] = build_defs(resource_overrides=resources).resolve_job_def(
            "tile_pyramid" if "tiles" in assets else "world"
        )
        try:
            result = dg.execute_job(
                dg.build_reconstructable_job(__name__, "job_named", (name,)),
                instance=self.instance,
                run_config={"ops": {asset: {"config": dict(given[asset])} for asset in assets if asset in given}},
                tags=partition_tags(keys),
                asset_selection=[dg.AssetKey(asset) for asset in assets],
            )
        finally:
            del _JOBS[name]
        return Outcome(result)

    def materialized_keys(self, asset: str) -> set[str]:
        """Return the keys that Dagster records as materialized."""
        return set(self.instance.get_materialized_partitions(dg.AssetKey(asset)))

    def log(self, outcome: Outcome) -> list[str]:
        """Return the log messages of the assets in a run."""
        records = self.instance.all_logs(outcome.result.run_id)
        return [record.user_message for record in records if record.dagster_event is None]

    def files(self) -> dict[str, tuple[int, int, bytes]]:
        """Return the inode, the modification time and the content of every file in the data folder, by path."""
        return {
            str(path.relative_to(self.root)): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes())
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


def draw_thumbnails_only(patch: pytest.MonkeyPatch) -> None:
    """Draw only the thumbnail of a world, for tests that build worlds in this process and do not check pictures.

    The other pictures take most of the time of a small world.
    """
    patch.setattr(renders, "pictures", lambda *world: {THUMBNAIL: pictures(*world)[THUMBNAIL]})


def job_named(name: str) -> dg.JobDefinition:
    """Return a running job."""
    return _JOBS[name]


def partition_tags(keys: Sequence[str]) -> dict[str, str]:
    """Return the tags that name the partition of a run, or the first and the last of its partitions."""
    if len(keys) == 1:
        return {"dagster/partition": keys[0]}
    return {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
