"""Paths on a phone: relative ones for the record, absolute ones for adb.

``DCIM/Camera/a.jpg`` lies on the internal storage, ``sd:1A2B-3C4D/DCIM/a.jpg`` on an SD card.
Android allows no colon in names on its storage, so the two cannot be confused; a name at the top
of the internal storage that looks like a card is left out.

``/sdcard`` is a chain of symlinks that confused other tools: not used (phone.md §8).
"""

from __future__ import annotations

import os
import re

from photosync.domain.naming import CARD_PREFIX

INTERNAL = b"/storage/emulated/0"
STORAGE = b"/storage"
TOPS = ("/sdcard", "/storage/emulated/0", "/storage/self/primary", "/mnt/sdcard")
"""Android's names for the internal storage."""

CARD = re.compile(rb"[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}|[0-9A-Fa-f]{8,16}")


def parts_of(path: str) -> list[str]:
    """The parts of a relative path.

    Raises:
        ValueError: It would lead elsewhere; a bug or an attack.
    """
    if not path:
        return []
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        text = f"not a path on a phone: {path!r}"
        raise ValueError(text)
    return parts


def absolute(path: str) -> bytes:
    """The relative ``path`` as the phone knows it.

    Raises:
        ValueError: It would lead elsewhere.
    """
    parts = [os.fsencode(part) for part in parts_of(path)]
    if path.startswith(CARD_PREFIX):
        card = parts[0].removeprefix(CARD_PREFIX.encode())
        if CARD.fullmatch(card) is None:
            text = f"no SD card is called so: {path!r}"
            raise ValueError(text)
        return b"/".join([STORAGE, card, *parts[1:]])
    return b"/".join([INTERNAL, *parts])


def relative(path: str) -> str | None:
    """The relative path of one as the phone's own apps show it, like ``/sdcard/DCIM/a.jpg``.

    None for one that is not absolute, or lies elsewhere.
    """
    for top in TOPS:
        if path == top or path.startswith(f"{top}/"):
            return "/".join(part for part in path[len(top) :].split("/") if part)
    storage = os.fsdecode(STORAGE) + "/"
    card, _, rest = path.removeprefix(storage).partition("/")
    if path.startswith(storage) and CARD.fullmatch(os.fsencode(card)):
        return "/".join([CARD_PREFIX + card, *(part for part in rest.split("/") if part)])
    return None


def on_card(card: bytes) -> str:
    """The relative path of an SD card's top."""
    return CARD_PREFIX + os.fsdecode(card)


def below(folder: str, name: bytes) -> str | None:
    """The relative path of ``name`` in ``folder``; None for a name that no honest phone has."""
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
        return None
    text = os.fsdecode(name)
    if not folder:
        return None if text.startswith(CARD_PREFIX) else text
    return f"{folder}/{text}"


def on_each(folder: str, tops: list[str]) -> list[str]:
    """A folder of the settings on each storage; ``sd:…`` names one card itself."""
    inner = "/".join(part for part in folder.split("/") if part not in ("", "."))
    if inner.startswith(CARD_PREFIX):
        return [inner]
    return [f"{top}/{inner}".strip("/") for top in tops]
