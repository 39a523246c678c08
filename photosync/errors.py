"""Every error raised on purpose, sorted by what happens next.

::

    PhotosyncError                 code, message, hint
    ├── TransientError             worth trying again; retry_after, least_wait
    │   ├── ConnectionLost         a request's fate is unknown
    │   ├── ServerTrouble          5xx, or an answer that is no answer
    │   ├── RateLimited            429 other than the daily one (at least 30 s)
    │   ├── WriteCollision         409: two writes met (at least 1 s)
    │   ├── ItemTrouble            Google will not have this one item right now
    │   ├── FileInUse              somebody still writes to the file
    │   ├── CopyStalled            a phone does not give a file to its end
    │   └── PhoneGarbled           a phone answered against the protocol
    ├── ItemError                  this item fails, the next one goes on
    │   ├── EmptyFile, FileTooLarge, FileUnreadable, NotMedia    told before anything is sent
    │   ├── FileExists             another file lies where this one should be put back
    │   ├── NoCopy                 no place that is known has the bytes of what should be put back
    │   ├── FileRefused            Google will not take the bytes
    │   ├── RequestRefused         Google will not take the request as it stands
    │   └── DatedAnew              its dated copy would not be the one that may be there already
    ├── ItemGone                   the item's version of the file is no more
    │   ├── FileVanished
    │   └── FileReplaced
    ├── TokenLost                  the upload token is worthless: send the bytes again
    ├── SessionLost                the resumable session is worthless: begin a new one
    ├── ChecksumMismatch           Google received other bytes than were hashed
    ├── MirrorLost                 the copy in the mirror is gone or changed: pull it again
    ├── BackupLost                 what was backed up is gone from there, or not as it was
    ├── CopyUnproven               no dated copy that is provably the same picture: as it is, then
    ├── AlbumFull                  the album holds all that it can: another one
    ├── AlbumGone                  the remembered album id is worthless: make a new album
    ├── BlockedError               nobody gets further until somebody acts or time passes
    │   ├── SignInRequired, ClockWrong, ScopeMissing, ApiNotEnabled, PhotosDisabled, ClientInvalid
    │   ├── StorageFull, DiskFull, DailyQuotaSpent, OutsideHours, Offline, RequestsRefused
    │   ├── ServiceRefused         the service cannot be installed
    │   ├── PortTaken, PasswordUnusable    the web page is off; the rest goes on
    │   ├── AdbMissing, NotAdb     adb is not installed, or its server cannot be reached
    │   ├── ExiftoolMissing        what has no date of its own waits; the others go on
    │   ├── DatesFull              the same, for there is no room for a dated copy
    │   ├── MirrorFull, MirrorAway nothing can be copied into the mirror
    │   ├── BackupFull, BackupAway nothing can be written to the second copy, or read from it
    │   │   └── BackupUnusable     nor will it, before the user has acted
    │   ├── KeyMissing, KeyWrong   what is encrypted cannot be opened, or sealed, without a key
    │   ├── PhoneFull              there is no room on the phone for what is put back
    │   ├── TargetAway             the folder that photos are put back into cannot be written
    │   └── SourceMissing          one source is away; the others go on
    │       └── PhoneGone, PhoneStalled, PhoneNotReady
    ├── SettingsError              the settings file or a command's arguments (exit code 2)
    ├── DatabaseError
    │   ├── DatabaseTooNew, DatabaseDamaged, StateFolderUnusable
    ├── WatchUnavailable           changes cannot be watched; looking now and then goes on
    ├── AlreadyRunning
    ├── UnknownItem
    ├── OtherStateUnreadable       what another program left is in use, damaged or unknown
    └── Stopping                   the program is ending; not a failure of anything

A message is one sentence that names the thing; a hint is one sentence or command that cures it.
Neither ever holds a secret.
"""

from __future__ import annotations

