"""Reads and checks settings; every mistake is told at once, with its place and its cure."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosync.config.files import default_state_dir
from photosync.config.mistakes import (
    PREFIX,
    Mistake,
    of_environment,
    of_validation,
    raise_all,
    unknown_keys,
)
from photosync.config.settings import (
    FolderSettings,
    GoogleSettings,
    SelectSettings,
    Settings,
    UploadSettings,
)
from photosync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from photosync.config.model import Written

BY_JSON = 'lists are written as JSON: PHOTOSYNC_FOLDER=[{"path": "/photos"}]'
DEFAULT_TOKEN = "token.json"  # noqa: S105 - a file's name


def load(file: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings in ``file`` (None: defaults), overruled by ``PHOTOSYNC_*`` variables.

    Raises:
        SettingsError: Something in them is wrong; names every mistake.
    """
    content = {} if file is None else read_toml(file)
    mistakes = [*unknown_keys(content), *of_environment(environ)]
    written = _validated(content, environ, mistakes)
    raise_all(mistakes, file)
    assert written is not None
    settings = _resolved(written, file, environ)
    raise_all(_conflicts(settings), file)
    return settings


def read_toml(file: Path) -> dict[str, Any]:
    """The content of a settings file.

    Raises:
        SettingsError: It cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8"))
    except IsADirectoryError as error:
        raise SettingsError(
            f"The settings file {file} is a folder.", hint="Name the file in it."
        ) from error
    except OSError as error:
        raise SettingsError(
            f"The settings file {file} cannot be read: {error.strerror}.",
            hint="Write one: photosync config init",
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"The settings file {file} is not UTF-8 text (byte {error.start + 1}).",
            hint="Save it as UTF-8.",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"The settings file {file} is no valid TOML: {error}.",
            hint='Texts stand in quotes, like  path = "~/Pictures"',
        ) from error


def written_sources(content: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """What the environment says, as pydantic-settings reads it; over what the file says."""
    from pydantic_settings import EnvSettingsSource

    from photosync.config.model import Written

    class Environment(EnvSettingsSource):
        def _load_env_vars(self) -> Mapping[str, str | None]:
            return {name.lower(): value for name, value in environ.items()}

    found: dict[str, Any] = Environment(Written)()
    return _over(content, found)


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        both = isinstance(known, dict) and isinstance(value, dict)
        merged[key] = _over(known, value) if both else value  # type: ignore[arg-type]  # just checked
    return merged


def _validated(
    content: dict[str, Any], environ: Mapping[str, str], mistakes: list[Mistake]
) -> Written | None:
    from pydantic import ValidationError
    from pydantic_settings import SettingsError as Unreadable

    from photosync.config.model import Written

    try:
        return Written.model_validate(written_sources(content, environ))
    except Unreadable as error:
        name = next((one for one in environ if f'"{one[len(PREFIX) :].lower()}"' in str(error)), "")
        mistakes.append(Mistake(name or PREFIX, environ.get(name, ""), "no JSON", BY_JSON))
    except ValidationError as error:
        mistakes += of_validation(error, environ)
    return None


def _resolved(written: Written, file: Path | None, environ: Mapping[str, str]) -> Settings:
    """Every path absolute: below the home folder for ``~``, else beside the settings file."""
    beside = Path.cwd() if file is None else file.absolute().parent

    def absolute(text: str) -> Path:
        return _normal(beside / _at_home(text, environ))

    state_dir = (
        absolute(written.state_dir) if written.state_dir else _normal(default_state_dir(environ))
    )
    google, select, upload = written.google, written.select, written.upload
    return Settings(
        state_dir=state_dir,
        google=GoogleSettings(
            client_secret_file=absolute(google.client_secret_file),
            token_file=absolute(google.token_file)
            if google.token_file
            else state_dir / DEFAULT_TOKEN,
            api_url=google.api_url,
            daily_requests=google.daily_requests,
            writes_per_minute=google.writes_per_minute,
        ),
        folder=tuple(FolderSettings(absolute(one.path), one.album) for one in written.folder),
        select=SelectSettings(
            select.mode, tuple(select.include), tuple(select.exclude), select.since
        ),
        upload=UploadSettings(upload.workers, upload.resumable_above, upload.chunk),
        file=None if file is None else file.absolute(),
    )


def _at_home(text: str, environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME")
    if home and (text == "~" or text.startswith("~/")):
        return Path(home) / text[2:]
    return Path(text).expanduser()


def _normal(path: Path) -> Path:
    """Absolute, without "." and ".." by their spelling; symlinks stay as they are written."""
    import os

    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow symlinks


def _conflicts(settings: Settings) -> list[Mistake]:
    """Folders that would be read twice, or that photosync itself writes to."""
    mistakes: list[Mistake] = []
    paths = [one.path for one in settings.folder]
    for number, path in enumerate(paths):
        key = f"folder[{number + 1}].path"
        for other in paths[:number]:
            if path == other:
                mistakes.append(Mistake(key, str(path), "it is listed twice", "remove one"))
            elif path in other.parents or other in path.parents:
                words = f"{other} is listed too, and one lies in the other"
                mistakes.append(Mistake(key, str(path), words, "keep the outer one"))
        if path == settings.state_dir or settings.state_dir in path.parents:
            words = "photosync keeps its own state there (state_dir)"
            mistakes.append(Mistake(key, str(path), words, "choose another folder"))
        if path.is_file():
            mistakes.append(Mistake(key, str(path), "it is a file", "name a folder"))
    if settings.state_dir.exists() and not settings.state_dir.is_dir():
        words = "it is a file"
        mistakes.append(Mistake("state_dir", str(settings.state_dir), words, "name a folder"))
    return mistakes
