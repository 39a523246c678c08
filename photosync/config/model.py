"""The settings as they are written: names, types, units and bounds, by pydantic."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from photosync.config.files import can_be_path
from photosync.config.hosts import is_loopback
from photosync.config.hours import parse_hours
from photosync.config.paths import USUAL_MIRROR, USUAL_RESTORED
from photosync.config.settings import MOST_WORKERS

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
SIZE = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z]*)\s*")
WHOLE = re.compile(r"-?[0-9]{1,18}")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
DAYS = re.compile(r"([0-9]{1,5})d")
MOST_DAYS = 36_500
NOTICE_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
LONGEST_SERIAL = 64
STORAGE_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s?#]+")
RECIPIENT = re.compile(r"age1[0-9a-z]+|ssh-(ed25519|rsa) [A-Za-z0-9+/=]+( .*)?")
PLACEHOLDERS = ("{folder}", "{source}", "{year}", "{month}")

KIB, GIB = 1024, 1024**3
LEAST_CHUNK = 256 * KIB  # Google's granularity for chunks (google-photos-api.md §2.3)
LEAST_RATE, MOST_RATE = 1024, 1024**4
MOST_CHUNK = GIB
MOST_FREE = 1024**4
MOST_RESUMABLE_ABOVE = 20 * GIB  # no video is larger (google-photos-api.md §7)
LONGEST_TITLE = 500  # characters (google-photos-api.md §4)
FIRST_DAY = date(1900, 1, 1)
MOST_SELECTED = 1024**4
_TYPES = """
    photo video raw avif bmp gif heic heif ico jpeg jpg jpe jfif png tif tiff webp
    3fr arw cr2 cr3 crw dng erf nef nrw orf pef raf rw2 rwl sr2 srw
    3g2 3gp asf avi divx m2t m2ts m4v mkv mmv mod mov mp4 mpeg mpg mts tod webm wmv
"""
TYPES = frozenset(_TYPES.split())
"""What ``select.types`` may name; a test holds it and domain/media_types.py together."""


def _flag(value: Any) -> bool:
    """TOML's true and false; in the environment they are texts."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise _wrong("true or false")
    return value


