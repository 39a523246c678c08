"""Settings from ``PHOTOSYNC_*`` variables, as pydantic-settings reads them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from photosync.config.keys import (
    FOLDER_EXAMPLE,
    FREE_TABLES,
    LISTS,
    OWN_VARIABLES,
    PREFIX,
    TABLES,
    UNTOLD,
    VARIABLES,
    unknown_variable,
    variable,
)
from photosync.config.mistakes import ENVIRONMENT, Mistake, written

ADB_HOST, ADB_PORT = "127.0.0.1", 5037
HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
ADB_SOCKET = re.compile(rf"tcp:(?:(?P<host>{HOST.pattern}):)?(?P<port>[0-9]+)")

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def from_environment(environ: Mapping[str, str], mistakes: list[Mistake]) -> dict[str, Any]:
    """What the variables say; those that cannot be read are added to ``mistakes``."""
    good: dict[str, str] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name in OWN_VARIABLES:
            continue
        unknown = unknown_variable(name)
        if unknown is not None:
            mistakes.append(Mistake(ENVIRONMENT, name, "", unknown.wrong, unknown.cure))
        elif name in VARIABLES:
            needed = _needed(name, value)
            if needed is None:
                good[name.lower()] = value
            else:
                wrong = "that is not possible"
                shown = "***" if _holds_secrets(name) else written(value)
                mistakes.append(Mistake(ENVIRONMENT, name, shown, wrong, needed))
    return _parsed(good)


def origin(environ: Mapping[str, str], *keys: str) -> str | None:
    """The variable that a setting's value comes from; None if from none."""
    if variable(*keys) in environ:
        return variable(*keys)
    whole = environ.get(variable(keys[0]))
    if keys[0] in TABLES and whole is not None and keys[-1] in json.loads(whole):
        return variable(keys[0])
    return None


def whence(environ: Mapping[str, str], file: Path | None, key: str, *keys: str) -> tuple[str, str]:
    """(place, key) to call a value by that stands at ``key`` and belongs to setting ``keys``."""
    name = origin(environ, *keys)
    if name is None:
        return (ENVIRONMENT if file is None else str(file)), key
    return ENVIRONMENT, name if key == ".".join(VARIABLES[name]) else f"{key} in {name}"


def adb_server(environ: Mapping[str, str]) -> tuple[tuple[str, str], tuple[int, str]]:
    """Where adb itself looks for its server: (host, variable), (port, variable); "" for none.

    As adb(1) has it: ``ADB_SERVER_SOCKET=tcp:HOST:PORT``, else a variable each.
    """
    socket = ADB_SOCKET.fullmatch(environ.get("ADB_SERVER_SOCKET", ""))
    if socket is not None and _is_port(socket["port"]):
        name = "ADB_SERVER_SOCKET"
        host = socket["host"]
        return (host or ADB_HOST, name if host else ""), (int(socket["port"]), name)
    host_name, port_name = "ANDROID_ADB_SERVER_ADDRESS", "ANDROID_ADB_SERVER_PORT"
    host, port = environ.get(host_name, ""), environ.get(port_name, "")
    return (
        (host, host_name) if HOST.fullmatch(host) else (ADB_HOST, ""),
        (int(port), port_name) if _is_port(port) else (ADB_PORT, ""),
    )


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) <= 65_535  # noqa: PLR2004


def _needed(name: str, value: str) -> str | None:
    """What a variable has to hold that is JSON; None if it is fine."""
    key = ".".join(VARIABLES[name])
    if key in FREE_TABLES:
        kind: type = dict
        needed = f'as JSON: {name}={{"endpoint_url": "https://..."}}'
    elif key in TABLES:
        kind = dict
        needed = f'allowed: JSON like {{"{_first_key(key)}": ...}}; or {name}__... for one'
    elif key in LISTS:
        kind = list
        needed = FOLDER_EXAMPLE if key == "folder" else f'as JSON: {name}=["*.png"]'
    else:
        return None
    try:
        return None if isinstance(json.loads(value), kind) else needed
    except (ValueError, RecursionError):
        return needed


def _holds_secrets(name: str) -> bool:
    key = ".".join(VARIABLES[name])
    return any(key in (one, one.partition(".")[0]) for one in UNTOLD)


def _first_key(table: str) -> str:
    """Some key of a table, as an example."""
    return min(keys[1] for keys in VARIABLES.values() if len(keys) > 1 and keys[0] == table)


def _parsed(variables: dict[str, str]) -> dict[str, Any]:
    if not variables:
        return {}  # loading pydantic-settings alone is a sixth of what status takes
    from pydantic_settings import EnvSettingsSource

    from photosync.config.model import Written

    class Given(EnvSettingsSource):
        def _load_env_vars(self) -> Mapping[str, str | None]:
            return dict(variables)

    found: dict[str, Any] = Given(Written)()
    return found
