"""The HTTP endpoints of the metrics: ``/metrics`` for Prometheus, and ``/healthz`` for health checks."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vwe_dagster.config.home import Home
from vwe_dagster.metrics.data_folder import DataFolder
from vwe_dagster.metrics.exposition import HomeCollector
from vwe_dagster.web.guard import Guard


def metrics_app(home: Home, data: DataFolder, hosts: Iterable[str] = (), *, broker: str | None = None) -> Starlette:
    """Return the ASGI application of the metrics.

    Args:
        home: the home to report on.
        data: its data folder; the caller starts and stops the measurement.
        hosts: names of the server in addition to those of loopback.
        broker: the URL of Redis, to report on all hosts of a center, too; None for one host.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(HomeCollector(home, data))
    if broker is not None:
        # The client of Redis is an optional package.
        from vwe_dagster.metrics.host_metrics import HostsCollector  # noqa: PLC0415

        registry.register(HostsCollector(broker))

    # Not async: Starlette then calls it in a thread, since reading a ledger may block.
    def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type})

    def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Starlette(
        routes=[Route("/metrics", metrics), Route("/healthz", healthz)], middleware=[Middleware(Guard, hosts=hosts)]
    )
