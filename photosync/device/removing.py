"""Removes a file from a phone: the one place that does, and only if it is the very bytes.

All is checked in one command on the phone, the hash and then the size and time right before the
file goes, so that nothing lies between the look and the deed but the phone's own shell.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import time
from typing import TYPE_CHECKING

from photosync.device import storage, wire
from photosync.device.announcing import Announcements
from photosync.device.identity import identify
from photosync.device.phone import HASH_SECONDS
from photosync.device.returning import look
from photosync.device.sync import shown
from photosync.domain.media import NANOSECONDS, Lying
from photosync.errors import (
    FileReplaced,
    FileUnreadable,
    FileVanished,
    ItemError,
    ItemGone,
    PhoneGone,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photosync.device.phone import Phone
    from photosync.device.server import AdbServer

log = logging.getLogger(__name__)

WHO = (
    b'"$(getprop ro.serialno; getprop ro.boot.serialno;'
    b' cat /proc/sys/kernel/random/boot_id 2>/dev/null)"'
)
"""Which phone it is, and since which start; another one may come by the same address."""

NO_SHA256SUM = 89
OTHER_PHONE, LINK, NOT_THERE, NO_FILE, DETOUR = 90, 91, 92, 93, 94
UNREADABLE, OTHER_BYTES, CHANGED, NOT_REMOVED, STILL_THERE = 95, 96, 97, 98, 99
NO_SHELL = "An Android that old cannot be asked what it removes."
REPLACED = {
    LINK: "is a link by now",
    NO_FILE: "is no regular file",
    DETOUR: "lies behind a link",
    OTHER_BYTES: "holds other bytes than were uploaded",
    CHANGED: "has changed on the phone since it was uploaded",
}
UNSURE = {
    UNREADABLE: "cannot be read by the phone",
    NOT_REMOVED: "could not be removed: the phone refuses",
    STILL_THERE: "is still there after it was removed",
}


class PhoneRoom:
    """A phone that space is freed on. It has to be the phone of that serial number throughout.

    Raises:
        PhoneGone: It is another one by now, or restarted.
        FileUnreadable: It is too old to be asked.
    """

    def __init__(self, server: AdbServer, phone: Phone) -> None:
        self._phone = phone
        self._announcements = Announcements(phone)
        if not phone.identity.has_shell:
            raise FileUnreadable(NO_SHELL, hint="")
        self._who = self._asked()
        now = identify(server, phone.transport, clock=time.time)
        if now.serial != phone.identity.serial or self._asked() != self._who:
            raise PhoneGone("Another phone is there by now.")

    def _asked(self) -> bytes:
        answer = self._phone.run(b"printf %s " + WHO)
        if answer.status or not answer.out.strip():
            raise PhoneGone("The phone does not say which one it is.")
        return answer.out

    def look(self, paths: Sequence[str]) -> list[Lying | None]:
        """What lies at each path."""
        return look(self._phone, paths)

    def is_gone(self, path: str) -> bool:
        """Whether its folder is there, and it is not in it.

        Raises:
            PhoneGone, PhoneStalled, PhoneGarbled, PhoneNotReady.
        """
        self._phone.tops()  # a phone that is locked shows nothing
        with self._phone.sync() as sync:
            folder, file = sync.stats(
                [storage.absolute(path.rpartition("/")[0]), storage.absolute(path)]
            )
        return folder.is_folder and file.errno == errno.ENOENT

    def remove(self, path: str, *, size_bytes: int, mtime_ns: int, sha256: str) -> None:
        """Remove a file if it is these very bytes, read now.

        Raises:
            FileVanished: It is not there.
            FileReplaced, FileUnreadable: It is something else, or that cannot be told; it stays.
            PhoneGone, PhoneStalled, PhoneGarbled: It is unknown whether it is there.
        """
        lying = Lying(size_bytes, mtime_ns)
        status = self._try(path, lying, hashed=sha256)
        if status == NO_SHA256SUM:
            self._require_bytes(path, lying, sha256)
            status = self._try(path, lying, hashed="")
        error = _error(storage.absolute(path), status)
        if error is not None:
            raise error
        if not self.is_gone(path):
            raise PhoneGone("The phone does not show whether the file is gone.")
        log.info("phone.removed bytes=%d", size_bytes)
        self._announcements.tell(path)

    def _try(self, path: str, lying: Lying, *, hashed: str) -> int:
        line = command(storage.absolute(path), self._who, lying, sha256=hashed)
        return self._phone.run(line, seconds=HASH_SECONDS).status

    def _require_bytes(self, path: str, lying: Lying, sha256: str) -> None:
        """Have the file sent here and hash it; for phones without ``sha256sum``."""
        digest = _Digest()
        with self._phone.sync() as sync:
            received_bytes = sync.pull(storage.absolute(path), digest)
        if received_bytes != lying.size_bytes or digest.sha256.hexdigest() != sha256:
            raise FileReplaced(f"{shown(storage.absolute(path))} {REPLACED[OTHER_BYTES]}.")

    def end(self) -> None:
        """Nothing more is removed for now."""
        self._announcements.end()


class _Digest:
    """Hashes what is written to it."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, block: memoryview) -> None:
        self.sha256.update(block)


def command(target: bytes, who: bytes, lying: Lying, *, sha256: str) -> bytes:
    """The line of shell that removes ``target`` if it is that; ``sha256`` "": not hashed there.

    ``readlink -f`` gives the path without any link in it: no folder on the way may be one. The
    ``x`` after it keeps a newline at the end of a name. ``rm`` without ``-r`` takes no folder.
    """
    lines = [
        b"f=" + wire.quoted(target),
        b"[ " + WHO + b" = " + wire.quoted(who) + b" ] || exit %d" % OTHER_PHONE,
        b'[ -L "$f" ] && exit %d' % LINK,
        b'[ -e "$f" ] || exit %d' % NOT_THERE,
        b'[ -f "$f" ] || exit %d' % NO_FILE,
        b'[ "$(readlink -f "$f" && echo x)" = "$f\nx" ] || exit %d' % DETOUR,
    ]
    if sha256:
        lines += [
            b'h="$(sha256sum <"$f")"; s=$?',
            b"[ $s = 127 ] && exit %d" % NO_SHA256SUM,
            b"[ $s = 0 ] || exit %d" % UNREADABLE,
            b'[ "${h%% *}" = ' + wire.quoted(sha256.encode()) + b" ] || exit %d" % OTHER_BYTES,
        ]
    size_and_time = b"%d %d" % (lying.size_bytes, lying.mtime_ns // NANOSECONDS)
    lines += [
        b'[ -L "$f" ] && exit %d' % LINK,
        b'[ "$(stat -c \'%s %Y\' "$f")" = \'' + size_and_time + b"' ]" + b" || exit %d" % CHANGED,
        b'rm -f "$f" || exit %d' % NOT_REMOVED,
        b'[ -e "$f" ] && exit %d' % STILL_THERE,
        b"exit 0",
    ]
    return b"\n".join(lines)


def _error(target: bytes, status: int) -> ItemError | ItemGone | PhoneGone | None:
    """What an exit status of ``command`` means; None if the file is removed."""
    name = shown(target)
    if status == 0:
        return None
    if status == OTHER_PHONE:
        return PhoneGone("Another phone is there by now, or it was started anew.")
    if status == NOT_THERE:
        return FileVanished(f"{name} is not on the phone any more.")
    if status in REPLACED:
        return FileReplaced(f"{name} {REPLACED[status]}.")
    words = UNSURE.get(status, f"cannot be checked: the phone's shell ended with {status}")
    return FileUnreadable(f"{name} {words}.", hint="")
