"""Which engine makes a world: the one that was chosen, or another in its place, and then the metadata says so."""

from __future__ import annotations

import dataclasses

import pytest

from vwe_dagster.config.pool import ENGINE_VARIABLE
from vwe_dagster.engine.messages import (
    LINES,
    PLANES,
    EngineError,
    EngineIdentity,
    Progress,
    WorldExport,
    WorldRequest,
    no_progress,
)
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster_tests.defs.pipeline import Outcome, Pipeline, PoolOfOne

pytestmark = pytest.mark.slow

FALLBACK = "made by the native engine instead, for"
SERVER = EngineIdentity("valheim", "0.1.0", "1.0.16")
GOOD, BAD = "alpha", "beta"


@dataclasses.dataclass(frozen=True)
class Server:
    """A server of Valheim, as far as the assets can tell; it cannot make some seeds."""

    fails: frozenset[str] = frozenset()
    knows: tuple[str, ...] = (*PLANES, *LINES)

    @property
    def identity(self) -> EngineIdentity:
        return SERVER

    def generate(self, request: WorldRequest, progress: Progress = no_progress) -> WorldExport:
        known = dataclasses.replace(request, layers=request.layers_of(self.knows), if_offered=())
        export = NativeEngine().generate(known, progress)
        if request.seed in {parse_seed(key).number for key in self.fails}:
            raise EngineError("The main thread stalled.")
        return dataclasses.replace(export, engine=SERVER)


def run(pipeline: Pipeline, server: Server | None, engine: str | None, *keys: str, force: bool = False) -> Outcome:
    resources = {} if server is None else {"valheim_pool": PoolOfOne(server)}
    chosen = {} if engine is None else {"engine": engine}
    with_pools = dataclasses.replace(pipeline, resources=resources)
    return with_pools.run(*keys, assets=["raw_export"], config={"raw_export": {"size": 64, "force": force, **chosen}})


def maker(pipeline: Pipeline, key: str) -> object:
    return pipeline.manifest(key, "raw").recipe.made_by["kind"]


def test_the_engine_that_was_chosen_makes_the_world_and_the_manifest_says_which(pipeline: Pipeline) -> None:
    outcome = run(pipeline, Server(), "VALHEIM", GOOD)
    recipe = pipeline.manifest(GOOD, "raw").recipe
    assert recipe.made_by == dataclasses.asdict(SERVER)
    assert recipe.inputs["engine"] == "valheim"
    assert FALLBACK not in outcome.metadata("raw_export")
    assert run(pipeline, Server(), "VALHEIM", GOOD).metadata("raw_export")["cached"] is True
    assert run(pipeline, Server(), "NATIVE", GOOD).metadata("raw_export")["cached"] is False
    assert maker(pipeline, GOOD) == "native"


def test_another_engine_takes_over_only_what_the_chosen_one_did_not_make_and_says_why(pipeline: Pipeline) -> None:
    outcome = run(pipeline, Server(frozenset({BAD})), "VALHEIM_ELSE_NATIVE", GOOD, BAD)
    assert outcome.success
    assert (maker(pipeline, GOOD), maker(pipeline, BAD)) == ("valheim", "native")
    assert FALLBACK not in outcome.metadata("raw_export", GOOD)
    assert outcome.metadata("raw_export", BAD)[FALLBACK] == "The main thread stalled."
    assert f"{BAD} is made by the native engine instead. The main thread stalled." in pipeline.log(outcome)


def test_what_took_over_is_kept_while_the_chosen_engine_still_fails_and_replaced_when_it_does_not(
    pipeline: Pipeline,
) -> None:
    run(pipeline, Server(frozenset({BAD})), "VALHEIM_ELSE_NATIVE", BAD)
    again = run(pipeline, Server(frozenset({BAD})), "VALHEIM_ELSE_NATIVE", BAD).metadata("raw_export")
    assert (again["cached"], again[FALLBACK]) == (True, "The main thread stalled.")
    healed = run(pipeline, Server(), "VALHEIM_ELSE_NATIVE", BAD).metadata("raw_export")
    assert healed["cached"] is False
    assert maker(pipeline, BAD) == "valheim"


def test_a_world_of_the_chosen_engine_is_not_replaced_because_that_engine_fails_to_make_it_anew(
    pipeline: Pipeline,
) -> None:
    run(pipeline, Server(), "VALHEIM_ELSE_NATIVE", BAD)
    outcome = run(pipeline, Server(frozenset({BAD})), "VALHEIM_ELSE_NATIVE", BAD, force=True)
    assert (
        outcome.failures["raw_export"] == "The valheim engine made it before, and that stays. The main thread stalled."
    )
    assert maker(pipeline, BAD) == "valheim"


def test_the_log_tells_of_the_progress_of_each_engine_that_tried(pipeline: Pipeline) -> None:
    outcome = run(pipeline, Server(frozenset({BAD})), "VALHEIM_ELSE_NATIVE", BAD)
    told = [line for line in pipeline.log(outcome) if "lakes" in line]
    assert len(told) == 2 * len(set(told))


def test_an_engine_that_knows_no_waters_makes_worlds_without_them(pipeline: Pipeline) -> None:
    outcome = run(pipeline, Server(knows=("biome", "height")), "VALHEIM", GOOD)
    assert outcome.metadata("raw_export")["the engine has no"] == "lava, rivers, streams, lakes"
    assert pipeline.run(GOOD, assets=["extracted", "processed", "renders"]).success
    assert pipeline.manifest(GOOD, "extracted").files.keys() == {"biome.npy.gz", "height.npy.gz", "water.npy.gz"}


def test_without_a_fallback_a_world_that_the_chosen_engine_did_not_make_fails(pipeline: Pipeline) -> None:
    outcome = run(pipeline, Server(frozenset({BAD})), "VALHEIM", GOOD, BAD)
    assert outcome.failures["raw_export"].startswith("1 of 2 seeds failed")
    assert pipeline.store.manifest(parse_seed(BAD), "raw") is None


def test_where_there_is_no_such_pool_the_sentence_says_how_to_have_one(pipeline: Pipeline) -> None:
    outcome = run(pipeline, None, "VALHEIM", GOOD)
    assert "set VWE_VALHEIM_POOL_BASE_IMAGE" in outcome.failures["raw_export"]
    instead = run(pipeline, None, "VALHEIM_ELSE_NATIVE", GOOD).metadata("raw_export")
    assert "No pool of Valheim's servers is configured" in instead[FALLBACK]


def test_where_nobody_chooses_the_environment_does(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    run(pipeline, Server(), None, GOOD)
    assert maker(pipeline, GOOD) == "native"
    monkeypatch.setenv(ENGINE_VARIABLE, "valheim")
    run(pipeline, Server(), None, GOOD)
    assert maker(pipeline, GOOD) == "valheim"