def _size(least: int, most: int) -> BeforeValidator:
    """``"16 MiB"``, ``"500 kB"`` or a plain number of bytes, as it is meant."""
    allowed = f'a size like "16 MiB" or "500 kB", from {_said(least)} to {_said(most)}'

    def size(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise _wrong(allowed)
        found = SIZE.fullmatch(str(value))
        if found is None or found[2].upper() not in UNITS:
            raise _wrong(allowed)
        return _within(int(Decimal(found[1]) * UNITS[found[2].upper()]), least, most, allowed)

    return BeforeValidator(size)


def _rate(value: Any) -> int:
    """``"2 MiB/s"`` as bytes a second; 0 for "", which is no limit."""
    allowed = f'a rate like "2 MiB/s" or "500 kB/s", from {_said(LEAST_RATE)}/s; or ""'
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise _wrong(allowed)
    text = str(value).strip()
    if not text:
        return 0
    found = SIZE.fullmatch(re.sub(r"\s*/\s*s(ec)?$", "", text))
    if found is None or found[2].upper() not in UNITS:
        raise _wrong(allowed)
    size_bytes = int(Decimal(found[1]) * UNITS[found[2].upper()])
    return _within(size_bytes, LEAST_RATE, MOST_RATE, allowed)


def _hours(text: str) -> str:
    try:
        return str(parse_hours(text))
    except ValueError:
        raise _wrong('hours like "01:00-07:00" or "22:00-06:00,12:00-13:00"; or ""') from None


def _whole(least: int, most: int) -> BeforeValidator:
    """A whole number; in the environment it is a text."""
    allowed = f"a whole number from {least} to {most}"

    def whole(value: Any) -> int:
        written = isinstance(value, str) and WHOLE.fullmatch(value) is not None
        if not written and (isinstance(value, bool) or not isinstance(value, int)):
            raise _wrong(allowed)
        return _within(int(value), least, most, allowed)

    return BeforeValidator(whole)


def _within(number: int, least: int, most: int, allowed: str) -> int:
    if not least <= number <= most:
        raise _wrong(allowed)
    return number


def _said(size_bytes: int) -> str:
    if size_bytes >= GIB:
        return f"{size_bytes // GIB} GiB"
    return f"{size_bytes // KIB} KiB" if size_bytes >= KIB else f"{size_bytes} B"


def _album(template: str) -> str:
    """Only the placeholders that are filled in, and a title that Google takes."""
    rest = template
    for name in PLACEHOLDERS:
        rest = rest.replace(name, "")
    if "{" in rest or "}" in rest or len(template) > LONGEST_TITLE or not _printable(template):
        raise _wrong(
            f"a title of up to {LONGEST_TITLE} characters,"
            " in which {folder}, {source}, {year} and {month} are filled in"
        )
    return template


def _glob(pattern: str) -> str:
    """No rule for us to break, but an empty one or one with NUL never matches a file."""
    if not pattern.strip("/") or "\0" in pattern:
        raise _wrong('a glob like "*.png" or "Screenshots/**"')
    return pattern


def _type(name: str) -> str:
    kind = name.lower().removeprefix(".")
    if kind not in TYPES:
        raise _wrong('"photo", "video", "raw", or an extension of Google\'s types like "heic"')
    return kind


def _limit(value: Any) -> Any:
    """No size at all is no limit."""
    return 0 if value == "" else value


def _phone_folder(folder: str) -> str:
    """A folder below the phone's storage, or below an SD card's (``sd:1A2B-3C4D/DCIM``)."""
    parts = folder.strip("/").split("/")
    if folder.startswith("/") or not can_be_path(folder) or not {"", ".", ".."}.isdisjoint(parts):
        raise _wrong('a folder below the phone\'s storage, like "DCIM" or "Pictures/Signal"')
    return folder.strip("/")


def _serial(serial: str) -> str:
    if not serial or len(serial) > LONGEST_SERIAL or not _printable(serial) or " " in serial:
        raise _wrong("a serial number, as photosync phones shows it")
    return serial


def _host(host: str) -> str:
    if HOST.fullmatch(host) is None:
        raise _wrong("a host's name or address")
    return host


def _keep_text(text: str) -> str:
    _keep(text)
    return text


def _keep(text: str) -> int | None:
    if text == "forever":
        return None
    if text == "until-done":
        return 0
    days = DAYS.fullmatch(text)
    if days is None or not 0 < int(days[1]) <= MOST_DAYS:
        raise _wrong(f'"forever", "until-done", or days like "30d" (up to {MOST_DAYS})')
    return int(days[1])


def _silence(text: str) -> str:
    _silent(text)
    return text


def _silent(text: str) -> int | None:
    """Days as "30d"; "" for none."""
    if not text:
        return None
    days = DAYS.fullmatch(text)
    if days is None or not 0 < int(days[1]) <= MOST_DAYS:
        raise _wrong(f'days like "30d" (up to {MOST_DAYS}); or ""')
    return int(days[1])


def _notice_url(url: str) -> str:
    """Whether apprise knows that kind of address is for it to say: photosync notify."""
    if NOTICE_URL.fullmatch(url) is None:
        raise _wrong(
            'an address like "ntfy://ntfy.sh/my-photos"; all kinds: github.com/caronc/apprise'
        )
    return url


def _ping(url: str) -> str:
    allowed = 'an http(s):// address like "https://hc-ping.com/your-check"; or ""'
    if not url:
        return url
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a broken IPv6 address, or a port that is none
        raise _wrong(allowed) from None
    if not good or parts.fragment or not _printable(url) or " " in url:
        raise _wrong(allowed)
    return url


def _backup_to(text: str) -> str:
    """Whether fsspec knows that kind of storage is for it to say: photosync doctor."""
    if "://" not in text:
        return _path(text)
    try:
        good = STORAGE_URL.fullmatch(text) is not None and urlsplit(text).port != 0
    except ValueError:  # a broken IPv6 address, or a port that is none
        good = False
    if not good or "::" in text.replace("[::", "") or not _printable(text):
        raise _wrong(
            'a path, or an address like "s3://bucket/photos" or "sftp://user@host/photos"'
            " (whatever else it needs stands in [backup.options])"
        )
    return text


def _with_encryption(value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's
    if value and info.data.get("encrypt") is False:
        raise _wrong("true with encrypt = true alone, since names are hidden in sealed files")
    return value


def _recipient(text: str) -> str:
    text = text.strip()
    if "PRIVATE" in text or text.upper().startswith("AGE-SECRET-KEY"):
        raise _wrong(
            "a public key; what stands there is a secret one: name its file in identity_file"
        )
    if RECIPIENT.fullmatch(text) is None or text.startswith("age1yubikey"):
        raise _wrong('a public key of age, "age1...", or of SSH, "ssh-ed25519 ..."')
    return text


def _path(text: str) -> str:
    if not can_be_path(text) or (text and not text.strip()):
        raise _wrong("a path")
    return text


def _needed_path(text: str) -> str:
    if not text:
        raise _wrong("a path; it may not be empty")
    return _path(text)


def _api_url(url: str) -> str:
    """Tokens travel there: encrypted, or not beyond this machine."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:  # a broken IPv6 address, or a port that is none
        raise _wrong(URL_ALLOWED) from error
    extras = parts.query or parts.fragment or parts.username or parts.path.strip("/")
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if extras or not safe or port == 0 or HOST.fullmatch(host) is None or not _printable(url):
        raise _wrong(URL_ALLOWED)
    return url.rstrip("/")


URL_ALLOWED = "an https:// address (http:// only to this machine itself)"


def _since(value: Any) -> Any:
    """A day, as a text or as TOML's own date; "" for none."""
    if value == "":
        return None
    try:
        if isinstance(value, str) and DAY.fullmatch(value):
            value = date.fromisoformat(value)
        if type(value) is date and value >= FIRST_DAY:  # a datetime is no day
            return value
    except ValueError as error:
        raise _wrong(DAY_ALLOWED) from error
    raise _wrong(DAY_ALLOWED)


DAY_ALLOWED = 'a day like "2026-11-23", 1900 or later'


def _printable(text: str) -> bool:
    return all(one.isprintable() for one in text)


def _wrong(allowed: str) -> ValueError:
    return ValueError(allowed)


Glob = Annotated[str, AfterValidator(_glob)]
Type = Annotated[str, AfterValidator(_type)]
Limit = Annotated[int, _size(0, MOST_SELECTED), BeforeValidator(_limit)]
Mode = Literal["auto", "manual"]
Day = Annotated[date | None, BeforeValidator(_since)]
OptionalPath = Annotated[str, AfterValidator(_path)]
NeededPath = Annotated[str, AfterValidator(_needed_path)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Google(_Table):
    """``[google]``."""

    client_secret_file: NeededPath = "client_secret.json"  # noqa: S105 - a file's name
    token_file: OptionalPath = ""
    api_url: Annotated[str, AfterValidator(_api_url)] = "https://photoslibrary.googleapis.com"
    daily_requests: Annotated[int, _whole(1, 100_000_000)] = 10_000
    writes_per_minute: Annotated[int, _whole(1, 100_000)] = 30


class _Selecting(_Table):
    """A source that may have a choice of its own; None: as ``[select]`` says."""

    mode: Mode | None = None
    include: list[Glob] | None = None
    exclude: list[Glob] | None = None
    since: Day = None
    types: list[Type] | None = None


class Folder(_Selecting):
    """``[[folder]]``."""

    path: NeededPath
    album: Annotated[str, AfterValidator(_album)] = ""


class Phone(_Selecting):
    """``[phone]``."""

    enabled: Annotated[bool, BeforeValidator(_flag)] = True
    serials: list[Annotated[str, AfterValidator(_serial)]] = []
    folders: list[Annotated[str, AfterValidator(_phone_folder)]] = [
        "DCIM",
        "Pictures",
        "Movies",
        "Android/media/com.whatsapp/WhatsApp/Media/WhatsApp Images",
    ]
    new_folders: Literal["ask", "take", "leave"] = "ask"
    album: Annotated[str, AfterValidator(_album)] = ""
    adb_host: Annotated[str, AfterValidator(_host)] = "127.0.0.1"
    adb_port: Annotated[int, _whole(1, 65_535)] = 5037


class Mirror(_Table):
    """``[mirror]``."""

    path: NeededPath = USUAL_MIRROR
    keep: Annotated[str, AfterValidator(_keep_text)] = "forever"
    min_free: Annotated[int, _size(0, MOST_FREE)] = 2 * GIB

    @property
    def keep_days(self) -> int | None:
        """How long a copy is kept once its photo is in the library; None for ever."""
        return _keep(self.keep)


def _not_below_least(most: int, info: ValidationInfo) -> int:
    """A span of sizes that no file fits would take nothing, and silently so."""
    if 0 < most < info.data.get("min_size", 0):
        raise _wrong("no less than select.min_size, for else nothing is taken")
    return most


class Select(_Table):
    """``[select]``."""

    mode: Mode = "auto"
    include: list[Glob] = []
    exclude: list[Glob] = []
    since: Day = None
    min_size: Limit = 0
    max_size: Annotated[Limit, AfterValidator(_not_below_least)] = 0
    types: list[Type] = []
    raw_with_jpeg: Literal["both", "jpeg", "raw"] = "both"
    live_video: Annotated[bool, BeforeValidator(_flag)] = True
    bursts: Literal["all", "cover"] = "all"
    screenshots: Annotated[bool, BeforeValidator(_flag)] = True


class Upload(_Table):
    """``[upload]``."""

    workers: Annotated[int, _whole(1, MOST_WORKERS)] = 4
    resumable_above: Annotated[int, _size(1, MOST_RESUMABLE_ABOVE)] = 16 * 1024**2
    chunk: Annotated[int, _size(LEAST_CHUNK, MOST_CHUNK)] = 16 * 1024**2
    max_rate: Annotated[int, BeforeValidator(_rate)] = 0
    hours: Annotated[str, AfterValidator(_hours)] = ""
    metered: Annotated[bool, BeforeValidator(_flag)] = False
    fix_dates: Annotated[bool, BeforeValidator(_flag)] = True


class Backup(_Table):
    """``[backup]``."""

    to: Annotated[str, AfterValidator(_backup_to)] = ""
    options: dict[str, Any] = {}
    encrypt: Annotated[bool, BeforeValidator(_flag)] = False
    encrypt_names: Annotated[bool, BeforeValidator(_flag), AfterValidator(_with_encryption)] = False
    recipients: list[Annotated[str, AfterValidator(_recipient)]] = []
    passphrase_file: OptionalPath = ""
    identity_file: OptionalPath = ""


class Web(_Table):
    """``[web]``."""

    enabled: Annotated[bool, BeforeValidator(_flag)] = True
    host: Annotated[str, AfterValidator(_host)] = "127.0.0.1"
    port: Annotated[int, _whole(0, 65_535)] = 8642
    names: list[Annotated[str, AfterValidator(_host)]] = []
    password_file: OptionalPath = ""
    restore_to: OptionalPath = USUAL_RESTORED


class Notify(_Table):
    """``[notify]``."""

    urls: list[Annotated[str, AfterValidator(_notice_url)]] = []
    on: list[Literal["blocked", "failed", "done", "phone"]] = ["blocked", "failed"]
    ping: Annotated[str, AfterValidator(_ping)] = ""
    phone_unseen: Annotated[str, AfterValidator(_silence)] = "30d"
    nothing_new: Annotated[str, AfterValidator(_silence)] = ""
    nothing_done: Annotated[str, AfterValidator(_silence)] = "3d"

    @property
    def silence_days(self) -> tuple[int | None, int | None, int | None]:
        """Days for ``phone_unseen``, ``nothing_new`` and ``nothing_done``; None for no rule."""
        return _silent(self.phone_unseen), _silent(self.nothing_new), _silent(self.nothing_done)


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

    state_dir: OptionalPath = ""
    google: Google = Google()
    folder: list[Folder] = []
    phone: Phone = Phone()
    mirror: Mirror = Mirror()
    select: Select = Select()
    upload: Upload = Upload()
    backup: Backup = Backup()
    web: Web = Web()
    notify: Notify = Notify()
