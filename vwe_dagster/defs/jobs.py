"""Jobs that build worlds and tiles, and the job that adds seeds from the UI."""

from collections.abc import Iterable

import dagster as dg
import pydantic

from vwe_dagster.defs.partitions import seeds as partitions
from vwe_dagster.defs.plain_config import PlainConfig
from vwe_dagster.seeds.lists import MAX_SEEDS
from vwe_dagster.seeds.lookalikes import parse_keys
from vwe_dagster.seeds.random import random_seeds
from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed
from vwe_dagster.store import WorldStore
from vwe_dagster.store.inbox import FOLDER, Inbox

world = dg.define_asset_job(
    "world",
    selection=dg.AssetSelection.groups("world"),
    description="Builds the world of a seed: the engine's export, the canonical data, its statistics and its pictures.",
)

tile_pyramid = dg.define_asset_job(
    "tile_pyramid",
    selection=dg.AssetSelection.groups("tiles"),
    description="Builds the map tiles of a seed whose world exists.",
)


class AddSeedsConfig(PlainConfig):
    """Selection of the seeds to add."""

    seeds: list[str] = pydantic.Field(default=[], description='Seeds, as in ["HHcLC5acQt", "@298112588"].')
    random_seeds: int = pydantic.Field(
        default=0,
        description=f"Number of random seeds to add, drawn as the game draws them; at most {MAX_SEEDS:,}.",
    )
    make: bool = pydantic.Field(
        default=True, description="Also build their worlds. The sensor `inbox` requests the runs, if it is running."
    )


@dg.op
def register(context: dg.OpExecutionContext, config: AddSeedsConfig, store: dg.ResourceParam[WorldStore]) -> None:
    """Validate and register seeds, and put them into the inbox as a list if their worlds should be built.

    A run cannot start other runs. The sensor of the inbox requests runs in batches, and loses none if it is killed.
    """
    registered = context.instance.get_dynamic_partitions(str(partitions.name))
    wanted = _wanted(config, registered)
    if config.make:
        # The list comes first: if the run is killed now, the sensor registers the seeds.
        path = Inbox(store.root / FOLDER).put(f"add_seeds-{context.run.run_id}.txt", wanted)
        context.log.info(f"The sensor inbox will request runs for the seeds in {path}.")
    keys = [seed.key for seed in wanted]
    context.instance.add_dynamic_partitions(str(partitions.name), keys)
    new = len(set(keys) - set(registered))
    context.log.info(f"Seeds: {len(keys)}, of which {new} are new: {', '.join(keys)}")


@dg.job(config={"ops": {register.name: {"config": AddSeedsConfig().model_dump()}}})
def add_seeds() -> None:
    """Adds the configured seeds and random ones, and builds their worlds unless `make` is false."""
    register()


def _wanted(config: AddSeedsConfig, registered: Iterable[str]) -> list[Seed]:
    """Return the listed seeds without duplicates, and random seeds of new worlds.

    Raises:
        Failure: a seed is invalid, or there are none or too many; the message lists all faults.
    """
    listed, faults = [], []
    for text in dict.fromkeys(config.seeds):
        try:
            listed.append(parse_seed(text))
        except SeedError as error:
            faults.append(str(error))
    if config.random_seeds < 0:
        faults.append(f"random_seeds is {config.random_seeds}; write 0 or more.")
    many = len(listed) + config.random_seeds
    if many > MAX_SEEDS:
        faults.append(f"{many:,} seeds are more than the limit of {MAX_SEEDS:,}; add them in several runs.")
    if many == 0 and not faults:
        faults.append("There are no seeds to add; list some in seeds, or set random_seeds to the number to draw.")
    if faults:
        raise dg.Failure(description="\n".join(faults), allow_retries=False)
    return [*listed, *random_seeds(config.random_seeds, [*parse_keys(registered), *listed])]
