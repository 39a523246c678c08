"""Reads and checks settings; every mistake is told at once, with its place and its cure."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from photosync.config.environment import adb_server, from_environment
from photosync.config.files import credential, default_state_dir
from photosync.config.hours import parse_hours
from photosync.config.mistakes import Mistake, raise_all
from photosync.config.paths import absolute, backup_path, path_mistakes
from photosync.config.settings import (
    MOST_WORKERS,
    NO_DAY,
    BackupSettings,
    FolderSettings,
    GoogleSettings,
    MirrorSettings,
    NotifySettings,
    PhoneSettings,
    SelectSettings,
    Settings,
    UploadSettings,
    WebSettings,
)
from photosync.config.validation import validated
from photosync.config.web import web_mistakes
from photosync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from photosync.config.model import (
        Folder,
        Google,
        Mirror,
        Phone,
        Select,
        Upload,
        Web,
        Written,
    )

TWICE = re.compile("overwrite|twice|immutable|[Dd]uplicate")
"""What tomllib says of a key or table that stands there once more."""

ONCE = (
    "A setting, and a [table], may stand in the file only once: put together what belongs to one"
    " table. Only [[folder]], in two brackets, may come again."
)
QUOTES = 'Texts stand in quotes, like path = "~/Pictures"; # begins a comment.'
DEFAULT_MIRROR = "mirror"
DEFAULT_IDENTITY = "backup-key.txt"
DEFAULT_TOKEN = "token.json"  # noqa: S105 - a file's name


def load(file: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings in ``file`` (None: defaults), overruled by ``PHOTOSYNC_*`` variables.

    Raises:
        SettingsError: Something in them is wrong; names every mistake.
    """
    mistakes: list[Mistake] = []
    below = {} if file is None else read_toml(file)
    content = _over(below, from_environment(environ, mistakes))
    written = validated(content, file, environ, mistakes)
    mistakes += path_mistakes(content, file, environ)
    mistakes += web_mistakes(content, file, environ)
    raise_all(mistakes)
    assert written is not None, "every refusal of the model's is a mistake"
    return _resolved(written, file, environ)


