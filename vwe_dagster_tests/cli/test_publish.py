"""``vwe publish``, and ``--from`` of the commands that read: worlds and surveys through object storage."""

from __future__ import annotations

import gzip
import json
import re
import signal
import urllib.request
from pathlib import Path

import pytest

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.config.object_storage import ObjectStorageError, cache_bytes, storage_address
from vwe_dagster.publishing.documents import world_document
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.site.built_world import built_world
from vwe_dagster.site.stored import StoredWorld
from vwe_dagster.store import WorldStore
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.catalog.rows import publish_survey
from vwe_dagster_tests.command import PATIENCE_S, Vwe
from vwe_dagster_tests.publishing.s3_server import S3Server
from vwe_dagster_tests.worlds import publish_extracted_again, publish_world

KEY, OTHER, PARTIAL = "HHcLC5acQt", "wVJCZahxX8", "@7"
UNREACHABLE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two worlds, one that is partially built, and a survey."""
    folder = tmp_path_factory.mktemp("publisher")
    store = WorldStore(folder / "data")
    for key in (KEY, OTHER, PARTIAL):
        publish_world(store, key, Grid.of_world(64), pictures=True)
    publish_extracted_again(store, PARTIAL)
    publish_survey(store, Depth.WORLD, [{"number": number, "islands": 100 + number} for number in (4, 5, 6)])
    return folder


@pytest.fixture(scope="module")
def address(s3_process: S3Server, home: Path) -> str:
    """The address where the worlds and the survey of the home are published."""
    address = str(s3_process.new_address())
    ended = publisher(s3_process, home, address).call("publish", "--all", "--survey")
    assert ended.returncode == 0, ended.stderr
    return address


def publisher(s3: S3Server, home: Path, address: str) -> Vwe:
    return Vwe(home, {**s3.environment, "VWE_PUBLISH": address})


def reader(s3: S3Server, home: Path) -> Vwe:
    return Vwe(home, s3.environment)


def test_seeds_are_published_and_reported(s3_process: S3Server, home: Path) -> None:
    vwe = publisher(s3_process, home, str(s3_process.new_address()))
    first = json.loads(vwe.call("publish", KEY, "--json").stdout)
    assert [(row["name"], row["state"]) for row in first["published"]] == [(KEY, "published")]
    table = vwe.call("publish", KEY, OTHER).stdout
    assert [line.split()[:2] for line in table.splitlines() if line.strip().startswith((KEY, OTHER))] == [
        [KEY, "unchanged"],
        [OTHER, "published"],
    ]


def test_prune_reports_the_number_of_kept_files(s3_process: S3Server, home: Path) -> None:
    address = s3_process.new_address()
    vwe = publisher(s3_process, home, str(address))
    published = vwe.call("publish", KEY, "--prune", "--json")
    assert (published.returncode, json.loads(published.stdout)["pruned"]) == (0, [])
    s3_process.delete(address, world_document(parse_seed(KEY).folder_name))
    young = len(s3_process.objects(address))
    ended = vwe.call("publish", "--prune", "--dry-run")
    assert ended.returncode == 0
    assert f"--prune would delete 0 unused files, 0 bytes. Another {young} are kept" in ended.stderr


def test_partially_built_world_is_skipped_unless_it_is_named(s3_process: S3Server, home: Path) -> None:
    vwe = publisher(s3_process, home, str(s3_process.new_address()))
    every = vwe.call("publish", "--all", "--json")
    assert every.returncode == 0
    assert sorted(row["name"] for row in json.loads(every.stdout)["published"]) == [KEY, OTHER]
    assert f"The world of {PARTIAL} is not completely built" in every.stderr
    named = vwe.call("publish", KEY, PARTIAL, "--json")
    assert named.returncode == 1
    assert list(json.loads(named.stdout)["failed"]) == [PARTIAL]


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "message"),
    [
        ((), {}, 2, "Name the seeds to publish"),
        (("--all", KEY), {}, 2, "Name the seeds to publish"),
        (("--all", "--dry-run"), {}, 2, "use it with --prune alone"),
        ((KEY,), {"VWE_PUBLISH": ""}, 2, "VWE_PUBLISH is not set"),
        ((KEY,), {"VWE_PUBLISH": "https://bucket"}, 2, "'https://bucket' is not an address in object storage"),
        ((KEY,), {"AWS_ACCESS_KEY_ID": ""}, 2, "The environment has no credentials for s3://worlds/x"),
        ((KEY,), {"VWE_PUBLISH": "s3://not-there/x"}, 1, "The bucket not-there does not exist; create it"),
        (
            (KEY,),
            {"AWS_ENDPOINT_URL": UNREACHABLE},
            1,
            f"The object storage at {UNREACHABLE} does not answer (HTTP error: error sending request); check",
        ),
    ],
)
def test_invalid_setting_is_reported(
    s3_process: S3Server, home: Path, arguments: tuple[str, ...], settings: dict[str, str], code: int, message: str
) -> None:
    vwe = Vwe(home, {**s3_process.environment, "VWE_PUBLISH": "s3://worlds/x", **settings})
    ended = vwe.call("publish", *arguments)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert message in ended.stderr
    assert "Debug source" not in ended.stderr


@pytest.mark.parametrize("question", [("islands > 0",), ("--sort", "islands", "--csv"), ("number < 6", "--json")])
def test_find_from_object_storage_equals_find_in_the_data_folder(
    s3_process: S3Server, address: str, tmp_path: Path, question: tuple[str, ...]
) -> None:
    local = WorldStore(tmp_path / "local" / "data")
    for key in (KEY, OTHER):
        publish_world(local, key, Grid.of_world(64))
    publish_survey(local, Depth.WORLD, [{"number": number, "islands": 100 + number} for number in (4, 5, 6)])
    expected = Vwe(tmp_path / "local").call("find", *question)
    found = reader(s3_process, tmp_path / "reader").call("find", *question, "--from", address)
    assert (found.returncode, found.stdout) == (0, expected.stdout)
    assert not (tmp_path / "reader" / "data").exists()


def test_find_reports_that_nothing_is_published(s3_process: S3Server, tmp_path: Path) -> None:
    address = s3_process.new_address()
    found = reader(s3_process, tmp_path).call("find", "--from", str(address))
    assert found.returncode == 0
    assert f"Nothing is published at {address} yet" in found.stderr


def test_find_from_object_storage_builds_no_world(s3_process: S3Server, address: str, tmp_path: Path) -> None:
    ended = reader(s3_process, tmp_path).call("find", "--make", "1", "--from", address)
    assert ended.returncode == 2
    assert "leave out --from" in ended.stderr


def test_export_from_object_storage_equals_that_of_the_data_folder(
    s3_process: S3Server, home: Path, address: str, tmp_path: Path
) -> None:
    local, published = tmp_path / "local.csv.gz", tmp_path / "published.csv.gz"
    assert Vwe(home).call("export", KEY, "--to", "csv", "--out", str(local)).returncode == 0
    vwe = reader(s3_process, tmp_path / "reader")
    ended = vwe.call("export", KEY, "--to", "csv", "--out", str(published), "--from", address)
    assert ended.returncode == 0, ended.stderr
    assert gzip.decompress(published.read_bytes()) == gzip.decompress(local.read_bytes())


def test_export_of_a_world_that_is_not_published_is_rejected(
    s3_process: S3Server, address: str, tmp_path: Path
) -> None:
    vwe = reader(s3_process, tmp_path)
    ended = vwe.call("export", "hhclc5acqt", "--to", "csv", "--out", str(tmp_path / "x.csv.gz"), "--from", address)
    assert ended.returncode == 1
    assert f"{address} does not have the world of hhclc5acqt. Did you mean {KEY}?" in ended.stderr
    assert "vwe publish hhclc5acqt" in ended.stderr


def test_world_of_a_later_version_is_reported_and_the_others_are_found(
    s3_process: S3Server, home: Path, tmp_path: Path
) -> None:
    address = s3_process.new_address()
    assert publisher(s3_process, home, str(address)).call("publish", "--all").returncode == 0
    s3_process.put(address, world_document(parse_seed(KEY).folder_name), b'{"schema_version": 2}')
    found = reader(s3_process, tmp_path).call("find", "--from", str(address), "--json", "--columns", "seed")
    assert json.loads(found.stdout) == [{"seed": OTHER}]
    assert "A later version of vwe published" in found.stderr


@pytest.mark.slow
def test_published_worlds_are_served(s3_process: S3Server, home: Path, address: str, tmp_path: Path) -> None:
    serving = reader(s3_process, tmp_path).start("serve", "--port", "0", "--from", address)
    try:
        assert serving.stderr is not None
        reported = re.search(r"are at (http://127\.0\.0\.1:\d+);", serving.stderr.readline())
        assert reported is not None

        def get(path: str) -> bytes:
            with urllib.request.urlopen(f"{reported[1]}/{path}", timeout=PATIENCE_S) as answer:  # noqa: S310  loopback
                return bytes(answer.read())

        listed = json.loads(get("worlds.json"))
        assert sorted(row[0] for row in listed["rows"]) == [KEY, OTHER]
        built = built_world(WorldStore(home / "data"), parse_seed(KEY))
        assert built is not None
        assert get(f"worlds/{KEY}/world.json") == StoredWorld(WorldStore(home / "data"), built).facts()
        assert get(f"worlds/{KEY}/thumbnail.png").startswith(b"\x89PNG")
        assert json.loads(get("find/answer.json?condition=islands%3E100"))["surveyed"] == 3
    finally:
        serving.send_signal(signal.SIGINT)
        serving.communicate(timeout=PATIENCE_S)


@pytest.mark.parametrize("text", ["s3://", "s3://B/x", "s3://ab", "s3://bucket//x", "s3://bucket/../x", "bucket", ""])
def test_text_that_is_not_an_address_is_rejected(text: str) -> None:
    with pytest.raises(ObjectStorageError, match="write it as s3://BUCKET"):
        storage_address(text, {"AWS_ACCESS_KEY_ID": "key"})


@pytest.mark.parametrize("text", ["s3://bucket", "s3://bucket/", "s3://my.bucket/a/b-c_d.e/"])
def test_address_is_written_without_a_slash_at_its_end(text: str) -> None:
    assert str(storage_address(text, {"AWS_SKIP_SIGNATURE": "true"})) == text.rstrip("/")


@pytest.mark.parametrize(
    "endpoint",
    [
        "storage.example.org",
        "ftp://storage",
        "http://",
        "http://storage:99999",
        "http://[::1",
        "http://key:secret@storage",
    ],
)
def test_endpoint_that_is_not_the_url_of_a_server_is_rejected(endpoint: str) -> None:
    with pytest.raises(ObjectStorageError, match="AWS_ENDPOINT_URL is not the URL of a server") as raised:
        storage_address("s3://bucket", {"AWS_SKIP_SIGNATURE": "true", "AWS_ENDPOINT_URL": endpoint})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_half_of_a_key_is_rejected(name: str) -> None:
    with pytest.raises(ObjectStorageError, match="set"):
        storage_address("s3://bucket", {name: "key"})


def test_limit_of_the_cache_is_a_setting() -> None:
    assert cache_bytes({}) == 4096 * 10**6
    assert cache_bytes({"VWE_PUBLISH_CACHE_MB": "10"}) == 10**7
    with pytest.raises(ObjectStorageError, match="VWE_PUBLISH_CACHE_MB is '1GB'"):
        cache_bytes({"VWE_PUBLISH_CACHE_MB": "1GB"})
