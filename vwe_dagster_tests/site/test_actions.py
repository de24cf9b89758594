"""Actions of pages: keeping a world, opening a world file, and the metrics of the server."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from vwe_dagster.formats.fwl import new_world, world_file_bytes
from vwe_dagster.seeds.seed import Seed, parse_seed
from vwe_dagster.site.actions import MAX_FILE_BYTES
from vwe_dagster.site.builds import BuildFailure, Builds, BuildState
from vwe_dagster.site.server import site_app
from vwe_dagster.store import WorldStore
from vwe_dagster.store.manifest import Manifest, Stage
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.site.conftest import served
from vwe_dagster_tests.worlds import publish_world

HOSTILE = ['<img src=x onerror="alert(1)">', "../../etc/passwd", "a?b=c&d#e", "a%2e%2e%2fb", "'; drop table seeds; --"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    store = WorldStore(tmp_path_factory.mktemp("actions"))
    with served(site_app(store)) as address, httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
        yield client


def headers_of(client: httpx.Client) -> dict[str, str]:
    """Return the headers of a request from a page of the server."""
    return {"origin": str(client.base_url).rstrip("/"), "x-vwe-token": client.get("/server.json").json()["token"]}


class EagerStore(WorldStore):
    """A data folder; each time that its stages are read, another visitor requests the same world again."""

    builds: Builds

    def manifest(self, seed: Seed, stage: Stage) -> Manifest | None:
        self.builds.request(seed)
        return super().manifest(seed, stage)


def test_failure_and_state_of_a_build_belong_to_the_same_request(tmp_path: Path) -> None:
    store, tried = EagerStore(tmp_path / "data"), tmp_path / "tried"
    line = BuildFailure("No engine started.").to_line()
    code = f"""
import pathlib, sys, time
if (tried := pathlib.Path({str(tried)!r})).exists():
    time.sleep(600)
tried.touch()
print({line!r})
sys.exit(1)
"""
    store.builds = builds = Builds(lambda _: [sys.executable, "-c", code], {})
    with served(site_app(store, builds=builds)) as address:
        builds.request(seed := parse_seed("abc"))
        deadline = time.monotonic() + PATIENCE_S
        while builds.states()["abc"] is not BuildState.FAILED:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        first = httpx.get(f"{address}/worlds/abc/build.json", timeout=PATIENCE_S).json()
        assert (first["id"], first["state"]) == (1, "failed")
        assert first["failure"] == {"reason": "No engine started.", "run": None}
        again = builds.latest(seed)
        assert again is not None
        assert (again.id, again.failure) == (2, None)


@pytest.mark.parametrize("key", ["HHcLC5acQt", "@-5"])
def test_world_file_leads_to_its_seed(client: httpx.Client, key: str) -> None:
    content = world_file_bytes(new_world(parse_seed(key), "Midgard", world_gen_version=2))
    opened = client.post("/open", headers=headers_of(client), content=content).json()
    assert opened == {
        "seed": key,
        "name": "Midgard",
        "world_gen_version": 2,
        "shown_version": 2,
        "has_modifiers": False,
    }


def test_world_file_reports_what_the_preview_does_not_show(client: httpx.Client) -> None:
    world = new_world(parse_seed("abc"), "Old", world_gen_version=1, starting_keys=("NoPortals",))
    opened = client.post("/open", headers=headers_of(client), content=world_file_bytes(world)).json()
    assert (opened["world_gen_version"], opened["shown_version"], opened["has_modifiers"]) == (1, 2, True)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_seed_text_of_a_file_becomes_an_integer_seed(client: httpx.Client, text: str) -> None:
    world = dataclasses.replace(new_world(parse_seed("abc"), text, world_gen_version=2), seed_text=text)
    opened = client.post("/open", headers=headers_of(client), content=world_file_bytes(world)).json()
    assert opened["seed"] == f"@{world.seed_number}"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_seed_text_is_never_markup(client: httpx.Client, text: str) -> None:
    address = f"/worlds/{httpx.URL('http://x', params={'q': text}).query.decode()[2:].replace('+', '%20')}/"
    page = client.get(address, headers={"accept": "text/html"})
    assert page.status_code == 404
    assert text not in page.text or "<" not in text


def test_file_that_is_not_a_world_is_rejected(client: httpx.Client) -> None:
    refused = client.post("/open", headers=headers_of(client), content=b"<script>alert(1)</script>")
    assert refused.status_code == 400
    assert "not a world file" in refused.json()["message"]
    refused = client.post("/open", headers=headers_of(client), content=bytes(MAX_FILE_BYTES + 1))
    assert refused.status_code == 413


def test_only_a_page_of_the_server_can_open_a_file(client: httpx.Client) -> None:
    good = headers_of(client)
    for wrong in ({"origin": good["origin"]}, {"x-vwe-token": good["x-vwe-token"]}, {**good, "x-vwe-token": "other"}):
        assert client.post("/open", headers=wrong, content=b"").status_code == 403
    elsewhere = {**good, "origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    assert client.post("/open", headers=elsewhere, content=b"").status_code == 403
    assert client.get("/open", headers=good).status_code == 405


def test_metrics_show_the_previews(client: httpx.Client) -> None:
    client.get("/worlds/measured/tiles/map/0/0/0.webp")
    client.get("/worlds/measured/tiles/map/0/0/0.webp")
    lines = client.get("/metrics").text.splitlines()
    values = {line.split()[0]: float(line.split()[1]) for line in lines if not line.startswith("#")}
    assert values["vwe_previews"] >= 1
    assert 2e7 < values["vwe_preview_bytes"] < values["vwe_preview_bytes_limit"]
    assert values["vwe_preview_misses_total"] >= 1
    assert values["vwe_preview_hits_total"] >= 1


def test_progress_of_a_kept_world_is_its_stages(tmp_path: Path) -> None:
    store = WorldStore(tmp_path / "data")
    go = tmp_path / "go"
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.02)"
    builds = Builds(lambda _: [sys.executable, "-c", wait], {})
    with (
        served(site_app(store, builds=builds)) as address,
        httpx.Client(base_url=address, timeout=PATIENCE_S) as client,
    ):
        before = client.get("/worlds/abc/build.json").json()
        assert (before["state"], before["stages"]) == (None, [])
        client.post("/find/builds", headers=headers_of(client), content="abc").raise_for_status()
        assert client.get("/worlds/abc/build.json").json()["state"] in {"waiting", "building"}
        publish_world(store, "abc", Grid.of_world(64))
        during = client.get("/worlds/abc/build.json").json()
        assert during["stages"] == ["raw", "extracted", "processed"]
        assert during["all_stages"] == ["raw", "extracted", "processed", "renders"]
        go.touch()
        deadline = time.monotonic() + PATIENCE_S
        while client.get("/worlds/abc/build.json").json()["state"] != "built":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert client.get("/worlds/abc/world.json").json()["made_at"] is not None
        assert client.get("/worlds/a%20b/build.json").status_code == 404