def read_toml(file: Path) -> dict[str, Any]:
    """The content of a settings file.

    Raises:
        SettingsError: It cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except IsADirectoryError as error:
        raise SettingsError(
            f"The settings file {file} is a folder.", hint="Name the file in it."
        ) from error
    except OSError as error:
        raise SettingsError(
            f"The settings file {file} cannot be read: {error.strerror}.",
            hint=f"Let the user that runs photosync read it: {file}",
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"The settings file {file} is not UTF-8 text (byte {error.start + 1}).",
            hint="Save it as UTF-8.",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"The settings file {file} is no valid TOML: {error}.",
            hint=ONCE if TWICE.search(str(error)) else QUOTES,
        ) from error
    except ValueError as error:  # Python's own limit for the digits of a whole number
        raise SettingsError(
            f"The settings file {file} holds a number that is far too long.",
            hint="No setting needs more than a few digits.",
        ) from error
    except RecursionError as error:
        raise SettingsError(
            f"The settings file {file} is nested too deep.",
            hint="No setting needs more than a list.",
        ) from error


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        both = isinstance(known, dict) and isinstance(value, dict)
        merged[key] = _over(known, value) if both else value  # type: ignore[arg-type]  # just checked
    return merged


def _resolved(written: Written, file: Path | None, environ: Mapping[str, str]) -> Settings:
    """Every path absolute: below the home folder for ``~``, else beside the settings file."""

    def path(text: str) -> Path:
        return absolute(text, file, environ)

    state_dir = path(written.state_dir) if written.state_dir else default_state_dir(environ)
    return Settings(
        state_dir=state_dir,
        google=_google(written.google, path, state_dir, environ),
        folder=tuple(
            FolderSettings(path(one.path), one.album, **_selecting(one)) for one in written.folder
        ),
        phone=_phone(written.phone, environ),
        mirror=_mirror(written.mirror, path, state_dir),
        select=_selected(written.select),
        upload=_upload(written.upload),
        web=_web(written.web, path),
        backup=BackupSettings(
            identity_file=_path_or(written.backup.identity_file, path)
            or state_dir / DEFAULT_IDENTITY,
            to=backup_path(written.backup.to, file, environ) or written.backup.to,
            options=written.backup.options,
            encrypt=written.backup.encrypt,
            encrypt_names=written.backup.encrypt_names,
            recipients=tuple(written.backup.recipients),
            passphrase_file=_path_or(written.backup.passphrase_file, path),
        ),
        notify=NotifySettings(
            tuple(written.notify.urls),
            tuple(written.notify.on),
            written.notify.ping,
            *written.notify.silence_days,
        ),
        file=None if file is None else file.absolute(),
    )


def _path_or(text: str, path: Callable[[str], Path]) -> Path | None:
    return path(text) if text else None


def _google(
    google: Google, path: Callable[[str], Path], state_dir: Path, environ: Mapping[str, str]
) -> GoogleSettings:
    secret_file = credential(environ)
    if secret_file is None or "client_secret_file" in google.model_fields_set:
        secret_file = path(google.client_secret_file)
    return GoogleSettings(
        client_secret_file=secret_file,
        token_file=_path_or(google.token_file, path) or state_dir / DEFAULT_TOKEN,
        api_url=google.api_url,
        daily_requests=google.daily_requests,
        writes_per_minute=google.writes_per_minute,
    )


def _phone(phone: Phone, environ: Mapping[str, str]) -> PhoneSettings:
    (adb_host, _), (adb_port, _) = adb_server(environ)
    return PhoneSettings(
        enabled=phone.enabled,
        serials=tuple(phone.serials),
        folders=tuple(phone.folders),
        new_folders=phone.new_folders,
        album=phone.album,
        adb_host=phone.adb_host if "adb_host" in phone.model_fields_set else adb_host,
        adb_port=phone.adb_port if "adb_port" in phone.model_fields_set else adb_port,
        **_selecting(phone),
    )


def _mirror(mirror: Mirror, path: Callable[[str], Path], state_dir: Path) -> MirrorSettings:
    try:
        place = path(mirror.path)
    except RuntimeError:  # a user without a home folder, and nothing written
        place = state_dir / DEFAULT_MIRROR
    return MirrorSettings(place, mirror.keep_days, mirror.min_free)


def _upload(upload: Upload) -> UploadSettings:
    return UploadSettings(
        upload.workers,
        upload.resumable_above,
        upload.chunk,
        upload.max_rate,
        parse_hours(upload.hours),
        upload.metered,
        upload.fix_dates,
        upload.workers if "workers" in upload.model_fields_set else MOST_WORKERS,
    )


def _web(web: Web, path: Callable[[str], Path]) -> WebSettings:
    try:
        restore_to = _path_or(web.restore_to, path)
    except RuntimeError:  # a user without a home folder, and nothing written
        restore_to = None
    return WebSettings(
        web.enabled,
        web.host,
        web.port,
        tuple(web.names),
        _path_or(web.password_file, path),
        restore_to,
    )


def _selected(select: Select) -> SelectSettings:
    return SelectSettings(
        mode=select.mode,
        include=tuple(select.include),
        exclude=tuple(select.exclude),
        since=select.since,
        min_size=select.min_size,
        max_size=select.max_size,
        types=tuple(select.types),
        raw_with_jpeg=select.raw_with_jpeg,
        live_video=select.live_video,
        bursts=select.bursts,
        screenshots=select.screenshots,
    )


def _selecting(source: Folder | Phone) -> dict[str, Any]:
    """What a source says of its own choice; a list is one even if it is empty."""
    lists = {"include": source.include, "exclude": source.exclude, "types": source.types}
    own = {name: None if one is None else tuple(one) for name, one in lists.items()}
    since = source.since or (NO_DAY if "since" in source.model_fields_set else None)
    return {"mode": source.mode, "since": since, **own}
