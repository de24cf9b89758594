"""A reader recovers from its own end at any moment, and its leftovers are not shown as worlds."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.catalog.table import SeedCatalog
from vwe_dagster.publishing.bucket import Bucket
from vwe_dagster.publishing.world_publishing import publish_world
from vwe_dagster.site.gallery import Gallery
from vwe_dagster_tests.publishing.s3_server import S3Server
from vwe_dagster_tests.publishing.test_worlds import KEY, SEED, built, content_of, reader


def test_world_that_a_killed_reader_has_set_aside_is_fetched_again(s3: S3Server, tmp_path: Path) -> None:
    store, address = built(tmp_path / "data"), s3.new_address()
    publish_world(store, SEED, Bucket(address))
    published = reader(address, tmp_path / "cache")
    published.refresh()
    folder = published.folder(SEED, "raw").parent
    folder.rename(folder.with_name(f".{folder.name}.former"))
    published.refresh()
    assert content_of(published) == content_of(store)
    assert sorted(path.name for path in folder.parent.iterdir()) == [folder.name]


def test_leftovers_of_a_killed_reader_are_not_shown(s3: S3Server, tmp_path: Path) -> None:
    store, address = built(tmp_path / "data"), s3.new_address()
    publish_world(store, SEED, Bucket(address))
    published = reader(address, tmp_path / "cache")
    published.refresh()
    folder = published.folder(SEED, "raw").parent
    folder.rename(folder.with_name(f".{folder.name}.draft-0123"))
    (folder.parent / f".{folder.name}.lock").touch()
    state = SeedCatalog(published).update()
    assert (state.table.num_rows, state.left_out) == (0, {})
    assert KEY.encode() not in Gallery(published).worlds()
    assert list(published.seeds()) == []