import errno
from typing import ClassVar

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says of a full disk, or of one of which the user may take no more."""


class PhotosyncError(Exception):
    """Base of all errors raised on purpose."""

    code: ClassVar[str] = "error"
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class TransientError(PhotosyncError):
    """Worth trying again. ``retry_after`` is in seconds, None if nobody said."""

    code = "transient"
    least_wait: ClassVar[float] = 1.0  # seconds (google-photos-api.md §6.4)

    def __init__(
        self, message: str, *, hint: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class ConnectionLost(TransientError):
    """The connection broke or timed out; whether the request took effect is unknown."""

    code = "connection_lost"


class ServerTrouble(TransientError):
    """Google answered 5xx, or with something that is no answer of the API's."""

    code = "server_trouble"


class RateLimited(TransientError):
    """Too many requests a minute, or two writes at once: wait at least 30 s."""

    code = "rate_limited"
    least_wait = 30.0  # google-photos-api.md §6.4


class WriteCollision(TransientError):
    """409 ABORTED: another write of the same user was under way."""

    code = "write_collision"


class ItemTrouble(TransientError):
    """This one item cannot be taken right now: code 13, 14, 6, ..., or its sessions get lost."""

    code = "item_trouble"


class FileInUse(TransientError):
    """Somebody is still writing to the file."""

    code = "file_in_use"


class CopyStalled(TransientError):
    """Nothing came any more in the middle of a file, though the phone is there."""

    code = "copy_stalled"


class PhoneGarbled(TransientError):
    """A phone or the adb server answered something that the protocol does not know."""

    code = "phone_garbled"
    least_wait = 10.0


NO_PHOTO_HINT = "Leave it out: photosync skip ITEM; once it is mended, it is taken by itself."
"""No try can help while the bytes are the same, and other bytes are another item."""


class ItemError(PhotosyncError):
    """This item cannot be uploaded as it is; the others can."""

    code = "item_error"
    default_hint = "After mending it: photosync retry --all"


class EmptyFile(ItemError):
    """The file has no bytes; Google refuses it (google-photos-api.md §2.2)."""

    code = "empty"
    default_hint = NO_PHOTO_HINT


class FileTooLarge(ItemError):
    """Above Google's limit of 200 MB for photos and 20 GB for videos."""

    code = "too_large"


class FileUnreadable(ItemError):
    """The file exists but may not or cannot be read."""

    code = "unreadable"
    default_hint = "Let the user that runs photosync read it; it is then taken by itself."


class NotMedia(ItemError):
    """Named like a photo or video, but its content is neither."""

    code = "not_media"
    default_hint = NO_PHOTO_HINT


class FileExists(ItemError):
    """Another file lies where this one should be put; it is never overwritten."""

    code = "exists"
    default_hint = "Move it away, or put this one into another folder."


class NoCopy(ItemError):
    """No place that photosync knows of has the bytes of the item (any more)."""

    code = "no_copy"
    default_hint = ""


class FileRefused(ItemError):
    """Google looked at the bytes and will not have them."""

    code = "refused"
    default_hint = "The file may be damaged: open it, and save it anew if it can be seen."


class RequestRefused(ItemError):
    """Google refused the whole request for a reason it does not pin on one item."""

    code = "request_refused"


class DatedAnew(ItemError):
    """A dated copy may be in the library already, and the one made now is another (exiftool's)."""

    code = "dated_anew"
    default_hint = (
        "Look for it in Google Photos; if it is not there: photosync retry ITEM, else skip it."
    )


class ItemGone(PhotosyncError):
    """The version of the file that this item stands for no longer exists."""

    code = "gone"


class FileVanished(ItemGone):
    """There is no file at the item's path any more."""

    code = "vanished"


class FileReplaced(ItemGone):
    """The file changed since it was found; the new version is an item of its own."""

    code = "replaced"


class TokenLost(PhotosyncError):
    """The upload token is spent, expired or unknown: the bytes must be sent again."""

    code = "token_lost"


class SessionLost(PhotosyncError):
    """The resumable upload session is over without a token: begin a new one."""

    code = "session_lost"


class ChecksumMismatch(PhotosyncError):
    """What Google received is not what was hashed (X-Goog-Hash, google-photos-api.md §2.1)."""

    code = "checksum_mismatch"


class MirrorLost(PhotosyncError):
    """The copy of a phone's photo is not in the mirror any more, or not as it was."""

    code = "mirror_lost"


class BackupLost(PhotosyncError):
    """The second copy of a photo is not where it was put, or its bytes are others by now."""

    code = "backup_lost"


