"""The pipeline of the tests: the real job on an instance and a data folder of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from vwe_dagster.build import build_defs
from vwe_dagster.listening import reason
from vwe_dagster.resources import WorldStoreResource
from vwe_dagster.seeds import parse_seed
from vwe_dagster.store import Manifest, Stage, WorldStore

ASSETS = ("raw_export", "extracted", "processed", "renders")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    result: dg.ExecuteInProcessResult

    @property
    def success(self) -> bool:
        return self.result.success

    @property
    def failures(self) -> dict[str, str]:
        """Why each asset failed, by asset."""
        return {str(event.step_key): reason(event) for event in self.result.all_events if event.is_step_failure}

    def metadata(self, asset: str) -> Mapping[str, Any]:
        """The values of an asset's metadata, by label."""
        (event,) = self.result.asset_materializations_for_node(asset)
        return {label: value.value for label, value in event.metadata.items()}

    def data_version(self, asset: str) -> str:
        (event,) = self.result.asset_materializations_for_node(asset)
        return (event.tags or {})["dagster/data_version"]

    def kept(self) -> dict[str, bool]:
        """Whether each materialized asset was up to date and stayed as it was."""
        return {asset: self.metadata(asset)["cached"] for asset in ASSETS}


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """The job ``world`` of the project.

    Attributes:
        root: the data folder.
        instance: where runs and partitions are kept.
        resources: what takes the place of the project's own resources.
    """

    root: Path
    instance: dg.DagsterInstance
    resources: Mapping[str, object] = dataclasses.field(default_factory=dict)

    @property
    def store(self) -> WorldStore:
        return WorldStore(self.root)

    def manifest(self, key: str, stage: Stage) -> Manifest:
        """What a stage that exists says of itself."""
        manifest = self.store.manifest(parse_seed(key), stage)
        assert manifest is not None
        return manifest

    def run(
        self,
        key: str,
        *,
        config: Mapping[str, Mapping[str, object]] | None = None,
        assets: Sequence[str] = ASSETS,
        size: int = 64,
    ) -> Outcome:
        """Registers a key, valid or not, and makes assets of it."""
        self.instance.add_dynamic_partitions("seeds", [key])
        told = {"raw_export": {"size": size}, **(config or {})}
        resources = {"store": WorldStoreResource(root=str(self.root)), **self.resources}
        job = build_defs(resource_overrides=resources).resolve_job_def("world")
        result = job.execute_in_process(
            run_config={"ops": {asset: {"config": dict(told[asset])} for asset in assets if asset in told}},
            instance=self.instance,
            partition_key=key,
            raise_on_error=False,
            asset_selection=[dg.AssetKey(asset) for asset in assets],
        )
        return Outcome(result)

    def log(self, outcome: Outcome) -> list[str]:
        """What the assets logged in a run."""
        records = self.instance.all_logs(outcome.result.run_id)
        return [record.user_message for record in records if record.dagster_event is None]

    def files(self) -> dict[str, tuple[int, int, bytes]]:
        """Inode, time of change and content of every file in the data folder, by path."""
        return {
            str(path.relative_to(self.root)): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes())
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }
