"""Where a project lives: its home folder, the data in it, and the folder of its Dagster instance."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

HOME_VARIABLE = "VWE_HOME"
"""The environment variable that names the home folder."""

INSTANCE_VARIABLE = "DAGSTER_HOME"
"""Dagster's own environment variable for the folder of an instance."""

SETTINGS = "dagster.yaml"
WORKSPACE = "workspace.yaml"

_PARENT_OF_PACKAGE = Path(__file__).resolve().parents[2]
_PACKAGED = Path(__file__).resolve().parent
"""Folder of the wheel's copies of the project files; a checkout has them beside the package instead."""


class HomeError(ValueError):
    """A home that cannot be used; the message is a sentence that says how to mend it."""


@dataclasses.dataclass(frozen=True)
class Home:
    """The folders one project works in.

    Attributes:
        folder: the home folder.
        instance: where Dagster keeps runs, events and partitions.
        own_instance: whether ``instance`` is the one in the home folder, and not one the user named.
    """

    folder: Path
    instance: Path
    own_instance: bool

    @property
    def data(self) -> Path:
        """The data folder: what the stages of every seed have made."""
        return self.folder / "data"

    @property
    def pools(self) -> Path:
        """Where each pool of engines has a folder of its name, with its ledger, locks and logs."""
        return self.folder / ".vwe" / "pools"

    @property
    def stage_counts(self) -> Path:
        """The file that counts built and kept stages."""
        return self.folder / ".vwe" / "tally.sqlite"

    @property
    def workspace(self) -> Path:
        """The file that tells Dagster where the definitions are.

        Raises:
            HomeError: there is none.
        """
        return self._project_file(WORKSPACE)

    @property
    def environment(self) -> dict[str, str]:
        """What a process must have in its environment to work in this home."""
        return {HOME_VARIABLE: str(self.folder), INSTANCE_VARIABLE: str(self.instance)}

    def prepare_instance(self) -> None:
        """Makes the instance's folder with the project's settings in it; one that the user named is left as it is.

        A settings file that is no link is the user's own and stays.

        Raises:
            HomeError: the user's folder does not exist, ours cannot be made, or the project's settings are nowhere.
        """
        if not self.own_instance:
            if not self.instance.is_dir():
                raise HomeError(
                    f"{INSTANCE_VARIABLE} is {self.instance}, which is no folder; "
                    f"make the folder, or unset {INSTANCE_VARIABLE} to use {self.folder / '.dagster'}."
                )
            return
        try:
            self.instance.mkdir(parents=True, exist_ok=True)
            _link(self.instance / SETTINGS, self._project_file(SETTINGS))
        except OSError as error:
            raise HomeError(
                f"{self.instance} cannot be made ({error.strerror}); "
                f"set {HOME_VARIABLE} to a folder that you may write to."
            ) from error

    def _project_file(self, name: str) -> Path:
        for folder in (self.folder, _PARENT_OF_PACKAGE, _PACKAGED):
            if (folder / name).is_file():
                return folder / name
        raise HomeError(
            f"{name} is missing from {self.folder}, {_PARENT_OF_PACKAGE} and {_PACKAGED}; "
            f"reinstall vwe-dagster, or set {HOME_VARIABLE} to a checkout of the project."
        )


def find_home(environ: Mapping[str, str] = os.environ) -> Home:
    """Finds the home: ``VWE_HOME``, else the checkout this package is in, else the current folder.

    Raises:
        HomeError: ``VWE_HOME`` is no folder, or ``DAGSTER_HOME`` is not an absolute path, which Dagster asks for.
    """
    if environ.get(HOME_VARIABLE):
        folder = Path(environ[HOME_VARIABLE]).expanduser().resolve()
        if folder.exists() and not folder.is_dir():
            raise HomeError(f"{HOME_VARIABLE} is {folder}, which is no folder; name one, or unset it.")
    elif (_PARENT_OF_PACKAGE / WORKSPACE).is_file():
        folder = _PARENT_OF_PACKAGE
    else:
        folder = Path.cwd()
    own = folder / ".dagster"
    named = environ.get(INSTANCE_VARIABLE)
    if not named:
        return Home(folder, own, own_instance=True)
    instance = Path(named).expanduser()
    if not instance.is_absolute():
        raise HomeError(f"{INSTANCE_VARIABLE} is {named}, but Dagster asks for an absolute path; write it in full.")
    return Home(folder, instance, own_instance=instance == own)


def _link(link: Path, target: Path) -> None:
    """Makes ``link`` point to ``target``, replacing a link to elsewhere but no real file."""
    if link.exists() and not link.is_symlink():
        return
    if link.is_symlink() and link.readlink() == target:
        return
    # Another process may be doing the same: the rename makes either one's link whole.
    draft = link.with_name(f"{link.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(link)
