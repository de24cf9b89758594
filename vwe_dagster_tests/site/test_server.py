"""The server of the site, with requests like a browser's."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urljoin

import httpx
import numpy as np
import pytest
from PIL import Image

from vwe_dagster.analysis.lands import WADING_DEPTH_M
from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.rendering.pictures import THUMBNAIL
from vwe_dagster.rendering.thumbnail import render_thumbnail
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.site.server import site_app
from vwe_dagster.site.source import WorldSource
from vwe_dagster.site.waterways import waterways
from vwe_dagster.store import Recipe, WorldStore
from vwe_dagster.store.stages import TileChoice, read_processed, write_tile
from vwe_dagster.world.biomes import BIOMES
from vwe_dagster.world.grid import SEA_LEVEL_M, Grid
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.site.conftest import NUMBERED, ONE, OTHER, SIZE, Site, served
from vwe_dagster_tests.worlds import publish_extracted_again, publish_raw, publish_world

WORLD = f"/worlds/{ONE}"


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.address, timeout=120) as client:
        yield client


def test_blocks_of_data_form_the_planes(site: Site, client: httpx.Client) -> None:
    height, biome = np.empty((SIZE, SIZE), np.float32), np.empty((SIZE, SIZE), np.uint8)
    side = client.get(f"{WORLD}/world.json").json()["data"]["block"]
    for x in range(-(-SIZE // side)):
        for y in range(-(-SIZE // side)):
            part = np.s_[y * side : (y + 1) * side, x * side : (x + 1) * side]
            rows, columns = height[part].shape
            content = client.get(f"{WORLD}/data/{x}/{y}.bin").content
            assert len(content) == rows * columns * 5
            height[part] = np.frombuffer(content, "<f4", rows * columns).reshape(rows, columns)
            biome[part] = np.frombuffer(content, np.uint8, offset=rows * columns * 4).reshape(rows, columns)
    world = site.world()
    assert np.array_equal(height, world.height)
    assert np.array_equal(biome, world.biome)


def test_ground_has_the_biome_and_the_depth_of_every_sample(site: Site, client: httpx.Client) -> None:
    ground = np.frombuffer(client.get(f"{WORLD}/ground.bin").content, np.uint8).reshape(SIZE, SIZE)
    world = site.world()
    assert np.array_equal(ground & 15, world.biome)
    assert np.array_equal((ground & 16) > 0, world.height >= SEA_LEVEL_M)
    assert np.array_equal((ground & 32) > 0, world.height >= SEA_LEVEL_M - WADING_DEPTH_M)


def test_metadata_is_that_of_the_stages(site: Site, client: httpx.Client) -> None:
    facts = client.get(f"{WORLD}/world.json").json()
    manifest = site.store.manifest(parse_seed(ONE), "processed")
    assert manifest is not None
    analysis = read_processed(site.store, manifest)
    assert (facts["key"], facts["number"], facts["same_world"]) == (ONE, parse_seed(ONE).number, [NUMBERED])
    assert facts["typed_in_game"] is None
    numbered = client.get(f"/worlds/{NUMBERED}/world.json").json()
    assert parse_seed(numbered["typed_in_game"]).number == parse_seed(NUMBERED).number
    assert facts["grid"] == {"size": SIZE, "cell_m": 76.8, "first_m": -12249.6}
    assert (facts["engine"]["kind"], facts["engine"]["world_gen_version"]) == ("native", 2)
    assert {biome["index"] for biome in facts["biomes"]} == set(BIOMES)
    assert sum(biome["share_of_disc"] for biome in facts["biomes"]) == pytest.approx(1, abs=1e-4)
    assert [peak["above_sea_m"] for peak in facts["peaks"]] == pytest.approx(
        analysis.peaks["above_sea_m"].tolist(), abs=1e-4
    )
    assert [island["island"] for island in facts["islands"]] == analysis.islands["island"].tolist()
    assert facts["statistics"]["island_count"] == analysis.statistics["island_count"]
    assert [style["id"] for style in facts["styles"]] == ["map", "biomes", "heights", "forest"]
    assert (facts["native_zoom"], facts["max_zoom"], facts["places"]) == (3, 5, None)


def test_waterways_are_those_of_the_world(site: Site, client: httpx.Client) -> None:
    served = client.get(f"{WORLD}/waterways.json").json()
    assert served == waterways(site.world())
    assert served["rivers"]
    assert served["streams"]


@pytest.mark.parametrize("style", ["map", "biomes"])
def test_tiles_are_pictures_of_256_pixels(client: httpx.Client, style: str) -> None:
    answer = client.get(f"{WORLD}/tiles/{style}/1/0/1.webp")
    assert answer.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(answer.content)).size == (256, 256)


def test_thumbnail_is_that_of_the_renders_or_drawn(site: Site, client: httpx.Client) -> None:
    manifest = site.store.manifest(parse_seed(ONE), "renders")
    assert manifest is not None
    assert client.get(f"{WORLD}/thumbnail.png").content == site.store.read(manifest, THUMBNAIL).getvalue()
    drawn = Image.open(io.BytesIO(client.get(f"/worlds/{OTHER}/thumbnail.png").content))
    assert np.array_equal(np.asarray(drawn), np.asarray(render_thumbnail(site.world(OTHER))))


def test_gallery_lists_every_world(client: httpx.Client) -> None:
    worlds = client.get("/worlds.json").json()
    rows = [dict(zip(worlds["columns"], row, strict=True)) for row in worlds["rows"]]
    assert [row["seed"] for row in rows] == [NUMBERED, OTHER, ONE]
    assert all(row["islands"] > 0 and row["swamp_first_m"] > 2000 for row in rows)
    assert worlds["colors"]["swamp_first_m"] == "#a48668"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/worlds/..%2F..%2Fetc/world.json", "no such page"),
        ("/worlds/a%20b/world.json", "white space"),
        ("/worlds/@99999999999/world.json", "out of range"),
        (f"{WORLD}/tiles/satellite/0/0/0.webp", "Unknown style"),
        (f"{WORLD}/tiles/map/6/0/0.webp", "zoom is 0 to 5"),
        (f"{WORLD}/tiles/map/1/2/0.webp", "zoom is 0 to 5"),
        (f"{WORLD}/tiles/map/1/-1/0.webp", "no such page"),
        (f"{WORLD}/data/2/0.bin", "2 x 2 blocks"),
        (f"{WORLD}/data/99999999999999999999/0.bin", "2 x 2 blocks"),
        (f"{WORLD}/data/{'9' * 5000}/0.bin", "no such page"),
        (f"{WORLD}/tiles/map/{'9' * 5000}/0/0.webp", "no such page"),
        ("/static/../server.py", "no such page"),
        ("/static/..%2Fserver.py", "no such file"),
        (f"/compare/?one={ONE}&other=a%20b", "white space"),
        (f"/compare/{ONE}/a%20b", "white space"),
        (f"/compare/?one={ONE}&other=..%2F..", "seed"),
        (f"{WORLD}/places.json", "has no locations"),
        ("/elsewhere", "no such page"),
    ],
)
def test_missing_page_has_an_error_message(client: httpx.Client, path: str, words: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert words in answer.json()["message"]
    assert answer.headers["cache-control"] == "no-store"
    page = client.get(path, headers={"accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_former_address_of_a_comparison_redirects(client: httpx.Client) -> None:
    answer = client.get(f"/compare/{ONE}/{NUMBERED}", follow_redirects=True)
    assert answer.status_code == 200
    assert answer.url.raw_path.decode() == f"/compare/?one={ONE}&other={NUMBERED.replace('@', '%40')}"


def test_error_page_does_not_include_markup_of_the_address(client: httpx.Client) -> None:
    page = client.get("/worlds/%3Cscript%3Ealert(1)%3C%2Fscript%3E/", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert "<script>alert" not in page.text


@pytest.mark.parametrize("path", ["/worlds/a%2Fb/", "/worlds/abc/x", "/elsewhere", "/a?b=/c/d"])
def test_error_page_finds_its_files(client: httpx.Client, path: str) -> None:
    page = client.get(path, headers={"accept": "text/html"})
    (found,) = re.findall(r'href="([^"]+)" data-text="page.all_worlds"', page.text)
    # Browsers do not treat %2F as a slash.
    assert urljoin(f"http://127.0.0.1{path}", found) == "http://127.0.0.1/"


def test_write_requests_are_rejected_as_read_only(client: httpx.Client) -> None:
    refused = client.post(f"{WORLD}/world.json")
    assert (refused.status_code, set(refused.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})
    assert "read-only" in refused.json()["message"]


def test_browsers_cache_files_with_a_version_and_revalidate_others(client: httpx.Client) -> None:
    facts = client.get(f"{WORLD}/world.json").json()
    for path, version in (("data/0/0.bin", facts["data"]["version"]), ("tiles/map/0/0/0.webp", facts["version"])):
        for_good = client.get(f"{WORLD}/{path}", params={"v": version})
        assert "immutable" in for_good.headers["cache-control"]
    again = client.get(f"{WORLD}/data/0/0.bin", params={"v": "0" * 16})
    assert again.headers["cache-control"] == "no-cache"
    for path in (f"{WORLD}/", f"{WORLD}/world.json", f"{WORLD}/data/0/0.bin", f"{WORLD}/thumbnail.png", "/worlds.json"):
        first = client.get(path)
        unchanged = client.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (unchanged.status_code, unchanged.content) == (304, b""), path


def test_browsers_cache_the_static_files_of_a_page_until_one_of_them_changes(client: httpx.Client) -> None:
    addresses = re.findall(r'(?:src|href)="\.\./\.\./(static/[^"]+)"', client.get(f"{WORLD}/").text)
    assert len(addresses) > 40
    for address in addresses:
        assert "immutable" in client.get(f"/{address}").headers["cache-control"], address
    version = addresses[0].split("/")[1]
    for folder in ("", "v-0000000000000000/"):
        other = client.get(f"/{addresses[0].replace(f'{version}/', folder)}")
        assert (other.status_code, other.headers["cache-control"]) == (200, "no-cache")


def test_cached_tile_does_not_wait_for_a_paint_slot(
    site: Site, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{WORLD}/tiles/map/1/0/0.webp"
    known = {"if-none-match": client.get(path).headers["etag"]}
    painting, free = threading.Semaphore(0), threading.Event()

    def tile(_: WorldSource, *__: object) -> bytes:
        painting.release()
        assert free.wait(PATIENCE_S)
        return b"painted"

    monkeypatch.setattr(WorldSource, "tile", tile)
    painters = usable_cores()
    with ThreadPoolExecutor(painters) as browsers, httpx.Client(base_url=site.address, timeout=PATIENCE_S) as others:
        painted = [browsers.submit(others.get, f"{WORLD}/tiles/biomes/1/0/{y}.webp") for y in range(painters)]
        try:
            assert all(painting.acquire(timeout=PATIENCE_S) for _ in painted)
            assert client.get(path, headers=known, timeout=20).status_code == 304
            with pytest.raises(httpx.TimeoutException):
                client.get(path, timeout=0.2)
        finally:
            free.set()
        assert [one.result().content for one in painted] == [b"painted"] * painters


def test_text_and_planes_are_compressed_for_clients_that_accept_it(client: httpx.Client) -> None:
    for path in ("/static/leaflet/leaflet.js", f"{WORLD}/world.json", f"{WORLD}/data/0/0.bin"):
        packed = client.get(path)
        plain = client.get(path, headers={"accept-encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert packed.content == plain.content
        assert int(packed.headers["content-length"]) < 0.8 * len(plain.content)


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("br, GZip;q=0.5", True),
        ("*", True),
        ("*;q=0, gzip", True),
        ("gzip;q=0", False),
        ("br, gzip ; q=0.000, *", False),
        ("*;q=0", False),
        ("notgzip", False),
        ("", False),
    ],
)
def test_nothing_is_compressed_for_clients_that_reject_it(client: httpx.Client, accepted: str, packed: bool) -> None:
    answer = client.get("/static/leaflet/leaflet.js", headers={"accept-encoding": accepted})
    assert (answer.headers.get("content-encoding") == "gzip") is packed
    assert answer.headers["vary"] == "accept-encoding"


def test_pages_load_only_their_own_files_and_only_local_requests_are_answered(client: httpx.Client) -> None:
    policy = client.get(f"{WORLD}/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    assert client.post("/worlds.json").status_code == 405


def test_rebuilt_world_is_shown_in_its_new_state(site: Site) -> None:
    store = WorldStore(site.store.root.parent / "again")
    with served(site_app(store)) as address, httpx.Client(base_url=address, timeout=120) as client:
        assert client.get("/worlds.json").json()["rows"] == []
        assert is_preview(client, "abc")
        publish_world(store, "abc", Grid.of_world(64), pictures=True)
        facts = client.get("/worlds/abc/world.json").json()
        thumbnail = client.get("/worlds/abc/thumbnail.png")
        block = client.get("/worlds/abc/data/0/0.bin")
        assert len(block.content) == 64 * 64 * 5
        publish_world(store, "abc", Grid.of_world(96), build="2")
        now = client.get("/worlds/abc/world.json").json()
        assert now["version"] != facts["version"]
        assert now["grid"]["size"] == 96
        known = client.get("/worlds/abc/data/0/0.bin", headers={"if-none-match": block.headers["etag"]})
        assert (known.status_code, len(known.content)) == (200, 96 * 96 * 5)
        known = client.get("/worlds/abc/thumbnail.png", headers={"if-none-match": thumbnail.headers["etag"]})
        assert known.status_code == 200
        assert known.content != thumbnail.content
        assert [row[0] for row in client.get("/worlds.json").json()["rows"]] == ["abc"]
        publish_extracted_again(store, "abc")
        assert is_preview(client, "abc")
        assert client.get("/worlds.json").json()["rows"] == []
        publish_world(store, "abc", Grid.of_world(96))
        assert [row[0] for row in client.get("/worlds.json").json()["rows"]] == ["abc"]
        shutil.rmtree(store.folder(parse_seed("abc"), "extracted"))
        assert is_preview(client, "abc")
        assert client.get("/worlds.json").json()["rows"] == []
        store.remove(parse_seed("abc"))
        assert is_preview(client, "abc")
        assert client.get("/worlds.json").json()["rows"] == []


def test_stored_tiles_are_served_unless_they_are_of_other_planes(site: Site) -> None:
    store = WorldStore(site.store.root.parent / "tiles")
    publish_world(store, "abc", Grid.of_world(64))
    extracted = store.manifest(parse_seed("abc"), "extracted")
    assert extracted is not None
    with served(site_app(store)) as address, httpx.Client(base_url=address, timeout=120) as client:
        path = "/worlds/abc/tiles/map/0/0/0.webp"
        drawn = client.get(path)
        before = client.get("/worlds/abc/world.json").json()
        publish_tile(store, "abc", b"made", of=extracted.digest)
        after = client.get("/worlds/abc/world.json").json()
        assert before["version"] != after["version"]
        assert before["data"] == after["data"]
        made = client.get(path, headers={"if-none-match": drawn.headers["etag"]})
        assert (made.status_code, made.content) == (200, b"made")
        publish_tile(store, "abc", b"of another", of="0" * 64)
        assert client.get(path).content == drawn.content


def test_deep_tiles_show_the_terrain_of_the_planes_or_are_stored_ones(site: Site) -> None:
    store = WorldStore(site.store.root.parent / "raw_alone")
    publish_world(store, "abc", Grid.of_world(64))
    with served(site_app(store)) as address, httpx.Client(base_url=address, timeout=120) as client:
        before = client.get("/worlds/abc/world.json").json()
        assert (before["engine"]["world_gen_version"], before["max_zoom"]) == (2, 5)
        publish_raw(store, "abc", Grid.of_world(64), world_gen_version=1)
        facts = client.get("/worlds/abc/world.json").json()
        assert (facts["engine"]["world_gen_version"], facts["max_zoom"]) == (None, 3)
        assert facts["version"] != before["version"]
        refused = client.get("/worlds/abc/tiles/map/4/0/0.webp")
        assert refused.status_code == 404
        assert refused.json()["message"].endswith("zoom is 0 to 3, and each side has 2**zoom tiles.")
        extracted = store.manifest(parse_seed("abc"), "extracted")
        assert extracted is not None
        publish_tile(store, "abc", b"made", of=extracted.digest, max_zoom=4)
        assert client.get("/worlds/abc/world.json").json()["max_zoom"] == 4
        assert client.get("/worlds/abc/tiles/map/4/0/0.webp").content == b"made"
        assert client.get("/worlds/abc/tiles/map/5/0/0.webp").status_code == 404


def test_worlds_are_shown_on_a_full_disk(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    store = WorldStore(site.store.root.parent / "full")
    publish_world(store, "abc", Grid.of_world(64))

    def full(path: Path, _: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("vwe_dagster.catalog.table.write_atomically", full)
    with served(site_app(store)) as address, httpx.Client(base_url=address, timeout=120) as client:
        assert [row[0] for row in client.get("/worlds.json").json()["rows"]] == ["abc"]
        assert client.get("/worlds/abc/world.json").status_code == 200


def test_bug_of_the_server_is_not_reported_as_a_missing_file(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_: object) -> bytes:
        raise IndexError("index 7 is out of bounds")

    monkeypatch.setattr("vwe_dagster.site.blocks.block", faulty)
    assert client.get(f"{WORLD}/data/0/0.bin").status_code == 500


def test_damaged_world_is_reported(site: Site) -> None:
    store = WorldStore(site.store.root.parent / "damaged")
    publish_world(store, "abc", Grid.of_world(64))
    (store.folder(parse_seed("abc"), "extracted") / "height.npy.gz").write_bytes(b"no more")
    with served(site_app(store)) as address:
        answer = httpx.get(f"{address}/worlds/abc/data/0/0.bin", timeout=120)
    assert answer.status_code == 503
    assert "build the stage extracted again" in answer.json()["message"]


def is_preview(client: httpx.Client, key: str) -> bool:
    """Return whether the server shows a world that is not stored."""
    return client.get(f"/worlds/{key}/world.json", params={"outline": ""}).json()["made_at"] is None


def publish_tile(store: WorldStore, key: str, content: bytes, *, of: str, max_zoom: int = 0) -> None:
    """Publish a stage ``tiles`` with the first tile of the map at its last zoom.

    Args:
        store: the data folder.
        key: the seed of the world.
        content: the tile.
        of: the digest of the planes from which it was drawn.
        max_zoom: the last zoom.
    """
    choice = TileChoice(("map",), max_zoom)
    recipe = Recipe({"extracted": of, **choice.inputs()}, "1", {}, None)
    with store.publish(parse_seed(key), "tiles", recipe) as draft:
        write_tile(draft, "map", (max_zoom, 0, 0, content))
