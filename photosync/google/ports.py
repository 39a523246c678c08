"""What the Google client needs from outside; the app hands it in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from photosync.domain.uploads import UploadSession


@dataclass(frozen=True, slots=True)
class UploadFile:
    """The bytes of one upload.

    ``file`` is open for reading at any position and holds exactly ``size_bytes`` bytes whose
    lower-case hex SHA-1 is ``sha1``. ``key`` names the upload across restarts (the item's id);
    ``fingerprint`` changes when the bytes do (their SHA-256), so that a resumable session is
    only taken up again for the same bytes. ``mime_type`` like ``image/jpeg``.
    """

    key: int
    fingerprint: str
    file: BinaryIO
    size_bytes: int
    sha1: str
    mime_type: str


class SessionShelf(Protocol):
    """Keeps begun resumable uploads across restarts."""

    def load(self, key: int) -> UploadSession | None:
        """The session of ``key``, if one has begun."""

    def save(self, key: int, session: UploadSession) -> None:
        """Remember ``session`` in place of an earlier one."""

    def forget(self, key: int) -> None:
        """Drop it; nothing happens if there is none."""


class Spending(Protocol):
    """The ledger of requests: asked before each one is sent."""

    def spend(self, kind: str) -> None:
        """Count one request of ``kind``.

        Raises:
            DailyQuotaSpent: The day's budget is used up; the request must not be sent.
        """

    def refund(self, kind: str) -> None:
        """Take back one request of ``kind`` that never left this computer."""

    def write_wait(self) -> float:
        """Take a place for one write; seconds to wait if there is none yet, else 0.0."""

    def quota_spent(self) -> int:
        """Google says that the day is spent: note it. Returns when it resets, seconds UTC."""


class DeadTokens(Protocol):
    """Remembers refresh tokens that Google declared dead, so that none is asked about twice.

    And when Google will end the sign-in that is in use.
    """

    def is_dead(self, fingerprint: str) -> bool:
        """Whether that token is known to be dead."""

    def bury(self, fingerprint: str) -> None:
        """Remember it as dead."""

    def ends(self, at: int | None) -> None:
        """Google ends the sign-in at that time, in seconds UTC; None: it says no such thing."""


class Progress(Protocol):
    """Told how far an upload is."""

    def __call__(self, key: int, sent_bytes: int) -> None:
        """``sent_bytes`` of the file have been handed to the network or are known received."""


class Halt(Protocol):
    """The stop event: a threading.Event, as far as it is needed here."""

    def is_set(self) -> bool:
        """Whether the program is ending."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait up to ``timeout`` seconds; True if the program is ending."""


@dataclass(frozen=True, slots=True)
class NewItem:
    """One line of a batchCreate."""

    token: str
    file_name: str


@dataclass(frozen=True, slots=True)
class Created:
    """What became of one line: ``google_id`` or ``error``, never both, never neither.

    ``token_is_good``: the token cannot be at fault, for Google gave it to this very process and
    sign-in, and it was never used before.
    """

    google_id: str | None
    error: Exception | None
    token_is_good: bool = False