class CopyUnproven(PhotosyncError):
    """A copy with a date cannot be made, or not be shown to be the same picture."""

    code = "copy_unproven"


class AlbumFull(PhotosyncError):
    """The album holds as many photos as Google allows, or has no room for the whole batch."""

    code = "album_full"


class AlbumGone(PhotosyncError):
    """The album was deleted or is not writeable by us any more."""

    code = "album_gone"


class BlockedError(PhotosyncError):
    """Nothing of this kind can go on. ``until``: try again then (seconds UTC), None = unknown."""

    code = "blocked"
    needs_user: ClassVar[bool] = True  # exit code 3: the user must act first
    may_pass: ClassVar[bool] = True  # in seconds, by itself or by what photosync does

    def __init__(self, message: str, *, hint: str | None = None, until: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.until = until


class SignInRequired(BlockedError):
    """No token, or Google says it is revoked or expired (invalid_grant)."""

    code = "auth_required"
    default_hint = "Sign in: photosync auth"


class ClockWrong(BlockedError):
    """This computer's clock is so wrong that Google refuses sign-ins (§1.6)."""

    code = "clock_wrong"
    default_hint = "Set the clock: sudo timedatectl set-ntp true"


class ScopeMissing(BlockedError):
    """Signed in, but without the permission to add photos."""

    code = "scope_missing"
    default_hint = "Sign in again and leave every box ticked: photosync auth"


class ApiNotEnabled(BlockedError):
    """The Photos Library API is switched off in the user's Google Cloud project."""

    code = "api_not_enabled"


class PhotosDisabled(BlockedError):
    """Google Photos is disabled for this account, or access is forbidden."""

    code = "photos_disabled"


class ClientInvalid(BlockedError):
    """The OAuth client is unknown to Google, deleted, or of the wrong kind."""

    code = "client_invalid"
    default_hint = (
        "Download the JSON of a 'Desktop app' client from Google Cloud's console, then:"
        " photosync auth --client-secret FILE"
    )


class StorageFull(BlockedError):
    """The Google account has no room left."""

    code = "storage_full"
    default_hint = (
        "Free space at https://one.google.com/storage; uploads go on by themselves within an hour,"
        " or at once: photosync resume"
    )


class DiskFull(BlockedError):
    """A disk that photosync writes to is full."""

    code = "disk_full"
    default_hint = "Free space on that disk; work goes on by itself."


class DailyQuotaSpent(BlockedError):
    """The day's requests are spent, by our own count or by Google's word."""

    code = "quota_exhausted"
    needs_user = False
    default_hint = "Nothing to do: it goes on by itself after Google's midnight."


class OutsideHours(BlockedError):
    """It is not the time of day in which uploads run (``upload.hours``)."""

    code = "outside_hours"
    needs_user = False


class Offline(BlockedError):
    """No connection to Google could be opened; nothing was sent."""

    code = "offline"
    needs_user = False
    default_hint = "Check the network; work goes on by itself."


class RequestsRefused(BlockedError):
    """Google refuses whatever batch we send, so that the fault is not one photo's."""

    code = "requests_refused"
    default_hint = "Update photosync; if that does not help, report it with the log."


class SourceMissing(BlockedError):
    """A watched folder is not there or suddenly empty: an unmounted disk, not deleted photos."""

    code = "source_missing"
    default_hint = "Mount the disk or correct the path; nothing is taken for deleted."


class PhoneGone(SourceMissing):
    """A phone was unplugged, or the adb server ended; nothing on it is taken for deleted."""

    code = "phone_gone"
    needs_user = False
    default_hint = "Plug it in again; it goes on by itself."


class PhoneStalled(PhoneGone):
    """The connection to a phone stands, but nothing comes through it."""

    code = "phone_stalled"
    default_hint = "Unplug the phone and plug it in again; it goes on by itself."


class PhoneNotReady(PhoneGone):
    """A phone is plugged in but will not talk to us (yet)."""

    code = "phone_not_ready"
    needs_user = True
    default_hint = "See photosync phones."


class ExiftoolMissing(BlockedError):
    """exiftool is not installed, and there are photos that need a date."""

    code = "exiftool_missing"
    default_hint = (
        "Install it: sudo apt install libimage-exiftool-perl; or, to have Google show them at the"
        " day of their upload: upload.fix_dates = false"
    )


class DatesFull(BlockedError):
    """There is no room in the state folder for the dated copy of a photo."""

    code = "dates_full"
    default_hint = "Free space there; it goes on by itself. Or: upload.fix_dates = false"


class MirrorFull(BlockedError):
    """The disk of the mirror has less room left than it should."""

    code = "mirror_full"
    default_hint = "Free space there, lower mirror.min_free, or set mirror.keep."


class MirrorAway(BlockedError):
    """The mirror's folder is not there or cannot be written: a disk that is not mounted."""

    code = "mirror_away"
    default_hint = "Mount its disk, or set another mirror.path."


class BackupFull(BlockedError):
    """There is no room left where the second copy lies."""

    code = "backup_full"
    default_hint = "Free space there, or set another backup.to; it goes on by itself."


class BackupAway(BlockedError):
    """The place of the second copy is not there or cannot be reached: a disk, a server."""

    code = "backup_away"
    default_hint = "Mount its disk or check its address, backup.to; it goes on by itself."


class BackupUnusable(BackupAway):
    """It is not plugged in, is another one, or lets nobody in: only the user can mend that."""

    may_pass = False


class KeyMissing(BlockedError):
    """There is no key to seal the second copy with, or to open it with."""

    code = "key_missing"
    default_hint = "Make one: photosync backup --new-key; or name yours in the settings, [backup]."
    may_pass = False


class KeyWrong(BlockedError):
    """The key that was given does not open the second copy."""

    code = "key_wrong"
    default_hint = "Name the identity or passphrase it was made with in the settings, [backup]."
    may_pass = False


class PhoneFull(BlockedError):
    """There is no room left on the phone."""

    code = "phone_full"
    default_hint = "Free space on the phone, then try again."


class TargetAway(BlockedError):
    """The folder that photos are put back into is not there, or cannot be written."""

    code = "target_away"
    default_hint = "Mount its disk, or name another folder: --to-folder DIR"


class AdbMissing(BlockedError):
    """No adb server answers, and none can be started."""

    code = "adb_missing"
    default_hint = "Install adb; on Debian and Ubuntu: sudo apt install adb"


class NotAdb(BlockedError):
    """Another program answers where the adb server should be."""

    code = "adb_foreign"
    default_hint = "Stop that program, or set phone.adb_port to a port of its own for adb."


class ServiceRefused(BlockedError):
    """The service cannot be put in its place, or taken away."""

    code = "service_refused"


class PortTaken(BlockedError):
    """The web server cannot listen where the settings want it."""

    code = "port_taken"
    needs_user = False
    default_hint = "Set another web.port, or web.enabled = false."


class PasswordUnusable(BlockedError):
    """There is no password by which others could be let in to the web page."""

    code = "web_password"
    needs_user = True
    default_hint = "Write one: photosync web --password"


class SettingsError(PhotosyncError):
    """The settings or a command's arguments are wrong (exit code 2)."""

    code = "settings"


class DatabaseError(PhotosyncError):
    """The state database cannot be used."""

    code = "database"


class DatabaseTooNew(DatabaseError):
    """Written by a newer photosync."""

    code = "database_too_new"


class DatabaseDamaged(DatabaseError):
    """SQLite says the file is damaged."""

    code = "database_damaged"


class StateFolderUnusable(DatabaseError):
    """The state folder cannot be created, read or written."""

    code = "state_folder"


class WatchUnavailable(PhotosyncError):
    """The kernel will not tell of changes in a folder; it is looked at every so often instead."""

    code = "watch_unavailable"


class AlreadyRunning(PhotosyncError):
    """Another daemon holds the lock of this state folder."""

    code = "already_running"


class UnknownItem(PhotosyncError):
    """No item has that number."""

    code = "unknown_item"


class OtherStateUnreadable(PhotosyncError):
    """The state of another program cannot be taken over: in use, damaged, or unknown."""

    code = "other_state_unreadable"


class Stopping(PhotosyncError):
    """The program is ending: let go and return."""

    code = "stopping"

    def __init__(self, message: str = "photosync is stopping.") -> None:
        super().__init__(message)
