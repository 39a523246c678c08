"""Where settings and state lie."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM_FILE = Path("/etc/photosync/config.toml")
EXAMPLE = "photosync.example.toml"


def find_file(option: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The settings file: by ``--config``, ``$PHOTOSYNC_CONFIG``, the user's, or the system's.

    None if there is none.

    Raises:
        SettingsError: A file that was named does not exist.
    """
    named = option or (
        Path(environ["PHOTOSYNC_CONFIG"]) if environ.get("PHOTOSYNC_CONFIG") else None
    )
    if named is not None:
        if not os.path.lexists(named):
            raise SettingsError(
                f"There is no settings file {named}.",
                hint=f"Write one: photosync config init --config {named}",
            )
        return named
    for file in (user_file(environ), SYSTEM_FILE):
        try:
            if file.exists():
                return file
        except PermissionError:
            continue  # a folder of somebody else's is not ours to read settings from
    return None


def default_file(environ: Mapping[str, str]) -> Path:
    """Where ``config init`` writes."""
    named = environ.get("PHOTOSYNC_CONFIG")
    return Path(named) if named else user_file(environ)


def user_file(environ: Mapping[str, str]) -> Path:
    """The user's own settings file."""
    return _xdg(environ, "XDG_CONFIG_HOME", ".config") / "photosync" / "config.toml"


def default_state_dir(environ: Mapping[str, str]) -> Path:
    """Where state lies unless the settings say otherwise."""
    by_systemd = environ.get("STATE_DIRECTORY", "").split(":")[0]
    if by_systemd:
        return Path(by_systemd)
    return _xdg(environ, "XDG_STATE_HOME", ".local/state") / "photosync"


def example_text() -> str:
    """A settings file in which every setting is explained."""
    packaged = resources.files("photosync").joinpath(EXAMPLE)
    if packaged.is_file():
        return packaged.read_text("utf-8")
    checkout = Path(__file__).parents[2] / "config" / EXAMPLE
    return checkout.read_text("utf-8")


def init(file: Path) -> None:
    """Write the example to ``file``, for its owner alone.

    Raises:
        SettingsError: There is one already, or it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise SettingsError(
            f"There is a settings file {file} already; it stays as it is.",
            hint="Look at it: photosync config show",
        ) from error
    except OSError as error:
        raise SettingsError(
            f"The settings file {file} cannot be written: {error.strerror}.",
            hint="Name another place: photosync config init --config FILE",
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(example_text())


def _xdg(environ: Mapping[str, str], variable: str, otherwise: str) -> Path:
    """A folder of the XDG Base Directory Specification, which has to be absolute."""
    named = environ.get(variable, "")
    if named.startswith("/"):
        return Path(named)
    return Path(environ.get("HOME") or Path.home()) / otherwise
