"""Names of copies on the local disk: those of the phone, wherever every disk takes them.

A name that some disk refuses (exFAT, NTFS, a share of a NAS), or that could lead elsewhere, is
changed a little and marked with a part of its hash, so that two names never become one.
"""

from __future__ import annotations

import hashlib
import os
import re
import time

CARD_PREFIX = "sd:"
LONGEST_NAME_BYTES = 255
MARK_BYTES = 4
PLAIN_BYTES = 120  # encrypted home folders take 143
REFUSED = re.compile(r'[\x00-\x1f\x7f<>:"\\|?*/]|[\ud800-\udfff]')
NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._~()+=@-]")
DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
LONGEST_EXTENSION = 16
UNDATED = "undated"


def local_path(folder: str, source_path: str) -> str:
    """Where the copy of ``source_path`` lies: in ``folder``, under the path it has on the phone."""
    parts = source_path.split("/")
    if parts[0].startswith(CARD_PREFIX):
        parts[0] = "SD card " + parts[0].removeprefix(CARD_PREFIX)
    return "/".join(safe_name(part) for part in [folder, *parts])


def safe_name(name: str) -> str:
    """``name`` if every disk takes it, else one much like it that belongs to no other name."""
    text = REFUSED.sub("_", name)
    if text.endswith((" ", ".")) or text in ("", ".", ".."):
        text = text.rstrip(" .") + "_"
    if text.startswith(".") or DEVICES.fullmatch(text):
        text = f"_{text}"
    if text == name and len(os.fsencode(name)) <= LONGEST_NAME_BYTES:
        return name
    return _with(text, f"~{_mark(name)}")


def apart(path: str, number: int) -> str:
    """Another path beside ``path`` for when that is taken."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{_with(name, f'~{number}')}"


def backup_name(label: str, at: float, name: str, *, number: int = 0, suffix: str = "") -> str:
    """What a photo is called in a backup: ``label/year/month/name``, by local time at ``at``.

    ``number``: another name beside that, for when it is taken. Room is left for ``suffix``.
    """
    safe = _fitting(safe_name(name), name, number, suffix)
    return "/".join([safe_name(label), *_month(at), safe])


def name_beside(path: str, *, number: int = 0, suffix: str = "") -> str:
    """What a photo that is called ``path`` in a backup is called there with ``suffix`` to come."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{_fitting(name, name, number, suffix)}"


def _fitting(safe: str, name: str, number: int, suffix: str) -> str:
    longest_bytes = LONGEST_NAME_BYTES - len(suffix)
    if number:
        return _with(safe, f"~{number}", longest_bytes)
    if len(os.fsencode(safe)) > longest_bytes:
        return _with(safe, f"~{_mark(name)}", longest_bytes)
    return safe


def _month(at: float) -> list[str]:
    try:
        local = time.localtime(at)
    except (OverflowError, ValueError, OSError):  # a file from the year 300,000,000,000
        return [UNDATED]
    return [f"{local.tm_year:04d}", f"{local.tm_mon:02d}"]


def plain_path(path: str) -> str:
    """``path`` for a disk that refused it: short ASCII names, each with its mark."""
    return "/".join(_plain(part) for part in path.split("/"))


def _plain(name: str) -> str:
    text = NOT_PLAIN.sub("_", name)
    if text == name and len(name) <= PLAIN_BYTES:
        return name
    return _with(text, f"~{_mark(name)}", PLAIN_BYTES)


def _mark(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[: 2 * MARK_BYTES]


def _with(name: str, mark: str, longest_bytes: int = LONGEST_NAME_BYTES) -> str:
    """``name`` with ``mark`` before its extension, in at most so many bytes."""
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension) > LONGEST_EXTENSION:
        stem, dot, extension = name, "", ""
    room = longest_bytes - len(os.fsencode(mark + dot + extension))
    short = os.fsencode(stem)[:room].decode("utf-8", "ignore").rstrip(" .") or "_"
    return f"{short}{mark}{dot}{extension}"
