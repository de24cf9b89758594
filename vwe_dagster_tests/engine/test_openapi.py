"""Test that the OpenAPI document matches the models, and the engine's responses match the document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from vwe_dagster.engine.openapi import DOCUMENT, openapi, text
from vwe_dagster.engine.protocol import REFUSALS
from vwe_dagster_tests.engine.engines import BEARER, running_engine
from vwe_dagster_tests.valheim.stand_in import running_plugin

pytestmark = pytest.mark.slow

SCHEMA = schemathesis.openapi.from_dict(openapi())
NOT_TRIED = r"/v1/drain"
"""Calls that are left out: a drained engine exits."""


@pytest.fixture(scope="module", params=["native", pytest.param("plugin", marks=pytest.mark.game)])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "plugin":
        with running_plugin(request.getfixturevalue("plugin")) as engine:
            yield engine.address
    else:
        with running_engine(tcp=True) as engine:
            yield engine.address


def test_shipped_document_is_up_to_date() -> None:
    """To update the document, run python -m vwe_dagster.engine.openapi."""
    assert DOCUMENT.read_text(encoding="utf-8") == text()


def test_every_error_code_is_in_the_document() -> None:
    document = json.dumps(openapi()["paths"])
    assert [code for code in REFUSALS if code not in document] == ["method_not_allowed"]


@SCHEMA.exclude(path_regex=NOT_TRIED).parametrize()
@hypothesis.settings(
    max_examples=40, database=None, suppress_health_check=list(hypothesis.HealthCheck), derandomize=True
)
def test_engine_conforms_to_the_document(case: schemathesis.Case[Any], url: str) -> None:
    if "wait_s" in (case.query or {}):
        case.query["wait_s"] = min(case.query["wait_s"], 0.01) if isinstance(case.query["wait_s"], float) else 0
    case.call_and_validate(
        base_url=url,
        headers={"Authorization": f"Bearer {BEARER}"},
        checks=[
            schemathesis.checks.not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_headers_conformance,
            response_schema_conformance,
            # The plugin has no surveys, so it rejects every method of that path as an unknown path.
            *([] if case.path == "/v1/surveys" else [unsupported_method]),
        ],
    )
