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
USER_FILE = Path("photosync/config.toml")
EXAMPLE = "photosync.example.toml"
NO_HOME = "There is no home folder to keep photosync's files in."


def find_file(option: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The settings file: by ``--config``, ``$PHOTOSYNC_CONFIG``, the user's, or the system's.

    None if there is none.

    Raises:
        SettingsError: A file that was named does not exist.
    """
    by_variable = environ.get("PHOTOSYNC_CONFIG")
    named = option or (Path(by_variable) if by_variable else None)
    if named is not None:
        if not os.path.lexists(named):
            said = "" if option else " that $PHOTOSYNC_CONFIG names"
            raise SettingsError(
                f"There is no settings file {named}{said}.",
                hint=f"Write one: photosync config init --config {named}",
            )
        return named
    home = _xdg(environ, "XDG_CONFIG_HOME", ".config")
    places = [SYSTEM_FILE] if home is None else [home / USER_FILE, SYSTEM_FILE]
    # not exists(): a link that leads nowhere has to be told, not passed over for another file
    return next((file for file in places if os.path.lexists(file)), None)


def default_file(environ: Mapping[str, str]) -> Path:
    """Where ``config init`` writes.

    Raises:
        SettingsError: No place is named, and there is no home folder.
    """
    if environ.get("PHOTOSYNC_CONFIG"):
        return Path(environ["PHOTOSYNC_CONFIG"])
    home = _xdg(environ, "XDG_CONFIG_HOME", ".config")
    if home is None:
        raise SettingsError(NO_HOME, hint="Name the file: --config FILE, or set $HOME.")
    return home / USER_FILE


def default_state_dir(environ: Mapping[str, str]) -> Path:
    """Where state lies unless the settings say otherwise.

    ``$STATE_DIRECTORY`` holds absolute paths, with ":" between them (systemd.exec(5)).

    Raises:
        SettingsError: No place is named, and there is no home folder.
    """
    by_systemd = environ.get("STATE_DIRECTORY", "").split(":")[0]
    if by_systemd.startswith("/"):
        return Path(by_systemd)
    home = _xdg(environ, "XDG_STATE_HOME", ".local/state")
    if home is None:
        raise SettingsError(NO_HOME, hint="Name a folder in state_dir, or set $HOME.")
    return home / "photosync"


def credential(environ: Mapping[str, str]) -> Path | None:
    """The OAuth client that systemd hands to a service (systemd.exec(5), LoadCredential=)."""
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    file = Path(folder) / "client_secret.json"
    return file if folder.startswith("/") and file.is_file() else None


def can_be_path(text: str) -> bool:
    """Whether the kernel can be asked about it. Bytes that are not UTF-8 are fine."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # half a surrogate pair
        return False


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
    text = example_text()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _write_new(file, text)
    except FileExistsError as error:
        if file.is_dir():
            raise SettingsError(
                f"{file} is a folder.",
                hint=f"Name a file in it: photosync config init --config {file / 'config.toml'}",
            ) from error
        raise SettingsError(
            f"There is a settings file {file} already; it stays as it is.",
            hint="Look at it: photosync config show",
        ) from error
    except OSError as error:
        raise SettingsError(
            f"The settings file {file} cannot be written: {error.strerror}.",
            hint="Name another place: photosync config init --config FILE",
        ) from error


def _write_new(file: Path, text: str) -> None:
    """All of ``text`` in a file of its own for its owner alone, or no file."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
    except OSError:
        file.unlink(missing_ok=True)
        raise


def _xdg(environ: Mapping[str, str], variable: str, otherwise: str) -> Path | None:
    """A folder of the XDG Base Directory Specification, which has to be absolute.

    None: there is no home folder, as for a container's nameless user.
    """
    named = environ.get(variable, "")
    if named.startswith("/"):
        return Path(named)
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - Path.home() may raise
    return Path(home) / otherwise if home.startswith("/") else None
