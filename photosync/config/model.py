"""The settings as they are written: names, types, units and bounds, by pydantic."""

from __future__ import annotations

import ipaddress
import re
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

UNITS = {
    "": 1,
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KIB": 1024,
    "MIB": 1024**2,
    "GIB": 1024**3,
}
SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")
PLACEHOLDERS = frozenset({"folder", "source", "year", "month"})
LEAST_CHUNK = 256 * 1024


def _bytes(value: Any) -> int:
    """``"16 MiB"``, ``"500 kB"`` or a plain number of bytes."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise _wrong('a size like "16 MiB"')
    found = SIZE.fullmatch(str(value))
    if found is None or found[2].upper() not in UNITS:
        raise _wrong('a size like "16 MiB" or "500 kB"')
    return int(float(found[1]) * UNITS[found[2].upper()])


def _album(template: str) -> str:
    """Only the placeholders that are filled in."""
    names = set(re.findall(r"\{([^{}]*)\}", template))
    if names <= PLACEHOLDERS and "{" not in re.sub(r"\{[^{}]*\}", "", template):
        return template
    raise _wrong("a title; {folder}, {source}, {year} and {month} are filled in")


def _glob(pattern: str) -> str:
    if not pattern or "\0" in pattern:
        raise _wrong('a glob like "*.png" or "Screenshots/**"')
    return pattern


def _api_url(url: str) -> str:
    """Tokens travel there: encrypted, or not beyond this machine."""
    parts = urlsplit(url)
    loopback = parts.scheme == "http" and _is_loopback(parts.hostname or "")
    plain = not (parts.query or parts.fragment or parts.username or parts.path.strip("/"))
    if not parts.hostname or not plain or not (parts.scheme == "https" or loopback):
        raise _wrong("an https:// address (http:// only for this machine itself)")
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _since(value: Any) -> Any:
    return None if value == "" else value


def _wrong(allowed: str) -> ValueError:
    return ValueError(allowed)


Size = Annotated[int, BeforeValidator(_bytes)]
Glob = Annotated[str, AfterValidator(_glob)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Google(_Table):
    """``[google]``."""

    client_secret_file: str = Field(default="client_secret.json", min_length=1)
    token_file: str = ""
    api_url: Annotated[str, AfterValidator(_api_url)] = "https://photoslibrary.googleapis.com"
    daily_requests: int = Field(default=10_000, ge=1, le=100_000_000)
    writes_per_minute: int = Field(default=30, ge=1, le=100_000)


class Folder(_Table):
    """``[[folder]]``."""

    path: str = Field(min_length=1)
    album: Annotated[str, AfterValidator(_album)] = Field(default="", max_length=500)


class Select(_Table):
    """``[select]``."""

    mode: Literal["auto", "manual"] = "auto"
    include: list[Glob] = []
    exclude: list[Glob] = []
    since: Annotated[date | None, BeforeValidator(_since)] = None


class Upload(_Table):
    """``[upload]``."""

    workers: int = Field(default=4, ge=1, le=16)
    resumable_above: Annotated[Size, Field(ge=0)] = 16 * 1024**2
    chunk: Annotated[Size, Field(ge=LEAST_CHUNK, le=1024**3)] = 16 * 1024**2


class Written(BaseSettings):
    """The whole file."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="PHOTOSYNC_", env_nested_delimiter="__"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is handed in: reading.py has merged file and environment already."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    state_dir: str = ""
    google: Google = Google()
    folder: list[Folder] = []
    select: Select = Select()
    upload: Upload = Upload()
