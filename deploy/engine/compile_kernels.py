"""Compile the terrain kernels while the image is built."""

# ruff: noqa: INP001  a script, in no package

from __future__ import annotations

from vwe_dagster.worldgen import World

World(1).grid(64)
