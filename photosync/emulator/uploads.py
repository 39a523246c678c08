"""``POST /v1/uploads``: raw and resumable (google-photos-api.md §2, §10.4-5)."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from photosync.emulator import bodies
from photosync.emulator.blobs import Digest, digest_file
from photosync.emulator.sessions import ACTIVE, CANCELLED, EXPIRED, FINAL, Session
from photosync.emulator.transport import ClientGone, HangUp

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from photosync.emulator.blobs import Blobs
    from photosync.emulator.call import Call
    from photosync.emulator.options import Options
    from photosync.emulator.sessions import Sessions

logger = logging.getLogger(__name__)

_STATUS: Final = "X-Goog-Upload-Status"
_KINDS: Final = (
    ("start", "upload.start"),
    ("upload", "upload.chunk"),
    ("query", "upload.query"),
    ("cancel", "upload.cancel"),
    ("finalize", "upload.finalize"),
)
_COMMANDS: Final = ({"upload"}, {"upload", "finalize"}, {"finalize"}, {"query"}, {"cancel"})


def kind_of(request: Request) -> str:
    """Which step of which protocol a request to the uploads endpoint is."""
    given = {name.lower(): value for name, value in request.query_params.items()}
    value = request.headers.get("x-goog-upload-command", given.get("x-goog-upload-command", ""))
    commands = _commands(value)
    for command, kind in _KINDS:
        if command in commands:
            return kind
    return "upload.raw"


def _commands(header: str) -> set[str]:
    """``upload, finalize`` and ``upload,finalize`` alike, in any case (§2.3)."""
    return {part.strip().lower() for part in header.split(",") if part.strip()}


class Uploads:
    """Takes bytes in, straight to disk, and gives tokens out."""

    def __init__(self, blobs: Blobs, sessions: Sessions, options: Options) -> None:
        self._blobs = blobs
        self._sessions = sessions
        self._options = options
        self._digests: dict[str, Digest] = {}

    async def handle(self, call: Call) -> Response:
        """One request of either protocol.

        Raises:
            Refusal: The request breaks a rule; §2.2 and §2.3 have the bodies.
        """
        commands = _commands(call.header("x-goog-upload-command") or "")
        call.record.summary["command"] = ",".join(sorted(commands, reverse=True))
        if call.request.query_params.get("upload_id") is not None:
            return await self._on_session(call, commands)
        protocol = (call.header("x-goog-upload-protocol") or "").lower()
        if protocol == "raw" and not commands:
            return await self._raw(call)
        if protocol == "resumable" and commands == {"start"}:
            return await self._start(call)
        if commands & {"upload", "query", "cancel", "finalize"}:
            raise bodies.text(404, "Upload session not found: there is no upload_id.")
        raise bodies.bare(400, "X-Goog-Upload-Protocol must be 'raw' or 'resumable'.")

    async def _raw(self, call: Call) -> Response:
        given = call.header("content-type")
        excused = given is None and self._options.lenient_content_type
        if (given or "").lower() != "application/octet-stream" and not excused:
            raise bodies.bare(400, "Content-type must be 'application/octet-stream'.")
        file = self._blobs.uploading / ("raw-" + secrets.token_hex(16))
        digest = Digest()
        try:
            await self._receive_raw(call, file, digest)
            if not digest.size_bytes:
                raise bodies.bare(400, bodies.EMPTY)
            if call.struck_by("wrong-hash") or not digest.matches(_hash_header(call)):
                raise bodies.bare(400, bodies.CHECKSUM)
            token = self._blobs.keep(file, digest, user=call.user, file_name=_file_name(call))
        finally:
            file.unlink(missing_ok=True)
        return Response(token, media_type="text/plain")

    async def _receive_raw(self, call: Call, file: Path, digest: Digest) -> None:
        with file.open("wb") as opened:
            async for chunk in call.chunks():
                digest.update(chunk)
                if digest.size_bytes > self._options.max_video_bytes:
                    raise bodies.bare(413, bodies.TOO_LARGE)
                opened.write(chunk)

    async def _start(self, call: Call) -> Response:
        size_bytes = self._announced_size(call)
        async for _ in call.chunks():
            raise bodies.bare(400, "The start request must have no body.")
        session = self._sessions.begin(
            call.user,
            size_bytes=size_bytes,
            file_name=_file_name(call),
            hash_header=_hash_header(call),
        )
        call.record.summary["size_bytes"] = size_bytes
        url = f"{call.origin}/v1/uploads?upload_id={session.id}&upload_protocol=resumable"
        headers = {
            _STATUS: ACTIVE,
            "X-Goog-Upload-URL": url,
            "X-Goog-Upload-Control-URL": url,
            "X-Goog-Upload-Chunk-Granularity": str(session.granularity_bytes),
            "X-GUploader-UploadID": session.id,
        }
        return Response(b"", 200, headers, media_type="text/plain")

    def _announced_size(self, call: Call) -> int:
        header = call.header("x-goog-upload-raw-size") or ""
        if not re.fullmatch(r"\d{1,18}", header):
            raise bodies.bare(400, "X-Goog-Upload-Raw-Size must be the number of bytes.")
        if call.request.headers.get("content-length") != "0":
            raise bodies.bare(400, "The start request must have a Content-Length of 0.")
        size_bytes = int(header)
        if not size_bytes:
            raise bodies.bare(400, bodies.EMPTY)
        if size_bytes > self._options.max_video_bytes:
            raise bodies.bare(413, bodies.TOO_LARGE)
        return size_bytes

    async def _on_session(self, call: Call, commands: set[str]) -> Response:
        session = self._session(call)
        call.user = call.user or session.user
        if commands not in _COMMANDS:
            raise _refusal(400, "Unknown X-Goog-Upload-Command.", session.state)
        if commands == {"query"}:
            return self._query(session)
        if session.state != ACTIVE:
            raise _refusal(400, f"The upload is already {session.state}.", session.state)
        if commands == {"cancel"}:
            self._sessions.take_turn(session.id)
            self._sessions.end(session.id, CANCELLED)
            return Response(b"", 200, {_STATUS: CANCELLED})
        return await self._upload(call, session, commands)

    def _session(self, call: Call) -> Session:
        session = self._sessions.find(call.request.query_params["upload_id"])
        if session is not None and call.user not in {"", session.user}:
            session = None  # somebody else's does not exist
        if session is not None and call.fault and call.struck_by("expired-session"):
            if call.fault.code == 404:
                self._sessions.forget(session.id)
            else:
                self._sessions.end(session.id, EXPIRED)
            session = self._sessions.find(session.id)
        if session is None:
            raise bodies.text(404, "Upload session not found.")
        if session.state == EXPIRED:
            raise bodies.text(410, "The upload session has expired.")
        return session

    def _query(self, session: Session) -> Response:
        if session.state == CANCELLED:
            raise _refusal(410, "The upload was cancelled.", CANCELLED)
        self._sessions.take_turn(session.id)
        repeats = session.state == FINAL and self._options.final_query_token
        headers = {
            _STATUS: session.state,
            "X-Goog-Upload-Size-Received": str(session.received_bytes),
            "X-Goog-Upload-Chunk-Granularity": str(session.granularity_bytes),
        }
        body = session.upload_token if repeats else ""
        return Response(body, 200, headers, media_type="text/plain")

    async def _upload(self, call: Call, session: Session, commands: set[str]) -> Response:
        turn = self._sessions.take_turn(session.id)
        offset = session.received_bytes
        if "upload" in commands:
            self._check_offset(call, offset)
            await self._receive(call, session, turn, offset)
        self._check_amount(session, offset, final="finalize" in commands)
        if call.struck_by("wrong-hash"):
            self._sessions.spoil(session.id)
        if "finalize" not in commands:
            return Response(b"", 200, {_STATUS: ACTIVE})
        return await self._finish(call, session, turn)

    def _check_offset(self, call: Call, received: int) -> None:
        header = call.header("x-goog-upload-offset") or ""
        call.record.summary["offset"] = header
        if not re.fullmatch(r"\d{1,18}", header):
            raise _refusal(400, "X-Goog-Upload-Offset must be a number.", ACTIVE)
        if int(header) != received:
            message = f"Invalid offset: expected {received}, got {int(header)}"
            raise _refusal(self._options.wrong_offset_status, message, ACTIVE)

    async def _receive(self, call: Call, session: Session, turn: int, offset: int) -> None:
        """Append the body to the session's file; a broken connection keeps what the options say."""
        digest = self._digests.pop(session.id, None) or (Digest() if offset == 0 else None)
        if digest is not None and digest.size_bytes != offset:
            digest = None  # after a restart or a cut: the file is hashed when it is complete
        try:
            await self._append(call, session, turn, digest)
        except (ClientGone, HangUp):
            if self._sessions.has_turn(session.id, turn):
                self._cut(session, offset)
            raise
        if digest is not None:
            self._digests[session.id] = digest

    async def _append(self, call: Call, session: Session, turn: int, digest: Digest | None) -> None:
        room = session.size_bytes - session.received_bytes
        with session.file.open("ab", buffering=0) as opened:
            async for chunk in call.chunks():
                if not self._sessions.has_turn(session.id, turn):
                    raise HangUp(reset=True)
                room -= len(chunk)
                if room >= 0:  # what is too much is counted by _check_amount, not kept
                    opened.write(chunk)
                    if digest is not None:
                        digest.update(chunk)
        if room < 0:
            os.truncate(session.file, int(call.header("x-goog-upload-offset") or 0))
            self._digests.pop(session.id, None)
            raise _refusal(400, "More bytes than X-Goog-Upload-Raw-Size announced.", ACTIVE)

    def _cut(self, session: Session, offset: int) -> None:
        arrived = session.received_bytes
        if self._options.keep_prefix == "aligned":
            arrived = max(offset, arrived - arrived % session.granularity_bytes)
        elif self._options.keep_prefix == "none":
            arrived = offset
        # The session may have ended meanwhile; then there is nothing left to cut.
        with suppress(FileNotFoundError):
            os.truncate(session.file, arrived)
        logger.info("upload.broken kept_bytes=%d", arrived)

    def _check_amount(self, session: Session, offset: int, *, final: bool) -> None:
        received = session.received_bytes
        message = ""
        if final and received != session.size_bytes:
            message = f"Expected {session.size_bytes} bytes in all, got {received}"
        elif not final and (received - offset) % session.granularity_bytes:
            message = f"Chunk size must be a multiple of {session.granularity_bytes}"
        if message:
            os.truncate(session.file, offset)
            self._digests.pop(session.id, None)
            raise _refusal(400, message, ACTIVE)

    async def _finish(self, call: Call, session: Session, turn: int) -> Response:
        digest = self._digests.pop(session.id, None)
        if digest is None or digest.size_bytes != session.size_bytes:
            digest = await asyncio.to_thread(digest_file, session.file)
            if not self._sessions.has_turn(session.id, turn):
                raise HangUp(reset=True)
        now = self._sessions.find(session.id)
        corrupt = now is None or now.corrupt
        headers = (_hash_header(call), session.hash_header)
        if corrupt or not all(digest.matches(header) for header in headers):
            self._sessions.end(session.id, FINAL)
            raise bodies.bare(400, bodies.CHECKSUM, headers={_STATUS: FINAL})
        token = self._blobs.keep(
            session.file, digest, user=session.user, file_name=session.file_name
        )
        self._sessions.end(session.id, FINAL, upload_token=token)
        return Response(token, 200, {_STATUS: FINAL}, media_type="text/plain")


def _refusal(status: int, message: str, state: str) -> bodies.Refusal:
    return bodies.text(status, message, headers={_STATUS: state})


def _hash_header(call: Call) -> str:
    return call.header("x-goog-hash") or ""


def _file_name(call: Call) -> str:
    """The name in the header, read as UTF-8: rclone sends it so, although §2.1 says ASCII."""
    name = call.header("x-goog-upload-file-name") or ""
    with suppress(UnicodeError):
        name = name.encode("latin-1").decode("utf-8")
    if name:
        call.record.summary["file_name"] = name
    return name
