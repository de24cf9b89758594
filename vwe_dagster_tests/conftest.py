"""Fixtures of several rooms: the tiers, the real export of the game (not in the project), a browser, and Redis."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.kernels.garbage import collect_rarely

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from vwe_dagster_tests.hosts.redis_server import RedisServer
    from vwe_dagster_tests.publishing.s3_server import S3Server

TIER_OF_FIXTURE = {
    "docker_client": "docker",
    "engine_image": "docker",
    "game_image": "docker",
    "browser": "browser",
    "plugin": "game",
}
"""The marker of every test that uses a fixture. A fixture requested by name at run time marks its parameter instead."""

TIERS = ("slow", "docker", "browser", "game")
"""The markers that keep a test out of the fast tier; see pyproject.toml."""

WAITING_ROOMS = ("hosts", "ui")
"""Rooms whose slow tests mostly wait for daemons. They begin first of the slow tests, so that none is last."""

REAL_EXPORT_VARIABLE = "VWE_REAL_EXPORT"

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
DISABLED_FEATURES = (
    # For each window, these draw the suggestions of the address bar: 0.8 s of CPU time, as much as a page of a world.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    # A process in reserve for the next site.
    "SpareRendererForSitePerProcess",
    # Playwright's own argument disables these, and this one replaces it.
    "AvoidCorsURLLoaderRestartOnRedirect",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
)
BROWSER_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The pages of a context share a process, which takes as long to start as a page of a world takes to load.
    "--process-per-site",
    f"--disable-features={','.join(DISABLED_FEATURES)}",
)


# The duration of an example depends on the load of the machine, so there is no deadline.
hypothesis.settings.register_profile("patient", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tiers and run the fast tier first.

    Several workers keep the order, because each takes the next module of the same list.
    """
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for tier in {TIER_OF_FIXTURE[name] for name in fixtures if name in TIER_OF_FIXTURE}:
            item.add_marker(tier)
    items.sort(key=lambda item: (is_in_a_tier(item), is_in_a_tier(item) and item.path.parent.name not in WAITING_ROOMS))


def is_in_a_tier(item: pytest.Item) -> bool:
    """Return whether a test is outside the fast tier."""
    return any(item.get_closest_marker(tier) is not None for tier in TIERS)


def pytest_xdist_auto_num_workers() -> int:
    """Return the number of workers of ``-n auto``: more than cores, because many tests wait for processes and pages."""
    return usable_cores() + 1


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the terrain kernels once, before several workers and their engines compile them concurrently.

    On a busy machine, an engine that compiles starts slower than its pool waits. Collecting garbage as often as Python
    does by default takes a fifth of the processor time of tests that run jobs.
    """
    collect_rarely()
    if not getattr(session.config.option, "numprocesses", None) or hasattr(session.config, "workerinput"):
        restore_ignored_signals()
    else:
        # Many tests need no kernel, and loading the compiler takes longer than such a test.
        from vwe_dagster.engine.native import NativeEngine  # noqa: PLC0415

        NativeEngine().warm()


def restore_ignored_signals() -> None:
    """Restore the default actions of the signals that tests send to their processes.

    A process inherits the signals that its parent ignores. Shells ignore some in background jobs.
    """
    for number, action in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, action)


@pytest.fixture(scope="session")
def real_export() -> Path:
    """Return the folder of the real export, the older plugin's JSON of seed 991789801 on 256 x 256 samples.

    Without the environment variable the test is skipped, but on a CI machine it fails.
    """
    folder = os.environ.get(REAL_EXPORT_VARIABLE)
    if folder:
        return Path(folder)
    absence = f"{REAL_EXPORT_VARIABLE} does not name the folder of the real export"
    if os.environ.get("CI"):
        pytest.fail(absence)
    pytest.skip(absence)


@pytest.fixture
def thumbnails_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """See :func:`vwe_dagster_tests.defs.pipeline.draw_thumbnails_only`."""
    # Most tests build no world, and Dagster takes longer to load than such a test.
    from vwe_dagster_tests.defs.pipeline import draw_thumbnails_only  # noqa: PLC0415

    draw_thumbnails_only(monkeypatch)


@pytest.fixture(scope="module")
def browser_arguments() -> list[str]:
    """Return the arguments of Chromium, which a module may extend."""
    return list(BROWSER_ARGUMENTS)


@pytest.fixture(scope="module")
def browser(browser_arguments: list[str]) -> Iterator[Browser]:
    """Yield a headless Chromium of the system, which is required on a CI machine."""
    # Most tests need no browser.
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        absence = f"none of {', '.join(BROWSERS)} is installed"
        if os.environ.get("CI"):
            pytest.fail(absence)
        pytest.skip(absence)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=browser_arguments)
        yield browser
        browser.close()


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Return the folder for screenshots: the one in an environment variable, else a temporary one."""
    folder = Path(os.environ.get("VWE_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Yield a Redis server of this session, which is required on a CI machine."""
    # Most tests need no Redis.
    from vwe_dagster_tests.hosts.redis_server import is_installed, running_redis  # noqa: PLC0415

    if not is_installed():
        absence = "redis-server is not installed"
        if os.environ.get("CI"):
            pytest.fail(absence)
        pytest.skip(absence)
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def broker(redis_process: RedisServer) -> str:
    """Return the URL of an empty Redis server."""
    from vwe_dagster.hosts.redis_connection import connect  # noqa: PLC0415

    with connect(redis_process.url) as client:
        client.flushall()
    return redis_process.url


@pytest.fixture(scope="session")
def s3_process() -> Iterator[S3Server]:
    """Yield an S3 server of this session."""
    # Most tests need no object storage.
    from vwe_dagster_tests.publishing.s3_server import running_s3  # noqa: PLC0415

    with running_s3() as server:
        yield server


@pytest.fixture
def s3(s3_process: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """Return an S3 server that the environment names."""
    for name, value in s3_process.environment.items():
        monkeypatch.setenv(name, value)
    return s3_process
