"""Jobs: which assets are made together, and how seeds are added from the UI."""

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
    description="Makes the world of a seed: the engine's export, the canonical data, its statistics and its pictures.",
)

tile_pyramid = dg.define_asset_job(
    "tile_pyramid",
    selection=dg.AssetSelection.groups("tiles"),
    description="Makes the tiles of a seed whose world has been made.",
)


class AddSeedsConfig(PlainConfig):
    """Which seeds to add."""

    seeds: list[str] = pydantic.Field(default=[], description='Seeds, as in ["HHcLC5acQt", "@298112588"].')
    random_seeds: int = pydantic.Field(
        default=0,
        description=f"How many random seeds to add as well, drawn as the game draws them; {MAX_SEEDS:,} at most.",
    )
    make: bool = pydantic.Field(
        default=True, description="Make their worlds too. The sensor `inbox` asks for the runs, if it is switched on."
    )


@dg.op
def register(context: dg.OpExecutionContext, config: AddSeedsConfig, store: dg.ResourceParam[WorldStore]) -> None:
    """Registers seeds, after checking every one, and puts those to be made into the inbox as a list.

    A run cannot start others, but the inbox's sensor asks for runs in batches and loses none when something is killed.
    """
    registered = context.instance.get_dynamic_partitions(str(partitions.name))
    wanted = _wanted(config, registered)
    if config.make:
        # First: if the run is killed in between, the sensor registers them.
        path = Inbox(store.root / FOLDER).put(f"add_seeds-{context.run.run_id}.txt", wanted)
        context.log.info(f"The list of the seeds to be made is {path}; the sensor inbox takes it up.")
    keys = [seed.key for seed in wanted]
    context.instance.add_dynamic_partitions(str(partitions.name), keys)
    new = len(set(keys) - set(registered))
    context.log.info(f"Seeds: {len(keys)}, of which {new} are new: {', '.join(keys)}")


@dg.job(config={"ops": {register.name: {"config": AddSeedsConfig().model_dump()}}})
def add_seeds() -> None:
    """Adds seeds: those that the configuration lists, and random ones. Their worlds are made unless that is unset."""
    register()


def _wanted(config: AddSeedsConfig, registered: Iterable[str]) -> list[Seed]:
    """The seeds that are listed, each once, and random ones whose worlds nobody has.

    Raises:
        Failure: a seed is none, or there are none or too many; the sentences tell of everything that is wrong.
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
        faults.append(f"These are {many:,} seeds and the most is {MAX_SEEDS:,}; add them in several runs.")
    if many == 0 and not faults:
        faults.append("There is no seed to add; list some under seeds, or write under random_seeds how many to draw.")
    if faults:
        raise dg.Failure(description="\n".join(faults), allow_retries=False)
    return [*listed, *random_seeds(config.random_seeds, [*parse_keys(registered), *listed])]
