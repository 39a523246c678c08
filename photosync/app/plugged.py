"""A phone that is plugged in and ready, for verbs that change something on it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from photosync.app.looking import phones_present
from photosync.device.phone import Phone
from photosync.domain.media import readable
from photosync.errors import PhoneNotReady, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from photosync.config import Settings
    from photosync.device.presence import Seen
    from photosync.device.server import AdbServer

CURE = "Plug the phone in and unlock it, then ask again. If it does not help: photosync phones"


@contextmanager
def plugged(
    settings: Settings, serial: str, *, label: str = ""
) -> Iterator[tuple[AdbServer, Phone]]:
    """The phone of that serial number; "" for the only one there is.

    Raises:
        AdbMissing, NotAdb, PhoneGarbled: None can be seen at all.
        PhoneNotReady: It is not there, or not ready.
        SettingsError: There are several, and none was named; or phones are switched off.
    """
    if not settings.phone.enabled:
        raise SettingsError(
            "Phones are switched off in the settings.", hint="Switch them on: phone.enabled = true"
        )
    with phones_present(settings) as (server, seen):
        found = _the_one(seen, serial, label)
        assert found.identity is not None
        with Phone(server, found.transport, found.identity) as phone:
            yield server, phone


def _the_one(seen: Sequence[Seen], serial: str, label: str) -> Seen:
    ready = [one for one in seen if one.identity is not None]
    named = [one for one in ready if one.identity and serial in ("", one.identity.serial)]
    if len(named) == 1:
        return named[0]
    if named:
        known = ", ".join(one.identity.serial for one in named if one.identity)
        raise SettingsError("Several phones are plugged in.", hint=f"Name one of them: {known}.")
    name = readable(label or serial)
    waiting = next((one for one in seen if one.advice and serial in ("", one.transport)), None)
    if waiting is not None:
        message = f"{name or 'A phone'} is plugged in, but not ready."
        raise PhoneNotReady(message, hint=waiting.advice)
    message = f"{name} is not plugged in." if name else "No phone is plugged in."
    raise PhoneNotReady(message, hint=CURE)
