"""The dashboard and the alert rules query existing metrics with functions that fit their types."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Metric

from vwe_dagster.metrics.host_metrics import overview_metrics
from vwe_dagster.pool.states import State
from vwe_dagster_tests.metrics.overviews import OVERVIEW
from vwe_dagster_tests.metrics.pools import home_in, pool_in, scrape
from vwe_dagster_tests.pool.fakes import REQUEST, FakeMachine

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = DEPLOY / "grafana" / "vwe.json"
RULES = DEPLOY / "prometheus" / "alerts.yml"
NAME = re.compile(r"\bvwe_[a-z_]+")
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
OVER_TIME = re.compile(r"\b(?:rate|increase)\((vwe_[a-z_]+)")
LABEL = re.compile(r"(vwe_[a-z_]+)\{([^}]*)\}")


def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return document


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    """Yield every query with the name of its panel or rule."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for rule in rules():
        yield rule["alert"], rule["expr"]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Metric]:
    """The metric families by the name of their samples."""
    home = home_in(tmp_path_factory.mktemp("home"))
    pool_in(home, FakeMachine()).generate(REQUEST).confirm()
    families = [*scrape(home).values(), *overview_metrics(OVERVIEW)]
    return {family.name + suffix: family for family in families for suffix in SUFFIXES[family.type]}


@pytest.mark.parametrize(("origin", "query"), list(queries()))
def test_queried_metrics_exist_and_are_queried_by_their_type(
    samples: Mapping[str, Metric], origin: str, query: str
) -> None:
    names = set(NAME.findall(query))
    assert names <= samples.keys(), origin
    assert names or 'up{job="vwe"}' in query
    over_time = set(OVER_TIME.findall(query))
    assert over_time == {name for name in names if samples[name].type != "gauge"}, (
        "rate() applies to counters and histograms only"
    )
    for name, matchers in LABEL.findall(query):
        known = {label for sample in samples[name].samples for label in sample.labels}
        assert set(re.findall(r"(\w+)\s*[=!]~?", matchers)) <= known, origin


def test_every_metric_is_on_the_dashboard_or_in_a_rule(samples: Mapping[str, Metric]) -> None:
    asked = {samples[name].name for _, query in queries() for name in NAME.findall(query)}
    assert {family.name for family in samples.values()} - asked == {"vwe_data_measuring_seconds"}


def test_states_in_queries_exist(samples: Mapping[str, Metric]) -> None:
    exposed = {
        sample.labels["state"] for family in samples.values() for sample in family.samples if "state" in sample.labels
    }
    assert {state.value for state in State} <= exposed
    for origin, query in queries():
        for states in re.findall(r'(?:state|after|before)[=!]~?"([^"]+)"', query):
            assert set(states.split("|")) <= exposed, origin


def test_dashboard_has_the_fields_that_grafana_requires() -> None:
    document = dashboard()
    assert (document["uid"], document["title"]) == ("vwe", "VWE")
    assert document["schemaVersion"] >= 36
    assert "id" not in document, "a provisioned dashboard has no id"
    variables = {variable["name"]: variable for variable in document["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    numbers = [panel["id"] for panel in document["panels"]]
    assert len(set(numbers)) == len(numbers)
    for panel in panels():
        assert panel["description"]
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)


def test_panels_do_not_overlap_and_stay_within_the_grid() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_every_alert_has_a_summary_and_a_description() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "description"}
    assert len({rule["alert"] for rule in rules()}) == len(rules())


def test_prometheus_loads_the_rules_file() -> None:
    settings = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    assert [DEPLOY / "prometheus" / name for name in settings["rule_files"]] == [RULES]
    assert [job["job_name"] for job in settings["scrape_configs"]] == ["vwe"]
