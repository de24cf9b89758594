"""The home of a project: its folder, the data folder, and the folder of its Dagster instance."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from vwe_dagster.config.broker import BROKER_VARIABLE

HOME_VARIABLE = "VWE_HOME"
"""The environment variable that names the home folder."""

INSTANCE_VARIABLE = "DAGSTER_HOME"
"""Dagster's own environment variable for the folder of an instance."""

SETTINGS = "dagster.yaml"
HOSTS_SETTINGS = "hosts/dagster.yaml"
"""The settings of an instance that several hosts share, within the package."""

WORKSPACE = "workspace.yaml"

_PARENT_OF_PACKAGE = Path(__file__).resolve().parents[2]
_PACKAGED = Path(__file__).resolve().parent
"""Folder of the project files in a wheel; a checkout has them beside the package."""


class HomeError(ValueError):
    """A home cannot be used. The message contains a remedy."""


@dataclasses.dataclass(frozen=True)
class Home:
    """The folders of one project.

    Attributes:
        folder: the home folder.
        instance: the folder of Dagster's runs, events and partitions.
        own_instance: whether ``instance`` is within the home folder, as opposed to a folder that the user set.
        has_broker: whether several hosts share the instance.
    """

    folder: Path
    instance: Path
    own_instance: bool
    has_broker: bool = False

    @property
    def data(self) -> Path:
        """The data folder, with the stages of every seed."""
        return self.folder / "data"

    @property
    def pools(self) -> Path:
        """The folder of the pools; each has a subfolder of its name, with its ledger, locks and logs."""
        return self.folder / ".vwe" / "pools"

    @property
    def stage_counts(self) -> Path:
        """The file that counts built and kept stages."""
        return self.folder / ".vwe" / "tally.sqlite"

    @property
    def workspace(self) -> Path:
        """Dagster's workspace file, which names the definitions.

        Raises:
            HomeError: the file does not exist.
        """
        return self._project_file(WORKSPACE)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a process that works in this home."""
        return {HOME_VARIABLE: str(self.folder), INSTANCE_VARIABLE: str(self.instance)}

    def prepare_instance(self) -> None:
        """Create the instance's folder with a link to the project's settings, unless the user set another folder.

        An existing settings file that is not a link belongs to the user and stays.

        Raises:
            HomeError: the user's folder does not exist, the folder cannot be created, or the project's settings are
                missing.
        """
        if not self.own_instance:
            if not self.instance.is_dir():
                raise HomeError(
                    f"{INSTANCE_VARIABLE} is {self.instance}, which is not a folder; "
                    f"create the folder, or unset {INSTANCE_VARIABLE} to use {self.folder / '.dagster'}."
                )
            return
        try:
            self.instance.mkdir(parents=True, exist_ok=True)
            shared = _PACKAGED.parent / HOSTS_SETTINGS
            _link(self.instance / SETTINGS, shared if self.has_broker else self._project_file(SETTINGS))
        except OSError as error:
            raise HomeError(
                f"The folder {self.instance} cannot be created ({error.strerror}); "
                f"set {HOME_VARIABLE} to a writable folder."
            ) from error

    def _project_file(self, name: str) -> Path:
        for folder in (self.folder, _PARENT_OF_PACKAGE, _PACKAGED):
            if (folder / name).is_file():
                return folder / name
        raise HomeError(
            f"The file {name} is missing from {self.folder}, {_PARENT_OF_PACKAGE} and {_PACKAGED}; "
            f"reinstall vwe-dagster, or set {HOME_VARIABLE} to a checkout of the project."
        )


def find_home(environ: Mapping[str, str] = os.environ) -> Home:
    """Return the home: ``VWE_HOME``, else the checkout of this package, else the current folder.

    Raises:
        HomeError: ``VWE_HOME`` is not a folder, the path of the home is not UTF-8, or ``DAGSTER_HOME`` is not an
            absolute path, which Dagster requires.
    """
    if environ.get(HOME_VARIABLE):
        folder = _named(HOME_VARIABLE, environ[HOME_VARIABLE])
        if folder.exists() and not folder.is_dir():
            raise HomeError(f"{HOME_VARIABLE} is {folder}, which is not a folder; set it to a folder, or unset it.")
    else:
        folder = find_checkout() or Path.cwd()
    _check_is_utf8(folder)
    own = folder / ".dagster"
    named = environ.get(INSTANCE_VARIABLE)
    has_broker = bool(environ.get(BROKER_VARIABLE, "").strip())
    if not named:
        return Home(folder, own, own_instance=True, has_broker=has_broker)
    instance = _expanded(INSTANCE_VARIABLE, named)
    if not instance.is_absolute():
        raise HomeError(f"{INSTANCE_VARIABLE} is {named}, but Dagster requires an absolute path; set it to one.")
    return Home(folder, instance, own_instance=instance == own, has_broker=has_broker)


def _named(variable: str, text: str) -> Path:
    folder = _expanded(variable, text)
    try:
        return folder.resolve()
    except RuntimeError as error:
        raise HomeError(f"{variable} is {text}, which is a loop of symbolic links; set it to a folder.") from error


def _expanded(variable: str, text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise HomeError(
            f"{variable} is {text}, but that user has no home folder here; write the whole path."
        ) from error


def _check_is_utf8(folder: Path) -> None:
    """Check that Arrow can open files in a folder: it accepts no other path.

    Raises:
        HomeError: the path is not UTF-8.
    """
    try:
        str(folder).encode()
    except UnicodeEncodeError as error:
        raise HomeError(
            f"The path of the home {folder} is not UTF-8; rename the folder, or set {HOME_VARIABLE} to another one."
        ) from error


def find_checkout() -> Path | None:
    """Return the checkout that this package runs from; None if it was installed from a wheel."""
    return _PARENT_OF_PACKAGE if (_PARENT_OF_PACKAGE / WORKSPACE).is_file() else None


def _link(link: Path, target: Path) -> None:
    """Link ``link`` to ``target``; replace a link to another target, but keep a regular file."""
    if link.exists() and not link.is_symlink():
        return
    if link.is_symlink() and link.readlink() == target:
        return
    # The rename is atomic, since another process may do the same concurrently.
    draft = link.with_name(f"{link.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(link)
