"""Every setting with its value, and where that comes from."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from photosync.config.environment import adb_server, origin
from photosync.config.files import credential
from photosync.config.hours import Hours
from photosync.config.keys import KEYS, SECRETS, SELECTING, TABLES
from photosync.config.reading import read_toml
from photosync.config.settings import NO_DAY, address_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from photosync.config.settings import Settings


KEEP = "mirror.keep"
RATE = "upload.max_rate"
TO, OPTIONS = "backup.to", "backup.options"
EMPTY = '""'
SILENCES = frozenset({"notify.phone_unseen", "notify.nothing_new", "notify.nothing_done"})
SIZES = frozenset({"mirror.min_free", "upload.resumable_above", "upload.chunk"})
LIMITS = frozenset({"select.min_size", "select.max_size"})


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting, its value in words and as TOML.

    ``origin``: "default", "file", or "environment" and a variable's name; "page" for what the
    user chose on the web page instead, "auth" for what ``photosync auth`` has kept.
    """

    key: str
    value: str
    origin: str
    is_text: bool = True

    @property
    def toml(self) -> str:
        """The value as it may be written in the file."""
        if not self.is_text or self.value == EMPTY:
            return self.value
        return json.dumps(self.value, ensure_ascii=False)


def shown(settings: Settings, environ: Mapping[str, str]) -> list[Shown]:
    """Every setting as it is in force; none of them is a secret."""
    content = {} if settings.file is None else read_toml(settings.file)
    return [
        Shown("state_dir", str(settings.state_dir), _of_state_dir(content, environ)),
        *_folders(settings, content, environ),
        *(one for table in TABLES for one in _table(settings, table, content, environ)),
    ]


def _table(
    settings: Settings, table: str, content: Mapping[str, Any], environ: Mapping[str, str]
) -> Iterator[Shown]:
    values = getattr(settings, table)
    for field in fields(values):
        if field.name not in KEYS[table]:
            continue  # reckoned from others: nobody can set it
        if table == "phone" and field.name in SELECTING and getattr(values, field.name) is None:
            continue  # as [select] says
        told = _told(getattr(values, field.name), f"{table}.{field.name}")
        written = content.get(table, {}).get(field.name)
        source = _of(written, environ, table, field.name)
        if source == "default" and table == "phone":
            source = _of_adb(environ, field.name)
        if source == "default" and field.name == "client_secret_file" and credential(environ):
            source = "environment CREDENTIALS_DIRECTORY"
        yield Shown(f"{table}.{field.name}", told[0], source, told[1])


def _of_adb(environ: Mapping[str, str], name: str) -> str:
    """Adb's own variables say where its server is, if nothing else does."""
    (_, host), (_, port) = adb_server(environ)
    variable = {"adb_host": host, "adb_port": port}.get(name, "")
    return f"environment {variable}" if variable else "default"


def _folders(
    settings: Settings, content: Mapping[str, Any], environ: Mapping[str, str]
) -> Iterator[Shown]:
    source = _of(content.get("folder"), environ, "folder")
    if not settings.folder:
        yield Shown("folder", "[]", source, is_text=False)
    name = origin(environ, "folder")
    written = content.get("folder", []) if name is None else json.loads(environ[name])
    for number, folder in enumerate(settings.folder, start=1):
        own = written[number - 1] if number <= len(written) else {}  # it may be another file by now
        for key in ("path", "album", *sorted(SELECTING)):
            value = getattr(folder, key)
            if value is not None:
                told = _told(str(value) if key == "path" else value)
                whence = source if key in own else "default"
                yield Shown(f"folder[{number}].{key}", told[0], whence, told[1])


def _of_state_dir(content: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """An empty one leaves it to systemd or to the desktop to say where."""
    if not environ.get("PHOTOSYNC_STATE_DIR") and not content.get("state_dir"):
        for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
            if environ.get(name, "").startswith("/"):
                return f"environment {name}"
        return "default"
    return _of(content.get("state_dir"), environ, "state_dir")


def _of(written: Any, environ: Mapping[str, str], *keys: str) -> str:
    """Where a value comes from; ``written``: as the file has it, None if it has not."""
    name = origin(environ, *keys)
    if name is not None:
        return f"environment {name}"
    return "default" if written is None else "file"


def _told(value: Any, key: str = "") -> tuple[str, bool]:
    """The value in words, and whether it is a text; of a secret, that there is one."""
    if key == OPTIONS:
        return "{" + ", ".join(f"{name} = ***" for name in sorted(value)) + "}", False
    value = _in_units(_without_secret(value, key), key)
    if isinstance(value, bool):
        return str(value).lower(), False
    if isinstance(value, tuple):
        return json.dumps(list(value), ensure_ascii=False), False
    if value is None or value in ("", NO_DAY):
        return EMPTY, True
    return str(value), not isinstance(value, int)


def _without_secret(value: Any, key: str) -> Any:
    if key == TO:
        return address_of(value)
    if key in SECRETS:
        return masked(value) if isinstance(value, str) else tuple(map(masked, value))
    return value


def _in_units(value: Any, key: str) -> Any:
    if key == KEEP:
        return {None: "forever", 0: "until-done"}.get(value, f"{value}d")
    if key in SIZES:
        return _size(value)
    if key in LIMITS:
        return _size(value) if value else ""
    if key == RATE:
        return f"{_size(value)}/s" if value else ""
    if key in SILENCES and value:
        return f"{value}d"
    return str(value) if isinstance(value, Hours) else value


def masked(url: str) -> str:
    """The kind of an address for notices, and nothing else of it."""
    return f"{url.partition('://')[0].lower()}://***" if url else ""


def _size(size_bytes: int) -> str:
    for unit, factor in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor} {unit}"
    return str(size_bytes)
