"""``vwe engine verify``: seeds that cannot be compared, and a report that cannot be written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from vwe_dagster.cli.commands import engine as commands
from vwe_dagster.cli.commands.common import CommandError, InputError
from vwe_dagster.engine.messages import EngineError
from vwe_dagster.engine.native import NativeEngine


def test_two_seeds_of_one_world_are_rejected() -> None:
    with pytest.raises(InputError, match="are the same world, the integer 298112588; name seeds of two worlds"):
        commands.verify(["HHcLC5acQt", "@298112588"])


def test_report_that_cannot_be_written_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise EngineError("The engine failed.")

    @contextlib.contextmanager
    def leased(**_: str) -> Iterator[SimpleNamespace]:
        status = SimpleNamespace(capabilities=NativeEngine.capabilities)
        yield SimpleNamespace(generate=fail, status=lambda: status)

    @contextlib.contextmanager
    def opened(_name: str | None, *, new: bool) -> Iterator[SimpleNamespace]:
        assert new
        (tmp_path / "file").touch()
        yield SimpleNamespace(lease=leased, folder=tmp_path / "file")

    monkeypatch.setattr(commands, "open_named", opened)
    with pytest.raises(CommandError, match=r"The report cannot be written to .* then verify again"):
        commands.verify(size=64)
