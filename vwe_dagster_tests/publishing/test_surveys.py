"""Survey files of several publishers are merged, and read back equal."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.config.object_storage import StorageAddress
from vwe_dagster.publishing.bucket import Bucket, BucketError
from vwe_dagster.publishing.documents import SURVEY_DOCUMENT, NewerSchemaError
from vwe_dagster.publishing.published_store import PublishedStore
from vwe_dagster.publishing.survey_publishing import publish_survey as publish
from vwe_dagster.publishing.world_publishing import PublishState
from vwe_dagster.store import WorldStore
from vwe_dagster.survey.files import file_of
from vwe_dagster_tests.catalog.rows import publish_survey as write_survey
from vwe_dagster_tests.publishing.s3_server import S3Server

BLOCKS = ("block-0000000", "block-0000001")


def surveyed(folder: Path, *numbers: int, name: str = BLOCKS[0], is_stale: bool = False) -> WorldStore:
    store = WorldStore(folder)
    write_survey(store, Depth.WORLD, [{"number": number} for number in numbers], name=name, is_stale=is_stale)
    return store


def reader(address: StorageAddress, folder: Path) -> PublishedStore:
    return PublishedStore(Bucket(address), folder, 10**9)


def files_of(store: WorldStore) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (store.root / "survey").glob("*/*.parquet")}


def read(address: StorageAddress, folder: Path) -> dict[str, bytes]:
    store = reader(address, folder)
    store.refresh_survey()
    return files_of(store)


def test_published_survey_is_read_back_equal_to_the_byte(s3: S3Server, tmp_path: Path) -> None:
    store, address = surveyed(tmp_path / "data", 1, 2), s3.new_address()
    surveyed(tmp_path / "data", 3, name="set-0123456789abcdef")
    surveyed(tmp_path / "data", 4, name=BLOCKS[1], is_stale=True)
    assert publish(store, Bucket(address)).objects == 3
    current = {name: content for name, content in files_of(store).items() if not name.startswith(BLOCKS[1])}
    assert read(address, tmp_path / "cache") == current
    assert publish(store, Bucket(address)).state is PublishState.UNCHANGED


def test_files_of_two_publishers_are_merged(s3: S3Server, tmp_path: Path) -> None:
    address = s3.new_address()
    one, other = surveyed(tmp_path / "one", 1, 2), surveyed(tmp_path / "other", 1)
    surveyed(tmp_path / "other", 9, name=BLOCKS[1])
    for store in (one, other):
        publish(store, Bucket(address))
    assert read(address, tmp_path / "cache") == {**files_of(other), **files_of(one)}


def test_file_with_more_rows_replaces_the_published_one(s3: S3Server, tmp_path: Path) -> None:
    address = s3.new_address()
    publish(surveyed(tmp_path / "data", 1), Bucket(address))
    grown = surveyed(tmp_path / "data", 1, 2)
    read(address, tmp_path / "cache")
    publish(grown, Bucket(address))
    assert read(address, tmp_path / "cache") == files_of(grown)


def test_concurrent_publishers_lose_no_file(s3: S3Server, tmp_path: Path) -> None:
    address = s3.new_address()
    stores = [surveyed(tmp_path / str(number), number, name=f"block-{number:07}") for number in range(4)]
    threads = [threading.Thread(target=publish, args=(store, Bucket(address))) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read(address, tmp_path / "cache")) == len(stores)


def test_publisher_that_is_overtaken_merges_again(s3: S3Server, tmp_path: Path) -> None:
    address = s3.new_address()
    own, other = surveyed(tmp_path / "own", 1), surveyed(tmp_path / "other", 2, name=BLOCKS[1])

    class OvertakenBucket(Bucket):
        def swap(self, path: str, content: bytes, former: str | None) -> bool:
            publish(other, Bucket(address))
            return super().swap(path, content, former)

    publish(own, OvertakenBucket(address))
    assert read(address, tmp_path / "cache") == {**files_of(own), **files_of(other)}


def test_damaged_or_removed_copies_are_fetched_again(s3: S3Server, tmp_path: Path) -> None:
    address = s3.new_address()
    store = surveyed(tmp_path / "data", 1)
    surveyed(tmp_path / "data", 2, name=BLOCKS[1])
    publish(store, Bucket(address))
    published = reader(address, tmp_path / "cache")
    published.refresh_survey()
    copies = [file_of(published, Depth.WORLD, name) for name in BLOCKS]
    copies[0].write_bytes(copies[0].read_bytes()[:-1] + b"?")
    copies[1].unlink()
    assert read(address, tmp_path / "cache") == files_of(store)


def test_damaged_object_is_rejected(s3: S3Server, tmp_path: Path) -> None:
    store, address = surveyed(tmp_path / "data", 1), s3.new_address()
    publish(store, Bucket(address))
    [path] = [path for path in s3.objects(address) if path.endswith(".parquet")]
    s3.put(address, path, b"no rows")
    with pytest.raises(BucketError, match=f"{path} is missing or damaged"):
        read(address, tmp_path / "cache")


def test_survey_of_a_later_version_is_rejected_and_kept(s3: S3Server, tmp_path: Path) -> None:
    address = s3.new_address()
    later = json.dumps({"schema_version": 2}).encode()
    s3.put(address, SURVEY_DOCUMENT, later)
    with pytest.raises(NewerSchemaError, match="update vwe"):
        read(address, tmp_path / "cache")
    with pytest.raises(NewerSchemaError, match="update vwe"):
        publish(surveyed(tmp_path / "data", 1), Bucket(address))
    assert s3.objects(address) == {SURVEY_DOCUMENT: later}
