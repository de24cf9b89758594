"""Generate the OpenAPI document of the engine protocol from its models.

``python -m vwe_dagster.engine.openapi`` writes it to ``openapi.json`` beside this module.

FastAPI could generate the document, but its import and its application delay the cold start of an engine: 2.20 s
instead of 1.76 s from process start to ``ready``, 1.41 s and 1.22 s of it CPU time (FastAPI 0.165, kernels cached,
medians of 10 alternating starts on 2 busy cores). The limit set for the delay was 0.1 s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic
from pydantic.json_schema import models_json_schema

from vwe_dagster.engine.protocol import (
    JOB_ID,
    MAX_WAIT_S,
    PROTOCOL,
    REFUSALS,
    SEEN,
    ErrorBody,
    Holder,
    JobRequest,
    JobStatus,
    Status,
    SurveyJobRequest,
)
from vwe_dagster.locations.table_json import LocationTableDocument

DOCUMENT = Path(__file__).with_name("openapi.json")
"""Shipped copy of the document, for engines in other languages."""

_EVERYWHERE = ("unauthorized", "internal")
_CLAIM_REFUSALS = ("fenced", "too_large", "invalid", "engine_error")
_JOB_REFUSALS = ("busy", "fenced", "job_conflict", "not_claimed", "too_large", "invalid", "draining", "engine_error")


def openapi() -> dict[str, Any]:
    """Return the document as JSON-serializable values."""
    requests: list[type[pydantic.BaseModel]] = [Holder, JobRequest, SurveyJobRequest]
    models: list[type[pydantic.BaseModel]] = [Status, *requests, JobStatus, ErrorBody, LocationTableDocument]
    _, schemas = models_json_schema(
        [(model, "validation" if model in requests else "serialization") for model in models],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Engine protocol",
            "version": str(PROTOCOL),
            "description": "An engine generates one world at a time from a seed, for the holder of the highest token.",
        },
        "security": [{"bearer": []}, {}],
        "paths": _paths(),
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": "Over TCP only."}},
        },
    }


def _paths() -> dict[str, Any]:
    return {
        "/v1/status": {"get": _call("Return the identity and state of the engine", {200: Status}, ())},
        "/v1/claim": {
            "post": _call("Claim the engine for a holder", {200: Status}, (*_CLAIM_REFUSALS, "draining"), body=Holder)
        },
        "/v1/jobs": {
            "post": _call(
                "Start a job, or return the status of the job with the same id",
                {202: JobStatus},
                _JOB_REFUSALS,
                body=JobRequest,
            )
        },
        "/v1/surveys": {
            "post": _call(
                "Start a survey, which computes the rows of many seeds; engines may lack this call",
                {202: JobStatus},
                ("not_found", *_JOB_REFUSALS),
                body=SurveyJobRequest,
            )
        },
        **_job_paths(),
        "/v1/reset": {
            "post": _call(
                "Stop the job, discard its layers and verify the engine",
                {200: Status},
                (*_CLAIM_REFUSALS, "busy", "reset_failed"),
                body=Holder,
            )
        },
        "/v1/drain": {"post": _call("Accept no more jobs, then exit", {202: Status}, ())},
        "/v1/location-table": {
            "get": _call(
                "Return the engine's location table; engines may lack this call",
                {200: LocationTableDocument},
                ("not_found", "busy"),
            )
        },
    }


def _job_paths() -> dict[str, Any]:
    job: dict[str, Any] = {
        "get": _call(
            "Return the status of a job",
            {200: JobStatus},
            ("unknown_job", "invalid"),
            [
                _query(
                    "wait_s", {"type": "number", "minimum": 0, "maximum": MAX_WAIT_S}, "Seconds to wait for a change."
                ),
                _query(
                    "seen",
                    {"type": "string", "pattern": SEEN},
                    "The status that the caller last saw, as STATE:PROGRESS.",
                ),
            ],
        ),
        "delete": _call("Cancel a job", {202: JobStatus}, ("unknown_job",)),
        "parameters": [_in_path("job_id", {"type": "string", "pattern": JOB_ID})],
    }
    layer: dict[str, Any] = {
        "get": _call("Fetch a layer of a finished job", {}, ("unknown_job", "not_done")),
        "parameters": [*job["parameters"], _in_path("name", {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,31}$"})],
    }
    layer["get"]["responses"]["200"] = _layer_answer()
    return {"/v1/jobs/{job_id}": job, "/v1/jobs/{job_id}/layers/{name}": layer}


def write() -> None:
    """Write the document to :data:`DOCUMENT`."""
    DOCUMENT.write_text(text(), encoding="utf-8")


def text() -> str:
    """Return the document as indented JSON text."""
    return json.dumps(openapi(), indent=1, ensure_ascii=False) + "\n"


def _call(
    summary: str,
    answers: Mapping[int, type[pydantic.BaseModel]],
    refusals: tuple[str, ...],
    parameters: list[dict[str, Any]] | None = None,
    body: type[pydantic.BaseModel] | None = None,
) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in (*refusals, *_EVERYWHERE):
        by_status.setdefault(REFUSALS[code][0], []).append(code)
    if "not_done" in refusals:
        by_status[404].append("unknown_layer")
    if body is JobRequest:
        by_status[422].append("unknown_layer")
    responses = {str(status): {"description": "Success.", "content": _json(model)} for status, model in answers.items()}
    responses |= {
        str(status): {"description": "Rejected: " + ", ".join(codes), "content": _json(ErrorBody)}
        for status, codes in sorted(by_status.items())
    }
    call: dict[str, Any] = {"summary": summary, "responses": responses}
    if parameters:
        call["parameters"] = parameters
    if body is not None:
        call["requestBody"] = {"required": True, "content": _json(body)}
    return call


def _layer_answer() -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {
        "description": "A plane as little-endian values, row 0 south, from its offset on; lines as JSON, one per line; "
        "rows of a survey as an Arrow IPC stream whose schema metadata has the versions of the rows.",
        "content": {
            "application/octet-stream": binary,
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/vnd.apache.arrow.stream": binary,
        },
    }


def _json(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


def _in_path(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


if __name__ == "__main__":
    write()
