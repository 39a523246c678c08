"""Every setting with its value, and where that comes from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from photosync.config.mistakes import KEYS, PREFIX
from photosync.config.reading import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from photosync.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting. ``origin``: "default", "file", or the name of a variable."""

    key: str
    value: str
    origin: str


def shown(settings: Settings, environ: Mapping[str, str]) -> list[Shown]:
    """Every setting as it is in force."""
    content = {} if settings.file is None else read_toml(settings.file)
    return list(_all(settings, content, environ))


def _all(
    settings: Settings, content: Mapping[str, Any], environ: Mapping[str, str]
) -> Iterator[Shown]:
    yield Shown("state_dir", str(settings.state_dir), _origin("state_dir", "", content, environ))
    for table in ("google", "select", "upload"):
        for key in _in_order(getattr(settings, table)):
            value = getattr(getattr(settings, table), key)
            origin = _origin(table, key, content.get(table, {}), environ)
            yield Shown(f"{table}.{key}", _text(value), origin)
    origin = _origin("folder", "", content, environ)
    for number, folder in enumerate(settings.folder, start=1):
        yield Shown(f"folder[{number}].path", str(folder.path), origin)
        yield Shown(f"folder[{number}].album", _text(folder.album), origin)


def _in_order(table: Any) -> list[str]:
    return list(type(table).__dataclass_fields__)


def _origin(table: str, key: str, content: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    assert not key or key in KEYS[table]
    name = PREFIX + (f"{table}__{key}" if key else table).upper()
    if name in environ:
        return name
    if PREFIX + table.upper() in environ:  # a whole table as JSON
        return PREFIX + table.upper()
    return "file" if (key or table) in content else "default"


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return json.dumps(list(value), ensure_ascii=False)
    return '""' if value is None or value == "" else str(value)
