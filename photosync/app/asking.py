"""Asks phones, or what is on record of them, about a file that nobody has found yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.app.fates import not_seen
from photosync.app.looking import (
    decided_of,
    folder_choice,
    label_of,
    phones_known,
    phones_present,
)
from photosync.app.selecting import of_phones
from photosync.device import storage
from photosync.device.files import PhoneFiles
from photosync.device.phone import Phone
from photosync.device.scope import not_chosen
from photosync.domain.fates import Fate, Verdict, left_out
from photosync.domain.reasons import Reason
from photosync.domain.selection import name_left_out
from photosync.errors import PhoneGone, PhotosyncError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from photosync.config import Settings
    from photosync.device.presence import Seen
    from photosync.device.server import AdbServer
    from photosync.domain.media import MediaItem
    from photosync.store.overview import SourceView

NOT_WANTED = "phone.serials"


def ask_phones(
    settings: Settings, path: str, *, running: bool, serial: str = ""
) -> list[tuple[str, Fate]]:
    """What becomes of ``path`` on each phone that is here (or on one), by the phone's label.

    Of phones that are away: what the settings say. Those that have no such file say nothing, if
    others have one.
    """
    try:
        storage.absolute(path)
    except ValueError:
        return []
    known = phones_known(settings)
    found = dict(_of_present(settings, path, known, serial, running=running))
    for one, view in known.items():
        if view.source.label in found or serial not in ("", one):
            continue
        if serial or _knows_folder(settings, one, path):
            found[view.source.label] = _of_away(settings, path, one)
    told = {label: fate for label, fate in found.items() if fate.verdict != Verdict.UNKNOWN}
    return [*(told or found).items()]


def _of_present(
    settings: Settings,
    path: str,
    known: Mapping[str, SourceView],
    serial: str,
    *,
    running: bool,
) -> Iterator[tuple[str, Fate]]:
    try:
        with phones_present(settings) as (server, seen):
            for one in seen:
                if one.identity is None or serial not in ("", one.identity.serial):
                    continue
                fate = _of_one(settings, path, server, one, running=running)
                yield label_of(one.identity, known), fate
    except PhotosyncError:
        return  # what is on record has to do


def _of_one(settings: Settings, path: str, server: AdbServer, seen: Seen, *, running: bool) -> Fate:
    assert seen.identity is not None
    serial = seen.identity.serial
    if settings.phone.serials and serial not in settings.phone.serials:
        return _not_wanted(serial)
    with Phone(server, seen.transport, seen.identity) as phone:
        files = PhoneFiles(
            phone,
            settings.phone.folders,
            lambda: _taken_and_left(settings, serial),
            selection=of_phones(settings),
        )
        try:
            reason = files.why_left_out(path)
            if reason is not None and reason.code == "gone" and files.is_folder(path):
                message = "This folder is backed up, with what lies in it."
                return Fate(Verdict.TAKEN, "folder", message)
        except PhoneGone as error:
            return Fate(Verdict.ACT, error.code, error.message, cure=error.hint)
    return not_seen(running=running) if reason is None else left_out(reason)


def _of_away(settings: Settings, path: str, serial: str) -> Fate:
    """As far as the path alone tells."""
    if settings.phone.serials and serial not in settings.phone.serials:
        return _not_wanted(serial)
    name = path.rpartition("/")[2]
    reason = _why_not_above(settings, serial, path) or name_left_out(name)
    reason = reason or of_phones(settings).by_path(path)
    if reason is not None:
        return left_out(reason)
    message = "The phone is not plugged in, and nothing is on record of that file."
    return Fate(Verdict.ACT, PhoneGone.code, message, cure="Plug it in, and ask again.")


def why_not_by_record(settings: Settings, serial: str, item: MediaItem) -> Reason | None:
    """Why the settings of today leave out a file of a phone; None if they do not."""
    reason = _why_not_above(settings, serial, item.source_path)
    return reason or of_phones(settings).why_not(
        item.source_path, item.source_mtime_ns, item.size_bytes, item.mime_type
    )


def _why_not_above(settings: Settings, serial: str, path: str) -> Reason | None:
    folder = path.rpartition("/")[0]
    if folder_choice(settings, serial, folder) in ("settings", "take"):
        return None
    return not_chosen(folder)


def _knows_folder(settings: Settings, serial: str, path: str) -> bool:
    """Whether such a file may lie on a phone that is away, for all that is known of it."""
    folder = path.rpartition("/")[0]
    is_taken = _why_not_above(settings, serial, path) is None
    return is_taken or folder in decided_of(settings, serial)


def _not_wanted(serial: str) -> Fate:
    message = f"The phone {serial} is none of those that the settings name."
    cure = f'Add "{serial}" to phone.serials.'
    return left_out(Reason("phone_left_out", message, NOT_WANTED, cure))


def _taken_and_left(settings: Settings, serial: str) -> tuple[list[str], list[str]]:
    """The folders that the user took, and left."""
    decided = decided_of(settings, serial)
    taken = [one for one, choice in decided.items() if choice == "take"]
    return taken, [one for one, choice in decided.items() if choice == "leave"]
