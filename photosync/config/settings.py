"""The settings as the program uses them: checked, with absolute paths and plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from photosync.config.hours import Hours

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


ALWAYS = Hours()


Mode = Literal["auto", "manual"]
NO_DAY = date.min
MOST_WORKERS = 16


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """A watched folder. ``album`` is a template, "" for none; what is None is as in SelectSettings.

    A ``since`` of NO_DAY is none, whatever it is there.
    """

    path: Path
    album: str
    mode: Mode | None = None
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    since: date | None = None
    types: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class GoogleSettings:
    """How Google is reached and how much may be asked of it."""

    client_secret_file: Path
    token_file: Path
    api_url: str
    daily_requests: int
    writes_per_minute: int


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """Which phones and which of their folders. ``serials`` empty: every phone that allows it."""

    enabled: bool
    serials: tuple[str, ...]
    folders: tuple[str, ...]
    new_folders: Literal["ask", "take", "leave"]
    album: str
    adb_host: str
    adb_port: int
    mode: Mode | None = None
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    since: date | None = None
    types: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """Where photos of phones are copied to; ``keep`` in days once done, None for ever."""

    path: Path
    keep: int | None
    min_free: int


@dataclass(frozen=True, slots=True)
class SelectSettings:
    """What is backed up. Sizes in bytes, 0 for no limit; ``types`` empty: all."""

    mode: Mode
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    since: date | None
    min_size: int = 0
    max_size: int = 0
    types: tuple[str, ...] = ()
    raw_with_jpeg: Literal["both", "jpeg", "raw"] = "both"
    live_video: bool = True
    bursts: Literal["all", "cover"] = "all"
    screenshots: bool = True


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """How uploads are made; ``resumable_above`` and ``chunk`` in bytes.

    ``max_rate``: bytes a second of all together, 0 for no limit. ``metered``: whether over
    connections that are paid for by the byte, too. ``fix_dates``: whether what says no date
    itself is sent as a copy that does. ``most_workers``: so many while that is quick; no more
    than ``workers`` if the user has named a number.
    """

    workers: int
    resumable_above: int
    chunk: int
    max_rate: int = 0
    hours: Hours = ALWAYS
    metered: bool = False
    fix_dates: bool = True
    most_workers: int = MOST_WORKERS


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """Where a second copy is kept, and with which keys it is sealed.

    ``to``: an absolute path, or a URL that fsspec knows and that may hold a password; "" for
    none. ``options`` go to fsspec as they are, and may hold secrets too.
    """

    identity_file: Path
    to: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    encrypt: bool = False
    encrypt_names: bool = False
    recipients: tuple[str, ...] = ()
    passphrase_file: Path | None = None

    @property
    def address(self) -> str:
        """``to`` without a password: what the target is called on record, and shown to people."""
        return address_of(self.to)


def address_of(to: str) -> str:
    """A target's path or URL without a password."""
    if "://" not in to:
        return to
    parts = urlsplit(to)
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path.rstrip('/')}"


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where the local web server listens; ``port`` 0 for any free one.

    ``names``: what it may be called besides this machine's own names. ``password_file`` None:
    nobody is asked for one, which is so on this machine alone. ``restore_to``: the one folder that
    the page puts photos back into, besides where they came from; None for none.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = 8642
    names: tuple[str, ...] = ()
    password_file: Path | None = None
    restore_to: Path | None = None


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Who is told what. ``urls`` and ``ping`` are secrets: neither is ever shown or logged.

    ``phone_unseen``, ``nothing_new``, ``nothing_done``: days of silence, None for no rule.
    """

    urls: tuple[str, ...] = ()
    on: tuple[str, ...] = ("blocked", "failed")
    ping: str = ""
    phone_unseen: int | None = 30
    nothing_new: int | None = None
    nothing_done: int | None = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it. ``file`` is where they came from, None if there is none."""

    state_dir: Path
    google: GoogleSettings
    folder: tuple[FolderSettings, ...]
    phone: PhoneSettings
    mirror: MirrorSettings
    select: SelectSettings
    upload: UploadSettings
    backup: BackupSettings
    web: WebSettings
    notify: NotifySettings
    file: Path | None
