"""The resumable upload protocol as decisions: no network, no file, no clock in here.

A ``Transfer`` says what to send next; whoever sends it hands the answer back
(google-photos-api.md §2.3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from photosync.errors import (
    BlockedError,
    ChecksumMismatch,
    EmptyFile,
    FileTooLarge,
    RateLimited,
    RequestRefused,
    ServerTrouble,
    SessionLost,
    TransientError,
)
from photosync.google.answers import Kind, error_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from photosync.google.faults import Answer

DEFAULT_GRANULARITY = 262_144
LARGEST_GRANULARITY = 64 << 20
MOST_CHUNKS = 32
"""Each chunk is a request of the day's quota: a long film goes in few large ones."""
MOST_IDLE = 6
"""So many answers in a row without a byte more than ever before: the server is in trouble."""
MOST_STEPS = 500
"""A server that takes a file by the byte is left; the item waits, and goes on from there."""
LONGEST_TOKEN = 16_384
OFFSET_STATUSES = frozenset({400, 409, 412, 416})
"""How servers of this family say that the offset is wrong (§2.3): ask at once for theirs."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that Google opened. ``url`` is a secret."""

    url: str
    granularity_bytes: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send ``length`` bytes from ``offset``; ``last`` finalizes the upload."""

    offset: int
    length: int
    last: bool


@dataclass(frozen=True, slots=True)
class Query:
    """Ask how much the server holds."""


@dataclass(frozen=True, slots=True)
class Done:
    """The upload is complete; ``token`` stands for it."""

    token: str


Step = Send | Query | Done


def begun_by(answer: Answer, *, api_url: str, now: float) -> Begun:
    """What the answer to ``start`` opened.

    Raises:
        PhotosyncError: Nothing; what the answer stands for.
    """
    error = error_of(Kind.START, answer, now=now)
    if error is not None:
        raise error
    if _status(answer.headers) in ("final", "cancelled"):
        raise RequestRefused("Google would not begin the upload.")
    url = answer.headers.get("x-goog-upload-url", "")
    if not belongs(url, api_url):
        raise ServerTrouble("Google opened an upload without a proper address.")
    return Begun(url, _granularity(answer.headers))


def chunk_bytes(size_bytes: int, wanted_bytes: int, granularity_bytes: int) -> int:
    """The size of a chunk: as wanted, larger for large files, a multiple of the granularity."""
    least = max(wanted_bytes, -(-size_bytes // MOST_CHUNKS), 1)
    return -(-least // granularity_bytes) * granularity_bytes


class Transfer:
    """One upload within one session. ``fresh``: it has just begun, so the server holds nothing."""

    def __init__(
        self, size_bytes: int, *, chunk_bytes: int, granularity_bytes: int, fresh: bool
    ) -> None:
        self._size = size_bytes
        self._chunk = chunk_bytes
        self._granularity = granularity_bytes
        self._offset = 0
        self._furthest = 0
        self._idle = 0
        self._steps = 0
        self.step: Step = self._send() if fresh else Query()

    @property
    def offset(self) -> int:
        """How many bytes the server is known to hold."""
        return self._offset

    def broke(self) -> None:
        """The connection was lost while sending: nobody knows how much arrived."""
        self._idled()
        self.step = Query()

    def sent(self, answer: Answer, *, now: float) -> None:
        """The answer to a ``Send``.

        Raises:
            SessionLost: Begin a new session.
            TransientError: Wait, then go on with ``step``.
            PhotosyncError: Google's last word on this file, or on everything.
        """
        assert isinstance(self.step, Send)
        step, status = self.step, _status(answer.headers)
        self.step = Query()  # whatever comes now, unless the answer is plain
        if 200 <= answer.status < 300:  # noqa: PLR2004 - the success class
            self._sent_well(step, status, answer)
        else:
            self._refused(answer, status, now)

    def queried(self, answer: Answer, *, now: float) -> None:
        """The answer to a ``Query``; raises like ``sent``."""
        assert isinstance(self.step, Query)
        status = _status(answer.headers)
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - the success class
            self._unanswered(answer, status, now)
        elif status == "final":
            self.step = Done(_token(answer))
        elif status == "active":
            self._resume(answer)
        elif status == "cancelled":
            raise SessionLost("The begun upload was cancelled.")
        else:
            self._idled()
            raise ServerTrouble("Google did not say how much of the file it holds.")

    def _unanswered(self, answer: Answer, status: str, now: float) -> None:
        """A session that cannot be asked any more is lost; 404 and 410 say so in any shape."""
        error = error_of(Kind.QUERY, answer, now=now)
        assert error is not None
        if isinstance(error, BlockedError):
            raise error
        is_over = answer.status in (404, 410) or status in ("final", "cancelled")
        if is_over or not isinstance(error, TransientError):
            raise SessionLost("Google no longer knows the begun upload.")
        self._idled()
        raise error

    def _sent_well(self, step: Send, status: str, answer: Answer) -> None:
        if status == "final":
            self.step = Done(_token(answer))
        elif status == "cancelled":
            raise SessionLost("The begun upload was cancelled.")
        elif status == "active" and not step.last:
            self._advance(step.offset + step.length)
        else:
            self._idled()  # no status, or not final after all: ask

    def _refused(self, answer: Answer, status: str, now: float) -> None:
        error = error_of(Kind.CHUNK, answer, now=now)
        assert error is not None
        if answer.status in (404, 410) or status == "cancelled":
            raise SessionLost("Google no longer knows the begun upload.")
        if isinstance(error, (BlockedError, ChecksumMismatch, EmptyFile, FileTooLarge)):
            raise error
        if status == "final":  # a definitive refusal (§2.3)
            raise error if not isinstance(error, TransientError) else SessionLost(error.message)
        self._idled()
        is_offset = answer.status in OFFSET_STATUSES and not isinstance(error, RateLimited)
        if isinstance(error, TransientError) and not is_offset:
            raise error

    def _resume(self, answer: Answer) -> None:
        held = _integer(answer.headers.get("x-goog-upload-size-received", ""))
        if held is None or held > self._size:
            raise SessionLost("Google holds something else than a part of the file.")
        self._granularity = _granularity(answer.headers, self._granularity)
        self._chunk = -(-self._chunk // self._granularity) * self._granularity
        if held <= self._furthest:
            self._idled()
        self._advance(held)

    def _advance(self, offset: int) -> None:
        if offset > self._furthest:
            self._furthest = offset
            self._idle = 0
        self._offset = offset
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise ServerTrouble("Google takes too little of the file at a time.")
        self.step = self._send()

    def _send(self) -> Send:
        left = self._size - self._offset
        if left <= self._chunk:
            return Send(self._offset, left, last=True)
        return Send(self._offset, self._chunk, last=False)

    def _idled(self) -> None:
        self._idle += 1
        if self._idle > MOST_IDLE:
            raise ServerTrouble("Google takes no more of the file at the moment.")


def _token(answer: Answer) -> str:
    """The upload token in a final answer; without one the bytes have to be sent again (§2.3)."""
    token = token_of(answer)
    if token is None:
        raise SessionLost("Google has the file but did not say under which token.")
    return token


def token_of(answer: Answer) -> str | None:
    """The upload token that is the body of an answer, or None if it cannot be one."""
    try:
        token = answer.body.decode("ascii").strip()
    except UnicodeDecodeError:
        return None
    odd = not answer.is_whole or len(token) > LONGEST_TOKEN or token[:1] in ("<", "{", "[")
    return token if token and not odd and token.isprintable() else None


def _status(headers: Mapping[str, str]) -> str:
    return headers.get("x-goog-upload-status", "").strip().lower()


def _granularity(headers: Mapping[str, str], otherwise: int = DEFAULT_GRANULARITY) -> int:
    told = _integer(headers.get("x-goog-upload-chunk-granularity", ""))
    return told if told is not None and 1 <= told <= LARGEST_GRANULARITY else otherwise


def _integer(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None  # noqa: PLR2004 - int64


def belongs(url: str, api_url: str) -> bool:
    """Whether our access token may go to a session's address: the API's own, or Google's.

    Only plain characters: parsers disagree about what a backslash or a control character in an
    address means, and the one that sends it has the last word.
    """
    if not PLAIN_URL.fullmatch(url):
        return False
    try:
        ours, theirs = urlsplit(api_url), urlsplit(url)
        host = theirs.hostname or ""
    except ValueError:
        return False
    if (theirs.scheme, theirs.netloc) == (ours.scheme, ours.netloc):
        return True
    is_google = host == "googleapis.com" or host.endswith((".googleapis.com", ".google.com"))
    return (
        theirs.scheme == "https"
        and "@" not in theirs.netloc
        and is_google
        and (ours.hostname or "").endswith(".googleapis.com")
    )


PLAIN_URL = re.compile(
    r"https?://[A-Za-z0-9.:@\[\]-]{1,255}(?:[/?][A-Za-z0-9._~:/?@!$&'()*+,;=%-]*)?"
)
