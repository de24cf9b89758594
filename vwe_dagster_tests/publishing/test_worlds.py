"""Worlds are published as a whole and read back equal, whatever interrupts the publisher."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from vwe_dagster.config.object_storage import StorageAddress
from vwe_dagster.publishing.bucket import Bucket, BucketError
from vwe_dagster.publishing.documents import NewerSchemaError, world_document
from vwe_dagster.publishing.published_store import PublishedStore
from vwe_dagster.publishing.world_publishing import IncompleteWorldError, PublishState, publish_world
from vwe_dagster.seeds.seed import Seed, parse_seed
from vwe_dagster.store import WorldStore
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.publishing.s3_server import S3Server
from vwe_dagster_tests.worlds import publish_extracted_again, publish_raw
from vwe_dagster_tests.worlds import publish_world as build_world

KEY = "HHcLC5acQt"
SEED = parse_seed(KEY)
MANY_BYTES = 10**9

World = dict[str, bytes]


class PublisherEndedError(Exception):
    """Simulates the end of the publisher."""


class FailingBucket(Bucket):
    """A bucket that fails after a number of writes."""

    def __init__(self, address: StorageAddress, writes: int) -> None:
        super().__init__(address)
        self._left = writes

    def _count(self) -> None:
        if self._left <= 0:
            raise PublisherEndedError
        self._left -= 1

    def write(self, path: str, content: bytes) -> None:
        self._count()
        super().write(path, content)

    def swap(self, path: str, content: bytes, former: str | None) -> bool:
        self._count()
        return super().swap(path, content, former)


def built(folder: Path, build: str = "1", *, size: int = 64, key: str = KEY) -> WorldStore:
    store = WorldStore(folder)
    build_world(store, key, Grid.of_world(size), build=build, pictures=True)
    return store


def content_of(store: WorldStore, seed: Seed = SEED) -> World:
    """Return the manifests and files of a world by path."""
    found = {}
    for stage in store.published_stages(seed):
        manifest = store.manifest(seed, stage)
        assert manifest is not None
        found[f"{stage}/manifest.json"] = (store.folder(seed, stage) / "manifest.json").read_bytes()
        found |= {f"{stage}/{name}": store.read(manifest, name).getvalue() for name in manifest.files}
    return found


def reader(address: StorageAddress, folder: Path) -> PublishedStore:
    return PublishedStore(Bucket(address), folder, MANY_BYTES)


def read(address: StorageAddress, folder: Path) -> World:
    """Return the published world as a new reader sees it."""
    store = reader(address, folder)
    assert store.refresh().left_out == ()
    return content_of(store)


def test_published_world_is_read_back_equal_to_the_byte(s3: S3Server, tmp_path: Path) -> None:
    store, address = built(tmp_path / "data"), s3.new_address()
    published = publish_world(store, SEED, Bucket(address))
    assert published.state is PublishState.PUBLISHED
    objects = s3.objects(address)
    assert (published.objects, published.bytes) == (len(objects), sum(map(len, objects.values())))
    assert read(address, tmp_path / "cache") == content_of(store)


def test_unchanged_world_is_not_written_again(s3: S3Server, tmp_path: Path) -> None:
    store, address = built(tmp_path / "data"), s3.new_address()
    first = publish_world(store, SEED, Bucket(address))
    second = publish_world(store, SEED, FailingBucket(address, writes=0))
    assert (second.state, second.objects, second.reused) == (PublishState.UNCHANGED, 0, first.objects - 1)


def test_reader_sees_the_former_or_the_new_world_wherever_a_publisher_ends(s3: S3Server, tmp_path: Path) -> None:
    former, new = built(tmp_path / "former", "1"), built(tmp_path / "new", "2")
    writes = publish_world(new, SEED, Bucket(s3.new_address())).objects
    address = s3.new_address()
    publish_world(former, SEED, Bucket(address))
    published = reader(address, tmp_path / "cache")
    for _ in range(writes - 1):
        # Each publisher writes one more object and reuses those of its predecessors.
        with pytest.raises(PublisherEndedError):
            publish_world(new, SEED, FailingBucket(address, 1))
        published.refresh()
        assert content_of(published) == content_of(former)
    assert publish_world(new, SEED, FailingBucket(address, 1)).objects == 1
    published.refresh()
    assert content_of(published) == content_of(new)


def test_interrupted_first_publication_shows_no_world(s3: S3Server, tmp_path: Path) -> None:
    store, address = built(tmp_path / "data"), s3.new_address()
    with pytest.raises(PublisherEndedError):
        publish_world(store, SEED, FailingBucket(address, 3))
    assert reader(address, tmp_path / "cache").refresh().worlds == 0


def test_concurrent_publishers_never_mix_their_worlds(s3: S3Server, tmp_path: Path) -> None:
    stores = [built(tmp_path / build, build) for build in ("1", "2")]
    wholes = [content_of(store) for store in stores]
    address = s3.new_address()
    for _ in range(3):
        start = threading.Barrier(3)
        faults: list[str] = []

        def publish(store: WorldStore, start: threading.Barrier = start, faults: list[str] = faults) -> None:
            start.wait()
            try:
                publish_world(store, SEED, Bucket(address))
            except BucketError as error:
                faults.append(str(error))

        threads = [threading.Thread(target=publish, args=(store,)) for store in stores]
        for thread in threads:
            thread.start()
        start.wait()
        while any(thread.is_alive() for thread in threads):
            assert read(address, tmp_path / "cache") in [{}, *wholes]
        assert read(address, tmp_path / "cache") in wholes
        assert all("in the meantime" in fault for fault in faults)


def test_publisher_that_is_overtaken_reports_it_and_changes_nothing(s3: S3Server, tmp_path: Path) -> None:
    own, other = built(tmp_path / "own", "1"), built(tmp_path / "other", "2")
    address = s3.new_address()

    class OvertakenBucket(Bucket):
        def swap(self, path: str, content: bytes, former: str | None) -> bool:
            publish_world(other, SEED, Bucket(address))
            return super().swap(path, content, former)

    with pytest.raises(BucketError, match="Another process published HHcLC5acQt"):
        publish_world(own, SEED, OvertakenBucket(address))
    assert read(address, tmp_path / "cache") == content_of(other)


def test_partially_built_world_is_not_published(s3: S3Server, tmp_path: Path) -> None:
    store, bucket = WorldStore(tmp_path), Bucket(s3.new_address())
    with pytest.raises(IncompleteWorldError, match="not completely built"):
        publish_world(store, SEED, bucket)
    built(tmp_path)
    publish_raw(store, KEY, Grid.of_world(64), build="2")
    with pytest.raises(IncompleteWorldError, match="older than its export"):
        publish_world(store, SEED, bucket)
    publish_extracted_again(store, KEY)
    with pytest.raises(IncompleteWorldError, match="not completely built"):
        publish_world(store, SEED, bucket)


def test_object_that_is_missing_is_published_again(s3: S3Server, tmp_path: Path) -> None:
    store, address = built(tmp_path / "data"), s3.new_address()
    publish_world(store, SEED, Bucket(address))
    [path] = [path for path in s3.objects(address) if path.endswith("thumbnail.png")]
    s3.delete(address, path)
    published = reader(address, tmp_path / "cache")
    published.refresh()
    renders = published.manifest(SEED, "renders")
    assert renders is not None
    with pytest.raises(BucketError, match=r"thumbnail\.png is missing or damaged"):
        published.read(renders, "thumbnail.png")
    assert publish_world(store, SEED, Bucket(address)).objects == 1
    assert read(address, tmp_path / "cache") == content_of(store)


def test_damaged_object_is_rejected(s3: S3Server, tmp_path: Path) -> None:
    store, address = built(tmp_path / "data"), s3.new_address()
    publish_world(store, SEED, Bucket(address))
    for path, content in s3.objects(address).items():
        if path.endswith("thumbnail.png"):
            s3.put(address, path, content[:-1] + b"?")
        if "/raw/" in path and "manifest-" in path:
            manifest_path, manifest_content = path, content
    published = reader(address, tmp_path / "cache")
    published.refresh()
    renders = published.manifest(SEED, "renders")
    assert renders is not None
    with pytest.raises(BucketError, match=r"thumbnail\.png is missing or damaged"):
        published.read(renders, "thumbnail.png")
    s3.put(address, manifest_path, manifest_content.replace(b"raw", b"war"))
    [fault] = reader(address, tmp_path / "other").refresh().left_out
    assert f"{manifest_path} is missing or damaged" in fault


def test_damaged_document_leaves_out_one_world_and_is_replaced(s3: S3Server, tmp_path: Path) -> None:
    address = s3.new_address()
    store = built(tmp_path / "data")
    build_world(store, "@1", Grid.of_world(64))
    for seed in (SEED, parse_seed("@1")):
        publish_world(store, seed, Bucket(address))
    path = world_document(SEED.folder_name)
    s3.put(address, path, b"{}")
    refreshed = reader(address, tmp_path / "cache").refresh()
    assert refreshed.worlds == 1
    assert f"{path} is damaged" in refreshed.left_out[0]
    publish_world(store, SEED, Bucket(address))
    assert read(address, tmp_path / "cache") == content_of(store)


def test_world_of_a_later_version_is_left_out_and_kept(s3: S3Server, tmp_path: Path) -> None:
    store, address = built(tmp_path / "data"), s3.new_address()
    publish_world(store, SEED, Bucket(address))
    path = world_document(SEED.folder_name)
    later = json.dumps({"schema_version": 2, "anything": "else"}).encode()
    s3.put(address, path, later)
    refreshed = reader(address, tmp_path / "cache").refresh()
    assert "A later version of vwe published" in refreshed.left_out[0]
    with pytest.raises(NewerSchemaError, match="update vwe"):
        publish_world(store, SEED, Bucket(address))
    assert s3.objects(address)[path] == later


def test_refresh_follows_replaced_and_removed_worlds(s3: S3Server, tmp_path: Path) -> None:
    address = s3.new_address()
    former, new = built(tmp_path / "former", "1"), built(tmp_path / "new", "2")
    store = reader(address, tmp_path / "cache")
    publish_world(former, SEED, Bucket(address))
    assert (store.refresh().changed, store.refresh().changed) == (1, 0)
    publish_world(new, SEED, Bucket(address))
    assert store.refresh().changed == 1
    assert content_of(store) == content_of(new)
    s3.delete(address, world_document(SEED.folder_name))
    assert (store.refresh().changed, list(store.seeds())) == (1, [])


@pytest.mark.parametrize("damage", [b"", b"{}", None])
def test_damaged_copy_of_a_manifest_is_fetched_again(s3: S3Server, tmp_path: Path, damage: bytes | None) -> None:
    store, address = built(tmp_path / "data"), s3.new_address()
    publish_world(store, SEED, Bucket(address))
    published = reader(address, tmp_path / "cache")
    published.refresh()
    copy = published.folder(SEED, "extracted") / "manifest.json"
    if damage is None:
        copy.unlink()
    else:
        copy.write_bytes(damage)
    published.refresh()
    assert content_of(published) == content_of(store)
