"""Sends a file's bytes and gets the upload token for them (google-photos-api.md §2)."""

from __future__ import annotations

import base64
import hashlib
import logging
from typing import TYPE_CHECKING

from photosync.domain.uploads import UploadSession
from photosync.errors import (
    ChecksumMismatch,
    ConnectionLost,
    ItemTrouble,
    ServerTrouble,
    SessionLost,
    TransientError,
)
from photosync.google.answers import Kind, error_of
from photosync.google.http import Call, Slice
from photosync.google.resumable import (
    Done,
    Query,
    Send,
    Transfer,
    begun_by,
    belongs,
    chunk_bytes,
    token_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.google.faults import Answer
    from photosync.google.http import Api
    from photosync.google.pace import Pace
    from photosync.google.ports import Progress, SessionShelf, UploadFile
    from photosync.google.retrying import Patience
    from photosync.google.width import Width

log = logging.getLogger(__name__)

HASH_BLOCK_BYTES = 1 << 20
PROOF = 2
"""A mismatch may be an accident; two of a file that is intact are the header's meaning."""

MOST_SESSIONS = 3
"""A file whose session is lost is begun anew so often at once; then the item waits."""


SESSION_SECONDS = 6 * 86_400
"""Sessions of Google's live for a week or less (§2.3); one that only ever answers with trouble
would hold its photo up for ever."""


class Uploads:
    """The two protocols: raw for small files (one request), resumable for large ones.

    ``may_go_on`` is asked before each piece, and raises what stands against it.
    """

    def __init__(
        self,
        api: Api,
        *,
        api_url: str,
        chunk_bytes: int,
        resumable_above_bytes: int,
        sessions: SessionShelf,
        patience: Patience,
        clock: Callable[[], float],
        pace: Pace | None = None,
        width: Width | None = None,
        may_go_on: Callable[[], None] = lambda: None,
    ) -> None:
        self._pace = pace
        self._width = width
        self._may_go_on = may_go_on
        self._api = api
        self._url = f"{api_url}/v1/uploads"
        self._api_url = api_url
        self._chunk_bytes = chunk_bytes
        self._resumable_above_bytes = resumable_above_bytes
        self._sessions = sessions
        self._patience = patience
        self._clock = clock
        self._vouches = True
        self._unvouched = 0

    def send(self, file: UploadFile, progress: Progress) -> str:
        """The upload token for the file's bytes.

        Raises:
            ChecksumMismatch, ItemError: This file cannot be sent as it is.
            TransientError: Not now.
            BlockedError: Nothing can be sent.
            Stopping: The program is ending; a begun resumable upload goes on next time.
        """
        if file.size_bytes <= self._resumable_above_bytes:
            return self._patience.call(lambda: self._raw(file, progress))
        mismatches = losses = 0
        while True:
            vouches = self._vouches and mismatches < PROOF
            try:
                token = self._resumable(file, progress, vouches=vouches)
            except SessionLost as error:
                losses += 1
                log.info("upload.begun_anew id=%d reason=%s", file.key, error.message)
                self._sessions.forget(file.key)
                if losses >= MOST_SESSIONS:
                    raise ItemTrouble("Google lost the begun upload time after time.") from error
            except ChecksumMismatch as error:
                mismatches += 1
                if not vouches or not self._is_intact(file):
                    raise
                # the first time, most likely a bit fell over on the way
                log.warning("upload.garbled id=%d reason=%s", file.key, error.message)
            else:
                if mismatches >= PROOF:
                    log.warning("upload.unvouched id=%d", file.key)
                    self._unvouched += 1
                    self._vouches = self._unvouched < PROOF
                return token

    def was_begun(self, file: UploadFile) -> bool:
        """Whether an upload of it stands on record: its token may have been given already."""
        is_large = file.size_bytes > self._resumable_above_bytes
        return is_large and self._sessions.load(file.key) is not None

    def _is_intact(self, file: UploadFile) -> bool:
        """Whether the file still has the hash that Google misses.

        The header is known for raw uploads alone (§2.1). Should Google hold it against
        something else than the whole file, that must not keep every large file out.
        """
        digest = hashlib.sha1(usedforsecurity=False)
        content = Slice(file.file, 0, file.size_bytes, lambda _: None)
        while block := content.read(HASH_BLOCK_BYTES):
            digest.update(block)
            self._patience.rest(0)  # ends when the program does
        return digest.hexdigest() == file.sha1

    def _raw(self, file: UploadFile, progress: Progress) -> str:
        call = Call(
            "POST",
            self._url,
            {
                "Content-Type": "application/octet-stream",
                "X-Goog-Upload-Content-Type": file.mime_type,
                "X-Goog-Upload-Protocol": "raw",
                "X-Goog-Hash": _hash(file),
            },
            body=lambda: self._part(file, 0, file.size_bytes, progress),
        )
        answer = self._sent(call, "upload", file.size_bytes)
        error = error_of(Kind.RAW, answer, now=self._clock())
        if error is not None:
            raise error
        token = token_of(answer)
        if token is None:
            raise ServerTrouble("Google gave no upload token.")
        return token

    def _resumable(self, file: UploadFile, progress: Progress, *, vouches: bool) -> str:
        session, fresh = self._session(file, vouches=vouches)
        transfer = Transfer(
            file.size_bytes,
            chunk_bytes=chunk_bytes(file.size_bytes, self._chunk_bytes, session.granularity_bytes),
            granularity_bytes=session.granularity_bytes,
            fresh=fresh,
        )
        try:
            while not isinstance(transfer.step, Done):
                self._may_go_on()
                self._patience.call(lambda: self._step(session.url, transfer, file, progress))
        except (SessionLost, TransientError):
            raise
        except Exception as error:
            if not _goes_on_later(error):
                self._sessions.forget(file.key)
            raise
        self._sessions.forget(file.key)
        return transfer.step.token

    def _session(self, file: UploadFile, *, vouches: bool) -> tuple[UploadSession, bool]:
        """The session to use, and whether it has just begun."""
        kept = self._sessions.load(file.key)
        if kept is not None and self._is_good(kept, file):
            return kept, False
        begun = self._patience.call(
            lambda: begun_by(
                self._start(file, vouches=vouches), api_url=self._api_url, now=self._clock()
            )
        )
        session = UploadSession(
            begun.url, begun.granularity_bytes, file.fingerprint, int(self._clock())
        )
        self._sessions.save(file.key, session)
        return session, True

    def _is_good(self, kept: UploadSession, file: UploadFile) -> bool:
        """Whether it is for these bytes, and at the library that we talk to now."""
        is_ours = belongs(kept.url, self._api_url) and kept.granularity_bytes > 0
        is_young = self._clock() - kept.begun_at < SESSION_SECONDS
        return is_ours and is_young and kept.fingerprint == file.fingerprint

    def _start(self, file: UploadFile, *, vouches: bool) -> Answer:
        call = Call(
            "POST",
            self._url,
            {
                "X-Goog-Upload-Command": "start",
                "X-Goog-Upload-Content-Type": file.mime_type,
                "X-Goog-Upload-Protocol": "resumable",
                "X-Goog-Upload-Raw-Size": str(file.size_bytes),
                **({"X-Goog-Hash": _hash(file)} if vouches else {}),
            },
        )
        return self._api.send(call, "start")

    def _step(self, url: str, transfer: Transfer, file: UploadFile, progress: Progress) -> None:
        """One request of the protocol."""
        step = transfer.step
        if isinstance(step, Query):
            call = Call("POST", url, {"X-Goog-Upload-Command": "query"})
            transfer.queried(self._api.send(call, "query"), now=self._clock())
            progress(file.key, transfer.offset)
        elif isinstance(step, Send):
            try:
                answer = self._sent(self._chunk(url, step, file, progress), "chunk", step.length)
            except ConnectionLost:
                transfer.broke()
                raise
            transfer.sent(answer, now=self._clock())

    def _sent(self, call: Call, kind: str, size_bytes: int) -> Answer:
        if self._width is None:
            return self._api.send(call, kind)
        with self._width.sending(size_bytes) as answered:
            answer = self._api.send(call, kind)
            answered(answer.status)
            return answer

    def _chunk(self, url: str, step: Send, file: UploadFile, progress: Progress) -> Call:
        return Call(
            "POST",
            url,
            {
                "Content-Type": "application/octet-stream",
                "X-Goog-Upload-Command": "upload, finalize" if step.last else "upload",
                "X-Goog-Upload-Offset": str(step.offset),
            },
            body=lambda: self._part(file, step.offset, step.length, progress),
        )

    def _part(self, file: UploadFile, start: int, length: int, progress: Progress) -> Slice | None:
        if not length:
            return None
        return Slice(file.file, start, length, lambda sent: progress(file.key, sent), self._pace)


def _hash(file: UploadFile) -> str:
    """``X-Goog-Hash`` as §2.1 has it: the raw digest in base64."""
    return "sha1=" + base64.b64encode(bytes.fromhex(file.sha1)).decode("ascii")


def _goes_on_later(error: Exception) -> bool:
    """Whether the session is worth keeping: the file was not what stopped it."""
    from photosync.errors import BlockedError, Stopping

    return isinstance(error, (BlockedError, Stopping))
