"""Puts a file back on a phone: under another name first, checked there, then renamed.

A plain push removes what lies at its target before the first byte arrives (phone.md §0.7), so
nothing is ever pushed onto a file.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from photosync.device import storage, wire
from photosync.device.sync import shown
from photosync.domain.naming import CARD_PREFIX
from photosync.errors import FileExists, FileUnreadable, PhotosyncError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from photosync.device.phone import Phone

log = logging.getLogger(__name__)

TEMPORARY = ".photosync-{}-{}.tmp"
NOBODY = "x"
SCAN_SECONDS = 15.0
VOLUME_METHODS_SINCE = 30
"""Android 11 tells its media library of a file by ``content call``; older ones by a broadcast."""


def push(
    phone: Phone,
    path: str,
    blocks: Iterable[bytes],
    *,
    mtime: int,
    sha256: str,
    owner: str = NOBODY,
    announced: bool = True,
) -> bool:
    """Write a file of that SHA-256 to ``path``; False if those very bytes lay there already.

    ``owner``: letters and digits that are this photosync's own, by which ``sweep`` knows what
    it left. ``announced``: the phone's media library is told at once.

    Raises:
        FileExists: Another file lies there; it is left alone.
        FileUnreadable: The phone will not have it, or what arrived is not what was sent.
        PhoneFull, PhoneGone, PhoneStalled, PhoneGarbled: Nothing was changed.
    """
    target = storage.absolute(path)
    if _lies_there(phone, path, sha256):
        return False
    folder = path.rpartition("/")[0]
    passing = f"{folder}/{TEMPORARY.format(owner, secrets.token_hex(8))}".lstrip("/")
    try:
        with phone.sync() as sync:
            sync.push(storage.absolute(passing), _checked(blocks, sha256), mtime=mtime)
        _verify(phone, passing, sha256)
        _rename(phone, storage.absolute(passing), target)
    except BaseException:
        _remove(phone, storage.absolute(passing))
        raise
    if announced:
        announce(phone, target)
    return True


def sweep(phone: Phone, folders: Iterable[str], *, owner: str) -> int:
    """Take away what pushes of ``owner`` left that were cut off in these folders; how many.

    No push of that owner may be under way. Other people's files, and folders, stay.

    Raises:
        PhoneGone, PhoneStalled, PhoneGarbled.
    """
    ours = re.compile(TEMPORARY.replace(".", r"\.").format(re.escape(owner), "[0-9a-f]{16}"))
    swept = 0
    for folder in sorted(folders):
        top = storage.absolute(folder)
        with phone.sync() as sync:
            if not sync.stat(top).is_folder:
                continue
            for listing in sync.lists([top]):
                found = [one.name for one in listing if one.stat.is_file]
        for name in found:
            if ours.fullmatch(os.fsdecode(name)):
                _remove(phone, top + b"/" + name)
                swept += 1
    if swept:
        log.info("phone.swept files=%d", swept)
    return swept


def _lies_there(phone: Phone, path: str, sha256: str) -> bool:
    with phone.sync() as sync:
        stat = sync.stat(storage.absolute(path))
    if stat.errno:
        return False
    if stat.is_file and _sha256(phone, path) == sha256:
        return True
    raise FileExists(f"Another file lies at {shown(storage.absolute(path))} on the phone.")


def _checked(blocks: Iterable[bytes], sha256: str) -> Iterator[bytes]:
    """The blocks; an error after the last one if they are not what they should be."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
        yield block
    if digest.hexdigest() != sha256:
        raise FileUnreadable("The local copy is not what it was when it was made.", hint="")


def _verify(phone: Phone, path: str, sha256: str) -> None:
    if _sha256(phone, path) != sha256:
        raise FileUnreadable(
            f"What arrived at {shown(storage.absolute(path))} on the phone is not what was sent.",
            hint="Try again.",
        )


def _sha256(phone: Phone, path: str) -> str:
    """By the phone's own reading; a phone without ``sha256sum`` sends the file back."""
    own = phone.sha256(path)
    if own is not None:
        return own
    digest = _Digest()
    with phone.sync() as sync:
        sync.pull(storage.absolute(path), digest)
    return digest.sha256.hexdigest()


class _Digest:
    """Hashes what is written to it."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, block: memoryview) -> None:
        self.sha256.update(block)


def _rename(phone: Phone, passing: bytes, target: bytes) -> None:
    """Give the file its name, unless another file took it meanwhile."""
    move = b"mv -n " + wire.quoted(passing) + b" " + wire.quoted(target)
    answer = phone.run(move)
    with phone.sync() as sync:
        left, there = sync.stats([passing, target])
    if left.errno and there.is_file:
        return
    if there.is_file:
        raise FileExists(f"Another file appeared at {shown(target)} on the phone.")
    said = answer.err.decode("utf-8", "replace").strip()[:200] or f"status {answer.status}"
    raise FileUnreadable(f"The phone could not name the file {shown(target)}: {said}.", hint="")


def _remove(phone: Phone, passing: bytes) -> None:
    """Take back what was pushed, as far as the phone is still there."""
    try:
        phone.run(b"rm -f " + wire.quoted(passing))
    except PhotosyncError as error:
        log.warning("phone.left_over path=%r reason=%s", shown(passing), error)


def announce(phone: Phone, target: bytes) -> bool:
    """Tell the phone's media library of the file, so that its gallery shows it; whether it heard.

    It finds the file by itself sooner or later, so that this is no error.
    """
    try:
        answer = phone.run(
            scan_command(target, android=phone.identity.android), seconds=SCAN_SECONDS
        )
    except PhotosyncError as error:
        log.debug("phone.not_announced reason=%s", error)
        return False
    heard = answer.status == 0 and heard_of(answer.out)
    log.debug("phone.announced heard=%s status=%d", heard, answer.status)
    return heard


def scan_command(target: bytes, *, android: int) -> bytes:
    """The line of shell that makes Android's media scanner look at one file.

    ``content call`` reaches MediaProvider's ``scan_file`` (AOSP, MediaStore.SCAN_FILE_CALL); the
    broadcast is that of Android 10 and older (Intent.ACTION_MEDIA_SCANNER_SCAN_FILE).
    """
    if android >= VOLUME_METHODS_SINCE:
        return b"content call --uri content://media --method scan_file --arg " + wire.quoted(target)
    uri = PurePosixPath(os.fsdecode(target)).as_uri().encode()
    action = b"android.intent.action.MEDIA_SCANNER_SCAN_FILE"
    return b"am broadcast -a " + action + b" -d " + wire.quoted(uri)


def announce_all(phone: Phone, tops: Iterable[str]) -> None:
    """Make the phone's media library look through whole storages: for when much has changed.

    It goes on with it by itself, however long that takes.
    """
    for top in tops:
        line = b"content call --uri content://media --method scan_volume --arg "
        line += wire.quoted(volume_of(top))
        try:
            phone.run(line, seconds=SCAN_SECONDS)
        except PhotosyncError as error:
            log.debug("phone.not_announced reason=%s", error)


def volume_of(top: str) -> bytes:
    """What MediaStore calls a storage (AOSP, MediaStore.VOLUME_EXTERNAL_PRIMARY, fsUuid)."""
    if not top:
        return b"external_primary"
    return os.fsencode(top.removeprefix(CARD_PREFIX)).lower()


def heard_of(out: bytes) -> bool:
    """Whether the scanner's answer says that it did as it was told."""
    text = out.decode("utf-8", "replace")
    return "Broadcast completed" in text or ("Result: Bundle" in text and "uri=content:" in text)
