"""A prune deletes old objects that no document names, and nothing that a reader or a publisher needs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pytest

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.publishing import pruning, survey_publishing
from vwe_dagster.publishing.bucket import Bucket, BucketError
from vwe_dagster.publishing.documents import SURVEY_DOCUMENT, world_document
from vwe_dagster.publishing.pruning import MIN_AGE, Leftovers, prune
from vwe_dagster.publishing.world_publishing import publish_world
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.catalog.rows import publish_survey as build_survey
from vwe_dagster_tests.publishing.s3_server import S3Server
from vwe_dagster_tests.publishing.test_worlds import (
    KEY,
    SEED,
    FailingBucket,
    PublisherEndedError,
    built,
    content_of,
    read,
)

NOW = dt.datetime.now(dt.UTC)
LATER = NOW + 2 * MIN_AGE


def pruned(bucket: Bucket, *, now: dt.datetime = LATER, dry_run: bool = False) -> list[Leftovers]:
    return prune(bucket, now=now, dry_run=dry_run, report=lambda *_: None)


def test_former_build_is_deleted_and_the_named_build_is_kept(s3: S3Server, tmp_path: Path) -> None:
    address = s3.new_address()
    former, new = built(tmp_path / "former", "1"), built(tmp_path / "new", "2")
    publish_world(new, SEED, Bucket(address))
    named = s3.objects(address)
    publish_world(former, SEED, Bucket(address))
    publish_world(new, SEED, Bucket(address))
    s3.put(address, "seeds/notes.txt", b"of another program")
    unused = [content for path, content in s3.objects(address).items() if path not in {*named, "seeds/notes.txt"}]
    expected = [Leftovers(KEY, len(unused), sum(map(len, unused)))]
    assert pruned(Bucket(address), dry_run=True) == expected
    assert pruned(Bucket(address)) == expected
    assert s3.objects(address) == {**named, "seeds/notes.txt": b"of another program"}
    assert pruned(Bucket(address)) == []


def test_former_build_is_kept_until_the_new_document_is_an_hour_old(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "MIN_AGE", dt.timedelta(days=-1))
    address = s3.new_address()
    for build in ("1", "2"):
        publish_world(built(tmp_path / build, build), SEED, Bucket(address))
    [kept] = pruned(Bucket(address), now=NOW + dt.timedelta(minutes=50))
    assert (kept.objects, kept.young > 0) == (0, True)
    assert [each.objects for each in pruned(Bucket(address), now=NOW + dt.timedelta(minutes=70))] == [kept.young]


def test_leftovers_of_an_ended_publisher_are_deleted_when_they_are_a_day_old(s3: S3Server, tmp_path: Path) -> None:
    store, address = built(tmp_path / "data"), s3.new_address()
    with pytest.raises(PublisherEndedError):
        publish_world(store, SEED, FailingBucket(address, 3))
    folder = f"seeds/{SEED.folder_name}"
    assert pruned(Bucket(address), now=NOW) == [Leftovers(folder, young=3)]
    assert len(s3.objects(address)) == 3
    assert [(each.name, each.objects) for each in pruned(Bucket(address))] == [(folder, 3)]
    assert s3.objects(address) == {}


def test_objects_of_a_removed_world_are_deleted(s3: S3Server, tmp_path: Path) -> None:
    address = s3.new_address()
    publish_world(built(tmp_path), SEED, Bucket(address))
    s3.delete(address, world_document(SEED.folder_name))
    pruned(Bucket(address))
    assert s3.objects(address) == {}


@pytest.mark.parametrize("document", [b"{}", b'{"schema_version": 2}'])
def test_objects_of_an_unreadable_document_are_kept(s3: S3Server, tmp_path: Path, document: bytes) -> None:
    address = s3.new_address()
    publish_world(built(tmp_path), SEED, Bucket(address))
    for path in (world_document(SEED.folder_name), SURVEY_DOCUMENT):
        s3.put(address, path, document)
    before = s3.objects(address)
    found = pruned(Bucket(address))
    assert [each.objects for each in found] == [0, 0]
    assert all("nothing is deleted in s" in str(each.fault) for each in found)
    assert s3.objects(address) == before


def test_former_files_of_the_survey_are_deleted(s3: S3Server, tmp_path: Path) -> None:
    store, address = WorldStore(tmp_path), s3.new_address()
    build_survey(store, Depth.WORLD, [{"number": 4, "islands": 1}])
    survey_publishing.publish_survey(store, Bucket(address))
    former = set(s3.objects(address))
    build_survey(store, Depth.WORLD, [{"number": number, "islands": 1} for number in (4, 5)])
    survey_publishing.publish_survey(store, Bucket(address))
    pruned(Bucket(address))
    assert len(former & set(s3.objects(address))) == 1  # the document
    assert survey_publishing.publish_survey(store, Bucket(address)).objects == 0


class PrunedBucket(Bucket):
    """A bucket that another process prunes before a document is written."""

    def swap(self, path: str, content: bytes, former: str | None) -> bool:
        assert pruned(Bucket(self.address))[0].objects > 0
        return super().swap(path, content, former)


def test_publisher_restores_survey_files_that_were_deleted_before_its_document(s3: S3Server, tmp_path: Path) -> None:
    store, address = WorldStore(tmp_path), s3.new_address()
    build_survey(store, Depth.WORLD, [{"number": 4, "islands": 1}])
    survey_publishing.publish_survey(store, Bucket(address))
    published = s3.objects(address)
    s3.delete(address, SURVEY_DOCUMENT)
    survey_publishing.publish_survey(store, PrunedBucket(address))
    assert s3.objects(address) == published


def test_publisher_restores_objects_that_were_deleted_before_its_document(s3: S3Server, tmp_path: Path) -> None:
    store, address = built(tmp_path / "data"), s3.new_address()
    with pytest.raises(PublisherEndedError):
        publish_world(store, SEED, FailingBucket(address, 3))
    publish_world(store, SEED, PrunedBucket(address))
    assert read(address, tmp_path / "cache") == content_of(store)


def test_prune_reports_objects_that_a_publisher_named_before_they_were_deleted(s3: S3Server, tmp_path: Path) -> None:
    store, address = built(tmp_path / "data"), s3.new_address()

    class PublishedBucket(Bucket):
        def delete(self, paths: Sequence[str]) -> None:
            publish_world(store, SEED, Bucket(address))
            super().delete(paths)

    with pytest.raises(PublisherEndedError):
        publish_world(store, SEED, FailingBucket(address, 3))
    [damage] = pruned(PublishedBucket(address))
    assert f"reused 3 unused objects of {KEY} while this prune deleted them" in str(damage.fault)
    assert str(damage.fault).endswith(f"vwe publish {KEY}")
    publish_world(store, SEED, Bucket(address))
    assert read(address, tmp_path / "cache") == content_of(store)


def test_objects_of_another_program_are_not_compared_with_its_documents(s3: S3Server) -> None:
    address = s3.new_address()
    s3.put(address, "seeds/notes/list", b"of another program")
    s3.put(address, "worlds/notes.json", b"of another program")
    assert pruned(Bucket(address)) == []


def test_object_with_an_invalid_name_is_reported_with_a_remedy(s3: S3Server) -> None:
    address = s3.new_address()
    s3.put(address, "seeds//b", b"of another program")
    with pytest.raises(BucketError, match=r"a name that vwe cannot read \(.*seeds//.*\); delete or rename it\."):
        pruned(Bucket(address))
