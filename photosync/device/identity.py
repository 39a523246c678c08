"""Which phone it is: its own serial number, its name, its clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.device import shell
from photosync.device.sync import Dialect
from photosync.domain.media import readable
from photosync.errors import PhoneGarbled

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.device.server import AdbServer

SECONDS = 10.0
PROPERTIES = (
    "ro.serialno",
    "ro.boot.serialno",
    "ro.product.manufacturer",
    "ro.product.model",
    "ro.build.version.sdk",
)
ASK = b"; ".join(b"getprop " + name.encode() for name in PROPERTIES) + b"; date +%s"
ASK_ANDROID_ID = b"settings get secure android_id"
NO_SERIAL = re.compile(
    r"0?123456789a?(bcdef)?0?|1234567890abcdef|(.)\2*|unknown|default", re.IGNORECASE
)
"""What makers write who number none of their phones; two such phones would be one to us."""

ODD = re.compile(r"[^A-Za-z0-9._:+-]")
LONGEST = 64


@dataclass(frozen=True, slots=True)
class Identity:
    """A phone, whichever way it is connected.

    ``serial`` is its own, made unique where its maker did not care; ``ahead_seconds`` how far its
    clock is ahead of ours.
    """

    serial: str
    label: str
    android: int
    dialect: Dialect
    has_shell: bool
    ahead_seconds: float


def identify(server: AdbServer, transport: str, *, clock: Callable[[], float]) -> Identity:
    """Ask the phone that adb knows as ``transport``, which may be ``IP:port``.

    Phones before Android 7 have no shell that can be trusted with an answer; they are known by
    what adb calls them, which over USB is their serial number too.

    Raises:
        PhoneGone, PhoneStalled, PhoneNotReady, PhoneGarbled.
    """
    features = server.features(transport)
    dialect = Dialect.of(features)
    if "shell_v2" not in features:
        plain = clean(transport)
        return Identity(plain, plain, 0, dialect, has_shell=False, ahead_seconds=0.0)
    answer = shell.run(server, transport, ASK, seconds=SECONDS)
    lines = answer.out.decode("utf-8", "replace").split("\n")
    if len(lines) <= len(PROPERTIES):
        raise PhoneGarbled("The phone did not say what it is.")
    values = dict(zip(PROPERTIES, map(str.strip, lines), strict=False))
    serial = clean(values["ro.serialno"] or values["ro.boot.serialno"] or transport)
    if NO_SERIAL.fullmatch(serial):
        serial = clean(f"{serial}-{_android_id(server, transport)}".rstrip("-"))
    return Identity(
        serial,
        label(values["ro.product.manufacturer"], values["ro.product.model"], serial),
        _number(values["ro.build.version.sdk"]),
        dialect,
        has_shell=True,
        ahead_seconds=_ahead(lines[len(PROPERTIES)], clock()),
    )


def _android_id(server: AdbServer, transport: str) -> str:
    """What Android itself drew once at random for this phone; "" if it does not tell."""
    answer = shell.run(server, transport, ASK_ANDROID_ID, seconds=SECONDS)
    found = answer.out.decode("ascii", "replace").strip()
    return found if answer.status == 0 and re.fullmatch(r"[0-9a-f]{8,32}", found) else ""


def clean(serial: str) -> str:
    """A serial number without anything that no serial number holds."""
    return ODD.sub("_", serial)[:LONGEST] or "unknown"


def label(manufacturer: str, model: str, serial: str) -> str:
    """What people call the phone: "Pixel 8", "samsung SM-G973F"."""
    name = " ".join(readable(model).split()) or f"Phone {serial}"
    maker = " ".join(readable(manufacturer).split())
    known = maker.lower() in ("", "google", "unknown") or name.lower().startswith(maker.lower())
    return (name if known else f"{maker} {name}")[:LONGEST].strip()


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text) else 0


def _ahead(text: str, now: float) -> float:
    """How far the phone's clock is ahead; 0.0 if it did not say."""
    return int(text) - now if re.fullmatch(r"[0-9]{1,12}", text.strip()) else 0.0
