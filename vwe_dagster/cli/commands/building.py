"""Build worlds from the command line: several per run, with live progress."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from vwe_dagster.cli.commands.common import CommandError
from vwe_dagster.cli.commands.pool import settings_of
from vwe_dagster.cli.console import notices, say, showing_progress, showing_run, undiverted_notices
from vwe_dagster.cli.interrupts import exiting_on_interrupt
from vwe_dagster.config.home import Home
from vwe_dagster.config.pool import EngineChoice, engine_choice_from_environment
from vwe_dagster.engine.messages import LocationScope
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import WorldStore

if TYPE_CHECKING:
    from rich.console import Console

    from vwe_dagster.defs.run_events import Listener, Notice
    from vwe_dagster.instance.seed_runs import SeedRuns

Config = Mapping[str, Mapping[str, object]]
"""The assets to build, and the configuration of each."""


def world_config(
    size: int = 2048,
    world_gen_version: int = 2,
    *,
    engine: EngineChoice | None = None,
    locations: LocationScope = LocationScope.ALL,
    force: bool = False,
) -> Config:
    """Return the configuration of the four assets of a world."""
    raw: dict[str, object] = {
        "size": size,
        "world_gen_version": world_gen_version,
        "locations": locations.name,
        "force": force,
    }
    if engine is not None:
        raw["engine"] = engine.name
    return {"raw_export": raw, **{asset: {"force": force} for asset in ("extracted", "processed", "renders")}}


def raise_if_failed(seeds: Sequence[Seed], failed: Collection[str]) -> None:
    """Raise an error that names the failed seeds, if any.

    Raises:
        CommandError: at least one seed failed.
    """
    if failed:
        keys = ", ".join(seed.key for seed in seeds if seed.key in failed)
        raise CommandError(f"Failed: {keys}. The UI (vwe ui) has the log of each run.")


def build_worlds(
    home: Home, wanted: Sequence[tuple[Sequence[Seed], Config]], *, listener: Listener | None = None
) -> set[str]:
    """Register seeds and build their worlds.

    A seed that fails without any stage is not registered afterwards, unless it was before.

    Args:
        home: the home of the instance and the data.
        wanted: groups of seeds, each with its configuration.
        listener: receives the notices of the runs, like the console.

    Returns:
        The keys that failed; the reasons have been printed.
    """
    with exiting_on_interrupt():
        from vwe_dagster.defs.batching import SEEDS_PER_RUN  # noqa: PLC0415
        from vwe_dagster.defs.partitions import consecutive_batches  # noqa: PLC0415
        from vwe_dagster.instance.seed_runs import open_instance  # noqa: PLC0415

    # An invalid setting raises an error before anything is registered.
    settings = settings_of()
    if settings.launcher == "process" and engine_choice_from_environment() is not EngineChoice.VALHEIM:
        compile_kernels_once()
    failed: set[str] = set()
    with undiverted_notices() as console, open_instance(home) as instance:
        known = set(instance.keys())
        every = [seed for seeds, _ in wanted for seed in seeds]
        instance.register(every)
        for seeds, config in wanted:
            for batch in consecutive_batches(instance.keys(), [seed.key for seed in seeds], SEEDS_PER_RUN):
                failed.update(_build_batch(console, instance, batch, config, listener))
        instance.unregister_unbuilt(
            [seed for seed in every if seed.key in failed and seed.key not in known], WorldStore(home.data)
        )
    return failed


def compile_kernels_once() -> None:
    """Compile the terrain kernels with a bar, unless they are in the cache; engines then load them from there."""
    from vwe_dagster.kernels.cache import are_kernels_cached  # noqa: PLC0415  loads numba

    if are_kernels_cached():
        return
    from vwe_dagster.engine.native import COMPILED_FUNCTIONS, NativeEngine  # noqa: PLC0415
    from vwe_dagster.kernels.counting import counting_compilations  # noqa: PLC0415

    with showing_progress(notices(), "Compiling the terrain kernels") as show:
        phase = "once, about 30 s"
        show(0.0, phase)
        with counting_compilations(lambda count: show(min(count / COMPILED_FUNCTIONS, 1.0), phase)):
            NativeEngine().warm()
        show(1.0, phase)


def _build_batch(
    console: Console, instance: SeedRuns, keys: Sequence[str], config: Config, second: Listener | None
) -> Collection[str]:
    """Build worlds in one run; return the keys that failed."""
    title = keys[0] if len(keys) == 1 else f"{len(keys)} seeds, {keys[0]} to {keys[-1]}"
    with showing_run(console, title) as show:

        def listener(notice: Notice) -> None:
            show(notice)
            if second is not None:
                second(notice)

        try:
            return instance.build_worlds(keys, config=config, listener=listener)
        except Exception as error:  # noqa: BLE001  the other batches are built after any error
            say(console, f"{title} failed unexpectedly: {error!r}", "red")
            return keys
