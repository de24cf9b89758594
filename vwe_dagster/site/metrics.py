"""The Prometheus metrics of the server of the site."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vwe_dagster.site.previews import Previews


class PreviewCollector(Collector):
    """The metrics of the previews of a server."""

    def __init__(self, previews: Previews) -> None:
        """Set the source of the metrics."""
        self._previews = previews

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with its samples."""
        counts = self._previews.counts()
        yield GaugeMetricFamily("vwe_previews", "Previews in memory.", counts.worlds)
        yield GaugeMetricFamily("vwe_preview_bytes", "Bytes of planes, tables and tiles of previews.", counts.nbytes)
        yield GaugeMetricFamily("vwe_preview_bytes_limit", "Bytes beyond which previews are dropped.", counts.max_bytes)
        yield GaugeMetricFamily("vwe_preview_parts_waiting", "Parts that wait to be computed.", counts.waiting)
        yield GaugeMetricFamily("vwe_preview_parts_running", "Parts that are being computed.", counts.running)
        yield CounterMetricFamily("vwe_preview_hits", "Requests for a preview that was in memory.", counts.hits)
        yield CounterMetricFamily("vwe_preview_misses", "Requests that started a preview.", counts.misses)
        yield CounterMetricFamily("vwe_preview_drops", "Previews dropped because of the limit.", counts.dropped)
